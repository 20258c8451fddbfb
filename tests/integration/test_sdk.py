# SPDX-License-Identifier: MIT
"""The vendors' own clients from npm, unmodified: against the upstream of the tests itself, which shows that the scripts and
it are right."""
import json
import os
import subprocess

import pytest

from conftest import CHECKOUT, PATIENCE, run
from upstream import Upstream

SCRIPTS = CHECKOUT / "tests/fixtures/sdk"
PACKAGES = CHECKOUT / "build-sdk/node_modules"
CLIENTS = ["openai", "anthropic", "ollama"]
# What the client appends its own paths to.
BASES = {"openai": "/v1", "anthropic": "", "ollama": ""}
PROMPT, ANSWER = "Hello big world", "You said: Hello big world"
WEATHER = {"name": "weather", "arguments": '{"city":"Paris"}'}
STOP = {"openai": "stop", "anthropic": "end_turn", "ollama": "stop"}
CALLS = {"openai": "tool_calls", "anthropic": "tool_use", "ollama": "stop"}
USAGE = {"in": 100, "out": 20, "cached": 30, "cacheWrite": 7, "reasoning": 4}
ERRORS = {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
          429: "RateLimitError", 500: "InternalServerError"}

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


class Way:
    """A client and where it goes."""

    def __init__(self, client, upstream, port):
        self.client, self.upstream = client, upstream
        self.base = f"http://127.0.0.1:{port}{BASES[client]}"
        self.model = "alpha"

    def command(self, *scenarios):
        return ["node", SCRIPTS / f"{self.client}.js", self.base, *(s if ":" in s else f"{s}:{self.model}" for s in scenarios)]

    def environment(self, key=None):
        return os.environ | {"NODE_PATH": str(PACKAGES)} | ({"KEY": key} if key else {})

    def run_all(self, *scenarios, key=None):
        """What the client gave in each, "SCENARIO" or "SCENARIO:MODEL"."""
        done = run(*self.command(*scenarios), timeout=2 * PATIENCE, env=self.environment(key))
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(results) == len(scenarios), done.stderr
        return results

    def run(self, scenario, **more):
        return self.run_all(scenario, **more)[0]

    def abort(self, scenario, held):
        """What it gave after it was told to abort, which held() waits for, and the upstream had seen it go."""
        command = [str(word) for word in self.command(scenario)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.environment()) as script:
            held()
            script.stdin.write(b"\n")
            script.stdin.close()
            self.upstream.wait(disconnected=1, open=0)
            return json.loads(script.stdout.read())


@pytest.fixture(params=CLIENTS)
def way(request, upstream):
    return Way(request.param, upstream, upstream.port)


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


def has(usage, client):
    told = usage_of(client, usage)
    assert told == {name: USAGE[name] for name in told}


def test_chat(way):
    way.upstream.behave(usage=USAGE)
    result = good(way.run("chat"))
    assert (result["text"], result["finish"], result["model"]) == (ANSWER, STOP[way.client], way.model)
    has(result["usage"], way.client)


def test_models(way):
    way.upstream.control(models=["alpha", "beta"])
    assert good(way.run("models"))["models"] == ["alpha", "beta"]


def test_stream(way):
    way.upstream.behave(usage=USAGE)
    result = good(way.run("stream"))
    assert (result["text"], result["chunks"], result["finish"]) == (ANSWER, 5, STOP[way.client])
    has(result["usage"], way.client)
    if way.client == "anthropic":
        assert result["events"] == ["message_start", "content_block_start", "content_block_delta", "content_block_stop",
                                    "message_delta", "message_stop"]


def test_a_stream_has_no_usage_that_was_not_asked_for(upstream):
    result = good(Way("openai", upstream, upstream.port).run("streamWithoutUsage"))
    assert result["text"] == ANSWER and result["usage"] is None


def test_tools(way):
    result = good(way.run("tools"))
    assert (result["finish"], result["calls"]) == (CALLS[way.client], [WEATHER])
    assert result["text"] == "The tool said: sunny in Paris"


def test_tools_in_a_stream(way):
    result = good(way.run("streamTools"))
    assert (result["finish"], result["calls"], result["text"]) == (CALLS[way.client], [WEATHER], "")


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_what_the_clients_own_helper_makes_of_a_stream(upstream, client):
    call, = good(Way(client, upstream, upstream.port).run("helper"))["calls"]
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
    for status in ERRORS:
        way.upstream.behave(status=status, message="It is so", model=f"fault-{status}", retryAfter=7)
    asked = [(status, scenario) for status in ERRORS for scenario in ("chat", "stream")]
    results = way.run_all(*(f"{scenario}:fault-{status}" for status, scenario in asked))
    for (status, _), result in zip(asked, results):
        error = is_error(way.client, result, status)
        assert "It is so" in error["message"]
        if way.client != "ollama":  # whose error has no headers
            assert error["retryAfter"] == "7"


def test_a_wrong_request(way):
    result = way.run("wrongBody")
    assert "messages" in is_error(way.client, result, 400)["message"]


def test_an_error_within_a_stream(way):
    way.upstream.behave(fault="error-event", at=2)
    result = way.run("stream")
    assert result["text"] == "You said:" and result["finish"] is None
    assert "The model failed" in result["error"]["message"]
    if way.client != "ollama":
        assert result["error"]["classes"][0] == "APIError"


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_abort(upstream, client):
    upstream.behave(gate="held")
    result = Way(client, upstream, upstream.port).abort("abort", lambda: upstream.wait(held=1))
    assert result["error"]["classes"][0] == "APIUserAbortError"


def test_abort_of_a_stream(way):
    way.upstream.behave(gate="held", gateAt=2)
    result = way.abort("abortStream", lambda: way.upstream.wait(held=1))
    assert result["text"] in ("", "You", "You said:") and result["finish"] is None
    request, = way.upstream.seen()["requests"]
    assert request["end"] == "disconnected" and request["pieces"] == 2
