# SPDX-License-Identifier: MIT
"""The dashboard in a real browser: what it says of the fleet, live, and what a page of somebody else's can do there."""
import functools
import http.server
import re
import threading

import pytest
from browser import METRICSD, WEB, browser, page  # noqa: F401, the fixtures
from conftest import CONTROL, PORTS, get_json, main_pid, run, status_json, systemctl, toolooctl

FOREIGN_PORT = 8123
BOTH = pytest.mark.parametrize("port", [METRICSD, WEB], ids=["metricsd", "web"])
ALL_HEALTHY = "Object.values(rows).length === 15 && Object.values(rows).every(t => /healthy/.test(t))"

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
def foreign_page(browser, tmp_path_factory):
    """A page on this machine that is none of the fleet's."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "index.html").write_text("<!doctype html><title>Foreign</title>")
    handler = functools.partial(type("Handler", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}),
                                directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", FOREIGN_PORT), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        browser.get(f"http://127.0.0.1:{FOREIGN_PORT}/")
        yield browser
        server.shutdown()
        thread.join()


# --- What it says ---


@BOTH
def test_shows_the_fleet(page, port):
    page.open(port=port)
    rows = page.rows(ALL_HEALTHY)
    assert set(rows) == set(PORTS) | set(CONTROL)
    assert all(str(p) in rows[id] for id, p in (PORTS | CONTROL).items())
    # On a machine that has no time left an alert may have begun; test_verdicts has every sentence.
    assert re.fullmatch(r"All 13 services are healthy(; \d+ alerts? (is|are) active)?\.", page.when_text("h1", "^All"))
    assert page.driver.title == "13/13 healthy – TooLoo control room"
    page.screenshot(f"overview-{port}")


@BOTH
def test_shows_a_change_of_state_without_a_reload(page, port):
    page.open(port=port)
    page.rows(ALL_HEALTHY)
    page.driver.execute_script("window.still = 'the same document'")
    toolooctl("stop", "cup")
    try:
        assert page.when_text("h1", "stopped") == "12 of 13 services are healthy: cup is stopped."
        assert "stopped" in page.rows("/stopped/.test(rows.cup)")["cup"]
        assert "toolooctl start cup" in page.text(".troubles")
        # Said to those who do not see it, too.
        assert page.text("#spoken") == page.text("h1")
        page.screenshot(f"one-stopped-{port}")
    finally:
        toolooctl("start", "cup")
    page.when_text("h1", "^All 13 services are healthy")
    page.when("document.querySelector('.troubles').hidden && document.querySelector('#spoken').innerText.startsWith('All 13')")
    assert page.js("window.still") == "the same document"


def test_verdicts(page):
    """Each sentence, from figures that no fleet is likely to show."""
    page.open()
    say = """
