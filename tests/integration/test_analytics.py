# SPDX-License-Identifier: MIT
"""analytics: every figure is what the same rows give when somebody else computes it."""
import json
import random
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from conftest import PORTS, get_json, http_request, state_directory
from ledger import DAY, Ledger, attempt, call, now_usec, today

PORT = PORTS["analytics"]
NAME_MAX, LIMIT_MAX, DAYS_MAX, WEEKS_MAX = 128, 1000, 366, 52

pytestmark = pytest.mark.usefixtures("fleet")


def api(path, method="GET", body=None):
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    status, _, answer = http_request(PORT, path, method=method, body=data)
    return status, json.loads(answer)


def get(path):
    status, answer = api(path)
    assert status == 200 and answer["ok"] is True, answer
    return answer


@pytest.fixture
def ledger(fleet):
    get("/api/v1/metrics/global")  # makes it
    it = Ledger(state_directory("ledger"))
    it.empty()
    yield it
    it.empty()
    it.close()


def steady(check):
    """Again when UTC's midnight came in between."""
    day = today()
    try:
        check(day)
    except AssertionError:
        if today() == day:
            raise
        check(today())


def date(day):
    return (datetime(1970, 1, 1) + timedelta(days=day)).strftime("%Y-%m-%d")


def iso(usec):
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=usec)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{usec // 1000 % 1000:03}Z"


# --- A fleet of users, and what they come to ---


def make_calls(day, n=3000, seed=7):
    dice = random.Random(seed)
    users = [f"user{i}" for i in range(25)] + [None]
    calls = []
    for id in range(1, n + 1):
        user = dice.choice(users)
        # Some keep to a few days, so that there are streaks and gaps.
        at = (day - min(int(dice.expovariate(1 / 15)), 120)) * DAY + dice.choice([0, DAY - 1, dice.randrange(DAY)])
        at = min(at, now_usec())
        status = dice.choices([200, 201, 429, 500, 499, None], [80, 3, 5, 5, 4, 3])[0]
        attempts = [attempt(at + k, provider=dice.choice("abcd"), model=dice.choice(["m1", "m2"]),
                            error=None if status in (200, 201) else "http-500", total=dice.randrange(1, 10**7),
                            tokens_in=dice.randrange(5000), tokens_out=dice.randrange(900), cost=dice.randrange(10**8))
                    for k in range(dice.choice([0, 1, 1, 1, 2]))]
        calls.append(call(id, at, user, dice.choice([None, f"s{dice.randrange(40)}"]), status, dice.randrange(1, 10**7),
                          attempts,
                          cache=dice.choice(["none", "miss", "hit", "joined"])))
    return calls


def good(c):
    return c["status"] is not None and 200 <= c["status"] <= 299


def rate(calls):
    judged = [c for c in calls if c["status"] not in (None, 499)]
    return sum(map(good, judged)) / len(judged) if judged else None


def latency(calls):
    took = [c["ended"] - c["at"] for c in calls if good(c)]
    return sum(took) / len(took) / 1000 if took else None


def attempts_of(calls):
    return [a for c in calls for a in c["attempts"]]


def usd(nano):
    return nano / 10**9


def near(value):
    return None if value is None else pytest.approx(value, abs=0.0006)


def runs(days):
    """[first, last] of each row of days without a gap."""
    found = []
    for day in sorted(days):
        if found and found[-1][1] == day - 1:
            found[-1][1] = day
        else:
            found.append([day, day])
    return found


def streak(days, day):
    rows = runs(days)
    current = [last - first + 1 for first, last in rows if last >= day - 1]
    return {"current": current[0] if current else 0, "longest": max((b - a + 1 for a, b in rows), default=0)}


def engagement(calls, day):
    recent = [c for c in calls if day - 29 <= c["at"] // DAY <= day]
    days = {c["at"] // DAY for c in recent}
    sessions = {c["session"] for c in recent} - {None}
    row = streak(days, day)["current"]
    score = 40 * len(days) / 30 + 30 * min(1, len(recent) / 100) + 20 * min(1, row / 7) + 10 * min(1, len(sessions) / 20)
    return {"score": near(score), "activeDays": len(days), "requests": len(recent), "sessions": len(sessions),
            "currentStreak": row}


def by_user(calls):
    users = defaultdict(list)
    for c in calls:
        if c["user"] is not None:
            users[c["user"]].append(c)
    return users


@pytest.fixture
def calls(ledger):
    made = make_calls(today())
    ledger.seed(made)
    return made


def test_metrics_of_each_user(calls):
    def check(day):
        for user, own in by_user(calls).items():
            answer = get(f"/api/v1/metrics/user/{user}")
            metrics, attempts = answer["metrics"], attempts_of(own)
            assert metrics.pop("formula").startswith("successRate = ")
            models = Counter((a["provider"], a["model"]) for a in attempts)
            assert {(m["provider"], m["model"]): m["attempts"] for m in metrics["models"]} == models
            for m in metrics.pop("models"):
                assert m["cost"] == usd(sum(a["cost"] for a in attempts
                                            if (a["provider"], a["model"]) == (m["provider"], m["model"])))
            assert metrics == {
                "requests": len(own), "successfulRequests": sum(map(good, own)),
                "running": sum(c["status"] is None for c in own),
                "successRate": near(rate(own)), "cachedRequests": sum(c["cache"] in ("hit", "joined") for c in own),
                "sessions": len({c["session"] for c in own} - {None}), "avgLatency": near(latency(own)),
                "activeDays": len({c["at"] // DAY for c in own}), "firstSeen": iso(min(c["at"] for c in own)),
                "lastSeen": iso(max(c["at"] for c in own)), "attempts": len(attempts),
                "tokensIn": sum(a["tokens_in"] for a in attempts), "tokensOut": sum(a["tokens_out"] for a in attempts),
                "cost": usd(sum(a["cost"] for a in attempts)),
            }
            days = {c["at"] // DAY for c in own}
            assert {k: answer["streak"][k] for k in ("current", "longest", "lastDay")} == \
                streak(days, day) | {"lastDay": date(max(days))}
            assert answer["userId"] == user and "hint" not in answer

    steady(check)


def test_engagement_and_the_leaderboard(calls):
    def check(day):
        scores = {user: engagement(own, day) for user, own in by_user(calls).items()}
        for user, expected in scores.items():
            answer = get(f"/api/v1/metrics/engagement/{user}")
            assert answer["engagement"] == expected and answer["formula"].startswith("score = 40 x activeDays / 30")
        listed = get("/api/v1/metrics/top-performers?limit=1000")["topPerformers"]
        listed = [p for p in listed]
        assert {p["userId"]: {k: p[k] for k in expected} for p in listed} == \
            {user: s for user, s in scores.items() if s["activeDays"] > 0}
        assert [p["score"] for p in listed] == sorted((p["score"] for p in listed), reverse=True)
        assert [p["rank"] for p in listed] == [1 + sum(q["score"] > p["score"] for q in listed) for p in listed]
        assert get("/api/v1/metrics/top-performers?limit=3")["topPerformers"] == listed[:3]

    steady(check)


def least_squares(points):
    n, x, y = len(points), sum(p[0] for p in points), sum(p[1] for p in points)
    below = n * sum(p[0] ** 2 for p in points) - x * x
    return (n * sum(a * b for a, b in points) - x * y) / below if below else None


TREND = {
    "requests": lambda own: len(own),
    "sessions": lambda own: len({c["session"] for c in own} - {None}),
    "tokens": lambda own: sum(a["tokens_in"] + a["tokens_out"] for a in attempts_of(own)),
    "cost": lambda own: usd(sum(a["cost"] for a in attempts_of(own))),
    "latency": latency,
    "successRate": rate,
}


@pytest.mark.parametrize("metric", TREND)
@pytest.mark.parametrize("days", [1, 2, 30, DAYS_MAX])
def test_trend(calls, metric, days):
    def check(day):
        own = by_user(calls)["user3"]
        answer = get(f"/api/v1/metrics/trend/user3?metric={metric}&days={days}")["trend"]
        expected = [TREND[metric]([c for c in own if c["at"] // DAY == d]) for d in range(day - days + 1, day + 1)]
        assert answer["days"] == [{"day": date(day - days + 1 + i), "value": near(v)} for i, v in enumerate(expected)]
        points = [(i, v) for i, v in enumerate(expected) if v is not None]
        assert answer["slope"] == near(least_squares(points) if len(points) > 1 else None)
        assert answer["metric"] == metric and answer["formula"] and answer["slopeFormula"]

    steady(check)


def test_trend_without_asking_is_requests_of_30_days(calls):
    assert get("/api/v1/metrics/trend/user3") == get("/api/v1/metrics/trend/user3?metric=requests&days=30")


def test_global(calls):
    def check(day):
        answer = get("/api/v1/metrics/global")["global"]
        assert answer.pop("formula")
        last = {user: {c["at"] // DAY for c in own} for user, own in by_user(calls).items()}
        active = [sum(any(d > day - n for d in days) for days in last.values()) for n in (1, 7, 30)]
        attempts = attempts_of(calls)
        assert answer == {
            "users": len(last), "activeToday": active[0], "active7Days": active[1], "active30Days": active[2],
            "stickiness": near(active[0] / active[2]), "requests": len(calls), "successfulRequests": sum(map(good, calls)),
            "anonymousRequests": sum(c["user"] is None for c in calls), "running": sum(c["status"] is None for c in calls),
            "cachedRequests": sum(c["cache"] in ("hit", "joined") for c in calls), "successRate": near(rate(calls)),
            "sessions": len({c["session"] for c in calls} - {None}), "avgLatency": near(latency(calls)),
            "attempts": len(attempts), "tokensIn": sum(a["tokens_in"] for a in attempts),
            "tokensOut": sum(a["tokens_out"] for a in attempts), "cost": usd(sum(a["cost"] for a in attempts)),
        }

    steady(check)


def retention(users, day, weeks):
    """users: their days. Weeks begin on Monday, as Python's do."""
    def week(d):
        return d - (datetime(1970, 1, 1) + timedelta(days=d)).weekday()

    cohorts = defaultdict(list)
    for days in users.values():
        cohorts[min(map(week, days))].append({week(d) for d in days})
    table = []
    for first in sorted(cohorts):
        if first > week(day) - 7 * weeks:
            active = [sum(w in member for member in cohorts[first]) for w in range(first, week(day) + 1, 7)]
            n = len(cohorts[first])
            table.append({"week": date(first), "users": n, "active": active, "retention": [near(a / n) for a in active]})
    return table


@pytest.mark.parametrize("weeks", [1, 8, WEEKS_MAX])
def test_retention(ledger, weeks):
    """Users who begin in different weeks, with days at both ends of each."""
    day = today()
    dice, users, calls = random.Random(3), {}, []
    for i in range(60):
        first = day - dice.randrange(70)
        users[f"u{i}"] = {first} | {d for d in range(first, day + 1) if dice.random() < 0.1}
        for d in users[f"u{i}"]:
            calls.append(call(len(calls) + 1, min(d * DAY + dice.choice([0, DAY - 1]), now_usec()), f"u{i}"))
    ledger.seed(calls)

    def check(day):
        answer = get(f"/api/v1/analytics/dashboard?weeks={weeks}")["dashboard"]["retention"]
        assert answer["cohorts"] == retention(users, day, weeks) and answer["formula"]

    steady(check)


def test_events_are_activity_but_badges_are_not(ledger):
    day = today()
    ledger.insert("event", [{"at": (day - 1) * DAY, "user": "ann", "kind": "vote", "detail": None},
                            {"at": day * DAY, "user": "ann", "kind": "vote", "detail": "{}"},
                            {"at": day * DAY, "user": "bob", "kind": "badge", "detail": '{"badge":"explorer"}'}])
    ann = get("/api/v1/metrics/user/ann")
    assert (ann["metrics"]["requests"], ann["metrics"]["activeDays"], ann["streak"]["current"]) == (0, 2, 2)
    assert ann["metrics"]["successRate"] is None and ann["metrics"]["avgLatency"] is None
    bob = get("/api/v1/metrics/user/bob")
    assert (bob["metrics"]["activeDays"], bob["metrics"]["firstSeen"], bob["streak"]["longest"]) == (0, None, 0)
    answer = get("/api/v1/metrics/global")["global"]
    assert (answer["users"], answer["requests"]) == (1, 0)


@pytest.mark.parametrize("ago, current", [([0], 1), ([1], 1), ([2], 0), ([0, 1, 2, 4], 3), ([1, 2, 3], 3), ([2, 3, 4], 0)])
def test_ends_of_a_streak(ledger, ago, current):
    day = today()
    ledger.seed([call(i + 1, (day - d) * DAY, "ann") for i, d in enumerate(ago)])
    assert get("/api/v1/metrics/user/ann")["streak"]["current"] == current


def test_days_are_utc_s(ledger):
    day = today() - 5
    ledger.seed([call(1, day * DAY - 1, "ann"), call(2, day * DAY, "ann"), call(3, (day + 1) * DAY - 1, "ann"),
                 call(4, (day + 1) * DAY, "ann")])
    days = {d["day"]: d["value"] for d in get("/api/v1/metrics/trend/ann")["trend"]["days"]}
    assert [days[date(day + k)] for k in (-1, 0, 1)] == [1, 2, 1]


# --- Badges ---


def award(user, **more):
    return api("/api/v1/badges/award", "POST", {"userId": user} | more)


def badge_rows(ledger, user):
    rows = ledger.all("SELECT detail FROM event WHERE kind = 'badge' AND user = ? ORDER BY id", user)
    return [json.loads(detail)["badge"] for detail, in rows]


def test_badges_are_awarded_once(ledger):
    day = today()
    ledger.seed([call(i + 1, (day - i % 7) * DAY, "ann", attempts=[attempt(day * DAY, provider=f"p{i % 3}")])
                 for i in range(100)])
    before = get("/api/v1/badges/user/ann")
    assert before["badges"] == [] and {b["id"] for b in before["open"] if b["earned"]} == \
        {"first-call", "hundred-calls", "week-streak", "explorer"}
    assert badge_rows(ledger, "ann") == []  # to look changes nothing
    status, answer = award("ann")
    assert status == 200 and answer["awarded"] == ["first-call", "hundred-calls", "week-streak", "explorer"]
    assert badge_rows(ledger, "ann") == answer["awarded"]
    first = get("/api/v1/badges/user/ann")["badges"]
    assert [b["id"] for b in first] == answer["awarded"] and all(b["awardedAt"] for b in first)
    assert award("ann")[1]["awarded"] == [] and award("ann", badge="explorer")[1]["awarded"] == []
    assert get("/api/v1/badges/user/ann")["badges"] == first and len(badge_rows(ledger, "ann")) == 4


def test_badges_are_awarded_once_to_many_who_ask_at_once(ledger):
    ledger.seed([call(1, today() * DAY, f"user{i}") | {"id": i + 1} for i in range(10)])
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda i: award(f"user{i % 10}"), range(100)))
    assert all(status == 200 for status, _ in answers)
    assert sum(len(answer["awarded"]) for _, answer in answers) == 10
    for i in range(10):
        assert badge_rows(ledger, f"user{i}") == ["first-call"]


@pytest.mark.parametrize("badge, calls, missing", [
    ("hundred-calls", [call(i + 1, 0) for i in range(100)], 1),
    ("week-streak", [call(i + 1, i * DAY) for i in range(7)], 3),
    ("month-streak", [call(i + 1, i * DAY) for i in range(30)], 15),
    ("explorer", [call(i + 1, 0, attempts=[attempt(0, provider=f"p{i}")]) for i in range(3)], 1),
    ("regular", [call(i + 1, 2 * i * DAY) for i in range(50)], 7),
    ("thousand-calls", [call(i + 1, 0) for i in range(1000)], 500),
])
def test_a_badge_needs_all_of_it(ledger, badge, calls, missing):
    start = (today() - 200) * DAY
    calls = [c | {"user": "ann", "at": c["at"] + start, "ended": c["ended"] + start} for c in calls]
    ledger.seed(calls[:missing] + calls[missing + 1:])
    status, answer = award("ann", badge=badge)
    assert status == 409 and answer["code"] == "NOT_EARNED" and badge in answer["error"], answer
    assert badge_rows(ledger, "ann") == []
    ledger.seed([calls[missing]])
    status, answer = award("ann", badge=badge)
    assert status == 200 and answer["awarded"] == [badge] == badge_rows(ledger, "ann")


def test_failed_calls_earn_nothing(ledger):
    ledger.seed([call(i + 1, today() * DAY, "ann", status=status, attempts=[attempt(0, provider=f"p{i}", error="cut")])
                 for i, status in enumerate([500, 499, None, 429])])
    assert award("ann") == (200, award("ann")[1]) and badge_rows(ledger, "ann") == []
    assert award("ann", badge="first-call")[0] == 409


def test_badge_leaderboard(ledger):
    ledger.insert("event", [{"at": at, "user": user, "kind": "badge", "detail": json.dumps({"badge": badge})}
                            for at, user, badge in [(5, "ann", "first-call"), (9, "ann", "explorer"),
                                                    (7, "bob", "first-call"),
                                                    (8, "bob", "regular"), (1, "eve", "first-call")]])
    board = get("/api/v1/badges/leaderboard")["leaderboard"]
    assert [(b["rank"], b["userId"], b["badges"], b["lastAwardedAt"]) for b in board] == \
        [(1, "bob", 2, iso(8)), (1, "ann", 2, iso(9)), (3, "eve", 1, iso(1))]
    assert get("/api/v1/badges/leaderboard?limit=1")["leaderboard"] == board[:1]


# --- All in one ---


def test_summary_and_dashboard_say_what_the_parts_say(calls):
    def check(_):
        summary = get("/api/v1/analytics/summary/user5")["summary"]
        assert summary["metrics"] == get("/api/v1/metrics/user/user5")["metrics"]
        assert summary["engagement"]["engagement"] == get("/api/v1/metrics/engagement/user5")["engagement"]
        assert summary["badges"]["open"] == get("/api/v1/badges/user/user5")["open"]
        assert summary["trend"] == get("/api/v1/metrics/trend/user5")["trend"]
        dashboard = get("/api/v1/analytics/dashboard?limit=4")["dashboard"]
        assert dashboard["global"] == get("/api/v1/metrics/global")["global"]
        assert dashboard["topPerformers"] == get("/api/v1/metrics/top-performers?limit=4")["topPerformers"]
        assert dashboard["leaderboard"] == get("/api/v1/badges/leaderboard")["leaderboard"] == []

    steady(check)


def test_an_empty_ledger(ledger):
    answer = get("/api/v1/metrics/global")["global"]
    assert answer.pop("formula")
    assert {k for k, v in answer.items() if v is None} == {"stickiness", "successRate", "avgLatency"}
    assert all(v == 0 for v in answer.values() if v is not None)
    assert get("/api/v1/metrics/top-performers")["topPerformers"] == []
    assert get("/api/v1/badges/leaderboard")["leaderboard"] == []
    assert get("/api/v1/analytics/dashboard")["dashboard"]["retention"]["cohorts"] == []
    user = get("/api/v1/metrics/user/nobody")
    assert "hint" in user and user["metrics"]["requests"] == 0 and user["metrics"]["firstSeen"] is None
    assert get("/api/v1/metrics/engagement/nobody")["engagement"] is None
    assert get("/api/v1/badges/user/nobody")["badges"] == []
    assert [d["value"] for d in get("/api/v1/metrics/trend/nobody?days=3")["trend"]["days"]] == [0, 0, 0]
    assert "hint" in get("/api/v1/analytics/summary/nobody")


def test_names_at_their_limits(ledger):
    for name in "x" * NAME_MAX, "ü" * (NAME_MAX // 2), "a b/c%?", "\U0001f600":
        ledger.empty()
        ledger.seed([call(1, today() * DAY, name)])
        assert get(f"/api/v1/metrics/user/{quote(name, safe='')}")["metrics"]["requests"] == 1
        assert award(name)[1]["awarded"] == ["first-call"] and badge_rows(ledger, name) == ["first-call"]


@pytest.mark.parametrize("path", ["metrics/user", "metrics/engagement", "metrics/trend", "badges/user", "analytics/summary"])
def test_wrong_users(ledger, path):
    for wrong in "x" * (NAME_MAX + 1), "ü" * 65, "%ff", "%0a", "%7f", "%c3":
        status, answer = api(f"/api/v1/{path}/{wrong if '%' in wrong else quote(wrong)}")
        assert status == 400 and answer["code"] == "INVALID_PARAMETER" and answer["error"].startswith("id: "), answer


@pytest.mark.parametrize("path, name, wrong", [
    ("metrics/trend/ann", "days", ["0", str(DAYS_MAX + 1), "x", "", "-1", "1.5"]),
    ("metrics/trend/ann", "metric", ["", "request", "REQUESTS", "requests,cost"]),
    ("metrics/top-performers", "limit", ["0", str(LIMIT_MAX + 1), "x", ""]),
    ("badges/leaderboard", "limit", ["0", str(LIMIT_MAX + 1), "99999999999999999999"]),
    ("analytics/dashboard", "limit", ["0", str(LIMIT_MAX + 1)]),
    ("analytics/dashboard", "weeks", ["0", str(WEEKS_MAX + 1), "x"]),
])
def test_wrong_queries(ledger, path, name, wrong):
    for value in wrong:
        status, answer = api(f"/api/v1/{path}?{name}={value}")
        assert status == 400 and answer["code"] == "INVALID_QUERY" and answer["error"].startswith(f"{name}: "), answer


@pytest.mark.parametrize("body, field", [
    ({}, "userId"), ({"userId": None}, "userId"), ({"userId": ""}, "userId"), ({"userId": 7}, "userId"),
    ({"userId": "a\0b"}, "userId"), ({"userId": "a\nb"}, "userId"), ({"userId": "x" * (NAME_MAX + 1)}, "userId"),
    ({"userId": "ann", "badge": ""}, "badge"), ({"userId": "ann", "badge": "king"}, "badge"),
    ({"userId": "ann", "badge": 1}, "badge"),
])
def test_wrong_awards(ledger, body, field):
    ledger.seed([call(1, today() * DAY, "ann")])
    status, answer = api("/api/v1/badges/award", "POST", body)
    assert status == 400 and answer["code"] == "INVALID_FIELD" and answer["error"].startswith(f"{field}: "), answer
    assert ledger.all("SELECT count(*) FROM event") == [(0,)]
