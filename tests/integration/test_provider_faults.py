# SPDX-License-Identifier: MIT
"""Each fault of the upstream (tests/fixtures/upstream), streamed and not, and what the client and the ledger must say of it.

Each case has a provider of its own, so that none rests because of another; all are called at once, and then looked at."""
import json
import shutil
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import PATIENCE, PORTS, http_request, port_is_free, state_directory, toolooctl
from upstream import Upstream

PORT = PORTS["provider"]
CONFIG = Path.home() / ".config/tooloo"
LEDGER = state_directory("ledger") / "ledger.db"
# What the client speaks, and what the provider does.
WAYS = [("openai", "openai"), ("openai", "anthropic"), ("openai", "ollama"), ("openai", "gemini"), ("anthropic", "anthropic"),
        ("anthropic", "openai"), ("ollama", "ollama"), ("ollama", "anthropic")]
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}
PROMPT, SAID = "one two three", "You said: one two three"  # the upstream counts words: 3 in, 5 out
MAX_TOKENS = 1000
PRICE = {"input": 0.15, "output": 0.60}
COST = 3 * 150 + 5 * 600  # nano-USD
BOUND = (len(PROMPT) + 64) * 150 + MAX_TOKENS * 600  # what is reserved: a byte is a token at most, and some for the form
SHORT = {"connectMs": 500, "firstByteMs": 1000, "idleMs": 1500}  # for those that are to run out
LONG = {"connectMs": 20000, "firstByteMs": 20000, "idleMs": 20000}


@dataclass
class Outcome:
    status: int                 # what the client is answered
    errors: list = field(default_factory=lambda: [None])  # attempt.error of each row
    upstream: int = 200         # attempt.status of each, None for none
    said: str = ""              # as much of the text as comes
    broken: bool = False        # the stream ends with an error event
    retry_after: str = None
    reported: int = 0           # whether the rows have the provider's own figures; 0: if they do, what they say is the cost
    cost: object = 0            # nano-USD, or what it has to fulfil
    message: str = ""           # stands in the error's text


def failed(status, *errors, upstream=200, **more):
    return Outcome(status, list(errors), upstream, **more)


def estimated(nano):
    """The prompt was read and something was said, so it is not free, though nobody says how much it was."""
    return 0 < nano <= BOUND


def spoiled(status, *errors):
    """Some of an answer that is no stream came: the client gets none of it."""
    return failed(status, *errors, cost=estimated)


def broke_off(error):
    """After the first content: what has come stays, and an error follows; nobody else is asked, and it is not asked again."""
    return Outcome(200, [error], said="You said:", broken=True, cost=estimated)


