# SPDX-License-Identifier: MIT
"""Reports over HTTP: what they say is what the ledger's rows add up to, computed here a second time from SQL alone."""
import csv
import io
import json
import math
import random
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
import readme
from conftest import (BUILD, CHECKOUT, CONTROL, PORTS, get_json, http_request, run, state_directory, systemctl, toolooctl,
                      unit_property, wait_until)
from updates import Updates

PORT = PORTS["reports"]
UNIT = "tooloo-reports.service"
BASE = "/api/v1/reports/"
SEED = BUILD / "tests/fixtures/ledger-seed"
HOUR, DAY = 3600 * 10**6, 86400 * 10**6
SAMPLE_MIN, ERROR, ALPHA = 20, 1 / 256, 0.05
NOBODY = {"cancelled", "interrupted", "released"}  # the provider had no part in these ends
REPORTS = ["provider-performance", "provider-insights", "provider-trends", "comprehensive", "performance", "delta",
           "evolution", "dashboard", "ai-comparison", "ai-comparison/latest", "capabilities"]
LEDGER = state_directory("ledger")


def usec(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1e6)


def iso(at):
    return datetime.fromtimestamp(at / 1e6, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


FROM, TO = usec("2026-09-01T00:00:00"), usec("2026-10-01T00:00:00")
PERIOD = "from=2026-09-01&to=2026-10-01"


def get(report, query="", status=200, headers=None):
    code, answered, body = http_request(PORT, f"{BASE}{report}?{query}", headers=headers, timeout=120)
    assert code == status, (report, query, code, body)
    if answered["Content-Type"].startswith("text/csv"):
        return body.decode()
    return json.loads(body, parse_float=float)


def table(report, query=""):
    text = get(report, f"{query}&format=csv")
    assert text == "" or text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def seed(lines):
    """Writes rows through the library that the services write with."""
    done = subprocess.run([SEED, LEDGER], input="\n".join([*lines, ""]), text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


# --- Ten thousand rows ---

# name: latency ms, share of success, input and output pico-USD a token (-1: no price)
PROVIDERS = {
    "alpha": (300, 0.99, 150000, 600000),
    "beta": (800, 0.90, 3000000, 15000000),
    "gamma": (420, 0.97, -1, -1),
    "delta": (2500, 0.55, 1000, 1000),
}
WORDS = ["connect", "timeout-first-byte", "http-429", "http-500", "http-401", "cut", "malformed", "error-event",
         "unsupported", "cancelled"]


def attempt(r, name, word=None, factor=1.0):
    latency, _, price_in, price_out = PROVIDERS[name]
    total = max(1, int(r.lognormvariate(math.log(latency * 1000 * factor), 0.5)))
    if word:
        return f"attempt {name} {name}-model {price_in} {price_out} {word} 0 {total // 3} -1 0 0"
    tokens = r.randint(20, 4000)
    return (f"attempt {name} {name}-model {price_in} {price_out} - {total // 4} {total} {tokens} {r.randint(1, 900)} "
            f"{r.choice([0, 0, tokens // 2])}")


def ten_thousand():
    """Four weeks and some of calls, with retries, hits of the cache, one that has few; beta gets worse on the last day."""
    r = random.Random(7)
    lines, rows = [], 0
    while rows < 10000:
        at = r.randrange(FROM - 2 * DAY, TO + DAY)
        if r.random() < 0.05:
            lines.append(f"request {at} {r.choice(['hit', 'joined'])} 0 200 1000")
            continue
        name = r.choice(list(PROVIDERS))
        late = TO - DAY <= at < TO and name == "beta"
        calls, ok = [], False
        for _ in range(3):
            ok = r.random() < PROVIDERS[name][1] - (0.4 if late else 0)
            word = None if ok else r.choice(WORDS)
            calls.append(attempt(r, name, word, 2.0 if late else 1.0))
            if ok or word == "cancelled":
                break
        lines.append(f"request {at} none {r.randint(0, 1)} {200 if ok else 499 if word == 'cancelled' else 502} 5000000")
        lines += calls
        rows += len(calls)
    for k in range(SAMPLE_MIN - 1):
        lines += [f"request {FROM + k * HOUR} none 0 200 1000",
                  "attempt rare rare-model 5000000 5000000 - 1 1000 10 10 0"]
    lines += [f"request {FROM} none 0 200 9", "attempt alpha alpha-model 1 1 released 0 0 -1 0 0"]
    return lines


def fresh(lines=()):
    """Another ledger in the place of what was there; reports finds that out by itself."""
    LEDGER.mkdir(parents=True, exist_ok=True)
    for path in LEDGER.glob("ledger.db*"):
        path.unlink()
    if lines:
        seed(lines)


@pytest.fixture(scope="module")
def ledger(fleet):
    systemctl("stop", "tooloo-provider.service", "tooloo-budget.service", "tooloo-analytics.service", ok=None)
    fresh(ten_thousand())
    yield LEDGER / "ledger.db"
    fresh()


@pytest.fixture
def empty(fleet):
    """No ledger; what others have there comes back."""
    path = LEDGER / "ledger.db"
    kept = None
    if path.exists():
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        kept = path.read_bytes()
    fresh()
    yield
    fresh()
    if kept:
        whole = path.with_name(".kept")
        whole.write_bytes(kept)
        whole.rename(path)


def rows_of(path, begin=FROM, end=TO):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        rows = db.execute("SELECT a.*, r.stream FROM attempt a JOIN request r ON r.id = a.request WHERE a.at >= ? AND "
                          "a.at < ? AND a.total NOT NULL", (begin, end)).fetchall()
    db.close()
    return rows


class Computed:
    """The figures of some rows, by definition and without a histogram."""

    def __init__(self, rows):
        self.rows = [row for row in rows if row["error"] != "released"]
        good = [row for row in self.rows if row["error"] is None]
        self.failed = sum(row["error"] is not None and row["error"] not in NOBODY for row in self.rows)
        self.judged = len(good) + self.failed
        self.latencies = sorted(row["total"] / 1000 for row in good)
        priced = [row for row in self.rows if row["price"] is not None]
        self.priced_tokens = sum(row["tokens_in"] + row["tokens_out"] for row in priced)
        self.cost = sum(row["cost"] for row in priced) / 1e9 if priced else None
        self.cost_per_1k = self.cost / self.priced_tokens * 1000 if self.priced_tokens else None
        self.tokens = sum(row["tokens_in"] + row["tokens_out"] for row in self.rows)
        self.success = len(good) / self.judged if self.judged else None
        self.average = sum(self.latencies) / len(good) if good else None
        self.costs = [row["cost"] * 1000 / (row["tokens_in"] + row["tokens_out"]) for row in priced
                      if row["tokens_in"] + row["tokens_out"]]

    def quantile(self, q):
        return self.latencies[math.ceil(q * len(self.latencies)) - 1] if self.latencies else None

    def scores(self):
        latency = max(0, 100 - self.average / 10) if self.average else 0
        success = 100 * self.success
        if self.cost_per_1k is None:
            return latency, success, None, (0.4 * latency + 0.4 * success) / 0.8
        cost = max(0, 100 - 10 * self.cost_per_1k)
        return latency, success, cost, 0.4 * latency + 0.4 * success + 0.2 * cost


def by_provider(rows):
    names = sorted({row["provider"] for row in rows})
    return {name: Computed([row for row in rows if row["provider"] == name]) for name in names}


def same(metrics, computed):
    """All figures of an answer, percentiles within the error that the answer says."""
    assert metrics["requestsProcessed"] == len(computed.rows)
    assert metrics["tokensProcessed"] == computed.tokens
    assert metrics["successRate"] == pytest.approx(computed.success, abs=1e-6)
    assert metrics["avgLatency"] == pytest.approx(computed.average, abs=0.001)
    for name, q in ("p50", 0.5), ("p95", 0.95), ("p99", 0.99):
        if name in metrics:
            assert metrics[name] == pytest.approx(computed.quantile(q), rel=ERROR, abs=0.001), name
    if computed.cost_per_1k is None:
        assert metrics["costPer1kTokens"] is None and metrics["totalCost"] is None
    else:
        assert metrics["costPer1kTokens"] == pytest.approx(computed.cost_per_1k, abs=1e-9)
        assert metrics["totalCost"] == pytest.approx(computed.cost, abs=1e-9)


def test_the_leaderboard_is_what_sql_says(ledger):
    answer = get("provider-performance", PERIOD)
    computed = by_provider(rows_of(ledger))
    assert sum(len(c.rows) for c in computed.values()) > 8000
    ranked = sorted((name for name, c in computed.items() if c.judged >= SAMPLE_MIN), key=lambda n: -computed[n].scores()[3])
    assert [e["name"] for e in answer["leaderboard"]] == ranked + ["rare"]
    assert [e["rank"] for e in answer["leaderboard"]] == [1, 2, 3, 4, None]
    for entry in answer["leaderboard"]:
        c = computed[entry["name"]]
        same(entry["metrics"], c)
        assert entry["metrics"]["sample"] == c.judged and entry["metrics"]["failed"] == c.failed
        for name, wanted in zip(("latency", "success", "cost", "overall"), c.scores()):
            wanted = None if wanted is None else pytest.approx(wanted, abs=0.001)
            assert entry["scores"][name] == wanted, (entry["name"], name)
    statuses = {e["name"]: e["status"] for e in answer["leaderboard"]}
    assert statuses == {"alpha": "healthy", "beta": "degraded", "gamma": "healthy", "delta": "failing",
                        "rare": "insufficient-data"}
    gamma, = [e for e in answer["leaderboard"] if e["name"] == "gamma"]
    assert "no price" in gamma["note"] and gamma["metrics"]["pricedCalls"] == 0
    assert "no rank: 19 of the 20" in answer["leaderboard"][-1]["note"]
    assert answer["method"]["percentiles"]["maxRelativeError"] == ERROR and answer["method"]["minSample"] == SAMPLE_MIN
    assert "0.4 * latency + 0.4 * success + 0.2 * cost" in answer["formula"]["overall"]
    assert answer["window"] == {"from": iso(FROM), "to": iso(TO)} and "hint" not in answer and answer["timestamp"]


def test_limit_comparison_and_trends(ledger):
    assert len(get("provider-performance", f"{PERIOD}&limit=2")["leaderboard"]) == 2
    answer = get("provider-performance", f"{PERIOD}&comparison=alpha,delta,nobody&trends=true")
    assert [p["name"] for p in answer["comparison"]["providers"]] == ["alpha", "delta", "nobody"]
    assert answer["comparison"]["providers"][2]["metrics"] is None
    pair, = answer["comparison"]["pairs"]
    computed = by_provider(rows_of(ledger))
    z, p = proportions(computed["alpha"], computed["delta"])
    assert (pair["a"], pair["b"]) == ("alpha", "delta")
    assert pair["tests"]["success"]["z"] == pytest.approx(z, rel=1e-5)
    assert {t["provider"] for t in answer["trends"]} == set(computed)


# --- The tests behind insights, a second time ---


def two_sided(z):
    return math.erfc(abs(z) / math.sqrt(2))


def proportions(a, b):
    x, n, y, m = a.judged - a.failed, a.judged, b.judged - b.failed, b.judged
    share = (x + y) / (n + m)
    z = (x / n - y / m) / math.sqrt(share * (1 - share) * (1 / n + 1 / m))
    return z, two_sided(z)


def mann_whitney(a, b):
    """By ranks, of the numbers themselves."""
    everything = sorted([(x, 0) for x in a] + [(y, 1) for y in b])
    ranks, ties, i = 0.0, 0, 0
    while i < len(everything):
        k = i
        while k < len(everything) and everything[k][0] == everything[i][0]:
            k += 1
        ranks += (i + 1 + k) / 2 * sum(who == 0 for _, who in everything[i:k])
        ties += (k - i) ** 3 - (k - i)
        i = k
    n, m = len(a), len(b)
    u, N = ranks - n * (n + 1) / 2, n + m
    sigma = math.sqrt(n * m / 12 * (N + 1 - ties / (N * (N - 1))))
    away = u - n * m / 2
    return u, math.copysign(max(abs(away) - 0.5, 0), away) / sigma


def test_insights_are_from_tests(ledger):
    answer = get("provider-insights", PERIOD)
    computed = by_provider(rows_of(ledger))
    del computed["rare"]
    found = {}
    for insight in answer["insights"]:
        assert insight["message"] and insight["evidence"]["p"] < ALPHA == insight["evidence"]["alpha"]
        assert "Bonferroni" in insight["evidence"]["correction"]
        found.setdefault(insight["type"], []).append(insight)
    assert {t: {i["provider"] for i in of} for t, of in found.items()} == {
        "top-performer": {"alpha"}, "cost-leader": {"delta"}, "reliability-leader": {"alpha"},
        "performance-decline": {"beta"}}
    reliable, = found["reliability-leader"]
    worst = 0
    for test in reliable["evidence"]["tests"]:
        z, p = proportions(computed["alpha"], computed[test["rival"]])
        assert test["result"]["z"] == pytest.approx(z, rel=1e-5) and test["p"] == pytest.approx(p, rel=1e-4)
        worst = max(worst, p)
    assert reliable["evidence"]["p"] == pytest.approx(worst * 3, rel=1e-4)
    cheap, = found["cost-leader"]
    assert {t["rival"] for t in cheap["evidence"]["tests"]} == {"alpha", "beta"}  # of gamma no price is known
    for test in cheap["evidence"]["tests"]:
        u, z = mann_whitney(computed["delta"].costs, computed[test["rival"]].costs)
        assert test["result"]["u"] == pytest.approx(u, rel=0.02, abs=50)
    declines = {("slower" in i["message"]): i for i in found["performance-decline"]}
    assert set(declines) == {True, False}
    before, recent = (by_provider(rows_of(ledger, *span))["beta"] for span in ((FROM, TO - DAY), (TO - DAY, TO)))
    z, _ = proportions(recent, before)
    assert declines[False]["evidence"]["tests"][0]["z"] == pytest.approx(z, rel=1e-5)
    u, z = mann_whitney(recent.latencies, before.latencies)
    latency = declines[True]["evidence"]["tests"][0]
    assert latency["z"] == pytest.approx(z, rel=0.01) and latency["u"] == pytest.approx(u, rel=0.01)
    same(declines[True]["metrics"]["recent"], recent)


def test_nothing_significant_is_said_to_be_nothing(empty):
    r = random.Random(3)
    lines = []
    for k in range(400):
        at = FROM + k * HOUR
        name, word = ("one", "two")[k % 2], "http-500" if k % 20 < 2 else "-"
        lines += [f"request {at} none 0 200 1", f"attempt {name} m 1000 1000 {word} 0 {r.randint(90000, 110000)} 100 0 0"
                  if word == "-" else f"attempt {name} m 1000 1000 {word} 0 5 -1 0 0"]
    seed(lines)
    answer = get("provider-insights", PERIOD)
    assert answer["insights"] == [] and "chance" in answer["hint"]
    assert len(get("provider-performance", PERIOD)["leaderboard"]) == 2


# --- The other reports ---


def test_trends_by_day_and_hour(ledger):
    answer = get("provider-trends", PERIOD)
    assert answer["bucket"] == "day"
    points = {(t["provider"], p["at"]): p for t in answer["trends"] for p in t["points"]}
    for (name, at), point in points.items():
        begin = usec(at[:19])
        same(point, Computed([row for row in rows_of(ledger, begin, begin + DAY) if row["provider"] == name]))
    rows = [row for row in rows_of(ledger) if row["error"] != "released"]
    assert len(points) == len({(row["provider"], row["at"] // DAY) for row in rows})
    hours = get("provider-trends", f"{PERIOD}&bucket=hour&limit=24")
    ats = {p["at"] for t in hours["trends"] for p in t["points"]}
    assert ats == {iso(row["at"] // HOUR * HOUR) for row in rows if row["at"] >= TO - DAY}
    assert len({p["at"] for t in get("provider-trends", f"{PERIOD}&limit=3")["trends"] for p in t["points"]}) == 3


def test_performance(ledger):
    metrics = get("performance", PERIOD)["metrics"]
    rows = rows_of(ledger)
    same(metrics, Computed(rows))
    with sqlite3.connect(ledger) as db:
        ended, hits, joined, gone = db.execute(
            "SELECT count(*), sum(cache = 'hit'), sum(cache = 'joined'), sum(status = 499) FROM request WHERE at >= ? AND "
            "at < ? AND ended NOT NULL", (FROM, TO)).fetchone()
    db.close()
    assert metrics["requests"] == {"ended": ended, "cacheHits": hits, "joined": joined, "clientGone": gone,
                                   "failed": metrics["requests"]["failed"]}
    assert {p["provider"] for p in metrics["providers"]} == set(by_provider(rows))
    kinds = {"rateLimited": ["http-429"], "serverError": ["http-500"], "refused": ["http-401"],
             "timeout": ["timeout-first-byte"], "cancelled": ["cancelled"],
             "unsupported": ["unsupported"], "released": ["released"]}
    for kind, words in kinds.items():
        assert metrics["errors"][kind] == sum(row["error"] in words for row in rows), kind
    part = get("performance", "from=2026-09-10T10:20:00Z&to=2026-09-12T11:40:00Z")
    begin, end = usec("2026-09-10T10:00:00"), usec("2026-09-12T12:00:00")
    assert part["window"] == {"from": iso(begin), "to": iso(end)}
    same(part["metrics"], Computed(rows_of(ledger, begin, end)))


def test_delta(ledger):
    delta = get("delta", "from=2026-09-24&to=2026-10-01")["delta"]
    assert delta["base"] == {"from": iso(TO - 14 * DAY), "to": iso(TO - 7 * DAY)}
    now, before = Computed(rows_of(ledger, TO - 7 * DAY, TO)), Computed(rows_of(ledger, TO - 14 * DAY, TO - 7 * DAY))
    same(delta["current"], now)
    same(delta["previous"], before)
    assert delta["change"]["successRate"]["absolute"] == pytest.approx(now.success - before.success, abs=2e-6)
    assert delta["change"]["avgLatency"]["percent"] == pytest.approx(100 * (now.average / before.average - 1), abs=0.01)
    assert delta["tests"]["success"]["z"] == pytest.approx(proportions(now, before)[0], rel=1e-5)
    assert [p["provider"] for p in delta["providers"]] == sorted(p["provider"] for p in delta["providers"])
    other = get("delta", "from=2026-09-24&to=2026-10-01&baseFrom=2026-09-01&baseTo=2026-09-02")["delta"]
    same(other["previous"], Computed(rows_of(ledger, FROM, FROM + DAY)))


def test_comprehensive_dashboard_evolution(ledger):
    report = get("comprehensive", PERIOD)["report"]
    rows = rows_of(ledger)
    same(report["summary"], Computed(rows))
    assert report["leaderboard"] == get("provider-performance", PERIOD)["leaderboard"]
    assert report["insights"] == get("provider-insights", PERIOD)["insights"]
    assert {m["model"] for m in report["models"]} == {row["model"] for row in rows}
    dashboard = get("dashboard", PERIOD)["dashboard"]
    same(dashboard["last24Hours"], Computed(rows_of(ledger, TO - DAY, TO)))
    same(dashboard["period"], Computed(rows))
    timeline = get("evolution", "from=2026-08-30&to=2026-10-02&limit=40")["timeline"]
    assert sum(day["requestsProcessed"] for day in timeline) == len(Computed(rows_of(ledger, FROM - 2 * DAY, TO + DAY)).rows)
    events = [e for day in timeline for e in day["events"]]
    with sqlite3.connect(ledger) as db:
        first = dict(db.execute("SELECT provider, min(at) FROM attempt GROUP BY provider"))
        prices = db.execute("SELECT count(*) FROM price").fetchone()[0]
    db.close()
    calls = {e["provider"]: e["at"][:19] for e in events if e["type"] == "first-call"}
    assert calls == {n: iso(at)[:19] for n, at in first.items()}
    assert len([e for e in events if e["type"] == "price"]) == prices
    assert {(e["inputPerMillion"], e["outputPerMillion"]) for e in events if e.get("provider") == "beta" and
            e["type"] == "price"} == {(3.0, 15.0)}


def test_comparison_with_grades_and_matches(ledger):
    with sqlite3.connect(ledger) as db:
        request = db.execute("SELECT request FROM attempt WHERE provider = 'alpha' AND error IS NULL AND at >= ? AND at < ?",
                             (FROM, TO)).fetchone()[0]
        db.executemany("INSERT INTO grade (request, at, grader, score) VALUES (?, ?, 'judge', ?)",
                       [(request, FROM + 1, 0.5), (request, FROM + 2, 1.0), (request, TO + 1, 0.0)])
        db.executemany("INSERT INTO match (at, track, a, b, winner) VALUES (?, 'code', 'alpha', 'beta', ?)",
                       [(FROM, "a"), (FROM, "a"), (FROM, "b"), (FROM, "tie"), (TO, "b")])
    db.close()
    comparison = get("ai-comparison", PERIOD)["comparison"]
    assert comparison["grades"] == [{"provider": "alpha", "grades": 2, "meanScore": 0.75}]
    assert comparison["matches"] == [{"name": "alpha", "wins": 2, "losses": 1, "ties": 1},
                                     {"name": "beta", "wins": 1, "losses": 2, "ties": 1}]
    assert [p["name"] for p in comparison["providers"]] == [e["name"] for e in
                                                            get("provider-performance", PERIOD)["leaderboard"]]
    pairs = {(p["a"], p["b"]): p for p in comparison["pairs"]}
    assert len(pairs) == 10
    pair = pairs.get(("alpha", "delta")) or pairs[("delta", "alpha")]
    assert (pair["faster"], pair["moreReliable"], pair["cheaper"]) == ("alpha", "alpha", "delta")
    assert comparison["tests"] == sum(t is not None for p in comparison["pairs"] for t in p["tests"].values())
    latest = get("ai-comparison/latest")
    with sqlite3.connect(ledger) as db:
        end = db.execute("SELECT max(at) FROM request").fetchone()[0] // HOUR * HOUR + HOUR
    db.close()
    assert latest["comparison"]["window"] == {"from": iso(end - DAY), "to": iso(end)} and latest["timestamp"]


def test_capabilities(ledger):
    seen = {c["provider"]: c for c in get("capabilities", PERIOD)["capabilities"]}
    for name in PROVIDERS:
        rows = [row for row in rows_of(ledger) if row["provider"] == name and row["error"] != "released"]
        assert seen[name]["calls"] == len(rows) and seen[name]["streamedCalls"] == sum(row["stream"] for row in rows)
        assert seen[name]["callsWithUsage"] == sum(row["reported"] for row in rows)
        assert seen[name]["cachedTokens"] == sum(row["tokens_cached"] for row in rows) > 0
        assert seen[name]["promptCache"] is True
        assert seen[name]["unsupportedCalls"] == sum(row["error"] == "unsupported" for row in rows)
        assert seen[name]["priced"] is (PROVIDERS[name][2] >= 0) and seen[name]["reasoning"] is False


# --- CSV ---


def flat(value, path=""):
    """The cells of a row, as text."""
    if isinstance(value, dict):
        return {k: v for name, field in value.items() for k, v in flat(field, f"{path}.{name}" if path else name).items()}
    return {path: value}


def cell_is(text, value):
    if value is None:
        return text == ""
    if isinstance(value, bool):
        return text == str(value).lower()
    if isinstance(value, (int, float)):
        return float(text) == value
    return (json.loads(text) if isinstance(value, list) else text) == value


def test_csv_is_the_same_figures(ledger):
    json_rows = {
        "provider-performance": lambda a: a["leaderboard"], "provider-insights": lambda a: a["insights"],
        "evolution": lambda a: a["timeline"], "capabilities": lambda a: a["capabilities"],
        "ai-comparison": lambda a: a["comparison"]["providers"], "performance": lambda a: a["metrics"]["providers"],
        "delta": lambda a: a["delta"]["providers"],
        "provider-trends": lambda a: [{"provider": t["provider"], **p} for t in a["trends"] for p in t["points"]],
    }
    for report, rows_in in json_rows.items():
        wanted, got = rows_in(get(report, PERIOD)), table(report, PERIOD)
        if report == "provider-trends":
            wanted.sort(key=lambda row: (row["at"], row["provider"]))
            got.sort(key=lambda row: (row["at"], row["provider"]))
        if report in ("performance", "delta"):
            assert got.pop()["provider"] == "(all)"
        assert len(got) == len(wanted) > 0, report
        for row, cells in zip(wanted, got):
            for name, value in flat(row).items():
                assert cell_is(cells[name], value), (report, name, cells[name], value)
    for report in "comprehensive", "dashboard":
        answer = get(report, PERIOD)
        figures = {row["figure"]: row["value"] for row in table(report, PERIOD)}
        for path, text in figures.items():
            value = answer
            for key in path.split("."):
                value = value[int(key)] if isinstance(value, list) else value[key]
            assert cell_is(text, value), (report, path)
        assert f"{'report' if report == 'comprehensive' else 'dashboard'}.leaderboard.0.scores.overall" in figures


def test_csv_by_header_and_its_form(ledger):
    path = f"{BASE}provider-performance?{PERIOD}"
    status, headers, body = http_request(PORT, path, headers={"Accept": "text/csv"})
    assert status == 200 and headers["Content-Type"].startswith("text/csv")
    assert 'filename="provider-performance.csv"' in headers["Content-Disposition"]
    assert body == http_request(PORT, path + "&format=csv")[2]
    assert b"\r\n" in body and b"\n" not in body.replace(b"\r\n", b"")
    for accept in "application/json, text/csv;q=0.5", "*/*", "text/html":
        assert http_request(PORT, path, headers={"Accept": accept})[1]["Content-Type"].startswith("application/json")
    assert http_request(PORT, path + "&format=json", headers={"Accept": "text/csv"})[1]["Content-Type"].startswith(
        "application/json")


# --- Nothing, and what is wrong ---


def test_without_a_ledger_each_says_so(empty):
    for report in REPORTS:
        answer = get(report)
        assert "ledger holds no call yet" in answer["hint"] and "toolooctl provider add" in answer["hint"], report
        assert "hint" in get(report, "format=csv"), report
    assert get("provider-performance")["leaderboard"] == [] and get("provider-trends")["trends"] == []
    assert get("provider-insights")["insights"] == [] and get("evolution")["timeline"] == []
    assert get("performance")["metrics"]["successRate"] is None and get("performance")["metrics"]["requestsProcessed"] == 0
    assert get("capabilities")["capabilities"] == [] and get("delta")["delta"]["providers"] == []
    assert get("dashboard")["dashboard"]["today"]["totalCost"] is None
    assert get("ai-comparison/latest")["comparison"]["pairs"] == []
    current = get("current")
    assert current["providers"] == [] and current["successRate"] is current["latency"] is current["budget"] is None


def test_a_period_without_calls_says_where_there_are_some(ledger):
    answer = get("provider-performance", "from=2020-01-01&to=2020-01-02")
    assert answer["leaderboard"] == [] and "the ledger holds calls from 2026-08-30" in answer["hint"]


@pytest.mark.parametrize("report, query, field", [
    ("provider-performance", "limit=0", "limit"), ("provider-performance", "limit=101", "limit"),
    ("provider-performance", "limit=many", "limit"), ("provider-performance", "comparison=alpha", "comparison"),
    ("provider-performance", "comparison=", "comparison"), ("provider-performance", "comparison=a,a", "comparison"),
    ("provider-performance", "comparison=a,,b", "comparison"),
    ("provider-performance", "comparison=a,b,c,d,e,f", "comparison"),
    ("provider-performance", "comparison=a," + "x" * 129, "comparison"), ("provider-performance", "trends=yes", "trends"),
    ("provider-trends", "limit=1001", "limit"), ("provider-trends", "bucket=week", "bucket"),
    ("performance", "from=yesterday", "from"), ("performance", "to=2026-02-30", "to"),
    ("performance", "from=2026-02-02&to=2026-02-01", "from"),
    ("performance", "from=2024-01-01&to=2026-01-01", "from"), ("comprehensive", "format=xml", "format"),
    ("provider-insights", "recentHours=0", "recentHours"), ("provider-insights", "recentHours=721", "recentHours"),
    ("delta", "baseFrom=x", "baseFrom"), ("delta", "baseFrom=2026-01-02&baseTo=2026-01-01", "baseFrom"),
    ("ai-comparison", "limit=21", "limit"), ("evolution", "limit=-1", "limit"),
])
def test_bad_parameters(fleet, report, query, field):
    answer = get(report, query, status=400)
    assert answer["code"] == "BAD_PARAMETER" and answer["error"].startswith(f"{field}: ") and answer["service"] == "reports"


def test_limits_at_their_ends(ledger):
    for report, query in ("provider-performance", "limit=100"), ("provider-trends", "limit=1000"), \
                         ("ai-comparison", "limit=20"), ("provider-performance", "comparison=a,b,c,d,e"), \
                         ("performance", "from=2025-01-01&to=2026-01-02"):
        get(report, query)
    assert http_request(PORT, f"{BASE}performance", method="POST")[0] == 405
    assert http_request(PORT, f"{BASE}nothing")[0] == 404


# --- The ledger goes on ---


def test_what_comes_later_counts_once(empty):
    """New requests, calls that were running, and one that has expired and got an outcome after all."""
    now = int(time.time() * 1e6)
    window = "limit=5"

    def figures():
        board = get("provider-performance", window)["leaderboard"]
        return {e["name"]: tuple(e["metrics"][k] for k in ("requestsProcessed", "succeeded", "errors")) for e in board}

    seed([f"request {now} none 0 0 0", f"pending slow m {now + 60 * 10**6}",
          f"request {now} none 0 0 0", f"pending lost m {now + 1}",
          f"request {now} none 0 200 1", "attempt quick m -1 -1 - 0 1000 1 1 0"])
    assert figures() == {"quick": (1, 1, {})}
    assert figures() == {"quick": (1, 1, {})}
    seed([f"expire {now + 10}", "settle 1 1 5000", f"end 1 200 {now + 5000}"])
    assert figures() == {"quick": (1, 1, {}), "slow": (1, 1, {}), "lost": (1, 0, {"interrupted": 1})}
    seed(["settle 2 1 7000", f"end 2 200 {now + 7000}", f"request {now + 1} none 0 200 1",
          "attempt quick m -1 -1 http-500 0 9 -1 0 0", "attempt quick m -1 -1 - 0 1000 1 1 0"])
    assert figures() == {"quick": (3, 2, {"serverError": 1}), "slow": (1, 1, {}), "lost": (1, 1, {})}
    assert figures() == {"quick": (3, 2, {"serverError": 1}), "slow": (1, 1, {}), "lost": (1, 1, {})}
    fresh([f"request {now} none 0 200 1", "attempt other m -1 -1 - 0 1000 1 1 0"])  # another file in its place
    assert set(figures()) == {"other"}


def everything():
    """Each report, byte for byte but for the time of the answer."""
    answers = {}
    for report in REPORTS:
        for form in "json", "csv":
            status, _, body = http_request(PORT, f"{BASE}{report}?{PERIOD}&format={form}")
            assert status == 200
            answers[report, form] = json.dumps({k: v for k, v in json.loads(body).items() if k != "timestamp"}) \
                if form == "json" else body
    return answers


def test_the_same_after_a_rebuild_a_restart_and_a_reload(ledger):
    before = everything()
    with sqlite3.connect(ledger) as db:
        db.execute("DELETE FROM spent")
    db.close()
    if "ledger" in toolooctl("--help").stdout:
        toolooctl("ledger", "rebuild")
    assert everything() == before
    toolooctl("reload", "reports")
    assert everything() == before
    systemctl("restart", UNIT)
    assert everything() == before


def test_many_at_once_while_the_ledger_is_read(ledger):
    """After a start the first answers wait for the ledger to be read, and each is whole."""
    systemctl("restart", UNIT)
    with ThreadPoolExecutor(16) as pool:
        boards = list(pool.map(lambda _: get("provider-performance", PERIOD)["leaderboard"], range(32)))
    assert all(board == boards[0] for board in boards) and len(boards[0]) == 5


def test_a_damaged_ledger_is_said(empty):
    (LEDGER / "ledger.db").write_bytes(b"this is no database" * 500)
    answer = get("provider-performance", status=503)
    assert answer["code"] == "LEDGER_FAILED" and "toolooctl ledger verify" in answer["error"]
    assert get_json(PORT, "/health")["ok"] is True


def test_what_the_readme_shows(ledger):
    commands = readme.commands(CHECKOUT / "README.md", "Reports")
    assert len(commands) == 3
    for command in commands:
        done = run("bash", "-c", command.replace("curl ", "curl --silent --show-error --fail --max-time 60 ", 1))
        assert done.stdout.startswith("{" if "Accept" not in command else ("provider,", "hint")), command


# --- Alerts ---


def rules():
    return {rule["id"]: rule for rule in get_json(CONTROL["metricsd"], "/api/v1/system/alerts/rules")["rules"]}


def active(metric):
    status = get_json(CONTROL["metricsd"], "/api/v1/system/alerts/status")
    return [alert for alert in status["active"] if alert["metric"] == metric]


def wait_for(condition, what):
    """metricsd looks every 5 s, and tells it on its WebSocket."""
    with Updates(CONTROL["metricsd"]) as updates:
        return wait_until(condition, lambda deadline: updates.next(), what, 60)


def test_the_default_rule_fires_from_real_rows(empty):
    now = int(time.time() * 1e6)
    wait_for(lambda: rules()["default-provider-success"]["state"] == "no data yet", "metricsd sees that there are no calls")
    lines = ["limit total - day 1000000000 0"]
    for k in range(20):
        lines += [f"request {now - k * 10**6} none 0 200 1",
                  f"attempt good m 1000000 0 - 0 {40000 if k % 2 else 60000} 10000 0 0"]
        word = "-" if k < 12 else "http-500"
        lines += [f"request {now - k * 10**6} none 0 200 1",
                  f"attempt bad m -1 -1 {word} 0 250000 {1 if word == '-' else -1} 0 0"]
    seed(lines)
    current = get("current")
    assert current["successRate"] == {"provider": "bad", "value": 0.6}
    assert current["latency"] == {"provider": "bad", "value": 250.0}
    assert current["budget"] == {"percent": 20.0, "scope": "total", "subject": "", "window": "day"}
    wait_for(lambda: rules()["default-provider-success"]["state"] == "pending", "the default rule holds")
    rule = rules()["default-provider-success"]
    body = {k: v for k, v in rule.items() if k not in ("state", "efficacy")} | {"for": 0, "dryRun": True}
    others = [{"metric": "provider.latency", "operator": ">", "threshold": 200, "severity": "info", "action": "notify",
               "dryRun": True, "id": "test-latency"},
              {"metric": "budget.percent", "operator": ">=", "threshold": 20, "severity": "info", "action": "notify",
               "dryRun": True, "id": "test-budget"}]
    url = "/api/v1/system/alerts/rules"
    try:
        for it in [body, *others]:
            status, _, answer = http_request(CONTROL["metricsd"], url, method="POST", body=json.dumps(it))
            assert status == 200, answer
        alert, = wait_for(lambda: active("provider.successRate"), "the alert")
        assert (alert["value"], alert["service"], alert["action"]) == (0.6, "provider", "switch-provider")
        assert alert["rules"] and "default-provider-success" in json.dumps(alert["rules"])
        latency, = wait_for(lambda: active("provider.latency"), "the alert on latency")
        budget, = wait_for(lambda: active("budget.percent"), "the alert on the budget")
        assert (latency["value"], budget["value"], budget["service"]) == (250.0, 20.0, "budget")
        said = get_json(CONTROL["metricsd"], "/api/v1/metrics/providers")
        assert {p["name"]: p["successRate"] for p in said["providers"]} == {"good": 1.0, "bad": 0.6}
        toolooctl("stop", "reports")
        assert unit_property(UNIT, "ActiveState") == "inactive"
        wait_for(lambda: not active("provider.successRate") and not active("budget.percent"), "no value, no alert")
        assert get_json(CONTROL["metricsd"], "/api/v1/metrics/providers")["providers"] == []
        assert unit_property(UNIT, "ActiveState") == "inactive"  # nobody has started it by asking
    finally:
        toolooctl("start", "reports")
        for id in "test-latency", "test-budget":
            http_request(CONTROL["metricsd"], f"{url}/{id}", method="DELETE")
        http_request(CONTROL["metricsd"], url, method="POST",
                     body=json.dumps({k: v for k, v in rule.items() if k not in ("state", "efficacy")}))
