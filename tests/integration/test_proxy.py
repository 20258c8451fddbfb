# SPDX-License-Identifier: MIT
"""web as a reverse proxy: what reaches a service, what reaches the client, and what becomes of both when one of them fails.

The service is the test itself: a unit of the registry whose Port= is one that the test listens on.
"""
import json
import os
import re
import select
import socket
import struct
import threading
import time
from pathlib import Path

import pytest

from conftest import (PATIENCE, USER_UNITS, Journal, get_json, http_request, journal_cursor, main_pid, systemctl,
                      toolooctl, unit_property, wait_until)
from load import Load
from raw_client import RawClient

WEB = 3000
YOUNG = 5  # seconds in which a service that refuses connections may yet begin to listen


# --- The service's side ---


class Request:
    """What reached the service: its head as bytes, and its body as far as it has come."""

    def __init__(self, conn, head, rest):
        self.conn = conn
        self.head = head
        self.rest = rest

    @property
    def line(self):
        return self.head.split(b"\r\n")[0].decode("latin-1")

    @property
    def fields(self):
        return [tuple(line.split(": ", 1)) for line in self.head.decode("latin-1").split("\r\n")[1:] if line]

    def get(self, name):
        """Every value of that name."""
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def body(self, size):
        while len(self.rest) < size:
            data = self.conn.recv(1 << 16)
            assert data, f"the body ended after {len(self.rest)} of {size} bytes"
            self.rest += data
        return self.rest

    def chunks(self):
        """The body of a request in chunks, decoded."""
        body = b""
        while True:
            while b"\r\n" not in self.rest:
                self.more()
            size = int(self.rest.split(b"\r\n")[0], 16)
            begin = self.rest.index(b"\r\n") + 2
            while len(self.rest) < begin + size + 2:
                self.more()
            body += self.rest[begin:begin + size]
            self.rest = self.rest[begin + size + 2:]
            if size == 0:
                return body

    def more(self):
        data = self.conn.recv(1 << 16)
        assert data, "the connection ended"
        self.rest += data

    def answer(self, text):
        self.conn.sendall(text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode())

    def ok(self, body=b"ok", more=""):
        self.answer(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)

    def ended(self):
        """Waits until web ends the connection."""
        self.conn.settimeout(PATIENCE)
        try:
            while self.conn.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self, reset=False):
        if reset:
            self.conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.conn.close()


class Upstream:
    """The test as a service."""

    def __init__(self, service):
        self.service = service
        self.listener = socket.create_server(("127.0.0.1", service.port), backlog=256)
        self.conns = []

    def next(self, timeout=PATIENCE):
        """The next request, on a connection that stands or a new one. None when none comes."""
        deadline = time.monotonic() + timeout
        while True:
            ready = select.select([self.listener, *self.conns], [], [], max(deadline - time.monotonic(), 0))[0]
            if not ready:
                return None
            for s in ready:
                if s is self.listener:
                    conn = s.accept()[0]
                    conn.settimeout(PATIENCE)
                    self.conns.append(conn)
                    continue
                try:
                    head = s.recv(1 << 16)
                    while head and b"\r\n\r\n" not in head:
                        more = s.recv(1 << 16)
                        head = head + more if more else b""
                except OSError:
                    head = b""
                if head:
                    head, rest = head.split(b"\r\n\r\n", 1)
                    return Request(s, head, rest)
                self.conns.remove(s)
                s.close()

    def request(self):
        it = self.next()
        assert it, "no request came"
        return it

    def nothing(self):
        """Nothing that was sent so far has reached the service, for what is sent after it has."""
        with Client() as client:
            client.send(f"GET {self.path}/mark HTTP/1.1\r\nHost: localhost\r\n\r\n")
            marked = self.request()
            assert marked.line == f"GET {self.path}/mark HTTP/1.1", marked.head
            marked.ok()
            assert client.answer().status == 200

    @property
    def path(self):
        return f"/{self.service.id}"

    def close(self):
        for s in self.listener, *self.conns:
            s.close()


# --- The client's side ---


class Answer:
    def __init__(self, status, fields, body, complete):
        self.status = status
        self.fields = fields
        self.body = body
        self.complete = complete

    def get(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json()["code"]


class Client(RawClient):
    def __init__(self, port=WEB):
        super().__init__(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))

    def send(self, text):
        self.sock.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))

    def get(self, path, more=""):
        self.send(f"GET {path} HTTP/1.1\r\nHost: localhost:{WEB}\r\n{more}\r\n")

    def until(self, mark):
        """Everything up to and with the mark."""
        while mark not in self.buffer:
            assert self.read(), f"ended without {mark!r}: {self.buffer!r}"
        at = self.buffer.index(mark) + len(mark)
        taken, self.buffer = self.buffer[:at], self.buffer[at:]
        return taken

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        return int(lines[0].split()[1]), [tuple(line.split(": ", 1)) for line in lines[1:] if line]

    def answer(self, method="GET"):
        status, fields = self.head()
        while status == 100:
            status, fields = self.head()
        it = Answer(status, fields, b"", True)
        if method == "HEAD" or status in (204, 304):
            return it
        length = it.get("Content-Length")
        if length:
            while len(self.buffer) < int(length[0]):
                if not self.read():
                    it.complete = False
                    break
            it.body, self.buffer = self.buffer[:int(length[0])], self.buffer[int(length[0]):]
            return it
        assert it.get("Transfer-Encoding") == ["chunked"]
        while True:
            while b"\r\n" not in self.buffer:
                if not self.read():
                    it.complete = False
                    return it
            size, rest = self.buffer.split(b"\r\n", 1)
            size = int(size, 16)
            while len(rest) < size + 2:
                if not self.read():
                    it.complete = False
                    return it
                rest = self.buffer.split(b"\r\n", 1)[1]
            it.body += rest[:size]
            self.buffer = rest[size + 2:]
            if size == 0:
                return it

    def is_open(self):
        """The connection can be used again."""
        self.get("/health")
        if not self.read():
            return False
        return self.answer().status == 200

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()