GOOD = Outcome(200, said=SAID, reported=1, cost=COST)
# As much for a whole answer as for the same one streamed: a token for each byte that was sent, and for four that came.
UNCOUNTED = Outcome(200, said=SAID, cost=(len(PROMPT) + 8) * 150 + -(-len(SAID) // 4) * 600)
RESET = failed(502, "cut", "cut", upstream=None)
NO_ANSWER = failed(504, "timeout-first-byte", upstream=None)


@dataclass
class Fault:
    whole: Outcome
    streamed: Outcome = None    # None: the same
    behaviour: dict = None      # None: the model's name says it
    tools: bool = False
    timeouts: dict = field(default_factory=lambda: LONG)
    base_url: str = None


def refusal(status, told, tries=1, **more):
    """Of the upstream with that status, and what the client is told."""
    again = more.pop("behaviour", {})
    return Fault(failed(told, *[f"http-{status}"] * tries, upstream=status, message="It is so", **more),
                 behaviour={"status": status, "message": "It is so"} | again)


FAULTS = {
    "none": Fault(GOOD, behaviour={}),
    # Whoever sent a wrong request is told so, and nobody is asked twice.
    "400": refusal(400, 400),
    "413": refusal(413, 413),
    "422": refusal(422, 422),
    # The key is the gateway's: the client did nothing wrong.
    "401": refusal(401, 502),
    "403": refusal(403, 502),
    "404": refusal(404, 404),
    "408": refusal(408, 504, tries=2),
    "429": refusal(429, 429, tries=2, retry_after="1", behaviour={"retryAfter": 1}),
    "429-long": refusal(429, 429, retry_after="30", behaviour={"retryAfter": 30}),
    "500": refusal(500, 502, tries=2),
    "503": refusal(503, 503, tries=2),
    "503-long": refusal(503, 503, retry_after="30", behaviour={"retryAfter": 30}),
    "529": refusal(529, 503, tries=2),
    "failure-no-json": Fault(failed(502, "http-500", "http-500", upstream=500),
                             behaviour={"status": 500, "raw": "<html>It is broken</html>"}),
    "slow-first": Fault(GOOD, behaviour={"firstByteMs": 300}),
    "slow-between": Fault(GOOD, behaviour={"betweenMs": 50}),
    "reset": Fault(RESET),
    # Before the first content nothing is lost but time, so it is asked again.
    "cut-before": Fault(spoiled(502, "cut", "cut"), failed(502, "cut", "cut")),
    "cut": Fault(spoiled(502, "cut", "cut"), broke_off("cut")),
    "truncated": Fault(spoiled(502, "cut", "cut"), broke_off("cut")),
    # To wait as long again helps nobody who waits.
    "stall-headers": Fault(NO_ANSWER, timeouts=SHORT),
    "stall-before": Fault(spoiled(504, "timeout-idle"), failed(504, "timeout-idle"), timeouts=SHORT),
    "stall": Fault(spoiled(504, "timeout-idle"), broke_off("timeout-idle"), timeouts=LONG | {"idleMs": 1500}),
    "malformed-before": Fault(spoiled(502, "malformed"), failed(502, "malformed")),
    "malformed": Fault(spoiled(502, "malformed"), broke_off("malformed")),
    # Of a whole answer nothing was said before it.
    "error-before": Fault(failed(502, "error-event", "error-event", message="The model failed")),
    "error-event": Fault(failed(502, "error-event", "error-event", message="The model failed"), broke_off("error-event")),
    "usage-missing": Fault(UNCOUNTED),
    "usage-negative": Fault(UNCOUNTED),
    "usage-not-a-number": Fault(UNCOUNTED),
    # No bill is higher than what was reserved for it.
    "usage-absurd": Fault(UNCOUNTED),
    "no-tools": Fault(failed(400, "http-400", upstream=400, message="does not support tools"), tools=True),
    "connect": Fault(failed(502, "connect", "connect", upstream=None), base_url="http://127.0.0.1:1"),
}
CASES = [(client, kind, name, streamed) for client, kind in WAYS for name in FAULTS for streamed in (False, True)]


def case_id(case):
    client, kind, name, streamed = case
    return f"{client[:3]}-{kind[:3]}-{name}-{'s' if streamed else 'w'}"  # a provider's name has 32 bytes at most


def outcome_of(case):
    _, kind, name, streamed = case
    fault = FAULTS[name]
    if streamed and name == "stall-before" and kind in ("ollama", "gemini"):  # whose streams begin with the first content
        return failed(504, "timeout-first-byte")
    return fault.streamed if streamed and fault.streamed else fault.whole


def write_provider(case, upstream):
    """Named after the case, as its model is; the upstream knows the model by the fault's name or is told what it does."""
    _, kind, name, _ = case
    fault, id = FAULTS[name], case_id(case)
    known = f"fault-{name}" if fault.behaviour is None else id
    if fault.behaviour:
        upstream.behave(model=id, **fault.behaviour)
    file = {"kind": kind, "baseUrl": fault.base_url or upstream.url(kind), "timeouts": fault.timeouts,
            "models": [{"name": id, "upstream": known, "price": PRICE}]}
    (CONFIG / "providers" / f"{id}.json").write_text(json.dumps(file))


@dataclass
class Answer:
    id: str
    status: int
    headers: object
    body: bytes


TOOL = {"name": "weather", "description": "Weather", "parameters": {"type": "object", "properties": {}}}


def body_of(client, model, streamed, tools):
    body = {"model": model, "stream": streamed, "messages": [{"role": "user", "content": PROMPT}]}
    body |= {"options": {"num_predict": MAX_TOKENS}} if client == "ollama" else {"max_tokens": MAX_TOKENS}
    if tools and client == "anthropic":
        body["tools"] = [{"name": "weather", "input_schema": TOOL["parameters"]}]
    elif tools:
        body["tools"] = [{"type": "function", "function": TOOL}]
    return body


def call(case):
    client, _, name, streamed = case
    id = f"f-{uuid.uuid4().hex}"
    body = json.dumps(body_of(client, case_id(case), streamed, FAULTS[name].tools))
    fields = {"Content-Type": "application/json", "X-Request-Id": id}
    return Answer(id, *http_request(PORT, PATHS[client], "POST", body, fields, timeout=2 * PATIENCE))


@pytest.fixture(scope="module")
def answers():
    """Of all cases, by case."""
    assert port_is_free(1), "nobody is to listen there"
    toolooctl("stop", "provider", ok=None)
    shutil.rmtree(LEDGER.parent, ignore_errors=True)
    shutil.rmtree(CONFIG, ignore_errors=True)
    (CONFIG / "providers").mkdir(parents=True)
    with Upstream() as upstream:
        for case in CASES:
            write_provider(case, upstream)
        toolooctl("start", "provider")
        with ThreadPoolExecutor(8) as pool:
            yield dict(zip(CASES, pool.map(call, CASES)))
    toolooctl("stop", "provider")
    shutil.rmtree(CONFIG, ignore_errors=True)


def rows(sql, *parameters):
    db = sqlite3.connect(f"file:{LEDGER}?mode=ro", uri=True, timeout=PATIENCE)
    db.row_factory = sqlite3.Row
    try:
        return db.execute(sql, parameters).fetchall()
    finally:
        db.close()


# --- What the client gets ---


def events_of(client, text):
    if client == "ollama":
        return [json.loads(line) for line in text.splitlines()]
    data = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in data]


def said_by(client, part):
    """The text in one event, or in the answer."""
    if client == "openai":
        return "".join((c.get("message") or c.get("delta") or {}).get("content") or "" for c in part.get("choices", []))
    if client == "anthropic":
        blocks = part.get("content", []) if part.get("type") == "message" else [part.get("delta", {})]
        return "".join(block.get("text", "") for block in blocks)
    return part.get("message", {}).get("content", "")


def is_end(client, part):
    if client == "openai":
        return part == "[DONE]"
    return part.get("type") == "message_stop" if client == "anthropic" else part.get("done")


def error_text(client, part):
    """Of an error in the client's own format."""
    if client == "ollama":
        return part["error"]
    if client == "anthropic":
        assert part["type"] == "error"
    assert part["error"]["type"]
    return part["error"]["message"]


def check_failure(case, answer, outcome):
    client = case[0]
    assert answer.headers["Content-Type"].startswith("application/json")
    text = error_text(client, json.loads(answer.body))
    assert case_id(case) in text and outcome.errors[-1] in text and outcome.message in text


def check_stream(case, answer, outcome):
    client = case[0]
    events = events_of(client, answer.body.decode())
    if outcome.broken:
        text = error_text(client, events.pop())
        assert case_id(case) in text and outcome.errors[-1] in text
        assert not any(is_end(client, event) for event in events)
    else:
        assert is_end(client, events[-1])
    assert "".join(said_by(client, event) for event in events if event != "[DONE]") == outcome.said


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_the_client_gets(answers, case):
    answer, outcome = answers[case], outcome_of(case)
    assert answer.status == outcome.status, answer.body
    assert answer.headers["X-Request-Id"] == answer.id
    assert answer.headers["X-Tooloo-Provider"] == answer.headers["X-Tooloo-Model"] == case_id(case)
    assert answer.headers["Retry-After"] == outcome.retry_after
    if outcome.status != 200:
        check_failure(case, answer, outcome)
    elif case[3]:
        assert answer.headers["Content-Type"].startswith("application/x-ndjson" if case[0] == "ollama" else "text/event-stream")
        check_stream(case, answer, outcome)
    else:
        assert said_by(case[0], json.loads(answer.body)) == outcome.said
        cost, = (row["cost"] for row in attempts(answer))
        assert round(float(answer.headers["X-Tooloo-Cost"]) * 1e9) == cost


# --- What the ledger has ---


def attempts(answer):
    return rows("SELECT a.* FROM attempt a JOIN request q ON q.id = a.request WHERE q.name = ? ORDER BY a.n", answer.id)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_what_the_ledger_has(answers, case):
    answer, outcome = answers[case], outcome_of(case)
    request, = rows("SELECT * FROM request WHERE name = ?", answer.id)
    assert (request["status"], request["api"], request["stream"]) == (outcome.status, case[0], int(case[3]))
    assert request["ended"] >= request["at"]
    made = attempts(answer)
    assert [row["error"] for row in made] == outcome.errors
    for n, row in enumerate(made):
        assert (row["n"], row["provider"], row["model"]) == (n + 1, case_id(case), case_id(case))
        assert row["status"] == outcome.upstream
        assert row["cost"] == row["tokens_in"] * 150 + row["tokens_out"] * 600
        assert row["reported"] == outcome.reported
        assert outcome.cost(row["cost"]) if callable(outcome.cost) else row["cost"] == outcome.cost, row["cost"]
        assert row["tokens_out"] >= len(outcome.said.split())
        if outcome.reported:
            assert (row["tokens_in"], row["tokens_out"], row["tokens_cached"], row["tokens_reasoning"]) == (3, 5, 0, 0)
        if outcome.said:
            assert 0 < row["ttft"] <= row["total"]
        if outcome.upstream != 200:
            assert row["ttft"] is None


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_the_ledger_knows_how_slow_it_was(answers, streamed):
    first, = attempts(answers["openai", "openai", "slow-first", streamed])
    assert first["ttft"] >= 299000  # timers of Node may be a millisecond early
    between, = attempts(answers["openai", "openai", "slow-between", streamed])
    if streamed:
        # From the beginning: when the first of it was read depends on how busy the machine is.
        assert between["ttft"] < between["total"] and between["total"] >= 5 * 49000


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_what_stalls_is_waited_for_from_its_last_byte(answers, streamed):
    """Not until the first would have been given up."""
    row, = attempts(answers["openai", "openai", "stall", streamed])
    assert 1499000 <= row["total"] < LONG["firstByteMs"] * 1000


def test_nothing_stays_reserved(answers):
    assert rows("SELECT count(*) AS n FROM reservation")[0]["n"] == 0
    spent, = rows("SELECT settled, reserved FROM spent WHERE scope = 'total' AND window = 'month'")
    assert (spent["settled"], spent["reserved"]) == (rows("SELECT sum(cost) AS n FROM attempt")[0]["n"], 0)
