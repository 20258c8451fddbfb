# SPDX-License-Identifier: MIT
"""The dashboard's page of providers: what the ledger holds after real calls, and calls while they run."""
import json
import threading

import pytest
from browser import METRICSD, WEB, browser, page  # noqa: F401, the fixtures
from conftest import PORTS, http_request, toolooctl
from gateway import empty_gateway, write_provider
from upstream import Upstream

GOOD, BAD = 21, 20  # 20 are needed for a rank


def ask(model):
    # Without max_tokens a call reserves more than the limit below holds.
    body = json.dumps({"model": model, "max_tokens": 5, "messages": [{"role": "user", "content": "one two three"}]})
    return http_request(PORTS["provider"], "/v1/chat/completions", "POST", body.encode(), {"Content-Type": "application/json"})[0]


@pytest.fixture(scope="module")
def empty(fleet):
    """The fleet with a ledger in which nothing stands yet."""
    with empty_gateway():
        yield


@pytest.fixture(scope="module")
def upstream(empty):
    with Upstream() as it:
        write_provider("quick", it.url(), "m")
        write_provider("broken", it.url(), "n")
        toolooctl("restart", "provider")
        yield it


def test_nothing_yet(empty, page):
    page.open("/providers", port=WEB)
    page.when_text(".none", r"No limit is set: toolooctl budget")
    page.when_text(".running", "none yet|0 calls running")
    assert not page.all("tr[data-provider]")


def test_metricsd_alone_says_what_is_missing(empty, page):
    page.expected.append("404")
    page.open("/providers", port=METRICSD)
    page.when_text(".unavailable", "Not available: ")
    page.when_text(".running", "not available: the service budget does not tell")


def test_leaderboard_costs_and_budget(upstream, page):
    upstream.behave(model="n", status=400)
    limit = {"scope": "total", "window": "month", "limit": 0.001}
    assert http_request(PORTS["budget"], "/api/v1/budget", "PUT", json.dumps(limit).encode(),
                        {"Content-Type": "application/json"})[0] == 200
    assert [ask("m") for _ in range(GOOD)] == [200] * GOOD
    assert [ask("n") for _ in range(BAD)] == [400] * BAD
    page.open("/providers", port=WEB)
    quick = page.when_text("tr[data-provider=quick]", rf"\b{GOOD}\b")
    assert quick.split()[0] == "1" and "healthy" in quick and "100 %" in quick
    broken = page.text("tr[data-provider=broken]")
    assert broken.split()[0] == "2" and "failing" in broken
    # 21 calls of 3 tokens in at 1 and 5 out at 2 USD a million: 273 of 1,000 micro-USD.
    assert "$0.000273 of $0.00100 (27 %)" in page.when_text(".limit", "all calls, a month")
    assert page.js("document.querySelector('.limit progress').value") == pytest.approx(27.3)
    page.when_text(".chart", "quick: cost a day")
    page.screenshot("providers")


def test_call_is_seen_while_it_runs(upstream, page):
    upstream.behave(model="m", gate="hold")
    page.open("/providers", port=WEB)
    page.when_text(".running", "0 calls running")
    answers = []
    call = threading.Thread(target=lambda: answers.append(ask("m")))
    call.start()
    upstream.wait(held=1)
    page.when_text(".running", "1 call running")
    assert "running" in page.text(".calls tbody tr")
    upstream.open("hold")
    call.join()
    assert answers == [200]
    page.when_text(".running", "0 calls running")
    # The figures follow, without a reload of the page.
    page.when_text("tr[data-provider=quick]", rf"\b{GOOD + 1}\b")
