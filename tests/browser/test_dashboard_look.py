# SPDX-License-Identifier: MIT
"""The dashboard for everybody: contrast in both colour schemes, a phone, the keyboard alone, a screen reader."""
import json

import pytest
from browser import METRICSD, WEB, Keys, browser, page  # noqa: F401, the fixtures
from conftest import http_request, toolooctl

ROUTES = {"services": "/", "service": "/service/training?range=15min", "alerts": "/alerts", "rules": "/rules", "errors": "/errors",
          "timeline": "/timeline", "providers": "/providers",
          "metricsd": "/service/metricsd", "missing": "/nothing"}
EVERYWHERE = pytest.mark.parametrize("name", ROUTES)
# What providers do is told through web alone, and most of these tests are on metricsd's own port.
ELSEWHERE = rf":{METRICSD}/api/v1/(reports/|budget|providers/).*status of 404"
CONTRAST = 4.5  # WCAG 2.2, 1.4.3, for text of any size

# Each text that is seen, with its contrast as WCAG computes it: [ratio, text, colour, ground], the lowest first.
CONTRASTS = """
(() => {
  const one = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = color => {
    one.clearRect(0, 0, 1, 1);
    one.fillStyle = color;
    one.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = one.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const groundOf = e => {
    const layers = [];
    for (let p = e; p; p = p.parentElement) {
      const layer = rgba(getComputedStyle(p).backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const luminance = rgb => {
    const [r, g, b] = rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!node.data.trim() || !e.checkVisibility({ visibilityProperty: true }) || box.width <= 1 || box.height <= 1) continue;
    const ground = groundOf(e), text = over(rgba(style.color), ground);
    const [dark, light] = [luminance(text), luminance(ground)].sort((a, b) => a - b);
    let opacity = 1;
    for (let p = e; p; p = p.parentElement) opacity *= Number(getComputedStyle(p).opacity);
    found.push([(light + 0.05) / (dark + 0.05) * opacity, node.data.trim().slice(0, 40), style.color, ground.join()]);
  }
  return found.sort((a, b) => a[0] - b[0]);
})()
"""

# What is wider than the page, for who has to look for it.
TOO_WIDE = """
[...document.querySelectorAll("body *")].filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest(".scroll, .journal, .unseen, thead"))
  .map(e => `${e.tagName}.${e.className} ${e.innerText ?? ""}`.slice(0, 80))
"""

FOCUSABLE = """
[...document.querySelectorAll("a[href], button, select, input, textarea, summary, [tabindex='0']")]
  .filter(e => e.checkVisibility() && getComputedStyle(e).visibility === "visible"
    && !(e.closest("details:not([open])") && !e.matches("details:not([open]) > summary")))
"""


@pytest.fixture(autouse=True)
def elsewhere(page):  # noqa: F811
    page.expected.append(ELSEWHERE)


def show(page, name, port=METRICSD):
    page.open(ROUTES[name], port=port)
    page.when("!document.querySelector('main [aria-busy=true]')")


@pytest.fixture(scope="module", autouse=True)
def something_to_show(fleet):
    """An alert that was refused, a silence, a service that is stopped."""
    for path, body in ("silences", {"service": "budget", "until": "1h", "reason": "for the looks"}), \
            ("trigger", {"metric": "service.responseTime", "value": 6000, "service": "budget"}):
        status, _, answer = http_request(METRICSD, f"/api/v1/system/alerts/{path}", "POST", json.dumps(body),
                                         {"Content-Type": "application/json"})
        assert status == 200, answer
    toolooctl("reload", "training")
    toolooctl("stop", "cup")
    yield
    toolooctl("start", "cup")
    for silence in json.loads(http_request(METRICSD, "/api/v1/system/alerts/silences")[2])["silences"]:
        http_request(METRICSD, f"/api/v1/system/alerts/silences/{silence['id']}", "DELETE")


# --- Seeing ---


