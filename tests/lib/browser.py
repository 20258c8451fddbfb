# SPDX-License-Identifier: MIT
"""A browser that reaches nothing but this machine, and what the tests of the dashboard page do with it.

Whoever waits waits for the page's own changes, told by a MutationObserver. What the browser's console says is an error of
the test unless it was expected.
"""
import re

import pytest
from conftest import BUILD, CONTROL, PATIENCE, PORTS

webdriver = pytest.importorskip("selenium.webdriver", reason="python3-selenium is not installed")
from selenium.common.exceptions import TimeoutException  # noqa: E402
from selenium.webdriver.chrome.service import Service as DriverService  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

__all__ = ["By", "Keys", "Page", "make_browser", "browser", "page"]

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
METRICSD, WEB = CONTROL["metricsd"], PORTS["web"]
SCREENSHOTS = BUILD / "screenshots"

# Resolves with what the expression gives, once that is neither false nor empty.
WHEN = """
const [args, done] = [arguments[0], arguments[1]];
const holds = () => { try { return (%s); } catch { return false; } };
const look = () => { const value = holds(); if (!value) return false; done(value); return true; };
if (!look()) new MutationObserver((_, observer) => look() && observer.disconnect())
  .observe(document, { attributes: true, childList: true, characterData: true, subtree: true });
"""


def make_browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}",
                     # Nothing else has an address: what works here works without a network.
                     "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=DriverService(DRIVER), options=options)
    driver.set_script_timeout(PATIENCE)
    driver.set_page_load_timeout(PATIENCE)
    return driver


class Page:
    """The dashboard in a browser."""

    def __init__(self, driver):
        self.driver = driver
        self.expected = []  # patterns of lines in the console

    # --- Where it is ---

    def open(self, route="/", port=METRICSD):
        """Loads the page anew, also where only what is behind the '#' differs."""
        self.driver.get("about:blank")
        self.driver.get(f"http://127.0.0.1:{port}/control-room#{route}")
        self.when("document.querySelector('.connection.live')")
        return self

    def go(self, route):
        self.driver.execute_script("location.hash = arguments[0]", f"#{route}")

    def emulate(self, dark=False, width=1280, height=900, reduced_motion=False):
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                    {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def before_load(self, script):
        """Runs the script before any of the page's own, from the next load on; a function that ends that."""
        key = self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})
        return lambda: self.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", key)

    # --- What it shows ---

    def js(self, expression, *args):
        return self.driver.execute_script(f"const args = arguments; return ({expression});", *args)

    def when(self, expression, *args):
        """The value of a JavaScript expression, which sees `args`, once it is true."""
        try:
            return self.driver.execute_async_script(WHEN % expression, args)
        except TimeoutException:
            text = self.js("document.body.innerText")
        raise AssertionError(f"{expression} {args}: not within {PATIENCE} s on a page that says\n{text}")

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.find(selector).text

    def when_text(self, selector, pattern):
        """The text of the first element that fits, once it matches."""
        return self.when("[...document.querySelectorAll(args[0])].map(e => e.innerText).find(t => new RegExp(args[1]).test(t))",
                         selector, pattern)

    def rows(self, expression="true"):
        """The texts of the services by id, once the expression, which sees them as `rows`, holds."""
        return self.when("(rows => (%s) && rows)(Object.fromEntries([...document.querySelectorAll('tr[data-id]')]"
                         ".map(row => [row.dataset.id, row.innerText])))" % expression)

    def button(self, text, within="body"):
        return next(b for b in self.all(f"{within} button") if b.text == text or b.accessible_name == text)

    def press(self, text, within="body"):
        self.button(text, within).click()

    def keys(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self):
        """What has the focus, in its accessible name."""
        return self.driver.switch_to.active_element.accessible_name

    # --- The dialog ---

    def fill(self, **fields):
        """Fills the open form in: texts are typed, options chosen by their value, boxes checked."""
        for name, value in fields.items():
            control = self.find(f"dialog[open] [name='{name}']")
            if control.tag_name == "select":
                control.find_element(By.CSS_SELECTOR, f"option[value='{value}']").click()
            elif control.get_attribute("type") == "checkbox":
                if control.is_selected() != value:
                    control.click()
            else:
                control.clear()
                control.send_keys(value)

    def dialog_closed(self):
        self.when("!document.querySelector('dialog')")

    # --- The console, and pictures ---

    def console(self):
        """What it has said since it was asked last, but for what was expected."""
        lines = [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in lines if not any(re.search(pattern, line) for pattern in self.expected)]

    def screenshot(self, name):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        assert self.driver.save_screenshot(str(path))
        return path


@pytest.fixture(scope="module")
def browser(fleet, tmp_path_factory):
    driver = make_browser(tmp_path_factory.mktemp("browser"))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser):
    """The page, of which nothing is loaded yet. The test fails if the console has said anything that was not expected."""
    page = Page(browser)
    page.emulate()
    page.console()
    yield page
    said = page.console()
    browser.get("about:blank")
    assert not said, "the console says:\n" + "\n".join(said)
