# SPDX-License-Identifier: MIT
"""The dashboard's page of one service: its figures over time with the changes marked on them, timeline and errors."""
import json

import pytest
from browser import METRICSD, WEB, Keys, browser, page  # noqa: F401, the fixtures
from conftest import BUILD, Journal, get_json, http_request, journal_cursor, main_pid, systemctl, toolooctl

METRICS = ["service.responseTime", "service.memory", "service.cpu", "service.restarts"]
PLOTS = "uPlot" in (BUILD / "build.ninja").read_text()
needs_plots = pytest.mark.skipif(not PLOTS, reason="built without uPlot, which packaging/fetch-npm gets")

# The pixels of a metric's canvas that have (nearly) the colour of that name in the style sheet, by how far left of the plot's end
# each lies. The document is left alone, for whoever waits is told of each of its changes.
PIXELS = """
((metric, name) => {
  const canvas = document.querySelector(`[data-metric='${metric}'] canvas`);
  const one = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  one.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
  one.fillRect(0, 0, 1, 1);
  const wanted = [...one.getImageData(0, 0, 1, 1).data].slice(0, 3);
  // In a copy, for the browser has something to say to those who read a canvas often.
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  const plot = document.querySelector(`[data-metric='${metric}'] .u-over`);
  const end = (plot.offsetLeft + plot.offsetWidth) * canvas.width / canvas.offsetWidth;
  const found = [];
  for (let i = 0; i < data.length; i += 4)
    if (data[i + 3] > 200 && wanted.every((v, j) => Math.abs(v - data[i + j]) < 24))
      found.push(end - (i / 4) % canvas.width);
  return found;
})(args[0], args[1])
"""

WITHOUT_PLOTS = "Object.defineProperty(window, 'uPlot', { value: undefined, writable: false });"
# Answers of one path, for what cannot be had of a metricsd that is well.
ANSWERS = """
const real = window.fetch;
window.fetch = (url, ...rest) => String(url).includes(%s)
  ? Promise.resolve(new Response(%s, { status: %d, headers: { "Content-Type": "application/json" } })) : real(url, ...rest);
"""


def answers(page, path, status, body):
    return page.before_load(ANSWERS % (json.dumps(path), json.dumps(json.dumps(body)), status))


def shows_figures(page):
    page.when("document.querySelectorAll('.chart').length === 4 && !document.querySelector('main [aria-busy=true]')"
              " && [...document.querySelectorAll('.chart .readout')].every(e => e.innerText)")


def kept(service, metric, **query):
    more = "".join(f"&{k}={v}" for k, v in query.items())
    return get_json(METRICSD, f"/api/v1/metrics/history?service={service}&metric={metric}{more}")


# --- Plots ---


@needs_plots
@pytest.mark.parametrize("port,id", [(METRICSD, "training"), (WEB, "meta")], ids=["metricsd", "web"])
def test_draws_figures_and_marks(page, port, id):
    page.open(f"/service/{id}?range=15min", port=port)
    shows_figures(page)
    assert page.text("h1") == f"{id.capitalize()} Server" and page.text(".title .badge") == "healthy"
    toolooctl("reload", id)  # whose letter leaves no room for the next one's
    toolooctl("restart", id)
    # At the end of the plot; further left there may be marks of what was done before.
    page.when(f"({PIXELS}).some(left => left < 20)", "service.responseTime", "mark-restart")
    # Two samples make a line.
    page.when(f"({PIXELS}).length > 0", "service.responseTime", "accent")
    page.when(f"({PIXELS}).length > 5", "service.memory", "accent")
    label = page.find("[data-metric='service.memory'] .plot").accessible_name
    assert label.startswith("Memory: ") and "on average, from" in label and "marked" in label
    page.screenshot(f"service-{port}")


@needs_plots
def test_plots_follow_the_colour_scheme(page):
    page.open("/service/budget?range=15min")
    shows_figures(page)
    page.when(f"({PIXELS}).length > 5", "service.memory", "accent")
    page.emulate(dark=True)
    page.when(f"({PIXELS}).length > 5", "service.memory", "accent")
    page.screenshot("service-dark")


