# SPDX-License-Identifier: MIT
"""POST /api/v1/chat/message: a question to a model, through web and provider, with what the session holds already."""
import http.client
import json
import sqlite3

import pytest
from conftest import PATIENCE, PORTS, get_json, http_request, state_directory, toolooctl
from gateway import PROVIDERS, empty_gateway, write_provider
from upstream import Upstream

WEB = PORTS["web"]
PATH = "/api/v1/chat/message"
LEDGER = state_directory("ledger") / "ledger.db"
CONTENT_MAX, SESSION_MESSAGES, HISTORY = 32768, 1000, 40


@pytest.fixture(scope="module")
def source():
    with Upstream() as it:
        yield it


def configure(upstream):
    write_provider("one", upstream.url(), "m")
    write_provider("two", upstream.url(), "n")
    toolooctl("restart", "provider")


@pytest.fixture(scope="module")
def providers(fleet, source):
    with empty_gateway():
        configure(source)
        yield source


@pytest.fixture
def gateway(providers):
    """Two providers, one with the model m and one with n, and no transcript."""
    chat = state_directory("web") / "chat.jsonl"
    providers.forget()
    chat.unlink(missing_ok=True)
    yield providers
    chat.unlink(missing_ok=True)


def post(body, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, answer = http_request(WEB, PATH, "POST", data, {"Content-Type": "application/json"} | (headers or {}))
    return status, json.loads(answer)


def ask(message, session="s", **more):
    return post({"message": message, "sessionId": session, **more})


def transcripts(session="s"):
    return [(m["role"], m["content"]) for m in get_json(WEB, f"/api/v1/chat/transcripts?sessionId={session}&limit=1000")["transcripts"]]


def requests_in_ledger(id):
    with sqlite3.connect(f"file:{LEDGER}?mode=ro", uri=True, timeout=PATIENCE) as db:
        return db.execute("SELECT source, session, user, status FROM request WHERE name = ?", [id]).fetchall()


def test_answer_is_told_and_kept(gateway):
    status, answer = post({"message": "one two three", "sessionId": "s", "userId": "ann", "provider": "one"}, {"X-Request-Id": "chat-1"})
    assert status == 200, answer
    assert answer["ok"] and answer["response"] == "You said: one two three" and answer["sessionId"] == "s"
    assert (answer["provider"], answer["model"], answer["stored"]) == ("one", "m", True)
    assert answer["usage"]["prompt_tokens"] == 3 and answer["usage"]["completion_tokens"] == 5
    assert answer["cost"] == pytest.approx(13e-6)  # 3 x 1 + 5 x 2 USD a million
    assert answer["requestId"] == "chat-1"
    assert transcripts() == [("user", "one two three"), ("assistant", "You said: one two three")]
    assert requests_in_ledger("chat-1") == [("chat", "s", "ann", 200)]


def test_session_goes_along(gateway):
    ask("first")
    ask("elsewhere", session="other")
    ask("second")
    sent = gateway.requests()[-1]["body"]["messages"]
    assert sent == [{"role": "user", "content": "first"}, {"role": "assistant", "content": "You said: first"},
                    {"role": "user", "content": "second"}]


def test_only_the_newest_of_a_long_session_go_along(gateway):
    for i in range(HISTORY + 1):
        status, _, _ = http_request(WEB, "/api/v1/chat/append", "POST",
                                    json.dumps({"sessionId": "s", "role": "user", "content": f"line {i}"}).encode(),
                                    {"Content-Type": "application/json"})
        assert status == 200
    ask("last")
    sent = [m["content"] for m in gateway.requests()[-1]["body"]["messages"]]
    assert sent == [f"line {i}" for i in range(1, HISTORY + 1)] + ["last"]


def test_named_provider_is_asked(gateway):
    for name, model in ("two", "n"), ("one", "m"):
        status, answer = ask("hello", provider=name)
        assert status == 200 and (answer["provider"], answer["model"]) == (name, model)
    status, answer = ask("hello", model="n")
    assert status == 200 and answer["provider"] == "two"
    status, answer = ask("hello", provider="three")
    assert status == 404 and "three" in answer["error"]


def test_failure_is_told_and_nothing_kept(gateway):
    gateway.behave(status=400, model="m")
    status, answer = ask("hello", provider="one")
    assert status == 400 and not answer["ok"] and answer["code"] == "PROVIDER_FAILED" and answer["error"]
    assert transcripts() == []


def test_without_a_provider(gateway):
    for file in PROVIDERS.iterdir():
        file.unlink()
    toolooctl("restart", "provider")
    try:
        status, answer = ask("hello")
        assert status == 503 and "toolooctl provider add" in answer["error"]
        assert transcripts() == []
    finally:
        configure(gateway)


def test_service_that_was_stopped(gateway):
    toolooctl("stop", "provider")
    status, answer = ask("hello")
    assert status == 503 and answer["code"] == "PROVIDER_UNREACHABLE"
    toolooctl("start", "provider")
    assert ask("hello")[0] == 200


def test_client_that_leaves_ends_the_call(gateway):
    gateway.behave(model="m", gate="g")
    connection = http.client.HTTPConnection("127.0.0.1", WEB, timeout=PATIENCE)
    connection.request("POST", PATH, json.dumps({"message": "hello", "sessionId": "s", "provider": "one"}),
                       {"Content-Type": "application/json"})
    gateway.wait(held=1)
    connection.close()
    gateway.wait(disconnected=1)
    assert transcripts() == []


@pytest.mark.parametrize("body, field", [
    ({"sessionId": "s"}, "message"),
    ({"message": "", "sessionId": "s"}, "message"),
    ({"message": 5, "sessionId": "s"}, "message"),
    ({"message": "x" * (CONTENT_MAX + 1), "sessionId": "s"}, "message"),
    ({"message": "a\0b", "sessionId": "s"}, "message"),
    ({"message": "x"}, "sessionId"),
    ({"message": "x", "sessionId": "a b"}, "sessionId"),
    ({"message": "x", "sessionId": "s", "userId": "x" * 129}, "userId"),
    ({"message": "x", "sessionId": "s", "provider": "../up"}, "provider"),
    ({"message": "x", "sessionId": "s", "model": 7}, "model"),
])
def test_bad_input(gateway, body, field):
    status, answer = post(body)
    assert status == 400 and answer["error"].startswith(f"{field}: "), answer
    assert gateway.requests() == [] and transcripts() == []


def test_longest_message(gateway):
    message = "x" * CONTENT_MAX
    status, answer = ask(message)
    assert status == 200, answer
    # What was said of it is over the limit of a message, so neither is kept.
    assert answer["stored"] is False and answer["response"] == f"You said: {message}"
    assert transcripts() == []
