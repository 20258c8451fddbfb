# SPDX-License-Identifier: MIT
"""The provider service: one gateway to many models, held against an upstream that fails as it is told (tests/lib/upstream.py) and
against the rows of the ledger."""
import contextlib
import hashlib
import http.client
import json
import os
import select
import shutil
import socket
import sqlite3
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from conftest import PATIENCE, PORTS, http_request, journal_cursor, journal_lines, kill, run, state_directory, toolooctl, \
    unit_property, wait_until
from upstream import Upstream

PORT = PORTS["provider"]
UNIT = "tooloo-provider.service"
CONFIG = Path.home() / ".config/tooloo"
PROVIDERS, CREDENTIALS = CONFIG / "providers", CONFIG / "credentials"
LEDGER = state_directory("ledger") / "ledger.db"
PRICE = {"input": 0.15, "output": 0.60, "cachedInput": 0.075}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
TEXT = "one two three"
SAID = "You said: one two three"  # the upstream counts words: 3 in, 5 out


def again(deadline):
    """For wait_until(): asks without a pause, as nothing tells of what is waited for."""
    return True


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(mode)
    new.rename(path)


class Answer:
    def __init__(self, id, status, headers, body):
        self.id, self.status, self.headers, self.body = id, status, headers, body

    def json(self):
        return json.loads(self.body)

    def events(self):
        """The data of server-sent events, or the lines of Ollama's."""
        text = self.body.decode()
        lines = text.splitlines()
        if any(line.startswith("data:") for line in lines):
            lines = [line[5:].strip() for line in lines if line.startswith("data:")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines if line]

    def text(self):
        """What the model said, of any of the formats, streamed or not."""
        if "event-stream" in self.headers["Content-Type"] or "ndjson" in self.headers["Content-Type"]:
            return "".join(said(event) for event in self.events() if event != "[DONE]")
        return said(self.json())


def said(json):
    if "choices" in json:
        return "".join((choice.get("message") or choice.get("delta") or {}).get("content") or "" for choice in json["choices"])
    if isinstance(json.get("content"), list):
        return "".join(block.get("text", "") for block in json["content"])
    if "delta" in json:
        return json["delta"].get("text") or ""
    return (json.get("message") or {}).get("content") or "" if isinstance(json.get("message"), dict) else ""


def ask(model, api="openai", text=TEXT, stream=False, headers=None, timeout=PATIENCE, id=None, **fields):
    """The body and head of a request for a model's answer."""
    id = id or f"t-{uuid.uuid4().hex}"
    body = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream} | fields
    if api == "anthropic":
        body.setdefault("max_tokens", 100)
    head = {"Content-Type": "application/json", "X-Request-Id": id} | (headers or {})
    return id, PATHS[api], json.dumps(body), head


def chat(model, timeout=PATIENCE, **more):
    id, path, body, head = ask(model, **more)
    return Answer(id, *http_request(PORT, path, "POST", body, head, timeout=timeout))


def database():
    db = sqlite3.connect(f"file:{LEDGER}?mode=ro", uri=True, timeout=PATIENCE)
    db.row_factory = sqlite3.Row
    return db


def request_row(id):
    db = database()
    try:
        rows = db.execute("SELECT * FROM request WHERE name = ?", [id]).fetchall()
    finally:
        db.close()
    assert len(rows) == 1, f"{len(rows)} requests {id}"
    return rows[0]


def attempts(id):
    db = database()
    try:
        return db.execute("SELECT a.* FROM attempt a JOIN request q ON q.id = a.request WHERE q.name = ? ORDER BY a.n",
                          [id]).fetchall()
    finally:
        db.close()


def number(sql, *parameters):
    db = database()
    try:
        return db.execute(sql, parameters).fetchone()[0]
    finally:
        db.close()


def change(sql, *parameters):
    """As the tool's verbs do it: these tests are of the service alone."""
    db = sqlite3.connect(LEDGER, timeout=PATIENCE)
    with db:
        db.execute(sql, parameters)
    db.close()


def health():
    status, _, body = http_request(PORT, "/api/v1/providers/health")
    assert status == 200
    return {p["name"]: p for p in json.loads(body)["providers"]}


def models():
    status, _, body = http_request(PORT, "/v1/models", headers={"Authorization": f"Bearer {KEYS['token']}"} if KEYS else {})
    assert status == 200, body
    return {m["id"]: m for m in json.loads(body)["data"]}


KEYS = {}


def select(**wish):
    status, _, body = http_request(PORT, "/api/v1/providers/select", "POST", json.dumps(wish),
                                   {"Content-Type": "application/json"})
    return status, json.loads(body)


def configure(name, model="m", base_url=None, kind="openai", key=None, price=PRICE, wait=True, **more):
    """Writes a provider's file as the tool does, and waits until the service has read it."""
    described = [m if isinstance(m, dict) else {"name": m} for m in ([model] if not isinstance(model, list) else model)]
    for m in described:
        if price:
            m.setdefault("price", price)
    before = health().get(name)
    if key:
        write(CREDENTIALS / name, key + "\n")
    write(PROVIDERS / f"{name}.json", json.dumps({"kind": kind, "baseUrl": base_url, "models": described,
                                                  "credential": bool(key)} | more))
    if wait:
        assert before is None
        wait_until(lambda: name in health() and health()[name]["key"] != "coming", again, f"the provider {name}")


def remove(*names):
    for name in names:
        (PROVIDERS / f"{name}.json").unlink(missing_ok=True)
        (CREDENTIALS / name).unlink(missing_ok=True)
    wait_until(lambda: not set(names) & set(health()), again, f"{names} gone")


@pytest.fixture(scope="module")
def service():
    toolooctl("stop", "provider", ok=None)
    shutil.rmtree(LEDGER.parent, ignore_errors=True)
    shutil.rmtree(CONFIG, ignore_errors=True)
    toolooctl("start", "provider")
    yield
    toolooctl("stop", "provider")
    shutil.rmtree(CONFIG, ignore_errors=True)


@pytest.fixture(scope="module")
def source():
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def upstream(service, source):
    """With no provider configured at first, and nothing in the ledger that would keep a call from being made."""
    source.forget()
    yield source
    if PROVIDERS.is_dir():
        remove(*(path.stem for path in PROVIDERS.glob("*.json")))
    change("DELETE FROM budget_limit")
    change("DELETE FROM gateway_key WHERE id NOT IN (SELECT key FROM request WHERE key IS NOT NULL)")
    change("UPDATE gateway_key SET revoked = 1")
    KEYS.clear()


# --- The thinnest slice ---


def test_no_provider(upstream):
    for api in PATHS:
        answer = chat("m", api=api)
        assert answer.status == 503 and "toolooctl provider add" in answer.body.decode()
        row = request_row(answer.id)
        assert (row["status"], row["api"], row["source"], row["cache"], row["stream"]) == (503, api, "v1", "none", 0)
        assert not attempts(answer.id)
    assert models() == {}


def test_an_answer_and_its_row(upstream):
    configure("one", base_url=upstream.url())
    answer = chat("m", headers={"X-Tooloo-User": "ada", "X-Tooloo-Session": "s1", "X-Tooloo-Intent": "greet"})
    assert answer.status == 200, answer.body
    assert answer.text() == SAID
    assert answer.headers["X-Tooloo-Provider"] == "one" and answer.headers["X-Tooloo-Model"] == "m"
    assert answer.headers["X-Request-Id"] == answer.id
    assert answer.headers["X-Tooloo-Cost"] == "0.00000345"  # (3 x 0.15 + 5 x 0.60) / 1e6
    row = request_row(answer.id)
    assert (row["status"], row["user"], row["session"], row["intent"], row["key"]) == (200, "ada", "s1", "greet", None)
    assert row["ended"] >= row["at"]
    attempt, = attempts(answer.id)
    assert (attempt["n"], attempt["provider"], attempt["model"], attempt["status"], attempt["error"]) == (1, "one", "m", 200, None)
    assert (attempt["tokens_in"], attempt["tokens_out"], attempt["reported"], attempt["cost"]) == (3, 5, 1, 3450)
    assert 0 < attempt["ttft"] <= attempt["total"]
    assert number("SELECT count(*) FROM reservation") == 0
    assert list(models()) == ["m"] and models()["m"]["providers"] == ["one"]