@EVERYWHERE
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast(page, name, dark):
    page.emulate(dark=dark)
    show(page, name)
    page.js("document.querySelectorAll('main details').forEach(d => { d.open = true; })")
    found = page.js(CONTRASTS)
    assert len(found) > 15, "the texts of the page"
    print(f"{name}, {'dark' if dark else 'light'}: {len(found)} texts, the lowest contrast is {found[0][0]:.2f} ({found[0][1]!r})")
    assert [f for f in found if f[0] < CONTRAST] == []
    page.screenshot(f"{name}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast_of_a_dialog_with_a_problem(page, dark):
    page.expected.append(r"the server responded with a status of 400")
    page.emulate(dark=dark)
    show(page, "rules")
    page.press("Add a rule …")
    page.find("dialog details summary").click()
    page.press("Add the rule", "dialog")
    page.when_text("dialog .problem", "threshold")
    found = page.js(CONTRASTS)
    assert [f for f in found if f[0] < CONTRAST] == []
    page.screenshot(f"dialog-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_contrast_when_it_is_stale(page, dark):
    page.emulate(dark=dark)
    show(page, "services")
    page.driver.execute_async_script("""
const done = arguments[0];
window.WebSocket = function () { this.close = () => {}; }; // the next ones neither open nor fail
import("./control-room/assets/live.js").then(({live, listen}) => {
  live.beat = 1;
  listen("state", () => done());
  listen("update", () => { live.beat = 1; });
});
""")
    page.when_text("#lost", "Not connected since")
    assert [f for f in page.js(CONTRASTS) if f[0] < CONTRAST] == []


def test_states_differ_in_shape_and_word(page):
    show(page, "services")
    page.rows("/stopped/.test(rows.cup)")
    badges = page.js("[...document.querySelectorAll('.services .badge')].map(b => [b.innerText, b.querySelector('use').getAttribute('href')])")
    shapes = dict(badges)
    assert shapes["healthy"] == "#shape-good" and shapes["stopped"] == "#shape-off"
    drawn = page.js("Object.fromEntries([...document.querySelectorAll('symbol')].map(s => [s.id, s.innerHTML]))")
    assert len(set(drawn.values())) == 5, "no two look alike"


@EVERYWHERE
@pytest.mark.parametrize("width", [320, 768])
def test_no_width_needs_scrolling_sideways(page, name, width):
    page.emulate(width=width, height=640)
    show(page, name)
    page.js("document.querySelectorAll('main details').forEach(d => { d.open = true; })")
    assert page.js(TOO_WIDE) == []
    assert page.js("document.scrollingElement.scrollWidth") <= width
    page.screenshot(f"{name}-{width}")


def test_a_dialog_fits_a_phone(page):
    page.emulate(width=320, height=568)
    show(page, "rules")
    page.press("Add a rule …")
    page.find("dialog details summary").click()
    box = page.js("(({left, right, top, bottom}) => [left, right, top, bottom])(document.querySelector('dialog').getBoundingClientRect())")
    assert box[0] >= 0 and box[1] <= 320 and box[2] >= 0 and box[3] <= 568
    assert page.js("document.querySelector('dialog').scrollWidth <= document.querySelector('dialog').clientWidth")
    page.screenshot("dialog-320")


@pytest.mark.parametrize("reduced", [False, True])
def test_motion_is_less_where_less_is_wanted(page, reduced):
    page.emulate(reduced_motion=reduced)
    show(page, "services")
    moving = page.js("[...document.querySelectorAll('*')].filter(e => { const s = getComputedStyle(e);"
                     " return s.transitionDuration !== '0s' || s.animationName !== 'none'; }).map(e => e.tagName)")
    assert moving == ([] if reduced else ["MAIN"])


# --- The keyboard ---


@pytest.mark.parametrize("name", ["services", "service", "rules", "timeline"])
def test_every_control_is_reached_by_tab_and_seen(page, name):
    show(page, name)
    wanted = page.js(f"{FOCUSABLE}.map((e, i) => {{ e.dataset.stop = i; return e.innerText ?? ''; }}).length")
    assert wanted > 8
    page.driver.execute_script("document.activeElement.blur(); scrollTo(0, 0);")
    seen = set()
    for _ in range(2 * wanted):
        page.keys(Keys.TAB)
        stop, outline, inside = page.js("""(e => { const s = getComputedStyle(e), b = e.getBoundingClientRect();
          return [e === document.body ? null : e.dataset.stop ?? "new", s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
            b.bottom > 0 && b.top < innerHeight && b.right > 0 && b.left < innerWidth]; })(document.activeElement)""")
        if stop is None or (stop != "new" and stop in seen):
            break  # all around
        assert outline and inside, page.focused()
        seen.add(stop)
    assert seen - {"new"} == {str(i) for i in range(wanted)}, "what has come meanwhile is new"


def test_the_first_tab_leads_past_the_menu(page):
    show(page, "services")
    page.driver.execute_script("document.activeElement.blur()")
    page.keys(Keys.TAB)
    assert page.focused() == "Skip to the content"
    page.keys(Keys.ENTER)
    assert page.js("document.activeElement.id") == "content"
    assert page.js("location.hash") in ("", "#/"), "the address is that of the page"
    page.keys(Keys.TAB)
    assert page.js("document.querySelector('main').contains(document.activeElement)")


def test_all_that_a_rule_needs_by_keyboard_alone(page):
    def tab_to(name):
        for _ in range(60):
            page.keys(Keys.TAB)
            if page.focused() == name:
                return
        raise AssertionError(f"no Tab leads to {name}")

    show(page, "services")
    page.driver.execute_script("document.activeElement.blur()")
    tab_to("Rules")
    page.keys(Keys.ENTER)
    page.when("document.activeElement.tagName === 'H1' && document.activeElement.innerText === 'Rules'")
    tab_to("Add a rule …")
    page.keys(Keys.ENTER)
    assert page.focused() == "When"
    page.keys("Memory")
    tab_to("Threshold")
    page.keys("2000000000")
    tab_to("Of")
    page.keys("coach")
    # The focus stays in the dialog.
    for _ in range(40):
        page.keys(Keys.TAB)
        assert page.js("document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)")
    tab_to("Description")
    page.keys("By hand", Keys.ENTER)
    page.dialog_closed()
    assert page.focused() == "Add a rule …"
    id = "service.memory-coach-restart-service"
    page.when("document.querySelector(args[0])", f".rule[data-key='{id}']")
    tab_to(f"Delete rule {id}")
    page.keys(Keys.ENTER)
    tab_to("Delete it")
    page.keys(Keys.ENTER)
    page.when("!document.querySelector(args[0])", f".rule[data-key='{id}']")


def test_focus_stays_through_updates(page):
    show(page, "services")
    page.rows("rows.coach")
    page.driver.execute_script("document.querySelector('tr[data-id=coach] a').focus(); window.focusMoved = 0;"
                               "addEventListener('focusout', () => { window.focusMoved++; });")
    toolooctl("reload", "coach")
    page.when_text(".aside .event", "Reload coach")
    assert page.focused() == "coach" and page.js("window.focusMoved") == 0


# --- The screen reader ---


@EVERYWHERE
@pytest.mark.parametrize("port", [METRICSD, WEB], ids=["metricsd", "web"])
def test_names_headings_and_landmarks(page, name, port):
    show(page, name, port)
    page.js("document.querySelectorAll('main details').forEach(d => { d.open = true; })")
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    nodes = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in tree if not n["ignored"] and "role" in n]
    nameless = [role for role, text in nodes if role in ("link", "button", "combobox", "textbox", "checkbox", "image", "table", "region",
                                                         "navigation", "figure") and not text.strip()]
    assert [role for role in nameless if role != "figure"] == []
    roles = [role for role, _ in nodes]
    for landmark in "banner", "navigation", "main", "contentinfo":
        assert roles.count(landmark) == 1, landmark
    levels = page.js("[...document.querySelectorAll('h1, h2, h3')].filter(h => h.checkVisibility()).map(h => Number(h.tagName[1]))")
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(b <= a + 1 for a, b in zip(levels, levels[1:])), levels
    ids = page.js("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    assert page.js("document.documentElement.lang") == "en"
    if name in ("services", "alerts", "rules", "errors", "timeline"):
        assert page.js("document.querySelectorAll('#menu [aria-current=page]').length") == 1


def test_the_table_of_services_is_one_on_a_phone_too(page):
    for width in 1280, 320:
        page.emulate(width=width)
        show(page, "services")
        tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        roles = [n["role"]["value"] for n in tree if not n["ignored"] and "role" in n]
        assert roles.count("table") == 1 and roles.count("row") == 1 + 5 + 15, width
        assert roles.count("columnheader") == 7 and roles.count("rowheader") == 5 + 15, width


def test_speaks_only_of_changes(page):
    """Of figures that differ at each update nothing is said."""
    show(page, "services")
    page.rows("/stopped/.test(rows.cup)")
    page.driver.execute_async_script("""
const done = arguments[0];
window.spoken = [];
new MutationObserver(() => window.spoken.push(document.getElementById("spoken").textContent))
  .observe(document.getElementById("spoken"), { childList: true, characterData: true, subtree: true });
let n = 0;
import("./control-room/assets/live.js").then(({listen}) => listen("update", () => { if (++n === 3) done(); }));
""")
    assert page.js("window.spoken") == []
    toolooctl("start", "cup")
    try:
        page.when("/^All 13 services are healthy/.test(window.spoken.at(-1))")
    finally:
        toolooctl("stop", "cup")
    regions = page.js("[...document.querySelectorAll('[role=status], [role=alert], [aria-live]')].map(e => e.id || e.className)")
    assert sorted(regions) == ["notice", "spoken"]