# --- Fixtures ---


@pytest.fixture(scope="module", autouse=True)
def web():
    toolooctl("start", "web")
    yield
    toolooctl("stop")


def ask_again(deadline):
    """What web knows of the registry, and of its own, it says when asked, and then alone: each answer is the wait for the next
    question."""
    return True


def routes():
    return {(r["service"], r["port"]) for r in get_json(WEB, "/api/v1/system/routes")["routes"]}


def wait_for_route(service):
    """web reads the registry on a signal of systemd's: until it knows the service, and that it runs. By its port, for the
    test before may have had one of the same name."""
    wait_until(lambda: (service.id, service.port) in routes() and condition(service.id) == "running",
               ask_again, f"web's route to {service.id}")


def condition(id):
    return proxy_status(id)["condition"]


def proxy_status(id):
    return next(s for s in get_json(WEB, "/system/status")["status"]["services"] if s["id"] == id)


def wait_for_condition(id, wanted):
    wait_until(lambda: condition(id) == wanted, ask_again, f"{id} {wanted}")


@pytest.fixture
def raw(foreign):
    service = foreign("raw", "/bin/sleep infinity", "/raw", socket_unit=False)
    upstream = Upstream(service)
    wait_for_route(service)
    yield upstream
    upstream.close()
    # The next test's is another service, with a breaker and figures of its own.
    service.remove()
    wait_until(lambda: "raw" not in {id for id, _ in routes()}, ask_again, "web forgets raw")


@pytest.fixture
def client():
    with Client() as c:
        yield c


@pytest.fixture
def limits():
    """Restarts web with other time limits."""
    folder = USER_UNITS / "tooloo-web.service.d"

    def set(options):
        text = Path(unit_property("tooloo-web.service", "FragmentPath")).read_text()
        start = re.search(r"^ExecStart=(\S+)", text, re.M)[1]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "60-test.conf").write_text(f"[Service]\nExecStart=\nExecStart={start} {options} web\n")
        systemctl("daemon-reload")
        toolooctl("restart", "web")

    yield set
    (folder / "60-test.conf").unlink(missing_ok=True)
    systemctl("daemon-reload")
    toolooctl("restart", "web")


# --- What reaches the service ---


def test_a_request_goes_through(raw, client):
    client.send("GET /raw/a%2Fb/../c?x=%20y&z= HTTP/1.1\r\nHost: localhost:3000\r\nX-One: 1\r\nX-Empty:\r\nX-Two: a\r\n"
                "X-Two: b\r\nUser-Agent: t\r\nX-Request-Id: id-1\r\n\r\n")
    request = raw.request()
    assert request.line == "GET /raw/a%2Fb/../c?x=%20y&z= HTTP/1.1"
    assert request.head.decode().split("\r\n")[1:] == [
        "Host: localhost:3000", "X-One: 1", "X-Empty:", "X-Two: a", "X-Two: b", "User-Agent: t",
        "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: localhost:3000",
        "Via: 1.1 tooloo-web", "X-Request-Id: id-1"]
    request.answer("HTTP/1.1 201 Made\nServer: raw/1\nSet-Cookie: a=1\nX-B: 2\nSet-Cookie: b=2\nX-Request-Id: other\n"
                   "Content-Length: 5\n\nhello")
    answer = client.answer()
    assert (answer.status, answer.body) == (201, b"hello")
    assert [f for f in answer.fields if f[0] not in ("Date",)] == [
        ("Server", "raw/1"), ("Set-Cookie", "a=1"), ("X-B", "2"), ("Set-Cookie", "b=2"), ("Via", "1.1 tooloo-web"),
        ("X-Request-Id", "id-1"), ("Content-Length", "5")]
    assert client.is_open()


def test_forwarded_fields_of_a_proxy_before_us_stay(raw, client):
    client.get("/raw", "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\n"
               "X-Forwarded-Host: example.org\r\nVia: 1.1 other\r\n")
    request = raw.request()
    assert request.get("X-Forwarded-For") == ["10.0.0.1, 10.0.0.2, 127.0.0.1"]
    assert request.get("X-Forwarded-Proto") == ["https"]
    assert request.get("X-Forwarded-Host") == ["example.org"]
    assert request.get("Via") == ["1.1 other", "1.1 tooloo-web"]
    request.ok()
    assert client.answer().status == 200


def test_a_circle_is_broken(raw, client):
    client.get("/raw", "Via: 1.0 fred, 1.1 tooloo-web (x)\r\n")
    assert client.answer().code == "LOOP_DETECTED"
    raw.nothing()


HOP_BY_HOP = {
    "Connection: X-Secret, close\r\nX-Secret: 1": ["X-Secret"],
    "Connection: x-secret\r\nConnection: X-Other\r\nX-Secret: 1\r\nX-Other: 2": ["X-Secret", "X-Other"],
    "".join(f"Connection: X-{n}\r\n" for n in range(12)) + "".join(f"X-{n}: 1\r\n" for n in range(12)).rstrip():
        [f"X-{n}" for n in range(12)],
    "Keep-Alive: timeout=5": ["Keep-Alive"],
    "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==": ["Proxy-Connection", "Proxy-Authorization"],
    "TE: trailers, deflate": ["TE"],
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__": ["Upgrade", "HTTP2-Settings"],
    "Trailer: X-Later": ["Trailer"],
    "Connection: Host": ["Connection"],
    "Connection: X-Forwarded-For, X-Request-Id\r\nX-Forwarded-For: 1.2.3.4": [],
}


