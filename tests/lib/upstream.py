# SPDX-License-Identifier: MIT
"""Starts tests/fixtures/upstream, a model provider that fails as it is told, and tells it:

        with Upstream() as upstream:
            upstream.behave(status=429, retryAfter=2, model="alpha", next=1)
            ...
            upstream.wait(calls=1)
            upstream.seen()["requests"][-1]["headers"]

behaviour.js there says what a behaviour may have, server.js what is seen."""
import http.client
import json
import select
import subprocess
import time
from pathlib import Path

SERVER = Path(__file__).resolve().parents[1] / "fixtures/upstream/server.js"
PATIENCE = 30  # seconds before a wait counts as failed

# What comes after the address in a base URL, as each vendor's own client has it, and as providers are configured.
BASE_PATHS = {"openai": "/v1", "anthropic": "", "ollama": "", "gemini": ""}


class Upstream:
    def __init__(self, port=0):
        self.process = subprocess.Popen(["node", str(SERVER), str(port)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        ready = b""
        if select.select([self.process.stdout], [], [], PATIENCE)[0]:
            ready = self.process.stdout.readline()
        if not ready.startswith(b"ready "):
            self.stop()
            raise RuntimeError(f"the upstream does not start: {ready!r}")
        self.port = int(ready.split()[1])

    def url(self, format="openai"):
        """The base URL for clients of that format."""
        return f"http://127.0.0.1:{self.port}{BASE_PATHS[format]}"

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """Status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            text = json.dumps(body) if body is not None else None
            connection.request(method, path, text, {"Content-Type": "application/json"} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def control(self, **order):
        status, _, body = self.request("POST", "/_control", order)
        assert status == 200, f"{order}: {body.decode()}"

    def behave(self, *, model=None, next=None, **behaviour):
        """From now on, for that model alone, for the next so many calls alone."""
        order = {"behaviour": behaviour} | ({"model": model} if model else {}) | ({"next": next} if next else {})
        self.control(**order)

    def open(self, gate):
        self.control(open=gate)

    def pass_gate(self, gate, n=1):
        self.control(**{"pass": gate, "n": n})

    def forget(self):
        """Back to the start: no behaviour, no figures, nothing seen."""
        self.control(forget=True)

    def seen(self):
        return json.loads(self.request("GET", "/_seen")[2])

    def requests(self, **those):
        """The calls that were seen, oldest first: requests(model="alpha")."""
        return [r for r in self.seen()["requests"] if all(r[name] == value for name, value in those.items())]

    def wait(self, timeout=PATIENCE, **figures):
        """Until each figure (calls, held, disconnected, ended) is at least that, and open at most; the figures then."""
        query = "&".join(f"{name}={value}" for name, value in figures.items())
        begun = time.monotonic()
        try:
            status, _, body = self.request("GET", f"/_wait?{query}", timeout=timeout)
        except TimeoutError:
            now = self.seen()
            now["requests"] = now["requests"][-3:]
            raise AssertionError(f"{figures}: not within {time.monotonic() - begun:.0f} s, but {now}") from None
        assert status == 200, body.decode()
        return json.loads(body)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
