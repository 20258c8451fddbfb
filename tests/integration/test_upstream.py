# SPDX-License-Identifier: MIT
"""The upstream of the other tests (tests/fixtures/upstream) is as the vendors' documents have it, and fails as it is told."""
import http.client
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import PATIENCE
from upstream import Upstream

FORMATS = ["openai", "anthropic", "ollama", "gemini"]
USAGE = {"in": 100, "out": 20, "cached": 30, "cacheWrite": 7, "reasoning": 4}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "note": {"type": "string"}},
          "required": ["city", "unit"]}
ARGUMENTS = {"city": "Paris", "unit": "C"}


@pytest.fixture(scope="module")
def process():
    with Upstream() as it:
        yield it


@pytest.fixture
def upstream(process):
    process.forget()
    return process


def path_and_body(format, stream=False, model="alpha", text="Hello big world", tools=False):
    function = {"name": "weather", "description": "Weather", "parameters": SCHEMA}
    messages = [{"role": "user", "content": text}]
    if format == "gemini":
        body = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        if tools:
            body["tools"] = [{"functionDeclarations": [function]}]
        return f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent"), body
    body = {"model": model, "stream": stream, "messages": messages}
    if format == "anthropic":
        if tools:
            body["tools"] = [{"name": "weather", "input_schema": SCHEMA}]
        return "/v1/messages", body | {"max_tokens": 100}
    if tools:
        body["tools"] = [{"type": "function", "function": function}]
    if format == "openai" and stream:
        body["stream_options"] = {"include_usage": True}
    return {"openai": "/v1/chat/completions", "ollama": "/api/chat"}[format], body


def ask(upstream, format, headers=None, **more):
    path, body = path_and_body(format, **more)
    return upstream.request("POST", path, body, headers)


def events_of(format, text):
    """The objects of a stream; each has to be framed as the format says."""
    if format == "ollama":
        assert text.endswith("\n")
        return [json.loads(line) for line in text.splitlines()]
    end = "\r\n\r\n" if format == "gemini" else "\n\n"
    assert text.endswith(end)
    events = []
    for frame in text[:-len(end)].split(end):
        *names, data = frame.split("\n")
        assert data.startswith("data: ")
        if data == "data: [DONE]":
            assert format == "openai" and text.endswith("data: [DONE]\n\n")
            continue
        events.append(json.loads(data[6:]))
        assert names == ([f"event: {events[-1]['type']}"] if format == "anthropic" else [])
    return events


def stream(upstream, format, **more):
    status, headers, body = ask(upstream, format, stream=True, **more)
    assert status == 200, body
    kind = "application/x-ndjson" if format == "ollama" else "text/event-stream"
    assert headers["Content-Type"] == kind
    return events_of(format, body.decode())


def whole(upstream, format, **more):
    status, headers, body = ask(upstream, format, **more)
    assert status == 200, body
    assert headers["Content-Type"] == "application/json"
    return json.loads(body)


def test_openai(upstream):
    upstream.behave(usage=USAGE, thinking="Let me see")
    answer = whole(upstream, "openai")
    assert answer["object"] == "chat.completion" and answer["id"].startswith("chatcmpl-") and answer["model"] == "alpha"
    choice, = answer["choices"]
    assert (choice["index"], choice["finish_reason"], choice["logprobs"]) == (0, "stop", None)
    assert choice["message"]["role"] == "assistant" and choice["message"]["content"] == "You said: Hello big world"
    usage = answer["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (100, 20, 120)
    assert usage["prompt_tokens_details"]["cached_tokens"] == 30
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 4

    *events, last = stream(upstream, "openai")
    assert last["choices"] == [] and last["usage"] == usage
    assert all(e["object"] == "chat.completion.chunk" and e["usage"] is None for e in events)
    deltas = [e["choices"][0]["delta"] for e in events]
    assert deltas[0]["role"] == "assistant"
    assert "".join(d.get("content") or "" for d in deltas) == "You said: Hello big world"
    assert "".join(d.get("reasoning_content", "") for d in deltas) == "Let me see"
    assert [e["choices"][0]["finish_reason"] for e in events if e["choices"][0]["finish_reason"]] == ["stop"]


def test_openai_tells_no_usage_of_a_stream_that_did_not_ask(upstream):
    path, body = path_and_body("openai", stream=True)
    del body["stream_options"]
    events = events_of("openai", upstream.request("POST", path, body)[2].decode())
    assert events and not any("usage" in e for e in events)


def test_anthropic(upstream):
    upstream.behave(usage=USAGE, thinking="Let me see")
    answer = whole(upstream, "anthropic")
    assert answer["type"] == "message" and answer["role"] == "assistant" and answer["id"].startswith("msg_")
    assert [b["type"] for b in answer["content"]] == ["thinking", "text"]
    assert answer["content"][1]["text"] == "You said: Hello big world"
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("end_turn", None)
    usage = answer["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"],
            usage["output_tokens"]) == (63, 30, 7, 20)

    events = stream(upstream, "anthropic")
    assert [e["type"] for e in events if e["type"] not in ("ping", "content_block_delta")] == [
        "message_start", "content_block_start", "content_block_stop", "content_block_start", "content_block_stop",
        "message_delta", "message_stop"]
    start, = (e["message"] for e in events if e["type"] == "message_start")
    assert start["content"] == [] and start["stop_reason"] is None and start["usage"]["input_tokens"] == 63
    deltas = [e["delta"] for e in events if e["type"] == "content_block_delta"]
    assert "".join(d.get("text", "") for d in deltas) == "You said: Hello big world"
    assert "".join(d.get("thinking", "") for d in deltas) == "Let me see"
    last, = (e for e in events if e["type"] == "message_delta")
    assert last["delta"]["stop_reason"] == "end_turn" and last["usage"]["output_tokens"] == 20