const [services, control, alerts, monitor, done] = arguments;
import("./control-room/assets/verdict.js").then(({verdict}) => {
  const all = services.map(([id, condition, unitState]) => ({id, condition, unitState, status: condition === "ok" ? "healthy" : "offline"}));
  const rest = control.map(([id, condition]) => ({id, condition, status: condition === "ok" ? "healthy" : "offline"}));
  const healthy = all.filter(s => s.status === "healthy").length;
  const {sentence, grade, unwell} = verdict({services: all, control: rest, alerts, monitor: {problems: monitor},
    stats: {serviceHealth: {healthy, total: all.length}}});
  done([sentence, grade, unwell.length]);
}, error => done(String(error)));
"""
    ok = [["a", "ok"], ["b", "ok"]]

    def verdict(services, control=(), alerts=(), monitor=()):
        return page.driver.execute_async_script(say, services, list(control), list(alerts), list(monitor))

    assert verdict([]) == ["There are no services: tooloo.target wants none.", "off", 0]
    assert verdict([["a", "ok"]]) == ["The one service is healthy.", "good", 0]
    assert verdict(ok) == ["All 2 services are healthy.", "good", 0]
    assert verdict(ok, alerts=[{"severity": "info"}]) == ["All 2 services are healthy; 1 alert is active.", "good", 0]
    assert verdict(ok, alerts=[{"severity": "warning"}] * 2) == ["All 2 services are healthy; 2 alerts are active.", "warn", 0]
    assert verdict(ok, monitor=["the history cannot be written"]) == ["All 2 services are healthy.", "warn", 0]
    assert verdict(ok, [["orchestrator", "failed"]]) == ["All 2 services are healthy, but orchestrator has failed.", "bad", 1]
    assert verdict([*ok, ["c", "wedged"]]) == ["2 of 3 services are healthy: c is wedged.", "bad", 1]
    assert verdict([*ok, ["c", "stopped"], ["d", "starting"]]) == [
        "2 of 4 services are healthy: c is stopped and d is starting.", "warn", 2]
    assert verdict([["a", "port-taken"], ["b", "no-ready"], ["c", "degraded"]]) == [
        "0 of 3 services are healthy: a has lost its port to another program, b answers but has not said that it is ready and "
        "c is degraded.", "bad", 3]
    assert verdict([["a", "failed"]] * 9 + ok, [["x", "failed"]]) == [
        "2 of 11 services are healthy: a has failed, a has failed and 7 more are not well; x has failed.", "bad", 10]
    assert verdict([*ok, ["c", "starting", "deactivating"]]) == ["2 of 3 services are healthy: c is stopping.", "warn", 1]
    assert verdict([["a", "of a later version"], *ok]) == ["2 of 3 services are healthy: a is offline.", "bad", 1]


def test_what_ails_the_monitor_itself(page):
    """Its problems are a banner on every page."""
    end = page.before_load("""
const Real = WebSocket;
window.WebSocket = function (...args) {
  const ws = new Real(...args);
  Object.defineProperty(ws, "onmessage", { set(take) { ws.addEventListener("message", event => {
    const update = JSON.parse(event.data);
    update.data.monitor = { problems: ["the journal cannot be read: <b>denied</b>"] };
    take({ data: JSON.stringify(update) });
  }); } });
  return ws;
};
""")
    try:
        page.open("/rules")
        assert page.when_text("#monitor", "journal") == "The monitor itself: the journal cannot be read: <b>denied</b>"
    finally:
        end()


# --- The connection ---


@BOTH
def test_messages(page, port):
    page.open(port=port)
    messages = page.driver.execute_async_script(FIRST_MESSAGES, 2)
    assert [m["type"] for m in messages] == ["metrics-update"] * 2, messages
    assert all(len(m["data"]["services"]) == 13 for m in messages)
    assert messages[0]["interval"] == 5000


@BOTH
def test_survives_a_restart_of_metricsd(page, port):
    """It comes back by itself, and what it shows is new. The socket stays, so not even a refused connection is seen."""
    page.open(port=port)
    page.rows(ALL_HEALTHY)
    page.driver.execute_script("""
window.still = "the same document"; window.states = [];
import("./control-room/assets/live.js").then(({live, listen}) => listen("state", () => window.states.push(live.state)));
""")
    before = main_pid("tooloo-metricsd.service")
    systemctl("restart", "tooloo-metricsd.service")
    assert main_pid("tooloo-metricsd.service") != before
    page.when("window.states.at(-1) === 'live' && window.states.includes('lost')")
    page.rows(ALL_HEALTHY)
    toolooctl("stop", "cup")
    try:
        page.rows("/stopped/.test(rows.cup)")
    finally:
        toolooctl("start", "cup")
    page.rows(ALL_HEALTHY)
    assert page.js("window.still") == "the same document"


def test_says_that_it_is_stale_and_since_when(page):
    page.expected.append(r"WebSocket connection to '[^']*/ws/metrics' failed")  # the browser's own, while nobody listens
    page.expected.append(r"/api/v1/\S* - Failed to load resource: net::ERR_")  # what was under way is cut off
    page.open()
    page.rows(ALL_HEALTHY)
    toolooctl("stop", "metricsd")
    try:
        text = page.when_text("#lost:not([hidden])", "Not connected since")
        assert page.js("/^Not connected since \\d\\d:\\d\\d:\\d\\d; trying again\\. What you see is from \\d\\d:\\d\\d:\\d\\d, \\d+ s ago\\./"
                       ".test(args[0])", text), text
        assert page.text("#connection").startswith("stale since ")
        assert "connection is lost" in page.text("#spoken")
        assert len(page.rows()) == 15, "what was known is still to be seen"
        page.screenshot("stale")
    finally:
        toolooctl("start", "metricsd")
    page.when("document.querySelector('#lost').hidden && /^live/.test(document.querySelector('#connection').innerText)")
    assert page.when_text("#spoken", "healthy")


def test_notices_a_silent_connection(page):
    """One that stays open and brings nothing: metricsd is stopped in the midst of its work."""
    page.open()
    pid = main_pid("tooloo-metricsd.service")
    # Not the 20 s of four usual updates.
    page.driver.execute_async_script("""