def test_a_stream_and_its_row(upstream):
    configure("one", base_url=upstream.url())
    answer = chat("m", stream=True)
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["X-Tooloo-Provider"] == "one"
    assert answer.text() == SAID and answer.events()[-1] == "[DONE]"
    assert not any(event.get("usage") for event in answer.events()[:-1])  # it was not asked for
    row, attempt = request_row(answer.id), attempts(answer.id)[0]
    assert (row["status"], row["stream"]) == (200, 1)
    assert (attempt["error"], attempt["tokens_in"], attempt["tokens_out"], attempt["cost"]) == (None, 3, 5, 3450)
    asked = chat("m", stream=True, stream_options={"include_usage": True})
    assert asked.events()[-2]["usage"]["completion_tokens"] == 5


def test_a_stream_passes_as_it_comes(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(gate="held", gateAt=2)
    _, path, body, head = ask("m", stream=True)
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
    connection.request("POST", path, body, head)
    answer = connection.getresponse()
    begun = b""
    while b"said" not in begun:
        begun += answer.read1()
    assert b"[DONE]" not in begun
    upstream.open("held")
    assert b"[DONE]" in answer.read()
    connection.close()


# --- Clients and providers of every kind ---


@pytest.mark.parametrize("kind", ["openai", "anthropic", "ollama", "gemini"])
def test_every_client_of_every_kind_of_provider(upstream, kind):
    configure("one", kind=kind, base_url=upstream.url(kind))
    for api in PATHS:
        for stream in False, True:
            answer = chat("m", api=api, stream=stream)
            assert answer.status == 200, answer.body
            assert answer.text() == SAID, answer.body
            attempt, = attempts(answer.id)
            assert (attempt["error"], attempt["tokens_in"], attempt["tokens_out"], attempt["reported"], attempt["cost"]) == \
                (None, 3, 5, 1, 3450), (api, stream)
            if not stream:
                assert answer.headers["X-Tooloo-Cost"] == "0.00000345"


# USD per million tokens, as vendors state them: 150, 600, 75, 187.5 and 1200 nano-USD a token.
EACH_PRICE = {"input": 0.15, "output": 0.60, "cachedInput": 0.075, "cacheWrite": 0.1875, "reasoning": 1.20}
USAGE = {"in": 1000, "cached": 400, "out": 100}
# What each format can tell apart, and the sum by hand.
COSTS = {
    "openai": (USAGE | {"reasoning": 30}, 198_000),    # 600 x 150 + 400 x 75 + 70 x 600 + 30 x 1200
    "anthropic": (USAGE | {"cacheWrite": 200}, 187_500),  # 400 x 150 + 400 x 75 + 200 x 187.5 + 100 x 600
    "ollama": (USAGE, 210_000),                        # 1000 x 150 + 100 x 600
    "gemini": (USAGE | {"reasoning": 30}, 198_000),
}


@pytest.mark.parametrize("kind", COSTS)
def test_what_a_call_costs(upstream, kind):
    usage, nano = COSTS[kind]
    configure("one", kind=kind, base_url=upstream.url(kind), price=EACH_PRICE)
    upstream.behave(usage=usage)
    for api in PATHS:
        for stream in False, True:
            answer = chat("m", api=api, stream=stream)
            attempt, = attempts(answer.id)
            assert (attempt["cost"], attempt["tokens_in"], attempt["tokens_out"]) == (nano, 1000, 100), (api, stream)
            if not stream:
                assert round(float(answer.headers["X-Tooloo-Cost"]) * 1e9) == nano


def test_a_new_price_rewrites_no_history(upstream):
    configure("one", base_url=upstream.url(), price={"input": 1, "output": 2})
    upstream.behave(usage={"in": 1000, "out": 100})
    old = chat("m").id
    remove("one")
    configure("one", base_url=upstream.url(), price={"input": 10, "output": 20})
    new = chat("m").id
    costs = [attempts(id)[0]["cost"] for id in (old, new)]
    assert costs == [1_200_000, 12_000_000]
    toolooctl("ledger", "rebuild")
    assert [attempts(id)[0]["cost"] for id in (old, new)] == costs
    assert toolooctl("ledger", "verify").stdout == "The ledger is in order.\n"
    lines = {line["requestId"]: line for line in map(json.loads, toolooctl("ledger", "export").stdout.splitlines())}
    assert (lines[old]["priceInput"], lines[new]["priceInput"]) == (1, 10)


def test_lists_of_models(upstream):
    configure("one", ["m", {"name": "n", "upstream": "its-own-name"}], base_url=upstream.url())
    configure("two", ["n"], base_url=upstream.url(), price=None)
    listed = models()
    assert {id: (m["providers"], m["priced"]) for id, m in listed.items()} == {"m": (["one"], True), "n": (["one", "two"], False)}
    assert all(m["object"] == "model" and abs(m["created"] - time.time()) < PATIENCE for m in listed.values())
    tags = json.loads(http_request(PORT, "/api/tags")[2])["models"]
    assert [m["name"] for m in tags] == ["m", "n"]
    theirs = json.loads(http_request(PORT, "/v1/models", headers={"anthropic-version": "2023-06-01"})[2])
    assert [m["id"] for m in theirs["data"]] == ["m", "n"] and (theirs["first_id"], theirs["has_more"]) == ("m", False)
    assert json.loads(http_request(PORT, "/v1/models/n")[2])["providers"] == ["one", "two"]
    assert http_request(PORT, "/v1/models/zebra")[0] == 404
    chat("one/n")
    assert upstream.requests()[-1]["body"]["model"] == "its-own-name"


def test_what_anthropics_clients_try(upstream):
    """Claude Code and others name what is new; it reaches Anthropic, and nobody who would not know it."""
    configure("one", kind="anthropic", base_url=upstream.url("anthropic"))
    beta = {"anthropic-beta": "context-1m-2025-08-07,interleaved-thinking-2025-05-14"}
    assert chat("m", api="anthropic", headers=beta).status == 200
    assert upstream.requests()[-1]["headers"]["anthropic-beta"] == beta["anthropic-beta"]
    assert chat("m", api="openai", headers=beta).status == 200
    assert "anthropic-beta" not in upstream.requests()[-1]["headers"]
    assert chat("m", api="anthropic", headers={"anthropic-beta": "x" * 1024}).status == 200
    assert chat("m", api="anthropic", headers={"anthropic-beta": "x" * 1025}).status == 400
    remove("one")
    configure("two", base_url=upstream.url())
    assert chat("m", api="anthropic", headers=beta).status == 200
    assert "anthropic-beta" not in upstream.requests()[-1]["headers"]


def test_what_is_asked_for(upstream):
    configure("one", [{"name": "m", "abilities": ["json"]}], base_url=upstream.url())
    for api, fields, status, word in (
            ("openai", {"model": "zebra"}, 404, "zebra"), ("anthropic", {"model": "zebra"}, 404, "zebra"),
            ("ollama", {"model": "zebra"}, 404, "zebra"), ("openai", {"messages": "no"}, 400, "messages"),
            ("openai", {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, 400, "tools")):
        _, path, body, head = ask("m", api=api)
        status_, _, text = http_request(PORT, path, "POST", json.dumps(json.loads(body) | fields), head)
        assert status_ == status and word in text.decode(), text
    for body in "", "no json", "[]", '{"model":"m"', "\"m\"":
        status, _, text = http_request(PORT, PATHS["openai"], "POST", body)
        assert status == 400 and "error" in json.loads(text), body
    for head, value in (("X-Tooloo-Cache", "0"), ("X-Tooloo-Cache", "86401"), ("X-Tooloo-Cache", "soon"),
                        ("X-Tooloo-User", "u" * 129), ("X-Tooloo-Parent", "-1")):
        answer = chat("m", headers={head: value})
        assert answer.status == 400 and head in answer.body.decode()
    answer = chat("m", headers={"X-Tooloo-Parent": "999999"})
    assert answer.status == 400 and "no such request" in answer.body.decode()
    assert upstream.seen()["calls"] == 0 if "calls" in upstream.seen() else not upstream.requests()


# --- Files that change ---


def test_files_that_come_change_and_go(upstream):
    configure("one", base_url=upstream.url())
    assert chat("m").status == 200
    configure("one", "other", base_url=upstream.url(), wait=False)
    wait_until(lambda: list(models()) == ["other"], again, "the new model")
    assert chat("m").status == 404 and chat("other").status == 200
    cursor = journal_cursor()
    write(PROVIDERS / "one.json", '{"kind": "openai", "modles": []}')
    wait_until(lambda: models() == {}, again, "a file that is no good")
    assert any("provider one is left out" in line and "modles" in line for line in journal_lines(UNIT, after=cursor))
    assert "journal" in chat("other").body.decode()
    configure("one", base_url=upstream.url(), enabled=False, wait=False)
    wait_until(lambda: "one" in health(), again, "the file mended")
    assert health()["one"]["enabled"] is False and models() == {}
    remove("one")
    shutil.rmtree(CONFIG)
    configure("one", base_url=upstream.url())  # the directories are new ones
    assert chat("m").status == 200


def test_a_change_is_seen_by_what_is_asked_after_it(upstream):
    """At once: by calls, lists, a choice and the health."""
    for n in range(8):
        configure(f"at-once{n}", f"model{n}", base_url=upstream.url(), wait=False)
        assert chat(f"model{n}").status == 200, n
        configure(f"listed{n}", f"listed{n}", base_url=upstream.url(), wait=False)
        assert f"listed{n}" in models()
        configure(f"chosen{n}", f"chosen{n}", base_url=upstream.url(), wait=False)
        assert select(query="x", model=f"chosen{n}")[1]["selection"]["providerId"] == f"chosen{n}"
        (PROVIDERS / f"listed{n}.json").unlink()
        assert f"listed{n}" not in health()
        (PROVIDERS / f"at-once{n}.json").unlink()
        assert chat(f"model{n}").status in (404, 503), n


def test_adding_one_cuts_no_stream(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(gate="held", gateAt=2, model="m")
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(chat, "m", stream=True) for _ in range(8)]
        upstream.wait(held=8)
        configure("two", "n", base_url=upstream.url())
        configure("one", ["m", "o"], base_url=upstream.url(), wait=False)
        wait_until(lambda: "o" in models(), again, "the new model")
        assert chat("n").status == 200 and chat("o").status == 200
        remove("one")
        upstream.open("held")
        for answer in [f.result() for f in running]:
            assert answer.text() == SAID and answer.events()[-1] == "[DONE]"
            assert attempts(answer.id)[0]["cost"] == 3450


# --- Keys of providers ---

CANARY = "sk-canary-" + "7f3a9c" * 5


@pytest.mark.parametrize("kind,field,value", [("openai", "authorization", f"Bearer {CANARY}"), ("anthropic", "x-api-key", CANARY),
                                              ("gemini", "x-goog-api-key", CANARY)])
def test_the_key_is_sent(upstream, kind, field, value):
    configure("one", kind=kind, base_url=upstream.url(kind), key=CANARY)
    assert health()["one"]["key"] == "here"
    assert chat("m").status == 200
    assert upstream.requests()[-1]["headers"][field] == value


def test_a_key_that_changes_and_one_that_is_missing(upstream):
    configure("one", base_url=upstream.url(), key="sk-first")
    configure("two", "n", base_url=upstream.url(), credential=True)
    assert health()["two"]["key"] == "missing"
    answer = chat("n")
    assert answer.status == 503 and "the key of the provider two is missing" in answer.body.decode()
    write(CREDENTIALS / "two", "sk-second")
    wait_until(lambda: health()["two"]["key"] == "here", again, "the key of two")
    assert chat("n").status == 200 and upstream.requests()[-1]["headers"]["authorization"] == "Bearer sk-second"

    def sent():
        assert chat("m").status == 200
        return upstream.requests()[-1]["headers"]["authorization"]

    assert sent() == "Bearer sk-first"
    write(CREDENTIALS / "one", "sk-third\n")
    wait_until(lambda: sent() == "Bearer sk-third", again, "the new key")
    for bad in "sk\r\nX-Injected: 1", "", "k" * 9000:
        write(CREDENTIALS / "one", bad)
        wait_until(lambda: health()["one"]["key"] == "missing", again, f"{bad[:9]!r} refused")
        write(CREDENTIALS / "one", "sk-good")
        wait_until(lambda: health()["one"]["key"] == "here", again, "a good one")


def test_a_call_waits_for_the_key(upstream):
    """The first after a start, which comes before systemd has delivered it."""
    configure("one", base_url=upstream.url(), key=CANARY)
    toolooctl("restart", "provider")
    assert chat("m").status == 200
    assert upstream.requests()[-1]["headers"]["authorization"] == f"Bearer {CANARY}"


def test_the_key_is_nowhere_else(upstream):
    cursor = journal_cursor()
    configure("one", base_url=upstream.url(), key=CANARY)
    assert chat("m").status == 200
    upstream.behave(status=401, message=f"Incorrect API key provided: {CANARY}")
    told = chat("m")
    assert told.status == 502 and CANARY not in told.body.decode()
    pid = unit_property(UNIT, "MainPID")
    assert CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
    run("journalctl", "--sync", ok=None)
    assert CANARY not in run("journalctl", "--all", "-o", "export", f"--after-cursor={cursor}", ok=None).stdout
    for file in LEDGER.parent.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file
    assert "elf-headers" in Path(unit_property(UNIT, "FragmentPath")).read_text()
    assert Path(f"/proc/{pid}/coredump_filter").read_text().strip() == "00000010"
    assert CANARY not in run("systemctl", "--user", "list-units", "--all", "--full").stdout


# --- What is said, where that is to be kept ---


CONTENT = LEDGER.with_name("content.db")


def kept(id, ok=True):
    done = toolooctl("ledger", "content", id, ok=ok)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_nothing_is_kept_unless_asked(upstream):
    """Not by anything that is written: the text stands nowhere but in the answer."""
    configure("one", base_url=upstream.url())
    text = f"one two {CANARY}"
    cursor = journal_cursor()
    for stream in False, True:
        assert chat("m", text=text, stream=stream).text() == f"You said: {text}"
        assert chat("m", text=text, stream=stream, headers={"X-Tooloo-Store-Content": "0"}).status == 200
    assert not CONTENT.exists()
    for file in LEDGER.parent.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file
    run("journalctl", "--sync", ok=None)
    assert CANARY not in run("journalctl", "--all", "-o", "export", f"--after-cursor={cursor}", ok=None).stdout


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_what_is_kept(upstream, api, stream):
    configure("one", base_url=upstream.url())
    answer = chat("m", api=api, stream=stream, headers={"X-Tooloo-Store-Content": "30"})
    entry, = kept(answer.id)
    assert entry["requestId"] == answer.id and entry["request"] == request_row(answer.id)["id"]
    assert entry["prompt"]["model"] == "m" and TEXT in json.dumps(entry["prompt"])
    assert entry["answer"] == (answer.body.decode() if stream else json.loads(answer.body))
    at, expires = (datetime.fromisoformat(entry[n]) for n in ("time", "expires"))
    assert expires - at == timedelta(days=30)
    assert CONTENT.stat().st_mode & 0o777 == 0o600
    assert toolooctl("ledger", "content", "no-such-id", ok=False).returncode == 5


def test_failures_and_cached_answers_are_kept_too(upstream):
    configure("one", base_url=upstream.url())
    keep = {"X-Tooloo-Store-Content": "1", "X-Tooloo-Cache": "60"}
    first, again_ = (chat("m", headers=keep) for _ in range(2))
    assert again_.headers["X-Tooloo-Cache"] == "hit"
    assert kept(first.id)[0]["answer"] == kept(again_.id)[0]["answer"] == json.loads(first.body)
    upstream.behave(status=400, message="It is so")
    failed = chat("m", text="four five", headers=keep)
    assert failed.status == 400 and kept(failed.id)[0]["answer"] == json.loads(failed.body)
    upstream.behave(fault="cut", at=2)
    broken = chat("m", stream=True, headers=keep)
    assert kept(broken.id)[0]["answer"] == broken.body.decode()


def test_the_policy_keeps_and_the_request_goes_before_it(upstream, wish):
    configure("one", base_url=upstream.url())
    wish(policy__store_content="7")
    entry, = kept(chat("m").id)
    at, expires = (datetime.fromisoformat(entry[n]) for n in ("time", "expires"))
    assert expires - at == timedelta(days=7)
    assert kept(chat("m", headers={"X-Tooloo-Store-Content": "0"}).id, ok=False) == []
    entry, = kept(chat("m", headers={"X-Tooloo-Store-Content": "3650"}).id)
    for wrong in "3651", "-1", "yes", "":
        refused = chat("m", headers={"X-Tooloo-Store-Content": wrong})
        assert refused.status == 400 and "X-Tooloo-Store-Content: a whole number of days" in refused.body.decode()


def test_what_is_over_goes(upstream):
    """Also when nobody calls any more, and after a restart."""
    configure("one", base_url=upstream.url())
    id = chat("m", headers={"X-Tooloo-Store-Content": "1"}).id
    assert len(kept(id)) == 1
    with contextlib.closing(sqlite3.connect(CONTENT, timeout=PATIENCE)) as db, db:
        db.execute("UPDATE content SET expires = ? WHERE name = ?", (int(time.time() * 1e6), id))
    toolooctl("restart", "provider")
    wait_until(lambda: not kept(id, ok=None), again, "it is gone")


# --- Gateway keys and limits ---

TOKEN = "tlk_" + "A" * 43


def make_key(name="mine", token=TOKEN, user=None):
    """As the tool does it: of the text there is the hash alone."""
    change("INSERT INTO gateway_key (name, hash, user, created) VALUES (?, ?, ?, ?)", f"{name}-{uuid.uuid4().hex[:8]}",
           hashlib.sha256(token.encode()).digest(), user, int(time.time() * 1e6))
    return number("SELECT max(id) FROM gateway_key"), number("SELECT name FROM gateway_key ORDER BY id DESC LIMIT 1")


def fresh_token():
    return "tlk_" + uuid.uuid4().hex + "A" * 11


def test_keys(upstream):
    configure("one", base_url=upstream.url())
    assert chat("m", headers={"Authorization": "Bearer none-of-ours"}).status == 200  # none is needed: what clients make up
    unknown = chat("m", headers={"Authorization": f"Bearer {fresh_token()}"})
    assert unknown.status == 401 and "no such key" in unknown.body.decode()
    token = fresh_token()
    id, name = make_key(token=token, user="ada")
    for headers in {}, {"Authorization": "Bearer none-of-ours"}, {"x-api-key": "none-of-ours"}:
        for api in PATHS:
            refused = chat("m", api=api, headers=headers)
            assert refused.status == 401 and "toolooctl key create" in refused.body.decode(), (api, headers)
        assert http_request(PORT, "/v1/models", headers=headers)[0] == 401
    for headers in {"Authorization": f"Bearer {token}"}, {"x-api-key": token}, {"authorization": f"bearer {token}"}:
        answer = chat("m", headers=headers | {"X-Tooloo-User": "mallory"})
        assert answer.status == 200
        assert (request_row(answer.id)["key"], request_row(answer.id)["user"]) == (id, "ada")
    change("UPDATE gateway_key SET revoked = 1 WHERE id = ?", id)
    revoked = chat("m", headers={"x-api-key": token})
    assert revoked.status == 401 and "revoked" in revoked.body.decode()
    assert token.encode() not in LEDGER.read_bytes()


# Free to ask, and 10 tokens of answer at 1000 nano-USD each: what is reserved is what it costs.
EXACT = {"input": 0, "output": 1}
COST = 10_000


def limit(scope, subject, hard, window="month"):
    change("INSERT INTO budget_limit VALUES (?, ?, ?, ?, 0)", scope, subject, window, hard)


def spent(scope, subject, what="settled"):
    return number(f"SELECT coalesce(sum({what}), 0) FROM spent WHERE window = 'month' AND scope = ? AND subject = ?", scope, subject)


def crowd(n, model="m", headers=None, **fields):
    """So many requests, all of them sent before the first answer is read; the answers come when asked for."""
    asked = []
    for _ in range(n):
        id, path, body, head = ask(model, headers=headers, **fields)
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2 * PATIENCE)
        connection.request("POST", path, body, head)
        asked.append((id, connection))
    return asked


def killed_with(upstream, n, **more):
    """So many requests are under way at the upstream when the service is killed: none of them is answered."""
    upstream.behave(usage={"in": 1, "out": 10}, gate="killed", gateAt="headers")
    asked = crowd(n, max_tokens=10, **more)
    upstream.wait(held=n)
    kill(UNIT)
    for _, connection in asked:
        with pytest.raises((http.client.HTTPException, OSError)):
            connection.getresponse()
    upstream.forget()


def answers(asked):
    for id, connection in asked:
        response = connection.getresponse()
        yield Answer(id, response.status, response.headers, response.read())
        connection.close()


def money_for_37_of_500(upstream, stream, meanwhile=lambda: None):
    """A key of its own, so that rounds do not see each other."""
    upstream.behave(usage={"in": 1, "out": 10}, gate="all", gateAt="headers")
    token = fresh_token()
    _, name = make_key(token=token)
    limit("key", name, 37 * COST + COST - 1)
    asked = crowd(500, headers={"x-api-key": token}, max_tokens=10, stream=stream)
    upstream.wait(held=37)
    assert spent("key", name, "reserved") == 37 * COST
    meanwhile()
    upstream.open("all")
    done = list(answers(asked))
    assert sorted({a.status for a in done}) == [200, 429]
    assert sum(a.status == 200 for a in done) == 37
    refused = [a for a in done if a.status == 429]
    assert all("it resets at" in a.body.decode() and f"key {name}" in a.body.decode() for a in refused)
    assert all(1 <= int(a.headers["Retry-After"]) <= 86400 for a in refused)
    assert (spent("key", name), spent("key", name, "reserved")) == (37 * COST, 0)
    assert sum(number("SELECT sum(cost) FROM attempt a JOIN request q ON q.id = a.request WHERE q.name = ?", a.id)
               for a in done if a.status == 200) == 37 * COST
    assert not any(attempts(a.id) for a in refused[:20])
    upstream.forget()


def test_money_for_37_of_500_twenty_times(upstream):
    configure("one", base_url=upstream.url(), price=EXACT, maxConcurrency=64)
    for n in range(20):
        money_for_37_of_500(upstream, stream=n % 2 == 1)
    assert toolooctl("ledger", "verify").stdout == "The ledger is in order.\n"


def test_budget_killed_in_the_middle(upstream):
    """It has no hand in what a call may cost, and finds the sums where they were."""
    configure("one", base_url=upstream.url(), price=EXACT, maxConcurrency=64)
    toolooctl("start", "budget")
    money_for_37_of_500(upstream, stream=False, meanwhile=lambda: kill("tooloo-budget.service"))
    wait_until(lambda: unit_property("tooloo-budget.service", "ActiveState") == "active", again, "budget")
    status, _, body = http_request(PORTS["budget"], "/api/v1/budget")
    assert status == 200 and json.loads(body)["budget"]["used"] == pytest.approx(spent("total", "") / 1e9)
    assert toolooctl("ledger", "verify").stdout == "The ledger is in order.\n"


def test_limits_of_each_kind(upstream):
    configure("one", base_url=upstream.url(), price=EXACT)
    upstream.behave(usage={"in": 1, "out": 10})
    for scope, subject, headers in ("total", "", {}), ("user", "eve", {"X-Tooloo-User": "eve"}):
        used = spent(scope, subject)
        limit(scope, subject, used + 2 * COST)
        codes = [chat("m", headers=headers, max_tokens=10).status for _ in range(4)]
        assert codes == [200, 200, 429, 429], scope
        change("DELETE FROM budget_limit")
    # A provider over its budget is left out; the next one is asked in its place.
    limit("provider", "one", spent("provider", "one") + COST)
    assert [chat("m", max_tokens=10).status for _ in range(2)] == [200, 429]
    configure("two", base_url=upstream.url(), price=EXACT)
    answer = chat("m", max_tokens=10)
    assert answer.status == 200 and answer.headers["X-Tooloo-Provider"] == "two"


def test_what_is_dear_is_left_for_what_is_cheap(upstream):
    """A limit that has no room for one provider's price may have room for another's."""
    configure("dear", base_url=upstream.url(), price={"input": 0, "output": 1000})
    configure("cheap", base_url=upstream.url(), price=EXACT)
    limit("total", "", spent("total", "") + 100 * COST)
    for _ in range(10):
        assert chat("m", max_tokens=10).headers["X-Tooloo-Provider"] == "cheap"


def test_kill_in_the_middle(upstream):
    """Nothing is spent twice or lost: what was settled stands, what was under way expires without a cost."""
    configure("one", base_url=upstream.url(), price=EXACT)
    token = fresh_token()
    _, name = make_key(token=token)
    limit("key", name, 10 * COST)
    upstream.behave(usage={"in": 1, "out": 10})
    headers = {"x-api-key": token}
    assert [chat("m", headers=headers, max_tokens=10).status for _ in range(3)] == [200] * 3
    killed_with(upstream, 4, headers=headers)
    upstream.behave(usage={"in": 1, "out": 10})
    assert (spent("key", name), spent("key", name, "reserved")) == (3 * COST, 4 * COST)
    wait_until(lambda: chat("m", headers=headers, max_tokens=10).status == 429, again, "the limit")  # 3 + 4 + 3
    assert spent("key", name) == 6 * COST
    expired = "SELECT count(*) FROM attempt WHERE error = 'interrupted' AND cost = 0"
    wait_until(lambda: number(expired) == 4, again, "the reservations' end", timeout=60)
    assert (spent("key", name), spent("key", name, "reserved")) == (6 * COST, 0)
    codes = [chat("m", headers=headers, max_tokens=10).status for _ in range(6)]
    assert codes == [200] * 4 + [429] * 2
    toolooctl("restart", "provider")  # the kill counts against its start limit


# --- Faults ---

# model of the fixture; what the client is told without and with a stream; the rows' errors; what is in the message
FAULTS = [
    ("fault-400", 400, 400, ["http-400"], "http-400"),
    ("fault-401", 502, 502, ["http-401"], "http-401"),
    ("fault-403", 502, 502, ["http-403"], "http-403"),
    ("fault-404", 404, 404, ["http-404"], "http-404"),
    ("fault-422", 422, 422, ["http-422"], "http-422"),
    ("fault-429", 429, 429, ["http-429", "http-429"], "Rate limit"),
    ("fault-500", 502, 502, ["http-500", "http-500"], "http-500"),
    ("fault-503", 503, 503, ["http-503", "http-503"], "http-503"),
    ("fault-529", 503, 503, ["http-529", "http-529"], "http-529"),
    ("fault-reset", 502, 502, ["cut", "cut"], "cut"),
    ("fault-cut-before", 502, 502, ["cut", "cut"], "cut"),
    ("fault-stall-headers", 504, 504, ["timeout-first-byte"], "it said nothing"),
    ("fault-malformed-before", 502, 502, ["malformed"], "malformed"),
    ("fault-usage-missing", 200, 200, [None], None),
    ("fault-usage-absurd", 200, 200, [None], None),
    ("fault-usage-negative", 200, 200, [None], None),
    ("fault-usage-not-a-number", 200, 200, [None], None),
    # In the middle of a stream: what came stays, and an error event ends it. Without one they are whole failures.
    ("fault-cut", 502, 200, ["cut"], "cut"),
    ("fault-stall", 504, 200, ["timeout-idle"], "timeout"),
    ("fault-malformed", 502, 200, ["malformed"], "malformed"),
    ("fault-truncated", 502, 200, ["cut"], "cut"),
]


@pytest.fixture
def faulty(upstream, request):
    short = "stall" in request.node.callspec.params["model"]  # the others have all the time that they need
    configure("one", [f[0] for f in FAULTS] + ["m"], base_url=upstream.url(),
              timeouts={"connectMs": 500, "firstByteMs": 700, "idleMs": 700} if short else {})
    return upstream


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model,plain,streamed,errors,message", FAULTS, ids=[f[0] for f in FAULTS])
def test_faults(faulty, model, plain, streamed, errors, message, stream):
    answer = chat(model, stream=stream)
    expected = streamed if stream else plain
    assert answer.status == expected, answer.body
    rows = attempts(answer.id)
    middle = stream and streamed == 200 and errors != [None]
    if not middle and not stream and plain != 200 and streamed == 200:
        assert set(row["error"] for row in rows) <= {"cut", "malformed", "timeout-idle", "timeout-first-byte"}, rows
    else:
        assert [row["error"] for row in rows] == errors
    assert request_row(answer.id)["status"] == expected
    assert number("SELECT count(*) FROM reservation") == 0
    if expected == 429:
        assert int(answer.headers["Retry-After"]) >= 1
    if message and expected != 200:
        error = answer.json()["error"]
        assert answer.headers["X-Tooloo-Provider"] == "one" and error["message"] and error["type"]
    if middle:
        events = answer.events()
        assert said(events[0]) or said(events[1]), "content came first"
        assert "error" in events[-1] and "[DONE]" not in events
        assert answer.text() and SAID.startswith(answer.text()), "nobody else's text"
        row, = rows
        assert row["reported"] == 0 and row["tokens_in"] >= 3 and row["tokens_out"] == (len(answer.text()) + 3) // 4
        assert row["cost"] == (row["tokens_in"] * 150_000 + row["tokens_out"] * 600_000 + 500) // 1000
    if model in ("fault-usage-missing", "fault-usage-absurd"):
        row, = rows
        assert row["reported"] == 0 and row["cost"] == (row["tokens_in"] * 150_000 + row["tokens_out"] * 600_000 + 500) // 1000
        assert row["tokens_in"] < 1000 and 0 < row["tokens_out"] < 1000


DEARER = {"input": 150, "output": 600}


def test_no_connection(upstream):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        configure("one", base_url=f"http://127.0.0.1:{s.getsockname()[1]}/v1")
        answer = chat("m")
    assert answer.status == 502 and [row["error"] for row in attempts(answer.id)] == ["connect", "connect"]
    assert all(row["cost"] == 0 and row["status"] is None for row in attempts(answer.id))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["fault-500", "fault-429", "fault-reset", "fault-cut-before", "fault-malformed-before",
                                   "fault-stall-headers", "fault-401", "fault-error-before"])