def test_anthropic_needs_max_tokens(upstream):
    path, body = path_and_body("anthropic")
    del body["max_tokens"]
    status, _, text = upstream.request("POST", path, body)
    assert status == 400 and json.loads(text)["error"] == {"type": "invalid_request_error",
                                                           "message": "max_tokens: Field required"}


def test_ollama(upstream):
    upstream.behave(usage=USAGE, thinking="Let me see")
    answer = whole(upstream, "ollama")
    assert answer["message"] == {"role": "assistant", "content": "You said: Hello big world", "thinking": "Let me see"}
    assert (answer["done"], answer["done_reason"], answer["prompt_eval_count"], answer["eval_count"]) == (True, "stop", 100, 20)
    assert all(answer[f"{what}_duration"] > 0 for what in ("total", "load", "prompt_eval", "eval"))

    *events, last = stream(upstream, "ollama")
    assert not any(e["done"] for e in events) and last["done"] and last["eval_count"] == 20
    assert "".join(e["message"]["content"] for e in events) == "You said: Hello big world"
    assert "".join(e["message"].get("thinking", "") for e in events) == "Let me see"


def test_ollama_streams_unless_told_otherwise(upstream):
    path, body = path_and_body("ollama")
    del body["stream"]
    assert len(events_of("ollama", upstream.request("POST", path, body)[2].decode())) > 1


def test_gemini(upstream):
    upstream.behave(usage=USAGE, thinking="Let me see")
    answer = whole(upstream, "gemini")
    candidate, = answer["candidates"]
    assert candidate["content"] == {"role": "model", "parts": [{"text": "Let me see", "thought": True},
                                                               {"text": "You said: Hello big world"}]}
    assert candidate["finishReason"] == "STOP" and answer["modelVersion"] == "alpha" and answer["responseId"]
    usage = answer["usageMetadata"]
    assert (usage["promptTokenCount"], usage["candidatesTokenCount"], usage["thoughtsTokenCount"],
            usage["cachedContentTokenCount"], usage["totalTokenCount"]) == (100, 16, 4, 30, 120)

    events = stream(upstream, "gemini")
    parts = [part for e in events for part in e["candidates"][0]["content"]["parts"]]
    assert "".join(p["text"] for p in parts if not p.get("thought")) == "You said: Hello big world"
    assert events[-1]["usageMetadata"] == usage and events[-1]["candidates"][0]["finishReason"] == "STOP"
    assert not any("finishReason" in e["candidates"][0] for e in events[:-1])


def calls_of(format, answer):
    """Name and arguments of the calls in an answer that is no stream."""
    if format == "openai":
        assert answer["choices"][0]["finish_reason"] == "tool_calls" and answer["choices"][0]["message"]["content"] is None
        calls = answer["choices"][0]["message"]["tool_calls"]
        assert all(c["type"] == "function" and c["id"] for c in calls)
        return [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in calls]
    if format == "anthropic":
        assert answer["stop_reason"] == "tool_use"
        return [(b["name"], b["input"]) for b in answer["content"] if b["type"] == "tool_use" and b["id"]]
    if format == "ollama":
        return [(c["function"]["name"], c["function"]["arguments"]) for c in answer["message"]["tool_calls"]]
    parts = answer["candidates"][0]["content"]["parts"]
    return [(p["functionCall"]["name"], p["functionCall"]["args"]) for p in parts]


