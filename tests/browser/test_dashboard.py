# SPDX-License-Identifier: MIT
"""The dashboard in a real browser, and what a page of somebody else's can do there."""
import functools
import http.server
import threading

import pytest
from conftest import CONTROL, PATIENCE, PORTS, main_pid, run, status_json, toolooctl

webdriver = pytest.importorskip("selenium.webdriver", reason="python3-selenium is not installed")

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FOREIGN_PORT = 8123
PLACES = [CONTROL["metricsd"], PORTS["web"]]

# Resolves with the texts of the rows once the condition holds, told by the page's own changes.
WATCH_ROWS = """
const [body, condition, done] = [document.getElementById(arguments[0]), arguments[1], arguments[2]];
const holds = new Function("rows", "return " + condition);
const look = () => {
  const rows = Object.fromEntries([...body.rows].map(row => [row.dataset.id, row.innerText]));
  if (!holds(rows)) return false;
  done(rows);
  return true;
};
if (!look()) new MutationObserver((_, observer) => look() && observer.disconnect())
  .observe(body, { childList: true, subtree: true, characterData: true });
"""

FIRST_MESSAGES = """
const [count, done] = [arguments[0], arguments[1]], seen = [];
const ws = new WebSocket(`ws://${location.host}/ws/metrics`);
ws.onmessage = event => { seen.push(JSON.parse(event.data)); if (seen.length === count) { ws.close(); done(seen); } };
ws.onclose = event => seen.length < count && done(`closed with ${event.code} after ${seen.length}`);
"""

# How a WebSocket from this page ends; and a form-like request, whose answer the page may not read.
TRY_WEBSOCKET = """
const ws = new WebSocket(arguments[0]), done = arguments[1];
ws.onopen = () => { done("open"); ws.close(); };
ws.onclose = event => done(`closed with ${event.code}`);
"""
TRY_REQUEST = """
fetch(arguments[0], { method: arguments[1], mode: arguments[2] })
  .then(answer => arguments[3](`${answer.type} ${answer.status}`), error => arguments[3](String(error)));
"""


@pytest.fixture(scope="module")
def browser(fleet, tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", \
            f"--user-data-dir={tmp_path_factory.mktemp('browser')}":
        options.add_argument(argument)
    service = __import__("selenium.webdriver.chrome.service", fromlist=["Service"]).Service(DRIVER)
    driver = webdriver.Chrome(service=service, options=options)
    driver.set_script_timeout(PATIENCE)
    driver.set_page_load_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture(params=PLACES, ids=["metricsd", "web"])
def page(browser, request):
    browser.get(f"http://127.0.0.1:{request.param}/")
    return browser


@pytest.fixture(scope="module")
def foreign_page(browser, tmp_path_factory):
    """A page on this machine that is none of the fleet's."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "index.html").write_text("<!doctype html><title>Foreign</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", FOREIGN_PORT), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        browser.get(f"http://127.0.0.1:{FOREIGN_PORT}/")
        yield browser
        server.shutdown()
        thread.join()


def rows_when(driver, table, condition):
    return driver.execute_async_script(WATCH_ROWS, table, condition)


def test_shows_the_fleet(page):
    rows = rows_when(page, "services", "Object.values(rows).length === 13 && Object.values(rows).every(t => /healthy/.test(t))")
    assert set(rows) == set(PORTS)
    assert all(f"port {PORTS[id]}" in text for id, text in rows.items())
    assert set(rows_when(page, "control", "Object.keys(rows).length === 2")) == set(CONTROL)


def test_shows_a_change_of_state(page):
    rows_when(page, "services", "/healthy/.test(rows.cup)")
    toolooctl("stop", "cup")
    try:
        rows_when(page, "services", "/offline/.test(rows.cup)")
    finally:
        toolooctl("start", "cup")
    rows_when(page, "services", "/healthy/.test(rows.cup)")


def test_messages(page):
    messages = page.execute_async_script(FIRST_MESSAGES, 2)
    assert [m["type"] for m in messages] == ["metrics-update"] * 2, messages
    assert all(len(m["data"]["services"]) == 13 for m in messages)


def test_says_that_the_connection_is_lost_and_comes_back(browser):
    browser.get(f"http://127.0.0.1:{CONTROL['metricsd']}/")
    rows_when(browser, "services", "Object.keys(rows).length === 13")
    toolooctl("stop", "metricsd")
    try:
        browser.execute_async_script("""
const lost = document.getElementById("lost"), done = arguments[0];
const look = () => lost.hidden || done(lost.textContent);
new MutationObserver(look).observe(lost, { attributes: true, childList: true });
look();
""")
    finally:
        toolooctl("start", "metricsd")
    browser.execute_async_script("""
const lost = document.getElementById("lost"), done = arguments[0];
const look = () => lost.hidden && done();
new MutationObserver(look).observe(lost, { attributes: true });
look();
""")


def test_asks_nobody_else(page):
    """Not even for a font: the page works without a network."""
    rows_when(page, "services", "Object.keys(rows).length === 13")
    names = page.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    here = page.current_url
    assert [n for n in names if not n.startswith((here, here.replace("http", "ws"), "data:"))] == []


@pytest.mark.parametrize("port", [CONTROL["metricsd"], PORTS["web"]], ids=["metricsd", "web"])
def test_foreign_page_gets_no_websocket(foreign_page, port):
    said = foreign_page.execute_async_script(TRY_WEBSOCKET, f"ws://127.0.0.1:{port}/ws/metrics")
    assert said == "closed with 1006"


def test_foreign_page_restarts_nothing(foreign_page):
    before = main_pid("tooloo-cup.service")
    for port in PORTS["web"], CONTROL["orchestrator"]:
        url = f"http://127.0.0.1:{port}/api/v1/system/service/cup/restart"
        assert foreign_page.execute_async_script(TRY_REQUEST, url, "POST", "no-cors") == "opaque 0"
    assert main_pid("tooloo-cup.service") == before


def test_foreign_page_reads_nothing(foreign_page):
    said = foreign_page.execute_async_script(TRY_REQUEST, f"http://127.0.0.1:{PORTS['cup']}/health", "GET", "cors")
    assert "TypeError" in said, said


def test_fleet_is_as_it_was(browser):
    assert all(status_json()[id]["state"] == "running" for id in PORTS)
    assert run("toolooctl", "status").returncode == 0