def test_the_next_provider_answers(upstream, fault, stream):
    """Before the first content byte; each attempt is a row, and the client sees nothing of the failed ones."""
    timeouts = {"connectMs": 500, "firstByteMs": 500, "idleMs": 500}
    configure("bad", [{"name": "m", "upstream": fault}], base_url=upstream.url(), timeouts=timeouts)
    configure("good", base_url=upstream.url(), price=DEARER)  # so that it is not asked alone
    for _ in range(50):  # who is asked first is drawn
        answer = chat("m", stream=stream)
        assert answer.status == 200 and answer.text() == SAID
        rows = attempts(answer.id)
        assert rows[-1]["provider"] == "good" and rows[-1]["error"] is None
        assert answer.headers["X-Tooloo-Provider"] == "good"
        if len(rows) > 1:
            break
    else:
        raise AssertionError("the bad one was never asked")
    for row in rows[:-1]:
        assert row["provider"] == "bad" and row["error"] and row["reported"] == 0
        # Half an answer may well be billed; a failure that came in its place is not.
        assert (row["cost"] > 0) == (row["error"] in ("cut", "malformed") and not stream and fault != "fault-reset")
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1))


def test_no_failover_within_a_stream(upstream):
    configure("bad", [{"name": "m", "upstream": "fault-cut"}], base_url=upstream.url())
    configure("good", base_url=upstream.url(), price=DEARER)
    for _ in range(50):
        answer = chat("m", stream=True)
        if answer.headers["X-Tooloo-Provider"] == "bad":
            assert len(attempts(answer.id)) == 1 and "error" in answer.events()[-1]
            assert SAID.startswith(answer.text()) and answer.text() != SAID
            return
    raise AssertionError("the bad one was never asked")


