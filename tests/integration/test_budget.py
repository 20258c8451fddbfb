# SPDX-License-Identifier: MIT
"""budget: what it says of limits, costs and providers is what the ledger holds, and what it is told stands there."""
import http.client
import json
import os
import random
from collections import defaultdict
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from conftest import PATIENCE, PORTS, get_json, http_request, journal_cursor, journal_lines, state_directory, toolooctl
from ledger import DAY, Ledger, attempt, call, now_usec, today, windows

PORT = PORTS["budget"]
NANO = 10**9
NAME_MAX, LIMIT_MAX, USD_MAX, PROMPT_MAX, TTL_MAX, CONCURRENCY_MAX = 128, 1000, 10**9, 256 * 1024, 86400, 4096
PROVIDERS = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "tooloo/providers"

pytestmark = pytest.mark.usefixtures("fleet")


def api(path, method="GET", body=None, headers=None):
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    status, fields, answer = http_request(PORT, path, method=method, body=data, headers=headers)
    return status, json.loads(answer) | {"headers": fields}


def good(answer):
    status, body = answer
    assert status == 200 and body["ok"] is True, body
    return body


def get(path):
    return good(api(path))


def put(**body):
    return api("/api/v1/budget", "PUT", body)


def post(path, body):
    return api(path, "POST", body)


def refused(answer, status, code, begin=""):
    assert answer[0] == status and answer[1]["code"] == code and answer[1]["ok"] is False, answer
    assert answer[1]["error"].startswith(begin), answer


@pytest.fixture
def ledger(fleet):
    get("/api/v1/budget")  # makes it
    it = Ledger(state_directory("ledger"))
    it.empty()
    yield it
    it.empty()
    it.close()


@pytest.fixture
def providers(ledger):
    """Writes provider files; what the machine had is there again after the test."""
    kept = {f: f.read_bytes() for f in PROVIDERS.glob("*.json")}
    for file in kept:
        file.unlink()
    PROVIDERS.mkdir(parents=True, exist_ok=True)

    def write(name, text=None, **more):
        body = {"kind": "openai", "baseUrl": "http://127.0.0.1:9/v1", "models": [{"name": "m"}]} | more
        new = PROVIDERS / ".new"
        new.write_text(json.dumps(body) if text is None else text)
        new.rename(PROVIDERS / f"{name}.json")

    yield write
    for file in PROVIDERS.glob("*.json"):
        file.unlink()
    for file, data in kept.items():
        file.write_bytes(data)


def steady(check, length=DAY):
    """Again when a window ended in between."""
    begun = now_usec() // length
    try:
        return check()
    except AssertionError:
        if now_usec() // length == begun:
            raise
        return check()