def streamed_calls_of(format, events):
    if format == "openai":
        parts = [c for e in events for choice in e["choices"] for c in choice["delta"].get("tool_calls", [])]
        name, = (p["function"]["name"] for p in parts if "name" in p["function"])
        return [(name, json.loads("".join(p["function"]["arguments"] for p in parts)))]
    if format == "anthropic":
        name, = (e["content_block"]["name"] for e in events if e["type"] == "content_block_start")
        deltas = [e["delta"]["partial_json"] for e in events if e["type"] == "content_block_delta"]
        return [(name, json.loads("".join(deltas)))]
    if format == "ollama":
        return [call for e in events if "tool_calls" in e["message"] for call in calls_of(format, e)]
    return [call for e in events[:-1] for call in calls_of(format, e)]


@pytest.mark.parametrize("format", FORMATS)
def test_a_request_with_tools_gets_a_call(upstream, format):
    assert calls_of(format, whole(upstream, format, tools=True)) == [("weather", ARGUMENTS)]
    assert streamed_calls_of(format, stream(upstream, format, tools=True)) == [("weather", ARGUMENTS)]


def test_the_result_of_a_tool_gets_a_text(upstream):
    path, body = path_and_body("openai", tools=True)
    body["messages"].append({"role": "tool", "tool_call_id": "call_1_0", "content": "sunny"})
    answer = json.loads(upstream.request("POST", path, body)[2])
    assert answer["choices"][0]["message"]["content"] == "The tool said: sunny"