@pytest.mark.parametrize("sent", HOP_BY_HOP)
def test_what_concerns_one_connection_goes_no_further(raw, client, sent):
    client.get("/raw", sent + "\r\nX-Stays: 1\r\n")
    request = raw.request()
    assert request.get("X-Stays") == ["1"] and request.get("Host") == ["localhost:3000"]
    for name in [*HOP_BY_HOP[sent], "Connection"]:
        assert not request.get(name), name
    assert request.get("X-Forwarded-For") == ["127.0.0.1"] and len(request.get("X-Request-Id")) == 1
    request.answer(f"HTTP/1.1 200 OK\nContent-Length: 2\nX-Stays: 1\n{sent}".replace("\r\n", "\n") + "\n\nok")
    answer = client.answer()
    assert answer.get("X-Stays") == ["1"]
    for name in HOP_BY_HOP[sent]:
        assert name == "Connection" or not answer.get(name), name


# Each is one request, which must be refused; a second one hidden in it must reach nobody. NEXT is that second one.
NEXT = "GET /raw/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMUGGLING = {
    "length and chunks": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{NEXT}",
    "chunks and length": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n{NEXT}",
    "two lengths": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: {len(NEXT)}\r\n\r\n{NEXT}",
    "two equal lengths": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx{NEXT}",
    "a list of lengths": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0, {len(NEXT)}\r\n\r\n{NEXT}",
    "signed length": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: +0\r\n\r\n{NEXT}",
    "length in hex": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x0\r\n\r\n{NEXT}",
    "unknown coding": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{NEXT}",
    "two codings": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n{NEXT}",
    "coding with a tab": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n{NEXT}",
    "space before the colon": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n{NEXT}",
    "folded coding": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n{NEXT}",
    "folded length": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nX: 1\r\n Content-Length: {len(NEXT)}\r\n\r\n{NEXT}",
    "bare LF": f"POST /raw HTTP/1.1\r\nHost: localhost\nContent-Length: {len(NEXT)}\r\n\r\n{NEXT}",
    "bare CR": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nX: 1\rContent-Length: {len(NEXT)}\r\n\r\n{NEXT}",
    "NUL in a value": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nX: 1\0\r\nContent-Length: {len(NEXT)}\r\n\r\n{NEXT}",
    "NUL in a name": f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length\0: {len(NEXT)}\r\n\r\n{NEXT}",
    "two hosts": f"GET /raw HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n{NEXT}",
    "no host": f"GET /raw HTTP/1.1\r\n\r\n{NEXT}",
    "chunks in HTTP/1.0": f"POST /raw HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{NEXT}",
    "absolute form for another host": f"GET http://localhost:1/raw HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "tab in the target": "GET /raw?a\tb HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "control character in the target": "GET /raw?a\x01b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HEAD with a body": f"HEAD /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(NEXT)}\r\n\r\n{NEXT}",
    "CONNECT": "CONNECT localhost:3001 HTTP/1.1\r\nHost: localhost:3001\r\n\r\n",
}


@pytest.mark.parametrize("what", SMUGGLING)
def test_smuggling(raw, client, what):
    client.send(SMUGGLING[what])
    status, _ = client.head()
    assert 400 <= status < 600 and status != 502, status
    raw.nothing()