def test_errors_in_each_api(upstream):
    configure("one", ["fault-500", "fault-cut"], base_url=upstream.url())
    plain = chat("fault-500", api="anthropic").json()
    assert plain["type"] == "error" and plain["error"]["type"] and "http-500" in plain["error"]["message"]
    assert isinstance(chat("fault-500", api="ollama").json()["error"], str)
    events = chat("fault-cut", api="anthropic", stream=True).events()
    assert events[0]["type"] == "message_start" and events[-1]["type"] == "error"
    assert "error" in chat("fault-cut", api="ollama", stream=True).events()[-1]


def test_retry_after_cools_down(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(status=429, retryAfter=60)
    first = chat("m")
    assert first.status == 429 and len(attempts(first.id)) == 1 and 55 <= int(first.headers["Retry-After"]) <= 60
    upstream.forget()
    second = chat("m")
    assert second.status == 503 and 1 <= int(second.headers["Retry-After"]) <= 60 and "cooling down" in second.body.decode()
    assert not attempts(second.id) and not upstream.requests()
    model, = health()["one"]["models"]
    assert (model["available"], model["reason"], model["lastError"], model["circuit"]) == (False, "cooling down", "http-429", "closed")


def test_a_short_retry_after_is_waited_for(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(status=429, retryAfter=1, next=1)
    begun = time.monotonic()
    answer = chat("m")
    assert answer.status == 200 and [row["error"] for row in attempts(answer.id)] == ["http-429", None]
    assert time.monotonic() - begun >= 1


def test_the_circuit(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(status=500)
    for _ in range(3):  # two attempts each; the fifth failure opens it
        chat("m")
    assert health()["one"]["models"][0]["circuit"] != "closed"  # open, and half-open a second later

    def refused():
        """Who comes too late is the probe, whose failure opens it for twice as long."""
        answer = chat("m")
        return answer.status == 503 and health()["one"]["models"][0]["circuit"] == "open" and answer

    answer = wait_until(refused, again, "it is open")
    assert "circuit open" in answer.body.decode() and not attempts(answer.id)
    upstream.forget()
    wait_until(lambda: chat("m").status == 200, again, "a probe")
    assert health()["one"]["models"][0]["circuit"] == "closed"


# --- Clients that go away ---


@pytest.mark.parametrize("stream,gate", [(False, "headers"), (True, "headers"), (True, 2)])
def test_a_client_that_goes_away(upstream, stream, gate):
    configure("one", base_url=upstream.url())
    upstream.behave(gate="gone", gateAt=gate)
    id, path, body, head = ask("m", stream=stream)
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
    connection.request("POST", path, body, head)
    upstream.wait(held=1)
    if gate == 2:
        assert b"You" in connection.getresponse().read1()
    connection.sock.shutdown(socket.SHUT_RDWR) if connection.sock else None
    connection.close()
    upstream.wait(disconnected=1)
    wait_until(lambda: request_row(id)["ended"], again, "its row")
    assert request_row(id)["status"] == 499
    row, = attempts(id)
    assert (row["error"], row["reported"]) == ("cancelled", 0)
    assert row["tokens_in"] >= 3 and row["cost"] == (row["tokens_in"] * 150_000 + row["tokens_out"] * 600_000 + 500) // 1000
    assert number("SELECT count(*) FROM reservation") == 0
    assert health()["one"]["running"] == 0
    upstream.forget()
    assert chat("m").status == 200


def test_many_clients_go_away_at_once(upstream):
    """All their transfers end in one turn of the loop; those of others go on."""
    configure("one", base_url=upstream.url(), maxConcurrency=512)
    upstream.behave(gate="left", gateAt=2)
    asked, stays = crowd(256, stream=True), crowd(1, stream=True)
    upstream.wait(held=257)
    for _, connection in asked:
        connection.close()
    upstream.wait(disconnected=256)
    upstream.open("left")
    assert [a.text() for a in answers(stays)] == [SAID]
    wait_until(lambda: number("SELECT count(*) FROM reservation") == 0, again, "all are settled")
    assert health()["one"]["running"] == 0


def test_clients_that_go_away_before_there_is_a_connection(upstream):
    """libcurl closes what it still watches; transfers of others go on."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf, contextlib.ExitStack() as stack:
        for _ in range(2):  # as many as its queue takes, and one: what comes now is not even refused
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        configure("deaf", base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}", timeouts={"connectMs": 60000})
        configure("one", "n", base_url=upstream.url())
        upstream.behave(gate="left", gateAt=2)
        stays, asked = crowd(1, model="n", stream=True), crowd(3, stream=True)
        upstream.wait(held=1)
        wait_until(lambda: health()["deaf"]["running"] == 3, again, "they connect")
        for _, connection in asked:
            connection.close()
        wait_until(lambda: health()["deaf"]["running"] == 0, again, "their end")
        upstream.open("left")
        assert [a.text() for a in answers(stays)] == [SAID]
        assert [attempts(id)[0]["error"] for id, _ in asked] == ["cancelled"] * 3


# --- Turns ---


def test_as_many_at_a_time_as_the_file_says(upstream):
    configure("one", base_url=upstream.url(), maxConcurrency=3, maxQueue=4)
    upstream.behave(gate="slots", gateAt="headers")
    asked = crowd(7)
    upstream.wait(held=3)
    wait_until(lambda: (health()["one"]["running"], health()["one"]["waiting"]) == (3, 4), again, "the queue")
    refused = chat("m")
    assert refused.status == 503 and "too many calls wait" in refused.body.decode() and refused.headers["Retry-After"] == "1"
    assert upstream.seen()["requests"] and len(upstream.requests()) == 3
    asked[-1][1].close()  # one that waits goes away
    wait_until(lambda: health()["one"]["waiting"] == 3, again, "one fewer waits")
    wait_until(lambda: request_row(asked[-1][0])["ended"], again, "its row")
    assert attempts(asked[-1][0])[0]["error"] == "released"
    upstream.open("slots")
    assert [a.status for a in answers(asked[:-1])] == [200] * 6
    assert len(upstream.requests()) == 6


# --- What people wish, by the settings that the service budget writes ---


@pytest.fixture
def wish(upstream):
    def set(**wishes):
        for name, value in wishes.items():
            change("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name.replace("__", ".").replace("_", "-"), value)
    yield set
    change("DELETE FROM setting")


def test_the_preferred_provider_is_asked(upstream, wish):
    for name in "one", "two", "three":
        configure(name, base_url=upstream.url())
    for name in "two", "three":
        wish(provider__preferred=name)
        assert [chat("m").headers["X-Tooloo-Provider"] for _ in range(10)] == [name] * 10
        selection = json.loads(http_request(PORT, "/api/v1/providers/select", "POST", json.dumps({"query": TEXT}).encode(),
                                            {"Content-Type": "application/json"})[2])["selection"]
        assert selection["providerId"] == name
    remove("three")  # others, while it cannot be asked
    assert chat("m").headers["X-Tooloo-Provider"] in ("one", "two")


@pytest.mark.parametrize("criticality, weight", [("low", "2.00"), ("normal", "0.25"), ("high", "0.00")])
def test_criticality_weighs_the_price(upstream, wish, criticality, weight):
    configure("one", base_url=upstream.url())
    wish(policy__criticality=criticality)
    assert chat("m").status == 200
    choice, = json.loads(http_request(PORT, "/api/v1/providers/selections?limit=1")[2])["selections"]
    assert any(reason.startswith("price: ") and f"weighed {weight} x" in reason for reason in choice["reasons"]), choice


def test_as_many_at_a_time_as_the_policy_says(upstream, wish):
    """Where the file allows more; and as many as that once the policy is gone."""
    configure("one", base_url=upstream.url(), maxConcurrency=3)
    wish(policy__max_concurrency="1")
    upstream.behave(gate="slots", gateAt="headers")
    asked = crowd(3)
    upstream.wait(held=1)
    wait_until(lambda: (health()["one"]["running"], health()["one"]["waiting"]) == (1, 2), again, "the queue")
    change("DELETE FROM setting")
    asked += crowd(1)
    wait_until(lambda: health()["one"]["waiting"] == 3, again, "one more")
    upstream.pass_gate("slots")
    upstream.wait(held=3)
    upstream.open("slots")
    assert [a.status for a in answers(asked)] == [200] * 4
    assert upstream.seen()["mostOpen"] == 3


def test_who_sends_much_keeps_nobody_out(upstream):
    configure("one", base_url=upstream.url(), maxConcurrency=1)
    upstream.behave(gate="fair", gateAt="headers")
    many = crowd(20, headers={"X-Tooloo-User": "many"}, text="many")
    upstream.wait(held=1)
    wait_until(lambda: health()["one"]["waiting"] == 19, again, "the queue")
    few = crowd(1, headers={"X-Tooloo-User": "few"}, text="few")
    wait_until(lambda: health()["one"]["waiting"] == 20, again, "the other")
    upstream.open("fair")
    assert [a.status for a in answers(many + few)] == [200] * 21
    order = [r["body"]["messages"][0]["content"] for r in upstream.requests()]
    assert order.index("few") <= 2, order


# --- The cache ---


@pytest.mark.parametrize("stream", [False, True])
def test_a_hundred_identical_calls(upstream, stream):
    text = f"one two {uuid.uuid4().hex}"
    configure("one", base_url=upstream.url())
    upstream.behave(gate="flight", gateAt="headers")
    asked = crowd(100, headers={"X-Tooloo-Cache": "60"}, stream=stream, text=text)
    upstream.wait(held=1)
    upstream.open("flight")
    done = list(answers(asked))
    assert all(a.status == 200 and a.text() == f"You said: {text}" for a in done)
    assert len(upstream.requests()) == 1
    kinds = [request_row(a.id)["cache"] for a in done]
    assert kinds.count("miss") == 1 and set(kinds) <= {"miss", "joined", "hit"}
    assert sum(len(attempts(a.id)) for a in done) == 1
    later = chat("m", headers={"X-Tooloo-Cache": "60"}, stream=stream, text=text)
    assert later.headers["X-Tooloo-Cache"] == "hit" and later.headers["X-Tooloo-Cost"] == "0" and later.text() == f"You said: {text}"
    assert len(upstream.requests()) == 1
    # Others are not told what one asked, and who does not ask for the cache is not given it.
    assert chat("m", headers={"X-Tooloo-Cache": "60", "X-Tooloo-User": "else"}, stream=stream, text=text).headers["X-Tooloo-Cache"] == "miss"
    assert chat("m", stream=stream, text=text).headers["X-Tooloo-Cache"] is None
    assert chat("m", headers={"X-Tooloo-Cache": "60"}, stream=not stream, text=text).headers["X-Tooloo-Cache"] == "miss"
    assert len(upstream.requests()) == 4


def test_a_cached_answer_ends(upstream):
    configure("one", base_url=upstream.url())
    assert chat("m", headers={"X-Tooloo-Cache": "1"}, text="a cached answer ends").headers["X-Tooloo-Cache"] == "miss"
    wait_until(lambda: chat("m", headers={"X-Tooloo-Cache": "1"}, text="a cached answer ends").headers["X-Tooloo-Cache"] == "miss", again, "its end")
    assert len(upstream.requests()) == 2


def test_a_failure_is_told_to_all_and_kept_for_none(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(gate="flight", gateAt="headers", status=400, message="no")
    asked = crowd(5, headers={"X-Tooloo-Cache": "60"}, text="a failure")
    upstream.wait(held=1)
    upstream.open("flight")
    assert [a.status for a in answers(asked)] == [400] * 5
    upstream.forget()
    assert chat("m", headers={"X-Tooloo-Cache": "60"}, text="a failure").headers["X-Tooloo-Cache"] == "miss"


def test_the_one_that_asks_goes_away_and_the_others_are_answered(upstream):
    configure("one", base_url=upstream.url())
    upstream.behave(gate="flight", gateAt="headers")
    first = crowd(1, headers={"X-Tooloo-Cache": "60"}, text="goes away")
    upstream.wait(held=1)
    others = crowd(4, headers={"X-Tooloo-Cache": "60"}, text="goes away")
    wait_until(lambda: json.loads(http_request(PORT, "/api/v1/providers/health")[2])["calls"] == 5, again, "all of them")
    assert len(upstream.requests()) == 1
    first[0][1].close()
    upstream.open("flight")
    assert [a.text() for a in answers(others)] == ["You said: goes away"] * 4
    assert len(upstream.requests()) == 1




# --- Choices ---


def test_select(upstream):
    status, body = select(query="x")
    assert status == 503 and "toolooctl provider add" in body["error"]
    configure("dear", base_url=upstream.url(), price={"input": 10, "output": 30})
    configure("free", "n", base_url=upstream.url(), price={"input": 0, "output": 0})
    status, body = select(query="Hello", estimatedTokens=1000, preferFree=True)
    chosen = body["selection"]
    assert status == 200 and body["ok"] and (chosen["providerId"], chosen["model"], chosen["estimatedCost"]) == ("free", "n", 0)
    assert any("the only one" in reason for reason in chosen["reasons"])
    assert any("best score of 2" in reason for reason in select(estimatedTokens=1)[1]["selection"]["reasons"])
    status, body = select(estimatedTokens=1000, model="m")
    assert body["selection"]["estimatedCost"] == 0.04 and body["selection"]["priced"] is True  # 1000 x (10 + 30) / 1e6
    limit("provider", "dear", 1)
    assert select(estimatedTokens=1000, model="m")[0] == 503
    for wish, field in (({}, "query"), ({"query": 1}, "query"), ({"estimatedTokens": -1}, "estimatedTokens"),
                        ({"query": "", "preferFree": "yes"}, "preferFree")):
        status, body = select(**wish)
        assert status == 400 and field in body["error"]
    answer = chat("n")
    listed = json.loads(http_request(PORT, "/api/v1/providers/selections?limit=1")[2])["selections"]
    assert [(s["requestId"], s["providerId"], s["attempt"]) for s in listed] == [(answer.id, "free", 1)]
    assert http_request(PORT, "/api/v1/providers/selections?limit=0")[0] == 400


def test_who_fails_is_asked_less(upstream):
    configure("good", base_url=upstream.url())
    configure("poor", [{"name": "m", "upstream": "fault-400"}], base_url=upstream.url())
    configure("bad", [{"name": "m", "upstream": "fault-malformed-before"}], base_url=upstream.url())
    remove("poor")
    assert chat("bad/m").status == 502  # by chance alone it might never be asked
    for _ in range(60):
        chat("m")
    times = len(upstream.requests(model="fault-malformed-before")), len(upstream.requests(model="m"))
    assert times[1] == 60 and times[0] < 20, times  # 30 if what it does were of no consequence
    bad, good = health()["bad"]["models"][0], health()["good"]["models"][0]
    assert good["successRate"] == 1 and bad["successRate"] == 0 and good["avgLatency"] > 0


# --- Reload ---


def test_reload_during_streams(upstream):
    configure("one", ["m", "n"], base_url=upstream.url(), key=CANARY, maxConcurrency=256)
    upstream.behave(gate="reload", gateAt=2, model="m")
    for _ in range(3):
        assert chat("n").status == 200
    before = health()["one"]["models"][1]
    asked = crowd(200, stream=True)
    upstream.wait(held=200)
    assert toolooctl("reload", "provider").returncode == 0
    wait_until(lambda: health()["one"]["key"] == "here", again, "the key anew")
    after = health()["one"]["models"][1]
    assert after["avgLatency"] == before["avgLatency"] and after["successRate"] == 1 and after["recentCalls"] > 2  # of 3, by half in ten minutes
    assert chat("n").status == 200
    upstream.open("reload")
    for answer in answers(asked):
        assert answer.text() == SAID and answer.events()[-1] == "[DONE]"
        assert attempts(answer.id)[0]["cost"] == 3450
    assert number("SELECT count(*) FROM reservation") == 0


def test_a_long_call_keeps_its_reservation(upstream):
    """Reservations are made for a short time and renewed, so that those of a killed process are soon free."""
    configure("one", base_url=upstream.url(), price=EXACT, timeouts={"firstByteMs": 120000})
    upstream.behave(gate="long", gateAt="headers")
    asked = crowd(1, max_tokens=10)
    upstream.wait(held=1)
    first = number("SELECT max(expires) FROM reservation")
    assert first, [dict(row) for row in attempts(asked[0][0])]
    wait_until(lambda: number("SELECT max(expires) FROM reservation") > first, again, "it is renewed", timeout=PATIENCE)
    upstream.open("long")
    assert next(answers(asked)).status == 200


def test_a_long_call_keeps_its_reservation_beside_anothers(upstream):
    """What a killed process has left is looked at when it expires: a call since then is looked at sooner."""
    configure("one", base_url=upstream.url(), price=EXACT, timeouts={"firstByteMs": 120000})
    killed_with(upstream, 2)
    change("UPDATE reservation SET expires = expires + 3600 * 1000000")
    change("UPDATE reservation SET expires = 1 WHERE request = (SELECT max(request) FROM reservation)")
    toolooctl("restart", "provider")  # the kill counts against its start limit
    wait_until(lambda: number("SELECT count(*) FROM reservation") == 1, again, "what expired goes", timeout=PATIENCE)
    upstream.behave(gate="long", gateAt="headers")
    asked = crowd(1, max_tokens=10)
    upstream.wait(held=1)
    renewed = "SELECT expires FROM reservation ORDER BY expires LIMIT 1"
    first = number(renewed)
    wait_until(lambda: number(renewed) > first, again, "it is renewed", timeout=PATIENCE)
    upstream.open("long")
    assert next(answers(asked)).status == 200
    change("UPDATE reservation SET expires = 1")
    wait_until(lambda: number("SELECT count(*) FROM reservation") == 0, again, "the other goes", timeout=PATIENCE)


@pytest.mark.parametrize("stream", [False, True])
def test_a_cost_that_cannot_be_written_is_written_later(upstream, stream):
    """The answer is the client's all the same, and the sum stays reserved; a restart does not lose it."""
    configure("one", base_url=upstream.url(), price=EXACT)
    upstream.behave(usage={"in": 1, "out": 10}, gate="owed", gateAt="headers")
    asked = crowd(1, stream=stream, max_tokens=10)
    id = asked[0][0]
    upstream.wait(held=1)
    with contextlib.closing(sqlite3.connect(LEDGER, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        upstream.open("owed")
        answer, = answers(asked)
        assert answer.status == 200 and answer.text() == SAID
        assert request_row(id)["ended"] is None
        assert number("SELECT amount FROM reservation") == COST
    if stream:
        toolooctl("restart", "provider")
    wait_until(lambda: request_row(id)["ended"], again, "its row")
    row, = attempts(id)
    assert (row["cost"], row["reported"], row["error"]) == (COST, 1, None)
    assert request_row(id)["status"] == 200
    assert number("SELECT count(*) FROM reservation") == 0


def test_a_stop_settles_what_runs(upstream):
    configure("one", base_url=upstream.url(), maxConcurrency=2)
    upstream.behave(gate="stopped", gateAt=2, next=2)
    streams = crowd(2, stream=True)
    upstream.wait(held=2)
    waiting = crowd(1)
    upstream.wait(held=2)
    wait_until(lambda: health()["one"]["waiting"] == 1, again, "the third")
    toolooctl("stop", "provider")
    try:
        assert [a.text() for a in answers(waiting)] == [SAID]  # what is no stream gets its answer, and its turn now
        for _, connection in streams:
            connection.close()
        for id, _ in streams:
            assert request_row(id)["status"] == 499
            row, = attempts(id)
            assert row["error"] == "cancelled" and row["tokens_out"] > 0 and row["reported"] == 0
        assert attempts(waiting[0][0])[0]["error"] is None and request_row(waiting[0][0])["status"] == 200
        assert number("SELECT count(*) FROM reservation") == 0
    finally:
        toolooctl("start", "provider")


def test_a_slow_reader_holds_the_provider_back(upstream):
    """What it has not read waits with the provider, not here: memory is bounded; and nothing of it is lost."""
    configure("one", base_url=upstream.url(), timeouts={"idleMs": 60000})
    upstream.behave(text="word " * 120_000, pieces=120, usage={"in": 3, "out": 5})  # 600 kB in events of 5 kB
    id, path, body, head = ask("m", stream=True)
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.request("POST", path, body, head)
    response = connection.getresponse()
    upstream.wait(calls=1)
    text = b"".join(iter(lambda: response.read(4096), b""))
    connection.close()
    answer = Answer(id, 200, response.headers, text)
    assert answer.text() == "word " * 120_000 and answer.events()[-1] == "[DONE]"
    assert attempts(id)[0]["error"] is None


def test_the_ledger_after_a_reload(upstream):
    """Two generations have it open for a while, each for itself; what others then do to it takes it away from nobody."""
    configure("one", base_url=upstream.url())
    toolooctl("reload", "provider")
    change("DELETE FROM budget_limit")  # opens, writes and closes it
    answer = chat("m")
    assert answer.status == 200 and attempts(answer.id)[0]["cost"] == 3450
    pid = unit_property(UNIT, "MainPID")
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            file = os.readlink(fd)
            assert not ("ledger" in file and "deleted" in file), file