@needs_plots
def test_what_is_under_the_cursor_is_said(page):
    page.open("/service/budget?range=15min")
    shows_figures(page)
    page.when(f"({PIXELS}).length > 5", "service.memory", "accent")
    before = page.text("[data-metric='service.memory'] .readout")
    page.driver.execute_script("""
const over = document.querySelector("[data-metric='service.memory'] .u-over"), box = over.getBoundingClientRect();
over.dispatchEvent(new MouseEvent("mousemove", {clientX: box.right - 2, clientY: box.top + 9, movementX: 1, bubbles: true}));
""")
    assert page.when_text("[data-metric='service.memory'] .readout", r"^\d\d:\d\d:\d\d: [\d.]+ MiB") != before


@pytest.mark.parametrize("metric", METRICS)
def test_the_table_says_what_the_history_says(page, metric):
    page.open("/service/meta?range=15min")
    shows_figures(page)
    chart = f"[data-metric='{metric}']"
    if PLOTS:
        page.find(f"{chart} summary").click()
    page.when("document.querySelector(args[0]).rows.length > 10", f"{chart} table")
    newest = page.js("[...document.querySelectorAll(args[0])].map(tr => tr.cells[1].innerText).find(t => t !== '–')", f"{chart} tbody tr")
    points = kept("meta", metric, **{"from": "-15min", "step": "10s"})["points"]
    value = next(p[3 if metric == "service.restarts" else 1] for p in reversed(points) if p[1] is not None)
    assert float(newest.split(" ")[0]) == pytest.approx(value / (2**20 if "MiB" in newest else 1), rel=1, abs=0.5)


def test_figures_go_on_live(page):
    """What the WebSocket brings is appended; nothing is asked for again."""
    newest = "document.querySelector(\"[data-metric='service.memory'] tbody\").rows[0].innerText"
    requests = "performance.getEntriesByType('resource').filter(e => /history.*memory/.test(e.name)).length"
    page.open("/service/cup?range=15min")
    shows_figures(page)
    if PLOTS:
        page.find("[data-metric='service.memory'] summary").click()
    before, asked = page.when(newest), page.js(requests)
    page.driver.execute_async_script("""
const done = arguments[0];
let n = 0; // of a step of 10 s the next one begins with the third at the latest
import("./control-room/assets/live.js").then(({listen}) => listen("update", () => { if (++n === 3) done(); }));
""")
    page.when(f"{newest} !== args[0]", before)
    assert "MiB" in page.js(newest)
    assert page.js(requests) == asked


def test_appending(page):
    """Samples gather in steps, gaps stay gaps, the old goes; of what is counted the line is the highest."""
    page.open()
    said = page.driver.execute_async_script("""
const done = arguments[0];
import("./control-room/assets/history.js").then(({Series}) => {
  const of = (metric, points, samples) => {
    const s = new Series(metric, 60000, 10000, 5000, points);
    samples.forEach(([t, v]) => s.append(t, v));
    return [s.times, s.line, s.lowest, s.highest, s.summary()];
  };
  const old = [[1000000, 4, 4, 4], [1010000, null, null, null]];
  done({
    empty: of("service.cpu", [], []),
    first: of("service.cpu", [], [[1000400, 3]]),
    step: of("service.cpu", old, [[1020000, 1], [1025000, 3], [1029999, 8]]),
    gap: of("service.cpu", old, [[1045000, 5], [1049000, null]]),
    filled: of("service.cpu", old, [[1015000, 7]]),
    trimmed: of("service.cpu", old, [[1095000, 5]])[0],
    long: of("service.cpu", old, [[9000000, 5]])[0].length,
    past: of("service.cpu", old, [[900000, 9]])[1],
    counted: of("service.restarts", [[1000000, 0.5, 0, 1]], [[1010000, 1], [1015000, 2]]),
  });
});
""")
    assert said["empty"] == [[], [], [], [], None]
    assert said["first"][:2] == [[1000000], [3]]
    assert said["step"][:4] == [[1000000, 1010000, 1020000], [4, None, 4], [4, None, 1], [4, None, 8]]
    assert said["step"][4] == {"lowest": 1, "highest": 8, "average": 4, "last": 4}
    assert said["gap"][:2] == [[1000000, 1010000, 1020000, 1030000, 1040000], [4, None, None, None, 5]]
    assert said["filled"][1] == [4, 7]
    assert said["trimmed"][0] == 1030000 and said["trimmed"][-1] == 1090000
    assert said["long"] < 20, "a page that was asleep for days does not fill them in"
    assert said["past"] == [4, None]
    assert said["counted"][1:4] == [[1, 2], [0, 1], [1, 2]]