def test_lists_of_models(upstream):
    upstream.control(models=["one", "two"])

    def get(path, **headers):
        return json.loads(upstream.request("GET", path, headers=headers)[2])

    assert [(m["id"], m["object"]) for m in get("/v1/models")["data"]] == [("one", "model"), ("two", "model")]
    claude = get("/v1/models", **{"anthropic-version": "2023-06-01"})
    assert [m["type"] for m in claude["data"]] == ["model", "model"] and claude["last_id"] == "two"
    assert [m["name"] for m in get("/api/tags")["models"]] == ["one", "two"]
    assert [m["name"] for m in get("/v1beta/models")["models"]] == ["models/one", "models/two"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_refusal_has_the_words_of_its_format(upstream, format, streamed):
    status, headers, body = ask(upstream, format, stream=streamed, model="fault-429")
    assert (status, headers["Retry-After"], headers["Content-Type"]) == (429, "1", "application/json")
    error = json.loads(body)["error"]
    assert error == {
        "openai": {"message": "Rate limit reached", "type": "requests", "param": None, "code": "rate_limit_exceeded"},
        "anthropic": {"type": "rate_limit_error", "message": "Rate limit reached"},
        "ollama": "Rate limit reached",
        "gemini": {"code": 429, "message": "Rate limit reached", "status": "RESOURCE_EXHAUSTED"}}[format]
    assert upstream.seen()["requests"][0]["end"] == "failure"


@pytest.mark.parametrize("format", FORMATS)
def test_the_key_is_looked_for_where_the_format_has_it(upstream, format):
    field = {"anthropic": ("x-api-key", "k"), "gemini": ("x-goog-api-key", "k")}.get(format, ("Authorization", "Bearer k"))
    upstream.control(key="k")
    assert ask(upstream, format)[0] == 401
    assert ask(upstream, format, headers=dict([field]))[0] == 200


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("fault", ["fault-cut-before", "fault-cut", "fault-reset"])
def test_a_cut_is_no_end(upstream, format, fault):
    for streamed in False, True:
        with pytest.raises((http.client.IncompleteRead, http.client.RemoteDisconnected)) as e:
            ask(upstream, format, stream=streamed, model=fault)
        if streamed and fault == "fault-cut":
            assert b"You" in e.value.partial and b"Hello" not in e.value.partial
    assert [r["end"] for r in upstream.seen()["requests"]] == ["cut", "cut"]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_malformed_is_no_json(upstream, format):
    with pytest.raises(json.JSONDecodeError):
        whole(upstream, format, model="fault-malformed")
    with pytest.raises(json.JSONDecodeError):
        stream(upstream, format, model="fault-malformed")


@pytest.mark.parametrize("format", FORMATS)
def test_an_error_event_ends_a_stream(upstream, format):
    *before, last = stream(upstream, format, model="fault-error-event")
    assert before and "error" in last
    assert "error" in whole(upstream, format, model="fault-error-event")


@pytest.mark.parametrize("format", FORMATS)
def test_a_stream_without_its_end(upstream, format):
    ended = {"openai": "[DONE]", "anthropic": "message_stop", "ollama": '"done":true', "gemini": "finishReason"}[format]
    _, _, whole_one = ask(upstream, format, stream=True)
    _, _, body = ask(upstream, format, stream=True, model="fault-truncated")
    assert ended in whole_one.decode() and ended not in body.decode() and b"You" in body


@pytest.mark.parametrize("format", FORMATS)
def test_usage_that_is_wrong(upstream, format):
    place = "usageMetadata" if format == "gemini" else "usage"

    def usage(model):
        answer = whole(upstream, format, model=model)
        return {k: v for k, v in answer.items() if k.endswith("_count")} if format == "ollama" else answer.get(place)

    assert not usage("fault-usage-missing")
    assert any(isinstance(v, int) and v < 0 for v in usage("fault-usage-negative").values())
    assert any(isinstance(v, int) and v >= 1 << 52 for v in usage("fault-usage-absurd").values())
    assert any(isinstance(v, str) for v in usage("fault-usage-not-a-number").values())
    last = [e for e in stream(upstream, format, model="fault-usage-negative") if format == "ollama" or e.get(place)][-1]
    assert any(isinstance(v, int) and v < 0 for v in (last if format == "ollama" else last[place]).values())


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_that_has_no_tools(upstream, format):
    assert ask(upstream, format, model="fault-no-tools")[0] == 200
    assert ask(upstream, format, model="fault-no-tools", tools=True)[0] == 400


def test_an_order_for_the_next_calls_and_for_a_model(upstream):
    upstream.behave(status=500, next=2)
    upstream.behave(status=404, model="beta")
    assert [ask(upstream, "openai")[0] for _ in range(3)] == [500, 500, 200]
    assert [ask(upstream, "openai", model=m)[0] for m in ("beta", "alpha", "beta")] == [404, 200, 404]


def test_a_word_that_it_does_not_know(upstream):
    status, _, body = upstream.request("POST", "/_control", {"behaviour": {"statsu": 500}})
    assert status == 400 and b"no such behaviour: statsu" in body


def test_gates_hold_calls_until_they_are_opened(upstream):
    upstream.behave(gate="g")
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(ask, upstream, "openai") for _ in range(3)]
        assert upstream.wait(held=3)["mostOpen"] == 3
        upstream.pass_gate("g", 2)
        assert upstream.wait(ended=2, open=1)["held"] == 1
        assert sum(a.done() for a in answers) <= 2
        upstream.open("g")
        assert [a.result(PATIENCE)[0] for a in answers] == [200, 200, 200]


def test_a_gate_within_a_stream(upstream):
    upstream.behave(gate="g", gateAt=1)
    path, body = path_and_body("openai", stream=True)
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=PATIENCE)
    connection.request("POST", path, json.dumps(body))
    answer = connection.getresponse()
    upstream.wait(held=1)
    lines = [answer.readline() for _ in range(4)]
    assert b'"You"' in lines[2]
    upstream.open("g")
    assert b"[DONE]" in answer.read()
    connection.close()


@pytest.mark.parametrize("fault", ["fault-stall-headers", "fault-stall-before", "fault-stall"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_client_that_goes_away_is_seen(upstream, fault, streamed):
    path, body = path_and_body("openai", stream=streamed, model=fault)
    connection = http.client.HTTPConnection("127.0.0.1", upstream.port, timeout=PATIENCE)
    connection.request("POST", path, json.dumps(body), {"X-Mark": "m"})
    if fault != "fault-stall-headers":
        connection.getresponse()
    upstream.wait(calls=1)
    assert upstream.seen()["open"] == 1
    connection.sock.close()
    connection.close()
    upstream.wait(disconnected=1, open=0)
    request, = upstream.requests(model=fault)
    assert request["end"] == "disconnected" and request["headers"]["x-mark"] == "m" and request["body"] == body


def test_time_between_events(upstream):
    upstream.behave(firstByteMs=60, betweenMs=30)
    ask(upstream, "openai", stream=True)
    request, = upstream.seen()["requests"]
    assert request["endMs"] - request["atMs"] >= 60 + 5 * 30 - 10  # timers of Node may be a millisecond early
