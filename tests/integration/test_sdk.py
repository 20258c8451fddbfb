# SPDX-License-Identifier: MIT
"""The vendors' own clients from npm, unmodified: against the upstream of the tests itself, which shows that the scripts and it
are right; and against the gateway, through web, with providers of each kind behind it."""
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import CHECKOUT, PATIENCE, PORTS, run, state_directory, toolooctl
from upstream import Upstream

SCRIPTS = CHECKOUT / "tests/fixtures/sdk"
PACKAGES = CHECKOUT / "build-sdk/node_modules"
CONFIG = Path.home() / ".config/tooloo"
# The client, and the kind of provider that it reaches through the gateway; None: it asks the upstream itself.
WAYS = [("openai", None), ("anthropic", None), ("ollama", None), ("openai", "openai"), ("openai", "anthropic"),
        ("openai", "gemini"), ("anthropic", "anthropic"), ("anthropic", "openai"), ("ollama", "ollama"), ("ollama", "openai")]
# What the client appends its own paths to.
BASES = {"openai": "/v1", "anthropic": "", "ollama": ""}
PROMPT, ANSWER = "Hello big world", "You said: Hello big world"
WEATHER = {"name": "weather", "arguments": '{"city":"Paris"}'}
STOP = {"openai": "stop", "anthropic": "end_turn", "ollama": "stop"}
CALLS = {"openai": "tool_calls", "anthropic": "tool_use", "ollama": "stop"}
USAGE = {"in": 100, "out": 20, "cached": 30, "cacheWrite": 7, "reasoning": 4}
# What a provider of that kind tells of it.
TOLD = {"openai": {"in", "out", "cached", "reasoning"}, "anthropic": {"in", "out", "cached", "cacheWrite"}, "ollama": {"in", "out"},
        "gemini": {"in", "out", "cached", "reasoning"}}
ERRORS = {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
          429: "RateLimitError", 500: "InternalServerError", 502: "InternalServerError"}
# A key that the provider refuses is the gateway's, and what it breaks is not the gateway.
THROUGH_GATEWAY = {401: 502, 403: 502, 500: 502}
# Each has a model of its own, so that none rests because of another.
REFUSALS = [(status, scenario) for status in (400, 401, 403, 404, 429, 500) for scenario in ("chat", "stream")]
MODELS = ["alpha", "beta", "broken", *(f"{scenario}-{status}" for status, scenario in REFUSALS)]

pytestmark = pytest.mark.skipif(not (PACKAGES / ".package-lock.json").exists(),
                                reason="the clients are not there: packaging/fetch-npm --list tests/fixtures/sdk build-sdk")


@pytest.fixture(scope="module")
def process():
    with Upstream() as it:
        yield it


@pytest.fixture
def upstream(process):
    process.forget()
    return process


@pytest.fixture(scope="module")
def gateway(process):
    """A provider of each kind, whose models are named after it and who asks for them: "openai-ollama-alpha"."""
    toolooctl("stop")
    shutil.rmtree(state_directory("ledger"), ignore_errors=True)
    shutil.rmtree(CONFIG, ignore_errors=True)
    (CONFIG / "providers").mkdir(parents=True)
    for kind in TOLD:
        models = [{"name": f"{kind}-{client}-{name}", "upstream": name, "price": {"input": 1, "output": 2}}
                  for client in BASES for name in MODELS]
        file = {"kind": kind, "baseUrl": process.url(kind), "models": models}
        (CONFIG / "providers" / f"{kind}.json").write_text(json.dumps(file))
    toolooctl("start")
    yield PORTS["web"]
    toolooctl("stop")
    shutil.rmtree(CONFIG, ignore_errors=True)


class Way:
    """A client and where it goes."""

    def __init__(self, client, kind, upstream, port):
        self.client, self.kind, self.upstream = client, kind, upstream
        self.base = f"http://127.0.0.1:{port}{BASES[client]}"

    def name(self, model):
        return f"{self.kind}-{self.client}-{model}" if self.kind else model

    def command(self, *scenarios):
        return ["node", SCRIPTS / f"{self.client}.js", self.base, *scenarios]

    def environment(self, key=None):
        return os.environ | {"NODE_PATH": str(PACKAGES)} | ({"KEY": key} if key else {})

    def run_all(self, *scenarios, key=None):
        """What the client gave in each, "SCENARIO" or "SCENARIO:MODEL"."""
        named = [f"{s}:{self.name(model or 'alpha')}" for s, _, model in (s.partition(":") for s in scenarios)]
        done = run(*self.command(*named), timeout=2 * PATIENCE, env=self.environment(key))
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(results) == len(scenarios), done.stderr
        return results

    def run(self, scenario, **more):
        return self.run_all(scenario, **more)[0]

    def abort(self, scenario, held):
        """What it gave after it was told to abort, which held() waits for, and the upstream had seen it go."""
        command = [str(word) for word in self.command(f"{scenario}:{self.name('alpha')}")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment()) as script:
            held()
            script.stdin.write(b"\n")
            script.stdin.close()
            self.upstream.wait(disconnected=1, open=0)
            return json.loads(script.stdout.read())


def name_of(way):
    return f"{way[0]}-{way[1] or 'direct'}"


def of(*clients):
    """The ways of those that have what is tried."""
    return pytest.mark.parametrize("way", [way for way in WAYS if way[0] in clients], indirect=True, ids=name_of)