# --- Without ---


def test_tables_where_there_is_no_uplot(page):
    end = page.before_load(WITHOUT_PLOTS)
    try:
        page.open("/service/training?range=15min")
        shows_figures(page)
        assert not page.all("canvas")
        assert "packaging/fetch-npm" in page.text(".no-plots")
        assert page.js("[...document.querySelectorAll('.chart tbody')].every(body => body.rows.length > 10)")
        assert not page.find("#plots-by").is_displayed()
        page.screenshot("service-without-plots")
    finally:
        end()


@pytest.mark.parametrize("path,heading", [("metrics/history", "Figures"), ("metrics/timeline", "Timeline"), ("metrics/errors", "Errors"),
                                          ("alerts/status", "Alerts")])
@pytest.mark.parametrize("status", [404, 503])
def test_a_part_that_cannot_be_had_says_why(page, path, heading, status):
    """And the others are as they were."""
    end = answers(page, path, status, {"ok": False, "error": "the disk is full"})
    try:
        page.open("/service/training")
        assert page.when_text("section:has(.unavailable:not([hidden]))", "Not available").splitlines()[0] == heading
        assert page.js("[...document.querySelectorAll('.unavailable:not([hidden])')].map(e => e.innerText)") == [
            "Not available: the disk is full"]
        page.when("!document.querySelector('main [aria-busy=true]')")
        assert page.text(".title .badge") == "healthy"
    finally:
        end()


def test_errors_that_are_not_all_of_them(page):
    error = {"fingerprint": "ab12", "service": "meta", "message": "cannot open <i>*</i>", "sample": "cannot open <i>7</i>", "count": 1234,
             "firstSeen": "2026-01-01T00:00:00.000Z", "lastSeen": "2026-01-02T00:00:00.000Z", "new": True, "priority": 3,
             "messageId": None, "codeFunc": "open_it", "cursor": "s=1;i=2"}
    end = answers(page, "metrics/errors", 200, {"errors": [error], "complete": False, "why": "lines were lost"})
    try:
        page.open("/errors")
        text = page.when_text(".event", "cannot")
        assert "1,234 ×" in text and "new" in text and "cannot open <i>*</i>" in text
        assert page.text(".incomplete") == "Not all of them: lines were lost."
        page.find(".event .message").click()
        evidence = page.when_text(".event .facts", "cannot")
        assert "cannot open <i>7</i>" in evidence and "open_it" in evidence and "journalctl --cursor='s=1;i=2'" in evidence
        page.screenshot("errors")
    finally:
        end()


def test_no_errors_are_not_said_to_be_none_when_they_are_unknown(page):
    end = answers(page, "metrics/errors", 200, {"errors": [], "complete": False, "why": "the journal cannot be read"})
    try:
        page.open("/errors")
        page.when_text(".incomplete", "cannot be read")
        assert "No errors" not in page.text("main") and "None are known." in page.text("main")
    finally:
        end()


# --- The ways to it ---