const done = arguments[0];
import("./control-room/assets/live.js").then(({live, listen}) => {
  listen("update", () => { live.beat = 100; });
  listen("update", () => done());
});
""")
    systemctl("kill", "--signal=STOP", "tooloo-metricsd.service")
    try:
        page.when_text("#lost:not([hidden])", "Not connected since")
    finally:
        systemctl("kill", "--signal=CONT", "tooloo-metricsd.service")
    page.when("document.querySelector('#lost').hidden")
    assert main_pid("tooloo-metricsd.service") == pid


# --- Others ---


@BOTH
def test_asks_nobody_else(page, port):
    """The browser can reach no other host, and the page asks for nothing of any: not even for a font."""
    routes = ["/", "/service/training", "/alerts", "/rules", "/errors", "/timeline"]
    page.open(port=port)
    for route in routes:
        page.go(route)
        page.when("!document.querySelector('main [aria-busy=true]')")
    here = f"http://127.0.0.1:{port}/"
    names = page.js("performance.getEntriesByType('resource').map(e => e.name)")
    assert len(names) > len(routes)
    assert [n for n in names if not n.startswith((here, here.replace("http", "ws"), "data:"))] == []


def test_keeps_its_files_and_asks_whether_they_are_new(page):
    page.open()
    page.driver.refresh()
    page.when("document.querySelector('.connection.live')")
    sizes = page.js("performance.getEntriesByType('resource').filter(e => /assets/.test(e.name)).map(e => [e.responseStatus, e.transferSize])")
    assert len(sizes) > 20
    assert all(size < 1000 for _, size in sizes), "an answer 304 has no body"


@pytest.mark.parametrize("port", [METRICSD, WEB], ids=["metricsd", "web"])
def test_foreign_page_gets_no_websocket(foreign_page, port):
    said = foreign_page.execute_async_script(TRY_WEBSOCKET, f"ws://127.0.0.1:{port}/ws/metrics")
    assert said == "closed with 1006"


def test_foreign_page_restarts_nothing(foreign_page):
    before = main_pid("tooloo-cup.service")
    for port in PORTS["web"], CONTROL["orchestrator"]:
        url = f"http://127.0.0.1:{port}/api/v1/system/service/cup/restart"
        assert foreign_page.execute_async_script(TRY_REQUEST, url, "POST", "no-cors") == "opaque 0"
    assert main_pid("tooloo-cup.service") == before


def test_foreign_page_makes_no_rule(foreign_page):
    rules = get_json(METRICSD, "/api/v1/system/alerts/rules")["rules"]
    for port in METRICSD, WEB:
        url = f"http://127.0.0.1:{port}/api/v1/system/alerts/rules/{rules[0]['id']}"
        assert "TypeError" in foreign_page.execute_async_script(TRY_REQUEST, url, "DELETE", "cors")
    assert [r["id"] for r in get_json(METRICSD, "/api/v1/system/alerts/rules")["rules"]] == [r["id"] for r in rules]


def test_foreign_page_reads_nothing(foreign_page):
    said = foreign_page.execute_async_script(TRY_REQUEST, f"http://127.0.0.1:{PORTS['cup']}/health", "GET", "cors")
    assert "TypeError" in said, said


def test_fleet_is_as_it_was(browser):
    assert all(status_json()[id]["state"] == "running" for id in PORTS)
    assert run("toolooctl", "status").returncode == 0