@pytest.fixture(params=WAYS, ids=name_of)
def way(request, upstream):
    client, kind = request.param
    return Way(client, kind, upstream, request.getfixturevalue("gateway") if kind else upstream.port)


def good(result):
    assert "error" not in result, result["error"]
    return result


def usage_of(client, usage):
    """In words of the upstream's behaviour, as far as the client's format says it."""
    if client == "openai":
        return {"in": usage["prompt_tokens"], "out": usage["completion_tokens"],
                "cached": usage["prompt_tokens_details"]["cached_tokens"],
                "reasoning": usage["completion_tokens_details"]["reasoning_tokens"]}
    if client == "anthropic":
        read, written = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
        return {"in": usage["input_tokens"] + read + written, "out": usage["output_tokens"], "cached": read,
                "cacheWrite": written}
    return {"in": usage["prompt_eval_count"], "out": usage["eval_count"]}


def has(usage, way):
    told = usage_of(way.client, usage)
    known = TOLD[way.kind or way.client]
    assert told == {name: USAGE[name] if name in known else 0 for name in told}


def test_chat(way):
    way.upstream.behave(usage=USAGE)
    result = good(way.run("chat"))
    assert (result["text"], result["finish"], result["model"]) == (ANSWER, STOP[way.client], "alpha")
    has(result["usage"], way)
    if way.kind and way.client != "ollama":  # whose client does not give the head
        fields = result["fields"]
        assert (fields["x-tooloo-provider"], fields["x-tooloo-model"]) == (way.kind, way.name("alpha"))
        assert float(fields["x-tooloo-cost"]) > 0


def test_models(way):
    wanted = [way.name(name) for name in MODELS]
    way.upstream.control(models=wanted)
    assert [name for name in good(way.run("models"))["models"] if name in wanted] == wanted


def test_stream(way):
    way.upstream.behave(usage=USAGE)
    result = good(way.run("stream"))
    assert (result["text"], result["chunks"], result["finish"]) == (ANSWER, 5, STOP[way.client])
    has(result["usage"], way)
    if way.client == "anthropic":
        assert result["events"] == ["message_start", "content_block_start", "content_block_delta", "content_block_stop",
                                    "message_delta", "message_stop"]


@of("openai")
def test_a_stream_has_no_usage_that_was_not_asked_for(way):
    result = good(way.run("streamWithoutUsage"))
    assert result["text"] == ANSWER and result["usage"] is None


def test_tools(way):
    result = good(way.run("tools"))
    assert (result["finish"], result["calls"]) == (CALLS[way.client], [WEATHER])
    assert result["text"] == "The tool said: sunny in Paris"


def test_tools_in_a_stream(way):
    result = good(way.run("streamTools"))
    assert (result["finish"], result["calls"], result["text"]) == (CALLS[way.client], [WEATHER], "")


@of("openai", "anthropic")
def test_what_the_clients_own_helper_makes_of_a_stream(way):
    call, = good(way.run("helper"))["calls"]
    assert (call["name"], json.loads(call["arguments"])) == ("weather", {"city": "Paris"})


def is_error(client, result, status):
    """That the client threw its class for the status, with that status."""
    error = result["error"]
    assert error["status"] == status, error
    if client == "ollama":  # it has one class for all
        assert error["classes"] == ["ResponseError"], error
    else:
        assert error["classes"][:2] == [ERRORS[status], "APIError"], error
    return error


def test_errors_are_of_the_clients_own_classes(way):
    for status, scenario in REFUSALS:
        way.upstream.behave(status=status, message="It is so", retryAfter=7, model=f"{scenario}-{status}")
    results = way.run_all(*(f"{scenario}:{scenario}-{status}" for status, scenario in REFUSALS))
    for (status, _), result in zip(REFUSALS, results):
        told = THROUGH_GATEWAY.get(status, status) if way.kind else status
        error = is_error(way.client, result, told)
        assert "It is so" in error["message"]
        if told == 429 and way.client != "ollama":  # whose error has no headers
            assert error["retryAfter"] == "7"


def test_a_key_that_the_gateway_does_not_know(way):
    if not way.kind:
        way.upstream.control(key="the one that it knows")
    for result in way.run_all("chat", "stream", key="tlk_" + "x" * 43):
        is_error(way.client, result, 401)


def test_a_wrong_request(way):
    result = way.run("wrongBody")
    assert "messages" in is_error(way.client, result, 400)["message"]


def test_an_error_within_a_stream(way):
    way.upstream.behave(fault="error-event", at=2, model="broken")
    result = way.run("stream:broken")
    assert result["text"] == "You said:" and result["finish"] is None
    assert "The model failed" in result["error"]["message"]
    if way.client != "ollama":  # which throws a plain Error
        assert result["error"]["classes"][0] == "APIError"


@of("openai", "anthropic")
def test_abort(way):
    way.upstream.behave(gate="held")
    result = way.abort("abort", lambda: way.upstream.wait(held=1))
    assert result["error"]["classes"][0] == "APIUserAbortError"


def test_abort_of_a_stream(way):
    way.upstream.behave(gate="held", gateAt=2)
    result = way.abort("abortStream", lambda: way.upstream.wait(held=1))
    assert result["text"] in ("", "You", "You said:") and result["finish"] is None
    request, = way.upstream.seen()["requests"]
    assert request["end"] == "disconnected" and request["pieces"] == 2
