# SPDX-License-Identifier: MIT
"""The provider service: one gateway to many models, held against an upstream that fails as it is told (tests/lib/upstream.py) and
against the rows of the ledger."""
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