BAD_CHUNKS = {
    "no number": "zz\r\nabc\r\n0\r\n\r\n", "negative": "-1\r\nabc\r\n0\r\n\r\n", "too long": "4\r\nabcdefgh\r\n0\r\n\r\n",
    "too large": "FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n", "space": "3 \r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("what", BAD_CHUNKS)
def test_bad_chunks_never_make_a_whole_request(raw, client, what):
    client.send(f"POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{BAD_CHUNKS[what]}{NEXT}")
    request = raw.next(timeout=2)
    if request:  # begun, but never ended: libmicrohttpd judges chunks as they come
        assert request.line == "POST /raw HTTP/1.1"
        rest = request.rest
        while data := request.conn.recv(1 << 16):
            rest += data
        assert b"0\r\n\r\n" not in rest and b"hidden" not in rest
        request.close()
        raw.conns.remove(request.conn)
    raw.nothing()


def test_absolute_form(raw, client):
    client.send("GET http://localhost:3000/raw/x?y HTTP/1.1\r\nHost: localhost:3000\r\n\r\n")
    request = raw.request()
    assert request.line == "GET /raw/x?y HTTP/1.1" and request.get("Host") == ["localhost:3000"]
    request.ok()
    assert client.answer().status == 200


def test_100_fields_each_way(raw, client):
    client.get("/raw", "".join(f"X-{n}: {n}\r\n" for n in range(100)))
    request = raw.request()
    assert [v for n, v in request.fields if re.fullmatch(r"X-\d+", n)] == [str(n) for n in range(100)]
    request.ok(more="".join(f"Set-Cookie: c{n}={n}; Path=/\r\n" for n in range(120)))
    answer = client.answer()
    assert answer.get("Set-Cookie") == [f"c{n}={n}; Path=/" for n in range(120)]


def test_head_too_large(raw, client):
    client.get("/raw", "X: " + "y" * 20000 + "\r\n")
    assert client.head()[0] == 431
    raw.nothing()


# --- Bodies ---


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_body_with_length(raw, client, method):
    client.send(f"{method} /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Type: a/b\r\n\r\nhello")
    request = raw.request()
    assert request.line == f"{method} /raw HTTP/1.1"
    assert request.get("Content-Length") == ["5"] and not request.get("Transfer-Encoding") and not request.get("Expect")
    assert request.body(5) == b"hello"
    request.ok()
    assert client.answer().status == 200
    assert client.is_open()


def test_body_in_chunks(raw, client):
    client.send("POST /raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    request = raw.request()
    assert request.get("Transfer-Encoding") == ["chunked"] and not request.get("Content-Length")
    while b"hello" not in request.rest:  # before its end has come
        request.more()
    client.send("6\r\n world\r\n0\r\nX-Trailer: dropped\r\n\r\n")
    assert request.chunks() == b"hello world"
    assert b"X-Trailer" not in request.rest
    request.ok()
    assert client.answer().status == 200
    assert client.is_open()


def test_empty_post(raw, client):
    client.send("POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    request = raw.request()
    assert request.get("Content-Length") == ["0"] and not request.get("Transfer-Encoding")
    request.ok()
    assert client.answer().status == 200


def test_expect_100(raw, client):
    client.send("POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert client.until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    client.send("hello")
    request = raw.request()
    assert not request.get("Expect") and request.body(5) == b"hello"
    request.ok()
    assert client.answer().status == 200


@pytest.mark.parametrize("status,length", [(204, None), (304, 10), (304, None)])
def test_answers_without_body(raw, client, status, length):
    client.get("/raw")
    request = raw.request()
    request.answer(f"HTTP/1.1 {status} X\nETag: x\n" + (f"Content-Length: {length}\n" if length else "") + "\n")
    answer = client.answer()
    assert (answer.status, answer.get("ETag")) == (status, ["x"])
    assert not answer.get("Transfer-Encoding")
    assert answer.get("Content-Length") == ([str(length)] if length else [])
    assert client.is_open() != bool(answer.get("Connection"))


@pytest.mark.parametrize("length", [10, None])
def test_head(raw, client, length):
    client.send("HEAD /raw HTTP/1.1\r\nHost: localhost\r\n\r\n")
    request = raw.request()
    assert request.line == "HEAD /raw HTTP/1.1"
    request.answer("HTTP/1.1 200 OK\nX-A: 1\n" + (f"Content-Length: {length}\n" if length else "") + "\n")
    answer = client.answer("HEAD")
    assert answer.status == 200 and answer.get("Content-Length") == ([str(length)] if length else [])
    assert client.is_open() != bool(answer.get("Connection"))


def test_answer_until_the_end_of_the_connection(raw, client):
    client.get("/raw")
    request = raw.request()
    request.answer("HTTP/1.0 200 OK\nX-A: 1\n\nall of it")
    request.close()
    answer = client.answer()
    assert (answer.body, answer.complete) == (b"all of it", True)
    assert client.is_open()


def test_trailers_of_an_answer_are_dropped(raw, client):
    client.get("/raw")
    raw.request().answer("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-T\n\n2\nok\n0\nX-T: 1\n\n")
    answer = client.answer()
    assert answer.body == b"ok" and not answer.get("X-T") and not answer.get("Trailer")
    assert client.is_open()


def test_interim_answers_go_no_further(raw, client):
    client.get("/raw")
    raw.request().answer("HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </x>\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok")
    answer = client.answer()
    assert (answer.status, answer.body) == (200, b"ok") and not answer.get("Link")


def test_events_one_by_one(raw, client):
    client.get("/raw", "Accept: text/event-stream\r\n")
    request = raw.request()
    request.answer("HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked\n\n")
    assert client.head()[0] == 200
    for n in range(20):
        event = f"data: {n}\n\n".encode()
        request.answer(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        assert event in client.until(event)  # before the next is sent
    request.answer("0\n\n")
    client.until(b"0\r\n\r\n")
    assert client.is_open()


# --- Failures of the service ---

BROKEN = {
    "garbage": "this is no HTTP\n\n",
    "HTTP/0.9": "hello",
    "two lengths": "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\nok!",
    "two equal lengths": "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nok",
    "length beside chunks": "HTTP/1.1 200 OK\nContent-Length: 2\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n",
    "unknown coding": "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n2\nok\n0\n\n",
    "bad length": "HTTP/1.1 200 OK\nContent-Length: -2\n\nok",
    "folded field": "HTTP/1.1 200 OK\nX: 1\n 2\nContent-Length: 2\n\nok",
    "bad name": "HTTP/1.1 200 OK\nX Y: 1\nContent-Length: 2\n\nok",
    "no colon": "HTTP/1.1 200 OK\nXY\nContent-Length: 2\n\nok",
    "switching protocols": "HTTP/1.1 101 Switching Protocols\nUpgrade: x\nConnection: Upgrade\n\n",
    "head too large": "HTTP/1.1 200 OK\nX: " + "y" * 17000 + "\nContent-Length: 2\n\nok",
    "head much too large": "HTTP/1.1 200 OK\nX: " + "y" * 200000 + "\nContent-Length: 2\n\nok",
    "too many fields": "HTTP/1.1 200 OK\n" + "X: 1\n" * 1000 + "Content-Length: 2\n\nok",
    "status": "HTTP/1.1 20 OK\nContent-Length: 2\n\nok",
    "NUL": "HTTP/1.1 200 OK\nX: a\0b\nContent-Length: 2\n\nok",
    "ends in its head": "HTTP/1.1 200 OK\nX: a",
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_answer_is_502(raw, client, what):
    cursor = journal_cursor()
    client.get("/raw")
    request = raw.request()
    try:
        request.answer(BROKEN[what])
    except ConnectionError:
        pass  # web has seen enough
    request.close()
    answer = client.answer()
    assert (answer.status, answer.code) == (502, "BAD_GATEWAY"), answer.body
    assert "raw" in answer.json()["error"]
    assert client.is_open()
    with Journal("tooloo-web.service", after=cursor) as journal:
        journal.wait("GET /raw: raw ")


def test_answer_breaks_off(raw):
    for head in "Content-Length: 100\n", "Transfer-Encoding: chunked\n":
        with Client() as client:
            client.get("/raw")
            request = raw.request()
            raw.conns.remove(request.conn)
            request.answer(f"HTTP/1.1 200 OK\n{head}\n" + ("5\nhello\n" if "chunked" in head else "hello"))
            client.until(b"hello")
            request.close()
            rest = client.ended()
            assert b"0\r\n\r\n" not in rest


def test_nothing_listens(raw, client):
    """A program that systemd has started a moment ago may be about to listen: it is waited for, for a while."""
    raw.listener.close()
    client.get("/raw")
    answer = client.answer()
    assert (answer.status, answer.code) == (502, "BAD_GATEWAY")
    assert "does not accept connections" in answer.json()["error"]


def test_early_answer_to_an_upload(raw, client):
    client.send("POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n" + "x" * 1000)
    request = raw.request()
    request.answer("HTTP/1.1 413 Too Large\nContent-Length: 3\nConnection: close\n\nno!")
    request.conn.shutdown(socket.SHUT_WR)
    rest = b"x" * 9999000
    client.sock.sendall(rest)
    answer = client.answer()
    assert (answer.status, answer.body) == (413, b"no!")


# --- Who is gone ---


def test_client_gone(raw):
    """The service sees it, before the answer and in the middle of one."""
    for begun in False, True:
        client = Client()
        client.get("/raw")
        request = raw.request()
        if begun:
            request.answer("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n")
            client.until(b"hello")
        client.sock.close()
        assert request.ended()
        raw.conns.remove(request.conn)
        request.close()


def test_client_gone_in_its_body(raw):
    client = Client()
    client.send("POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhello")
    request = raw.request()
    request.body(5)
    client.sock.close()
    assert request.ended()
    assert len(request.rest) == 5


# --- Repeating ---


@pytest.mark.parametrize("method,times", [("GET", 3), ("HEAD", 3), ("OPTIONS", 3), ("PUT", 3), ("DELETE", 3), ("POST", 1),
                                          ("PATCH", 1)])
def test_what_may_be_repeated(raw, client, method, times):
    """A service that resets each connection gets each request as often as is safe."""
    client.send(f"{method} /raw HTTP/1.1\r\nHost: localhost\r\n" + ("Content-Length: 0\r\n" if method == "POST" else "") +
                "\r\n")
    for _ in range(times):
        request = raw.request()
        assert request.line == f"{method} /raw HTTP/1.1"
        raw.conns.remove(request.conn)
        request.close(reset=True)
    assert client.head()[0] == 502
    raw.nothing()


def test_repeated_once_and_answered(raw, client):
    client.get("/raw")
    request = raw.request()
    raw.conns.remove(request.conn)
    request.close(reset=True)
    raw.request().ok()
    assert client.answer().body == b"ok"
    assert proxy_status("raw")["retries"] == 1


def test_a_body_is_sent_once(raw, client):
    client.send("PUT /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello")
    request = raw.request()
    request.body(5)
    raw.conns.remove(request.conn)
    request.close(reset=True)
    assert client.answer().status == 502
    raw.nothing()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kept_connection_dies_under_a_request(raw, client, method):
    """libcurl repeats by itself what it sent on a connection that it had kept: not what may not be repeated."""
    client.get("/raw")
    raw.request().ok()
    assert client.answer().status == 200
    client.send(f"{method} /raw/2 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    request = raw.request()
    assert len(raw.conns) == 1, "a kept connection is used again"
    raw.conns.remove(request.conn)
    request.close()
    if method == "GET":
        raw.request().ok()
        assert client.answer().status == 200
    else:
        assert client.answer().status == 502
        raw.nothing()


def test_breaker(raw, client):
    # It opens for a second: what is asked meanwhile comes with the last of them, and is answered right behind it.
    then = "".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in ("/system/status", "/raw"))
    for n in range(5):
        client.send("POST /raw HTTP/1.1\r\nHost: localhost\r\n\r\n" + (then if n == 4 else ""))
        request = raw.request()
        raw.conns.remove(request.conn)
        request.close(reset=True)
        assert client.answer().status == 502
    assert next(s["breaker"] for s in client.answer().json()["status"]["services"] if s["id"] == "raw") == "open"
    answer = client.answer()
    assert (answer.status, answer.code, answer.get("Retry-After")) == (503, "CIRCUIT_OPEN", ["1"])
    wait_until(lambda: proxy_status("raw")["breaker"] == "half-open", ask_again, "half-open")
    with Client() as probe:
        probe.get("/raw/probe")
        request = raw.request()
        client.get("/raw")  # while the probe is under way nobody else is let through
        assert client.answer().code == "CIRCUIT_OPEN"
        request.ok()
        assert probe.answer().status == 200
    assert proxy_status("raw")["breaker"] == "closed"
    client.get("/raw")
    raw.request().ok()
    assert client.answer().status == 200


# --- The state of the service ---


def test_stopped_service(foreign, client):
    """Nobody connects to it: its socket would start it."""
    service = foreign("idle", "/bin/sleep infinity", "/idle", socket_unit=True)
    wait_for_route(service)
    service.stop()
    wait_for_condition("idle", "stopped")
    client.get("/idle")
    answer = client.answer()
    assert (answer.status, answer.code) == (503, "SERVICE_STOPPED")
    assert "toolooctl start idle" in answer.json()["error"]
    assert client.is_open()
    assert unit_property(service.unit, "ActiveState") == "inactive"


def test_sleeping_service_is_started_by_a_request(service, client):
    it = service("echo", "echo-a", routes="/echo", start=False)
    systemctl("start", it.socket)
    wait_until(lambda: ("echo", it.port) in routes() and condition("echo") == "asleep", ask_again, "the route, asleep")
    client.get("/echo")
    answer = client.answer()
    assert answer.status == 200, answer.body


def test_failed_service_says_why(foreign, client):
    service = foreign("bad", "/bin/sh -c 'exit 203'", "/bad", socket_unit=False, start=False, Restart="no")
    systemctl("start", service.unit, ok=None)
    wait_until(lambda: ("bad", service.port) in routes() and condition("bad") == "failed", ask_again, "failed")
    client.get("/bad")
    answer = client.answer()
    assert (answer.status, answer.code) == (503, "SERVICE_FAILED")
    assert "bad has failed" in answer.json()["error"] and len(answer.json()["error"]) > len("bad has failed: ")


def test_unknown_path_is_404(client):
    client.get("/nobody/is/here")
    assert client.answer().code == "NOT_FOUND"


def test_body_of_a_refused_request(foreign, client):
    service = foreign("idle", "/bin/sleep infinity", "/idle", socket_unit=True)
    wait_for_route(service)
    service.stop()
    wait_for_condition("idle", "stopped")
    client.send("POST /idle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n" + "x" * 3000000)
    assert client.answer().code == "SERVICE_STOPPED"
    assert client.is_open()
    client.send("POST /idle HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert client.head()[0] == 503  # and no 100 before it


# --- Limits ---


def test_limits(limits, raw):
    limits("--answer-timeout=300 --long-answer-timeout=900 --handshake-timeout=300")
    wait_for_route(raw.service)
    with Client() as client:
        client.get("/raw")
        request = raw.request()
        answer = client.answer()
        assert (answer.status, answer.code) == (504, "GATEWAY_TIMEOUT") and "300 ms" in answer.json()["error"]
        assert request.ended()
        raw.conns.remove(request.conn)
    with Client() as client:
        client.send("GET /raw HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n")
        request = raw.request()
        assert client.answer().code == "GATEWAY_TIMEOUT"
        assert request.ended()
        raw.conns.remove(request.conn)
    # Each part of an answer is given that time anew; then the connection is cut. Its beginning comes from here, whenever.
    limits("--silence-timeout=300")
    wait_for_route(raw.service)
    with Client() as client:
        client.get("/raw")
        request = raw.request()
        begun = time.monotonic()
        request.answer("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n")
        assert b"0\r\n\r\n" not in client.ended()
        assert time.monotonic() - begun > 0.25
        assert request.ended()
        raw.conns.remove(request.conn)


# --- WebSocket ---

HANDSHAKE = ("GET /raw/ws?x=1 HTTP/1.1\r\nHost: localhost:3000\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-Request-Id: ws-1\r\n\r\n")
SWITCH = "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: x\nX-A: 1\n\n"


def open_tunnel(raw, client):
    client.send(HANDSHAKE)
    request = raw.request()
    request.answer(SWITCH)
    assert client.head()[0] == 101
    raw.conns.remove(request.conn)
    return request


def test_tunnel(raw, client):
    client.send(HANDSHAKE)
    client.send(b"early")  # must wait for the 101
    request = raw.request()
    assert request.line == "GET /raw/ws?x=1 HTTP/1.1"
    assert request.get("Connection") == ["Upgrade"] and request.get("Upgrade") == ["websocket"]
    assert request.get("Sec-WebSocket-Key") == ["dGhlIHNhbXBsZSBub25jZQ=="]
    assert request.get("X-Request-Id") == ["ws-1"] and request.get("X-Forwarded-For") == ["127.0.0.1"]
    assert request.rest == b""
    request.conn.settimeout(0.2)
    with pytest.raises(TimeoutError):
        request.conn.recv(1)
    request.conn.settimeout(PATIENCE)
    request.answer(SWITCH.replace("\n", "\r\n").encode() + b"first")
    status, fields = client.head()
    assert status == 101 and ("X-A", "1") in fields and ("X-Request-Id", "ws-1") in fields
    while client.buffer != b"first":
        assert client.read()
    assert request.body(5) == b"early"
    assert get_json(WEB, "/system/status")["status"]["proxy"]["tunnels"] == 1
    # Half-close, either way.
    client.sock.shutdown(socket.SHUT_WR)
    assert request.conn.recv(10) == b""
    request.answer(b"last")
    request.close()
    assert client.ended() == b"firstlast"


def test_tunnel_ends_with_either_side(raw):
    for service_first in True, False:
        client = Client()
        request = open_tunnel(raw, client)
        if service_first:
            request.close()
            assert client.ended() == b""
            client.sock.close()
        else:
            client.sock.close()
            assert request.conn.recv(1) == b""
            request.close()
    wait_until(lambda: get_json(WEB, "/system/status")["status"]["proxy"]["tunnels"] == 0,
               ask_again, "no tunnel left")


@pytest.mark.parametrize("answer", [
    "HTTP/1.1 426 Upgrade Required\nContent-Length: 3\nConnection: keep-alive\n\nno!",
    "HTTP/1.1 403 Forbidden\nTransfer-Encoding: chunked\n\n3\nno!\n0\n\n", "HTTP/1.0 400 Bad\n\nno!"])
def test_refused_handshake_makes_no_tunnel(raw, client, answer):
    """What the client sends behind its handshake reaches nobody: it could be a request of its own."""
    client.send(HANDSHAKE + "GET /raw/hidden HTTP/1.1\r\nHost: localhost\r\n\r\n")
    request = raw.request()
    request.answer(answer)
    raw.conns.remove(request.conn)
    assert request.ended()
    request.close()
    status, fields = client.head()
    assert status == int(answer.split()[1]) and ("Connection", "close") in fields
    assert b"no!" in client.ended()
    raw.nothing()


def test_broken_answer_to_a_handshake(raw):
    for answer in ("garbage\n\n", "HTTP/1.1 101 X\nUpgrade: h2c\nConnection: Upgrade\n\n", "HTTP/1.1 200 OK\nX: " + "y" * 20000,
                   "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\nxx", ""):
        with Client() as client:
            client.send(HANDSHAKE)
            request = raw.request()
            raw.conns.remove(request.conn)
            request.answer(answer)
            request.close()
            assert client.answer().code == "BAD_GATEWAY", answer[:40]


BAD_HANDSHAKES = {
    "a body": "Content-Length: 5\r\n", "chunks": "Transfer-Encoding: chunked\r\n", "folded": "X: 1\r\n 2\r\n",
    "NUL": "X: \0\r\n", "bare CR": "X: 1\rY: 2\r\n", "two upgrades": "Upgrade: h2c\r\n",
}


@pytest.mark.parametrize("what", BAD_HANDSHAKES)
def test_bad_handshake(raw, client, what):
    client.send(HANDSHAKE.replace("Sec-WebSocket-Key", BAD_HANDSHAKES[what] + "Sec-WebSocket-Key"))
    request = raw.next(timeout=0.5)
    # What is no handshake may be a plain request, but then without its Upgrade.
    assert request is None or not request.get("Upgrade")
    if request:
        request.ok()
    assert client.head()[0] in (200, 400, 403, 426)


def test_tunnel_ends_with_1012_at_a_restart_of_web(raw):
    inside, between = Client(), Client()
    first, second = open_tunnel(raw, inside), open_tunnel(raw, between)
    first.answer(b"\x82\x05he")  # in the middle of a frame
    assert inside.until(b"he")
    second.answer(b"\x82\x02hi")
    assert between.until(b"hi")
    toolooctl("restart", "web")
    assert inside.ended() == b""
    assert between.ended() == b"\x88\x11\x03\xf4service restart"
    assert first.ended() and second.ended()


# --- Much of it ---

MIB = 1 << 20
AMOUNT = int(os.environ.get("TOOLOO_TEST_MIB", 256)) * MIB


def is_sanitized():
    """Then memory that was freed is kept for a while, to catch who uses it."""
    binary = re.search(r"^ExecStart=(\S+)", Path(unit_property("tooloo-web.service", "FragmentPath")).read_text(), re.M)[1]
    return b"__asan_init" in Path(binary).read_bytes()


def growth(before, after):
    return 0 if is_sanitized() else after - before


def pss():
    text = Path(f"/proc/{main_pid('tooloo-web.service')}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1]) * 1024


def test_memory_is_flat_down(raw, client):
    client.get("/raw/warm")
    raw.request().ok()
    client.answer()
    before = pss()
    client.get("/raw")
    request = raw.request()
    block = os.urandom(MIB)

    def serve():
        request.answer(f"HTTP/1.1 200 OK\nContent-Length: {AMOUNT}\n\n")
        for _ in range(AMOUNT // MIB):
            request.conn.sendall(block)

    thread = threading.Thread(target=serve)
    thread.start()
    assert client.head()[0] == 200
    got, most = len(client.buffer), 0
    buffer = bytearray(MIB)
    while got < AMOUNT:
        n = client.sock.recv_into(buffer)
        assert n > 0
        got += n
        if got // (32 * MIB) != (got - n) // (32 * MIB):
            most = max(most, pss())
    thread.join()
    assert got == AMOUNT
    assert growth(before, most) < 2 * MIB, f"{before} -> {most}"


def test_memory_is_flat_up(raw, client):
    client.get("/raw/warm")
    raw.request().ok()
    client.answer()
    before = pss()
    client.send(f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: {AMOUNT}\r\n\r\n")
    request = raw.request()
    block = os.urandom(MIB)
    thread = threading.Thread(target=lambda: [client.sock.sendall(block) for _ in range(AMOUNT // MIB)])
    thread.start()
    got, most = len(request.rest), 0
    while got < AMOUNT:
        data = request.conn.recv(MIB)
        assert data
        got += len(data)
        if got // (32 * MIB) != (got - len(data)) // (32 * MIB):
            most = max(most, pss())
    thread.join()
    request.ok()
    assert client.answer().status == 200
    assert growth(before, most) < 2 * MIB, f"{before} -> {most}"


def test_back_pressure(raw, client):
    """A service that does not read stops its client; a client that does not read stops its service."""
    def stops(sock):
        sock.setblocking(False)
        sent = 0
        while select.select([], [sock], [], 1)[1]:
            sent += sock.send(b"x" * 65536)
        sock.settimeout(PATIENCE)
        return sent

    before = pss()
    client.send(f"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Length: {AMOUNT}\r\n\r\n")
    request = raw.request()
    assert stops(client.sock) < 32 * MIB
    with Client() as other:
        other.get("/raw")
        raw.conns.remove(request.conn)
        second = raw.request()
        raw.conns.append(request.conn)
        second.answer(f"HTTP/1.1 200 OK\nContent-Length: {AMOUNT}\n\n")
        assert stops(second.conn) < 32 * MIB
    raw.conns.remove(second.conn)
    assert second.ended()
    assert growth(before, pss()) < 2 * MIB
    raw.conns.remove(request.conn)
    client.sock.close()
    assert request.ended()


# --- Reloads and restarts ---


def upload(n):
    body = os.urandom(MIB)
    status, _, answer = http_request(WEB, "/echo", "POST", body)
    assert status == 200 and json.loads(answer)["length"] == len(body), (n, status, answer)


def test_reloads_of_web_touch_nothing(service):
    it = service("echo", "echo-a", routes="/echo /ws /events")
    wait_for_route(it)
    failures = []

    def uploads():
        for n in range(100):
            try:
                upload(n)
            except Exception as e:
                failures.append(repr(e))

    with Load(WEB, connections=5, rate=100, websockets=100, streams=5, message_every=0.5) as load:
        thread = threading.Thread(target=uploads)
        thread.start()
        generation = get_json(WEB)["generation"]
        for _ in range(20):
            toolooctl("reload", "web")
        assert get_json(WEB)["generation"] == generation + 20
        thread.join()
        load.wait_for(300)
        figures = load.figures
        pid = main_pid("tooloo-web.service")
    assert not failures, failures[:3]
    assert (figures.failed, figures.dropped, figures.refused, figures.parted) == (0, 0, 0, 0), str(figures)
    assert main_pid("tooloo-web.service") == pid
    assert it.get()["ok"]


def test_old_generations_of_web_go(raw, client):
    """A request under way holds none."""
    client.get("/raw")
    request = raw.request()
    toolooctl("reload", "web")
    assert "1 older generation" not in toolooctl("status", "web").stdout
    assert get_json(WEB)["ok"]
    done = systemctl("show", "tooloo-web.service", "--property=StatusText")
    assert "older" not in done.stdout
    request.ok()
    assert client.answer().status == 200


def test_restarts_of_the_service_lose_nothing(service):
    it = service("echo", "echo-a", routes="/echo")
    wait_for_route(it)
    with Load(WEB, connections=20, rate=200) as load:
        for _ in range(20):
            toolooctl("restart", "echo")
            load.wait_for(20)
        figures = load.stop()
    assert (figures.failed, figures.dropped, figures.refused, figures.parted) == (0, 0, 0, 0), str(figures)
    assert it.get()["ok"]


# --- What takes long to start ---


def test_a_service_that_starts_is_waited_for(limits, foreign):
    """Bounded; for one with a socket in its backlog, for one without by asking again."""
    limits("--restart-timeout=700")
    for socket_unit in True, False:
        id = f"slow{int(socket_unit)}"
        service = foreign(id, "/bin/sleep infinity", f"/{id}", socket_unit=socket_unit, start=False,
                          ExecStartPre="/bin/sleep infinity")
        if socket_unit:
            systemctl("start", service.socket)
        systemctl("start", "--no-block", service.unit)
        wait_until(lambda id=id: any(s["id"] == id and s["condition"] == "changing"
                                     for s in get_json(WEB, "/system/status")["status"]["services"]),
                   ask_again, "changing")
        with Client() as client:
            begun = time.monotonic()
            client.get(f"/{id}")
            answer = client.answer()
            assert (answer.status, answer.code) == (504, "GATEWAY_TIMEOUT"), answer.body
            assert "restarts" in answer.json()["error"]
            assert time.monotonic() - begun > 0.6
        assert proxy_status(id)["breaker"] == "closed"


def test_a_program_that_listens_late_is_waited_for(foreign, client):
    """systemd calls it active before it listens, and it has no socket unit."""
    service = foreign("late", "/bin/sleep infinity", "/late", socket_unit=False, start=False)
    wait_until(lambda: ("late", service.port) in routes(), ask_again, "web's route to late")
    service.start()
    wait_for_condition("late", "running")
    client.get("/late")
    wait_until(lambda: get_json(WEB, "/system/status")["status"]["proxy"]["inFlight"] == 1,
               ask_again, "a request in flight")
    upstream = Upstream(service)
    upstream.request().ok()
    assert client.answer().status == 200
    upstream.close()


def test_a_refusal_is_not_believed_at_once(foreign, client):
    """A service that is told to end refuses connections before systemd's word of that is read here."""
    service = foreign("gone", "/bin/sleep infinity", "/gone", socket_unit=False)
    wait_for_route(service)
    young = int(unit_property(service.unit, "ActiveEnterTimestampMonotonic")) / 1e6 + YOUNG
    wait_until(lambda: time.monotonic() > young, ask_again, "a service that runs for a while")
    begun = time.monotonic()
    client.get("/gone")
    assert client.answer().status == 502
    assert time.monotonic() - begun >= 0.2  # two more tries, 100 ms apart
    begun = time.monotonic()
    with Client() as tunnel:
        tunnel.send(HANDSHAKE.replace("/raw/ws", "/gone/ws"))
        assert tunnel.answer().status == 502
    assert time.monotonic() - begun >= 0.1


# --- web's own ---


def test_own_endpoints(client):
    client.get("/favicon.ico")
    assert client.answer().status == 204
    assert get_json(WEB, "/api/v1/health")["server"] == "web"
    table = get_json(WEB, "/api/v1/system/routes")["routes"]
    assert {"prefix": "/api/v1/training", "service": "training", "port": 3001} in table
    assert {"prefix": "/", "service": "web", "port": 3000} in table
    status = get_json(WEB, "/system/status")["status"]
    assert {"id", "name", "port", "condition", "state", "requests", "retries", "failures", "breaker"} <= set(
        status["services"][0])
    assert {"requests", "inFlight", "retries", "tunnels", "registryLoaded"} <= set(status["proxy"])
    assert status["proxy"]["registryLoaded"] is True


def test_dashboard_is_metricsd_s(client):
    toolooctl("stop", "metricsd")
    wait_for_condition("metricsd", "stopped")
    client.get("/")
    assert client.answer().code == "SERVICE_STOPPED"
    toolooctl("start", "metricsd")
    wait_for_condition("metricsd", "running")
    client.get("/")
    answer = client.answer()
    assert answer.status == 200 and answer.get("Content-Type")[0].startswith("text/html") and b"<html" in answer.body
    toolooctl("stop", "metricsd")


def test_ready_means_that_it_forwards(service):
    """No request that comes right after a start finds web without its registry."""
    it = service("echo", "echo-a", routes="/echo")
    for _ in range(5):
        toolooctl("restart", "web")
        status, _, body = http_request(WEB, "/echo")
        assert status == 200, body
    assert it.get()["ok"]