def test_links_and_the_way_back(page):
    page.open()
    page.rows("rows.reports")
    page.find("tr[data-id=reports] a").click()
    page.when_text("h1", "Reports Server")
    assert page.js("location.hash") == "#/service/reports"
    assert "Reports Server" in page.driver.title
    shows_figures(page)
    page.find(".ranges a[href*='6h']").click()
    page.when("document.querySelector('.ranges [aria-current]').innerText === '6 h'")
    assert page.js("location.hash") == "#/service/reports?range=6h"
    assert page.focused() == "6 h", "the focus stays on what was chosen"
    page.driver.back()
    page.when("document.querySelector('.ranges [aria-current]').innerText === '1 h'")
    page.driver.back()
    page.rows("rows.reports")
    page.driver.forward()
    page.when_text("h1", "Reports Server")


@pytest.mark.parametrize("range,text", [("15min", "15 min"), ("1h", "1 h"), ("6h", "6 h"), ("24h", "24 h"), ("7d", "7 d"), ("30d", "30 d"),
                                        ("soon", "1 h")])
def test_ranges(page, range, text):
    page.open(f"/service/web?range={range}")
    shows_figures(page)
    assert page.text(".ranges [aria-current]") == text
    assert not page.all(".unavailable:not([hidden])")


@pytest.mark.parametrize("route,text", [("/service/nobody", "There is no service “nobody” now."), ("/elsewhere", "There is no such page"),
                                        ("/service/%3Cb%3E%zz", "There is no service")])
def test_what_is_not_there(page, route, text):
    page.expected.append(r"the server responded with a status of 400")  # to what it asks of that service
    page.open(route)
    page.when_text("main", text.replace("(", "\\("))


def test_the_page_of_metricsd_says_what_it_costs(page):
    page.open("/service/metricsd")
    names = {c["name"] for c in get_json(METRICSD, "/api/v1/metrics/collectors")["collectors"]}
    text = page.when_text("section:has([aria-label=Collectors])", "works")
    assert all(name in text for name in names)


# --- Timeline ---


def test_timeline_and_its_filters(page):
    def reloads():
        return get_json(METRICSD, "/api/v1/metrics/timeline?service=product&kind=reload")["events"]

    was = len(reloads())
    page.open("/timeline")
    cursor = journal_cursor()
    toolooctl("reload", "product")
    page.when_text(".event", "product")
    page.find("select option[value=product]").click()
    page.when("location.hash === '#/timeline?service=product'")
    page.when("document.querySelector('.event') && [...document.querySelectorAll('.event a')].every(a => a.innerText === 'product')")
    page.find("select option[value=reload]").click()
    page.when("location.hash === '#/timeline?service=product&kind=reload'")
    page.when("document.querySelectorAll('.event').length === args[0] && "
              "[...document.querySelectorAll('.event .kind')].every(e => e.innerText === 'Reload')", was + 1)
    events = reloads()
    assert len(page.all(".event")) == len(events)
    assert events[0]["text"] in page.text(".event")
    page.find(".event summary .kind").click()
    evidence = page.when_text(".event .facts", ".")
    assert events[0]["invocationId"] in evidence
    page.screenshot("timeline")
    with Journal("tooloo-product.service", after=cursor) as journal:
        journal.wait("eload")


def test_events_are_on_the_first_page(page):
    page.open()
    page.rows("rows.coach")
    before = main_pid("tooloo-coach.service")
    systemctl("kill", "--signal=KILL", "tooloo-coach.service")
    assert "coach" in page.when_text(".aside .event", r"Restart coach")
    page.when_text("h1", "^All 13")
    assert main_pid("tooloo-coach.service") != before


def test_a_rejected_reload_is_among_the_errors(page, fleet):
    """What systemd says of the unit counts, too."""
    page.open("/service/segmentation")
    status, _, _ = http_request(3007, "/nothing/of/the/kind")
    assert status == 404
    page.when("!document.querySelector('main [aria-busy=true]')")
    errors = get_json(METRICSD, "/api/v1/metrics/errors?service=segmentation")["errors"]
    shown = page.js("document.querySelectorAll('.errors .event').length")
    assert shown == len(errors)
    page.find("a[href='#/']").send_keys(Keys.ENTER)
    page.rows("rows.segmentation")