def iso(usec):
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=usec)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{usec // 1000 % 1000:03}Z"


def date(day):
    return (datetime(1970, 1, 1) + timedelta(days=day)).strftime("%Y-%m-%d")


def near(value):
    return None if value is None else pytest.approx(value, abs=0.0006)


def spend(ledger, settled, reserved=0, calls=1, scope="total", subject="", at=None):
    begins = windows(now_usec() if at is None else at)
    ledger.insert("spent", [{"scope": scope, "subject": subject, "window": window, "begins": begin, "settled": settled,
                             "reserved": reserved, "calls": calls} for window, begin in begins.items()])


# --- Limits ---


def test_without_limits(ledger):
    answer = get("/api/v1/budget")
    assert answer["limits"] == [] and answer["totalLimits"] == 0 and answer["formula"]
    budget = answer["budget"]
    assert {k: budget[k] for k in ("used", "reserved", "calls", "limit", "remaining", "percent", "warning", "blocked",
                                   "window",
                                   "scope", "subject", "hardLimit", "softLimit")} == {
        "used": 0, "reserved": 0, "calls": 0, "limit": None, "remaining": None, "percent": None, "warning": False,
        "blocked": False,
        "window": "day", "scope": "total", "subject": None, "hardLimit": None, "softLimit": None}


def test_windows_begin_and_end_with_utc_s(ledger):
    def check():
        at = now_usec()
        for window, begin in windows(at).items():
            budget = get(f"/api/v1/budget?window={window}")["budget"]
            assert budget["from"] == iso(begin)
            if window == "month":
                first = datetime(1970, 1, 1) + timedelta(microseconds=begin)
                end = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
                assert budget["resets"] == end.strftime("%Y-%m-%dT00:00:00.000Z")
            else:
                assert budget["resets"] == iso(begin + (DAY if window == "day" else 60000000))

    steady(check, 60000000)


@pytest.mark.parametrize("window", ["minute", "day", "month"])
@pytest.mark.parametrize("scope, subject", [("total", ""), ("user", "ann"), ("provider", "p"), ("key", "k")])
def test_a_limit_is_set_told_and_taken_away(ledger, providers, window, scope, subject):
    providers("p")
    ledger.insert("gateway_key", [{"id": 1, "name": "k", "hash": b"x", "user": None, "created": 1, "revoked": None}])
    names = {"scope": scope, "window": window} | ({"subject": subject} if subject else {})
    query = f"/api/v1/budget?scope={scope}&window={window}" + (f"&subject={subject}" if subject else "")

    def check():
        ledger.empty_spent()
        spend(ledger, 3 * NANO, NANO, 7, scope, subject)
        answer = good(put(limit=10, softLimit=5.5, **names))
        expected = {"scope": scope, "subject": subject or None, "window": window, "used": 3, "reserved": 1, "calls": 7,
                    "limit": 10,
                    "hardLimit": 10, "softLimit": 5.5, "remaining": 6, "percent": 40, "warning": False, "blocked": False}
        for budget in answer["budget"], get(query)["budget"], *get("/api/v1/budget")["limits"]:
            assert {k: budget[k] for k in expected} == expected

    steady(check, 60000000)
    assert ledger.all("SELECT * FROM budget_limit") == [(scope, subject, window, 10 * NANO, 5500000000)]
    good(put(softLimit=2, **names))  # the row as it is said now: no hard one any more
    assert ledger.all("SELECT hard, soft FROM budget_limit") == [(0, 2 * NANO)]
    assert get(query)["budget"]["limit"] == 2
    assert good(put(limit=None, **names))["budget"]["limit"] is None
    assert ledger.all("SELECT * FROM budget_limit") == []


@pytest.mark.parametrize("used, reserved, warning, blocked, left", [
    (0, 0, False, False, 10 * NANO), (5 * NANO - 1, 0, False, False, 5 * NANO + 1), (5 * NANO, 0, True, False, 5 * NANO),
    (1, 5 * NANO - 1, True, False, 5 * NANO), (10 * NANO - 1, 0, True, False, 1), (9 * NANO, NANO - 1, True, False, 1),
    (10 * NANO, 0, True, True, 0), (0, 10 * NANO, True, True, 0), (12 * NANO, 0, True, True, 0),
])
def test_warning_and_blocked_at_their_edges(ledger, used, reserved, warning, blocked, left):
    def check():
        ledger.empty_spent()
        spend(ledger, used, reserved)
        budget = good(put(limit=10, softLimit=5))["budget"]
        assert (budget["warning"], budget["blocked"]) == (warning, blocked)
        assert round(budget["remaining"] * NANO) == left and budget["percent"] == near((used + reserved) / NANO * 10)

    steady(check)


def test_money_is_exact_to_the_nano(ledger):
    for usd, nano in (("0.000000001", 1), ("1000000000", USD_MAX * NANO), ("999999999.999999999", USD_MAX * NANO - 1),
                      ("0.1", 10**8), ("1e-3", 10**6), ("0.0000000005", 1)):
        status, answer = api("/api/v1/budget", "PUT", f'{{"limit":{usd}}}'.encode())
        assert status == 200, answer
        assert ledger.all("SELECT hard FROM budget_limit") == [(nano,)]
    api("/api/v1/budget", "PUT", b'{"limit":999999999.999999999}')
    assert b'"limit":999999999.999999999' in http_request(PORT, "/api/v1/budget")[2].replace(b" ", b"")


@pytest.mark.parametrize("change, field", [
    ({}, "limit"), ({"limit": 0}, "limit"), ({"limit": -1}, "limit"), ({"limit": "5"}, "limit"), ({"limit": True}, "limit"),
    ({"limit": USD_MAX + 0.000001}, "limit"), ({"limit": 0.0000000001}, "limit"), ({"limit": 1e300}, "limit"),
    ({"limit": []}, "limit"),
    ({"softLimit": 0}, "softLimit"), ({"limit": 1, "softLimit": 1.1}, "softLimit"), ({"softLimit": "x"}, "softLimit"),
    ({"limit": 1, "scope": "all"}, "scope"), ({"limit": 1, "scope": 1}, "scope"), ({"limit": 1, "window": "week"}, "window"),
    ({"limit": 1, "window": ""}, "window"), ({"limit": 1, "subject": "ann"}, "subject"),
    ({"limit": 1, "scope": "user"}, "subject"),
    ({"limit": 1, "scope": "user", "subject": ""}, "subject"), ({"limit": 1, "scope": "user", "subject": "a\0b"}, "subject"),
    ({"limit": 1, "scope": "user", "subject": "x" * (NAME_MAX + 1)}, "subject"),
    ({"limit": 1, "scope": "user", "subject": 5}, "subject"),
    ({"limit": 1, "scope": "key", "subject": "nobody"}, "subject"),
    ({"limit": 1, "scope": "provider", "subject": "nobody"}, "subject"),
    ({"limit": 1, "scope": "provider", "subject": "../providers/p"}, "subject"),
])
def test_wrong_limits_change_nothing(ledger, providers, change, field):
    providers("p")
    refused(put(**change), 400, "INVALID_FIELD", f"{field}: ")
    assert ledger.all("SELECT * FROM budget_limit") == []


def test_bodies_that_are_none(ledger):
    for body in b"", b"nonsense", b"[]", b"7", b'{"limit":nan}', b'{"limit":1', b'{"limit":"\xff"}':
        assert api("/api/v1/budget", "PUT", body)[0] == 400
    assert api("/api/v1/budget", "PUT", b'{"limit":1}' + b" " * (4096 - 11))[0] == 200
    assert api("/api/v1/budget", "PUT", b'{"limit":1}' + b" " * (4097 - 11))[0] == 413


@pytest.mark.parametrize("path", ["/api/v1/budget", "/api/v1/budget/history"])
@pytest.mark.parametrize("query, field", [
    ("scope=all", "scope"), ("scope=", "scope"), ("window=year", "window"), ("subject=x", "subject"),
    ("scope=user", "subject"),
    ("scope=user&subject=", "subject"), (f"scope=user&subject={'x' * (NAME_MAX + 1)}", "subject"),
    ("scope=user&subject=%ff", "subject"),
    ("limit=0", "limit"), (f"limit={LIMIT_MAX + 1}", "limit"), ("limit=x", "limit"),
])
def test_wrong_queries(ledger, path, query, field):
    refused(api(f"{path}?{query}"), 400, "INVALID_QUERY", f"{field}: ")


def test_names_at_their_limits(ledger):
    for name in "x" * NAME_MAX, "ü" * 64:
        good(put(limit=1, scope="user", subject=name))
    refused(put(limit=1, scope="user", subject="ü" * 65), 400, "INVALID_FIELD", "subject: ")
    answer = get("/api/v1/budget?limit=1")
    assert len(answer["limits"]) == 1 and answer["totalLimits"] == 2


def test_history(ledger):
    day = today()
    ledger.insert("spent", [{"scope": "user", "subject": "ann", "window": "day", "begins": (day - d) * DAY,
                             "settled": d * NANO + 1,
                             "reserved": d, "calls": d} for d in range(40)])
    spend(ledger, 5, scope="user", subject="bob")
    answer = get("/api/v1/budget/history?scope=user&subject=ann")
    assert [h["from"] for h in answer["history"]] == [iso((day - d) * DAY) for d in range(30)]
    assert answer["history"][3] == {"from": iso((day - 3) * DAY), "used": 3.000000001, "reserved": 3e-9, "calls": 3}
    assert (answer["scope"], answer["subject"], answer["window"]) == ("user", "ann", "day")
    assert len(get("/api/v1/budget/history?scope=user&subject=ann&limit=1000")["history"]) == 40
    assert len(get("/api/v1/budget/history?scope=user&subject=ann&limit=1")["history"]) == 1
    assert get("/api/v1/budget/history")["history"] == []


# --- can-afford ---


def can_afford(**body):
    return post("/api/v1/budget/can-afford", body)


def test_can_afford_up_to_the_limit(ledger, providers):
    providers("p")

    def check():
        ledger.empty_spent()
        spend(ledger, 3 * NANO, NANO)
        spend(ledger, 8 * NANO, 0, scope="user", subject="ann")
        spend(ledger, 9 * NANO, 0, scope="provider", subject="p")
        good(put(limit=10))
        good(put(limit=10, scope="user", subject="ann"))
        good(put(limit=10, scope="provider", subject="p"))
        good(put(limit=10, softLimit=1, scope="user", subject="bob"))
        for body, by in [({"amount": 6}, []), ({"amount": 6.000000001}, ["total"]), ({"amount": 2, "user": "ann"}, []),
                         ({"amount": 2.000000001, "user": "ann"}, ["user"]),
                         ({"amount": 1, "user": "ann", "provider": "p"}, []),
                         ({"amount": 7, "user": "ann", "provider": "p"}, ["provider", "total", "user"]),
                         ({"amount": 1.1, "provider": "p"}, ["provider"]),
                         ({"amount": 2, "provider": "q", "user": "bob"}, []),
                         ({"amount": 0}, [])]:
            answer = good(can_afford(**body))
            assert sorted(r["scope"] for r in answer["refusedBy"]) == by and answer["canAfford"] is (not by), (body, answer)
            assert answer["amount"] == body["amount"] and answer["priced"] is True

    steady(check)
    assert ledger.all("SELECT count(*) FROM reservation") == [(0,)]


def test_can_afford_by_tokens(ledger, providers):
    providers("p", models=[{"name": "m", "price": {"input": 0.15, "output": 0.6}}, {"name": "free"}])
    good(put(limit=0.00075))
    answer = good(can_afford(provider="p", model="m", inputTokens=1000, outputTokens=1000))
    assert answer["amount"] == 0.00075 and answer["canAfford"] is True and answer["priced"] is True
    answer = good(can_afford(provider="p", model="m", inputTokens=1000, outputTokens=1001))
    assert answer["amount"] == 0.0007506 and answer["canAfford"] is False
    answer = good(can_afford(provider="p", model="free", inputTokens=1000))
    assert answer["amount"] == 0 and answer["priced"] is False
    refused(can_afford(provider="p", model="other", inputTokens=1), 400, "INVALID_FIELD", "model: ")
    refused(can_afford(provider="q", model="m", inputTokens=1), 400, "INVALID_FIELD", "model: ")


@pytest.mark.parametrize("body, field", [
    ({}, "amount"), ({"amount": -1}, "amount"), ({"amount": "1"}, "amount"), ({"amount": USD_MAX + 1}, "amount"),
    ({"provider": "p"}, "amount"), ({"amount": 1, "user": ""}, "user"), ({"amount": 1, "key": 7}, "key"),
    ({"amount": 1, "provider": "x" * (NAME_MAX + 1)}, "provider"),
    ({"provider": "p", "model": "m", "inputTokens": -1}, "inputTokens"),
    ({"provider": "p", "model": "m", "outputTokens": 1.5}, "outputTokens"),
    ({"provider": "p", "model": "m", "inputTokens": 10**9 + 1}, "inputTokens"),
])
def test_wrong_questions(ledger, providers, body, field):
    providers("p")
    refused(can_afford(**body), 400, "INVALID_FIELD", f"{field}: ")


# --- Providers ---


def make_attempts(n=2000, seed=5, span=3 * DAY):
    dice = random.Random(seed)
    now = now_usec()
    calls = []
    for id in range(1, n + 1):
        at = now - dice.randrange(60 * 10**6, span)
        attempts = []
        for _ in range(dice.choice([1, 1, 2])):
            provider = dice.choice(["a", "b", "c"])
            error = dice.choices([None, "http-500", "cancelled", "released", "interrupted", "cut"],
                                 [{"a": 95, "b": 60, "c": 20}[provider], 20, 3, 3, 2, 5])[0]
            running = dice.random() < 0.02
            attempts.append(attempt(at, provider, dice.choice(["m", "n"]), None if running else error,
                                    None if running else dice.randrange(1, 10**7), dice.randrange(4000), dice.randrange(800),
                                    dice.randrange(10**7)))
        calls.append(call(id, at, attempts=attempts))
    return calls


def done(a):
    return a["total"] is not None and a["error"] != "released"


def figures(attempts):
    ended = [a for a in attempts if done(a)]
    judged = [a for a in ended if a["error"] not in ("cancelled", "interrupted")]
    well = [a for a in judged if a["error"] is None]
    tokens, cost = sum(a["tokens_in"] + a["tokens_out"] for a in ended), sum(a["cost"] for a in ended)
    return {
        "avgLatency": near(sum(a["total"] for a in well) / len(well) / 1000 if well else None),
        "successRate": near(len(well) / len(judged) if judged else None),
        "costPer1kTokens": pytest.approx(1000 * cost / tokens / NANO, abs=2e-9) if tokens else None,
        "requestsProcessed": len(ended), "tokensProcessed": tokens, "cost": pytest.approx(cost / NANO, abs=1e-10),
    }


@pytest.mark.parametrize("hours", [1, 24, 366 * 24])
def test_status_of_providers(ledger, providers, hours):
    calls = make_attempts()
    for c in calls:  # none so near to the edge that it passes it as we ask
        for a in c["attempts"]:
            a["at"] -= 5 * 60 * 10**6 if abs(now_usec() - a["at"] - hours * 3600 * 10**6) < 60 * 10**6 else 0
    ledger.seed(calls)
    for name in "a", "b", "c", "new":
        providers(name, models=[{"name": "m"}, {"name": "n"}])
    answer = get(f"/api/v1/providers/status?hours={hours}")
    since = now_usec() - hours * 3600 * 10**6
    by_name = {p["name"]: p for p in answer["providers"]}
    assert set(by_name) == set(answer["status"]) == {"a", "b", "c", "new"}
    for name, p in by_name.items():
        expected = figures([a for c in calls for a in c["attempts"] if a["provider"] == name and a["at"] >= since])
        assert {k: p[k] for k in expected} == expected
        r = p["successRate"]
        word = "untried" if r is None else "healthy" if r >= 0.9 else "degraded" if r >= 0.5 else "failing"
        assert p["status"] == answer["status"][name]["status"] == word
        state = answer["status"][name]
        assert (state["available"], state["enabled"], state["model"], state["models"], state["kind"],
                state["preferred"]) == \
            (True, True, "m", ["m", "n"], "openai", False)
    assert answer["hours"] == hours and answer["formula"]


def test_providers_that_cannot_be_called(ledger, providers):
    ledger.seed([call(1, now_usec(), attempts=[attempt(now_usec(), "gone")])])
    providers("off", enabled=False)
    providers("broken", text="{")
    providers("poor")
    spend(ledger, NANO, scope="provider", subject="poor")
    good(put(limit=1, scope="provider", subject="poor", window="month"))
    answer = get("/api/v1/providers/status")
    status = answer["status"]
    assert {name: s["status"] for name, s in status.items()} == \
        {"broken": "misconfigured", "gone": "removed", "off": "disabled", "poor": "over-budget"}
    assert not any(s["available"] for s in status.values()) and status["poor"]["enabled"] and status["broken"]["error"]
    assert {p["name"]: p["status"] for p in answer["providers"]} == {name: s["status"] for name, s in status.items()}


def test_without_providers(ledger, providers):
    answer = get("/api/v1/providers/status")
    assert answer["status"] == {} and answer["providers"] == [] and "toolooctl provider add" in answer["hint"]
    costs = get("/api/v1/providers/costs")
    assert costs["providers"] == costs["models"] == costs["daily"] == [] and costs["total"]["cost"] == 0
    assert costs["total"]["costPer1kTokens"] is None
    answer = get("/api/v1/providers/recommend")
    assert answer["recommendation"] is None and answer["candidates"] == answer["leftOut"] == [] and answer["hint"]
    burst = get("/api/v1/providers/burst")["burst"]
    assert (burst["requests"], burst["hitRate"], burst["cost"]) == (0, None, 0)


@pytest.mark.parametrize("days", [1, 2, 30])
def test_costs(ledger, days):
    calls = make_attempts(span=40 * DAY)
    ledger.insert("price", [{"id": 1, "provider": "a", "model": "m", "at": 1, "input": 1, "output": 1, "cached": -1,
                             "cache_write": -1,
                             "reasoning": -1, "source": "given"}])
    for c in calls:
        for a in c["attempts"]:
            a["price"] = 1 if a["provider"] == "a" else None
    ledger.seed(calls)

    def check():
        answer = get(f"/api/v1/providers/costs?days={days}")
        since = (today() - days + 1) * DAY
        mine = [a for c in calls for a in c["attempts"] if done(a) and a["at"] >= since]

        def sums(rows):
            tokens, cost = sum(a["tokens_in"] + a["tokens_out"] for a in rows), sum(a["cost"] for a in rows)
            return {"cost": pytest.approx(cost / NANO, abs=1e-10), "requests": len(rows),
                    "unpriced": sum(a["price"] is None for a in rows),
                    "tokensIn": sum(a["tokens_in"] for a in rows), "tokensOut": sum(a["tokens_out"] for a in rows),
                    "tokensCached": 0,
                    "costPer1kTokens": pytest.approx(1000 * cost / tokens / NANO, abs=2e-9) if tokens else None}

        def groups(key):
            found = defaultdict(list)
            for a in mine:
                found[key(a)].append(a)
            return found

        assert answer["total"] == sums(mine) and answer["since"] == iso(since)
        by_provider, by_model = groups(lambda a: a["provider"]), groups(lambda a: (a["provider"], a["model"]))
        assert {p.pop("name"): p for p in answer["providers"]} == {name: sums(rows) for name, rows in by_provider.items()}
        assert {(m.pop("provider"), m.pop("model")): m for m in answer["models"]} == {k: sums(rows) for k,
                                                                                      rows in by_model.items()}
        assert [p["cost"] for p in answer["providers"]] == sorted((p["cost"] for p in answer["providers"]), reverse=True)
        daily = groups(lambda a: (date(a["at"] // DAY), a["provider"]))
        assert {(d["day"], d["provider"]): (d["cost"], d["requests"]) for d in answer["daily"]} == \
            {k: (pytest.approx(sum(a["cost"] for a in rows) / NANO, abs=1e-10), len(rows)) for k, rows in daily.items()}

    steady(check)


def test_wrong_periods(ledger):
    for path, name, most in (("costs", "days", 366), ("recommend", "days", 366), ("recommend", "limit", LIMIT_MAX),
                             ("status", "hours", 8784)):
        for wrong in "0", str(most + 1), "x", "", "-1":
            refused(api(f"/api/v1/providers/{path}?{name}={wrong}"), 400, "INVALID_QUERY", f"{name}: ")
        get(f"/api/v1/providers/{path}?{name}={most}")
        get(f"/api/v1/providers/{path}?{name}=1")


# --- The choice ---


def score(attempts):
    f = figures(attempts)
    judged = [a for a in attempts if done(a) and a["error"] not in ("cancelled", "interrupted")]
    well = [a for a in judged if a["error"] is None]
    latency = sum(a["total"] for a in well) / len(well) / 1000 if well else None
    per1k = 1000 * sum(a["cost"] for a in attempts if done(a)) / f["tokensProcessed"] / NANO if f["tokensProcessed"] else 0
    speed = 0 if latency is None else max(0, 100 - latency / 10)
    return 0.4 * speed + 0.4 * 100 * len(well) / len(judged) + 0.2 * max(0, 100 - 10 * per1k)


def seed_choice(ledger):
    """fast and good, slow and good, fast and bad; and one with a call fewer than count."""
    now, calls = now_usec() - 60 * 10**6, []
    for provider, n, total, errors in ("fast", 8, 50000, 0), ("slow", 5, 500000, 0), ("bad", 10, 40000, 7), ("few", 4, 1000,
                                                                                                             0):
        for i in range(n):
            a = attempt(now, provider, "m", "http-500" if i < errors else None, total, 100, 50, 10**6)
            calls.append(call(len(calls) + 1, now, attempts=[a]))
    ledger.seed(calls)
    return calls


def test_recommend(ledger, providers):
    calls = seed_choice(ledger)
    for name in "fast", "slow", "bad", "few":
        providers(name)
    answer = get("/api/v1/providers/recommend")
    assert [c["provider"] for c in answer["candidates"]] == ["fast", "slow", "bad"] and answer["leftOut"] == []
    for c in answer["candidates"]:
        assert c["score"] == near(score([a for q in calls for a in q["attempts"] if a["provider"] == c["provider"]]))
        assert c["priced"] is False and c["model"] == "m"
    assert answer["recommendation"] == answer["candidates"][0]
    assert get("/api/v1/providers/recommend?limit=1")["candidates"] == answer["candidates"][:1]
    providers("fast", enabled=False)
    providers("bad", models=[{"name": "other"}])
    good(put(limit=1, scope="provider", subject="slow"))
    spend_more = {"scope": "provider", "subject": "slow"}
    ledger.all("UPDATE spent SET settled = ? WHERE scope = ? AND subject = ?", NANO, *spend_more.values())
    answer = get("/api/v1/providers/recommend")
    assert answer["recommendation"] is None and answer["candidates"] == [] and answer["hint"]
    assert {c["provider"]: c["reason"] for c in answer["leftOut"]} == {
        "fast": "it is disabled", "bad": "the provider has no such model any more",
        "slow": "its budget, or the total one, is used up"}


def switch(body):
    return post("/api/v1/providers/switch", body)


def preferred(ledger):
    return dict(ledger.all("SELECT name, value FROM setting")).get("provider.preferred")


def test_switch(ledger, providers):
    for name in "a", "b":
        providers(name)
    answer = good(switch({"provider": "a"}))
    assert (answer["provider"], answer["previous"]) == ("a", None) and preferred(ledger) == "a"
    answer = good(switch({"provider": "b"}))
    assert (answer["provider"], answer["previous"]) == ("b", "a") and preferred(ledger) == "b"
    assert get("/api/v1/providers/policy")["policy"]["preferredProvider"] == "b"
    status = get("/api/v1/providers/status")
    assert status["preferred"] == "b" and [n for n, s in status["status"].items() if s["preferred"]] == ["b"]
    providers("off", enabled=False)
    providers("broken", text="[]")
    refused(switch({"provider": "c"}), 404, "UNKNOWN_PROVIDER", "provider: there is no c; there are: a, b")
    refused(switch({"provider": "off"}), 409, "PROVIDER_UNAVAILABLE", "off ")
    refused(switch({"provider": "broken"}), 409, "PROVIDER_UNAVAILABLE", "broken ")
    for wrong in "", 7, "x" * (NAME_MAX + 1), "a\0":
        refused(switch({"provider": wrong}), 400, "INVALID_FIELD", "provider: ")
    assert preferred(ledger) == "b"
    assert good(switch({"provider": None}))["previous"] == "b" and preferred(ledger) is None


def test_switch_to_the_best_other_one(ledger, providers):
    """What the alert action does whose rule names none."""
    refused(switch({}), 409, "NO_ALTERNATIVE")
    seed_choice(ledger)
    for name in "fast", "slow", "few":
        providers(name)
    assert [good(switch({}))["provider"] for _ in range(3)] == ["fast", "slow", "fast"]
    providers("slow", enabled=False)
    refused(switch({}), 409, "NO_ALTERNATIVE")
    assert preferred(ledger) == "fast"


def policy(**body):
    return post("/api/v1/providers/policy", body)


def test_policy(ledger):
    assert get("/api/v1/providers/policy")["policy"] == {"maxConcurrency": None, "criticality": "normal",
                                                         "preferredProvider": None, "storeContent": 0}
    for n in 1, CONCURRENCY_MAX:
        assert good(policy(maxConcurrency=n))["policy"]["maxConcurrency"] == n
    for word in "low", "normal", "high":
        assert good(policy(criticality=word))["policy"] == \
            {"maxConcurrency": CONCURRENCY_MAX, "criticality": word, "preferredProvider": None, "storeContent": 0}
    for days in 1, 3650, 0, 30:
        assert good(policy(storeContent=days))["policy"]["storeContent"] == days
    assert dict(ledger.all("SELECT name, value FROM setting")) == \
        {"policy.max-concurrency": str(CONCURRENCY_MAX), "policy.criticality": "high", "policy.store-content": "30"}
    assert good(policy(storeContent=None))["policy"]["storeContent"] == 0
    assert good(policy(maxConcurrency=None))["policy"]["maxConcurrency"] is None
    toolooctl("restart", "budget")
    assert get("/api/v1/providers/policy")["policy"]["criticality"] == "high"


@pytest.mark.parametrize("body, field", [
    ({}, "maxConcurrency, criticality or storeContent"), ({"maxConcurrency": 0}, "maxConcurrency"),
    ({"maxConcurrency": CONCURRENCY_MAX + 1}, "maxConcurrency"),
    ({"maxConcurrency": "4"}, "maxConcurrency"), ({"maxConcurrency": 1.5}, "maxConcurrency"),
    ({"maxConcurrency": True}, "maxConcurrency"),
    ({"criticality": "urgent"}, "criticality"), ({"criticality": 1}, "criticality"),
    ({"maxConcurrency": 4, "criticality": ""}, "criticality"),
    ({"storeContent": -1}, "storeContent"), ({"storeContent": 3651}, "storeContent"), ({"storeContent": True}, "storeContent"),
])
def test_wrong_policies_change_nothing(ledger, body, field):
    refused(policy(**body), 400, "INVALID_FIELD", f"{field}{':' if body else ''} ")
    assert ledger.all("SELECT * FROM setting") == []


# --- Burst ---


class StandIn(BaseHTTPRequestHandler):
    """In the provider's place: answers what the test has told it, and remembers what it was asked."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        if self.server.answer is None:  # it takes its time
            self.server.arrived.set()
            if self.connection.recv(1) == b"":
                self.server.left.set()
            self.close_connection = True
            return
        status, headers, answer = self.server.answer
        self.send_response(status)
        fields = {"Content-Type": "application/json", "Content-Length": str(len(answer))} | headers
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@contextmanager
def in_place_of_provider():
    toolooctl("stop", "provider")
    server = ThreadingHTTPServer(("127.0.0.1", PORTS["provider"]), StandIn)
    server.asked, server.arrived, server.left = [], Event(), Event()
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        toolooctl("start", "provider")


def completion(text):
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


def burst(body, headers=None):
    return api("/api/v1/providers/burst", "POST", body, headers)


def test_burst_asks_provider_s_own_port(ledger):
    with in_place_of_provider() as provider:
        provider.answer = (200, {"X-Tooloo-Cache": "miss", "X-Tooloo-Provider": "p", "X-Tooloo-Model": "m",
                                 "X-Tooloo-Cost": "0.0025"},
                           completion("Hellö\n"))
        answer = good(burst({"prompt": "Hi \u2603", "ttlSeconds": 60, "user": "ann"}, {"Authorization": "Bearer tlk_x"}))
        assert {k: answer[k] for k in ("cached", "text", "cache", "provider", "model", "cost")} == \
            {"cached": False, "text": "Hellö\n", "cache": "miss", "provider": "p", "model": "m", "cost": 0.0025}
        path, headers, body = provider.asked.pop()
        assert path == "/v1/chat/completions" and body == {"messages": [{"role": "user", "content": "Hi \u2603"}],
                                                           "user": "ann"}
        assert (headers["X-Tooloo-Cache"], headers["X-Tooloo-Source"], headers["Authorization"]) == ("60", "burst",
                                                                                                     "Bearer tlk_x")
        for word, cached in ("hit", True), ("joined", True), ("none", False):
            provider.answer = (200, {"X-Tooloo-Cache": word}, completion("x"))
            answer = good(burst({"prompt": "Hi", "model": "m2"}))
            assert (answer["cached"], answer["cache"], answer["cost"]) == (cached, word, None)
        path, headers, body = provider.asked.pop()
        assert headers["X-Tooloo-Cache"] == "3600" and body["model"] == "m2" and "Authorization" not in headers


def test_burst_when_provider_refuses(ledger):
    with in_place_of_provider() as provider:
        provider.answer = (429, {"Retry-After": "17"}, b'{"error":{"message":"the budget of ann is used up","type":"x"}}')
        answer = burst({"prompt": "Hi"})
        refused(answer, 429, "PROVIDER_REFUSED", "provider: the budget of ann is used up")
        assert answer[1]["headers"]["Retry-After"] == "17"
        provider.answer = (503, {}, b'{"ok":false,"error":"no provider is configured"}')
        refused(burst({"prompt": "Hi"}), 503, "PROVIDER_REFUSED", "provider: no provider is configured")
        provider.answer = (500, {}, b"oops")
        refused(burst({"prompt": "Hi"}), 500, "PROVIDER_REFUSED", "provider: ")
        for odd in b"", b"[]", b"{}", b"nonsense", b'{"choices":[]}', b'{"choices":[{"message":{"content":null}}]}':
            provider.answer = (200, {}, odd)
            refused(burst({"prompt": "Hi"}), 502, "NO_TEXT")


def test_a_burst_that_nobody_waits_for_is_given_up(ledger):
    with in_place_of_provider() as provider:
        provider.answer = None
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
        connection.request("POST", "/api/v1/providers/burst", json.dumps({"prompt": "Hi"}))
        assert provider.arrived.wait(PATIENCE)
        connection.close()
        assert provider.left.wait(PATIENCE)
    assert get_json(PORT)["ok"]


def test_burst_without_provider(ledger):
    toolooctl("stop", "provider")
    try:
        refused(burst({"prompt": "Hi"}), 503, "PROVIDER_UNREACHABLE", "provider does not answer")
    finally:
        toolooctl("start", "provider")


@pytest.mark.parametrize("body, field", [
    ({}, "prompt"), ({"prompt": ""}, "prompt"), ({"prompt": 5}, "prompt"), ({"prompt": "a\0b"}, "prompt"),
    ({"prompt": "x" * (PROMPT_MAX + 1)}, "prompt"), ({"prompt": "x", "ttlSeconds": 0}, "ttlSeconds"),
    ({"prompt": "x", "ttlSeconds": TTL_MAX + 1}, "ttlSeconds"), ({"prompt": "x", "ttlSeconds": "60"}, "ttlSeconds"),
    ({"prompt": "x", "model": ""}, "model"), ({"prompt": "x", "user": "x" * (NAME_MAX + 1)}, "user"),
])
def test_wrong_bursts(ledger, body, field):
    refused(burst(body), 400, "INVALID_FIELD", f"{field}: ")


def test_burst_limits(ledger):
    with in_place_of_provider() as provider:
        provider.answer = (200, {}, completion("y" * 10**6))
        for ttl in 1, TTL_MAX:
            assert len(good(burst({"prompt": "x" * PROMPT_MAX, "ttlSeconds": ttl}))["text"]) == 10**6
            assert provider.asked[-1][1]["X-Tooloo-Cache"] == str(ttl)


def test_burst_statistics(ledger):
    at = now_usec()
    words = ["miss", "hit", "hit", "joined", "miss", "miss"]
    ledger.seed([call(i + 1, at + i, source="burst", cache=word, status=500 if i == 4 else 200,
                      attempts=[attempt(at, cost=7)] if word == "miss" else []) for i, word in enumerate(words)]
                + [call(99, at, source="v1", cache="hit")])
    answer = get("/api/v1/providers/burst")["burst"]
    assert answer.pop("formula")
    assert answer == {"requests": 6, "hits": 2, "joined": 1, "misses": 3, "failed": 1, "hitRate": 0.5, "lastAt": iso(at + 5),
                      "cost": 21e-9}


# --- Realtime ---


class Stream:
    def __init__(self):
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
        self.connection.request("GET", "/api/v1/providers/realtime")
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.headers["Content-Type"] == "text/event-stream"

    def next(self):
        lines = []
        while (line := self.answer.readline().decode().rstrip("\n")):
            lines.append(line)
        assert lines and lines[0] == "event: status" and lines[1].startswith("data: "), lines
        return json.loads(lines[1][6:])

    def until(self, condition):
        while not condition(event := self.next()):
            pass
        return event

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def test_realtime_tells_of_each_change(ledger, providers):
    providers("p")
    with Stream() as one, Stream() as two:
        for stream in one, two:
            first = stream.next()
            assert [p["name"] for p in first["providers"]] == ["p"] and first["running"] == first["ended"] == []
            assert first["budget"]["used"] == 0
        for n in range(1, 20):
            at = now_usec()
            ledger.insert("request", [{k: v for k, v in call(n, at).items() if k != "attempts"}])
            ledger.insert("attempt", [{"request": n, "n": 1} | attempt(at, total=None, status=None)])
            ledger.insert("reservation", [{"request": n, "n": 1, "expires": at + DAY, "amount": 5}])
            for stream in one, two:
                event = stream.until(lambda e: e["running"])
                assert [r["request"] for r in event["running"]] == [n]
            with ledger.transaction():
                ledger.all("UPDATE attempt SET total = 5000, status = 200, cost = 7 WHERE request = ?", n)
                ledger.all("DELETE FROM reservation")
            for stream in one, two:
                event = stream.until(lambda e: not e["running"])
                assert len(event["ended"]) == n and event["ended"][0] == event["ended"][0] | {"request": n, "total": 5,
                                                                                              "cost": 7e-9}
                assert event["providers"][0]["requestsProcessed"] == n


def test_realtime_tells_of_what_budget_itself_changed(ledger, providers):
    providers("p")
    with Stream() as stream:
        assert stream.next()["budget"]["limit"] is None
        good(put(limit=3))
        assert stream.until(lambda e: e["budget"]["limit"])["budget"]["limit"] == 3
        good(switch({"provider": "p"}))
        assert stream.until(lambda e: e["preferred"])["preferred"] == "p"


def test_realtime_goes_on_after_a_reload(ledger, providers):
    providers("p")
    with Stream() as stream:
        stream.next()
        generation = get_json(PORT)["generation"]
        toolooctl("reload", "budget")
        assert get_json(PORT)["generation"] == generation + 1
        ledger.seed([call(1, now_usec(), attempts=[attempt(now_usec())])])
        assert stream.until(lambda e: e["ended"])["ended"][0]["request"] == 1
        cursor = journal_cursor()
        toolooctl("reload", "budget")
        ledger.seed([call(2, now_usec(), attempts=[attempt(now_usec())])])
        assert len(stream.until(lambda e: len(e["ended"]) > 1)["ended"]) == 2
        assert not [line for line in journal_lines("tooloo-budget.service", cursor) if "rror" in line]


def test_realtime_is_quiet_when_nothing_happens(ledger, providers):
    """A write that changes nothing of what is shown tells nobody: the next event is the one after it."""
    providers("p")
    with Stream() as stream:
        stream.next()
        ledger.insert("event", [{"at": 1, "user": "ann", "kind": "vote", "detail": None}])
        good(put(limit=3))
        assert stream.next()["budget"]["limit"] == 3


# --- Where it lies ---


def test_own_state_is_not_in_the_ledger_s_directory(ledger):
    """systemd lists both; what the host keeps of the module belongs to the service alone."""
    assert {f.name for f in state_directory("ledger").iterdir()} <= {"ledger.db", "ledger.db-wal", "ledger.db-shm"}
