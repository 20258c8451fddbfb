# SPDX-License-Identifier: MIT
"""WebSockets of the service host, with the fixture module "echo".

The client below is written by hand, because most of these tests send what a well-behaved library would not."""

import base64
import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import BUILD

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
TIMEOUT = 60


class WebSocket:
    """One connection. What arrives is given frame by frame: (opcode, payload, fin)."""

    def __init__(self, port, path="/ws/raw", headers=(), early=b""):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        head = [f"GET {path} HTTP/1.1", f"Host: localhost:{port}", "Upgrade: websocket", "Connection: Upgrade",
                f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
        self.sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + early)
        self.buffer = b""
        answer = self.until(b"\r\n\r\n").decode().split("\r\n")
        self.status = int(answer[0].split()[1])
        self.headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in answer[1:] if line)}
        if self.status == 101:
            accept = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            assert self.headers["sec-websocket-accept"] == base64.b64encode(accept).decode()

    def fill(self):
        data = self.sock.recv(1 << 16)
        if not data:
            raise ConnectionError("closed by the server")
        self.buffer += data

    def until(self, mark):
        while mark not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(mark, 1)
        return head + mark

    def take(self, size):
        while len(self.buffer) < size:
            self.fill()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def send(self, payload, opcode=None, fin=True):
        if opcode is None:
            opcode = TEXT if isinstance(payload, str) else BINARY
        self.sock.sendall(frame(payload, opcode, fin))

    def recv_frame(self):
        first, second = self.take(2)
        assert not second & 0x80, "a server must not mask"
        size = second & 0x7F
        if size == 126:
            size, = struct.unpack(">H", self.take(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.take(8))
        return first & 0x0F, self.take(size), bool(first & 0x80)

    def recv(self):
        """The next message; pings are answered on the way."""
        whole, kind = b"", None
        while True:
            opcode, payload, fin = self.recv_frame()
            if opcode == PING:
                self.send(payload, PONG)
                continue
            assert opcode not in (CLOSE, PONG), (opcode, payload)
            kind = kind or opcode
            whole += payload
            if fin:
                return whole.decode() if kind == TEXT else whole

    def closed_with(self):
        """The code and reason of the close frame; answers it, and sees the connection end."""
        while True:
            opcode, payload, _ = self.recv_frame()
            if opcode == CLOSE:
                break
        try:
            self.send(payload[:2], CLOSE)
        except OSError:
            pass  # the server may have ended it at once
        self.ended()
        return struct.unpack(">H", payload[:2])[0] if payload else 1005, payload[2:].decode()

    def ended(self):
        try:
            while self.sock.recv(1 << 16):
                pass
        except ConnectionResetError:
            pass

    def echoes(self, text="still here"):
        self.send(text)
        return self.recv() == text

    def close(self):
        self.sock.close()


def frame(payload, opcode, fin=True):
    if isinstance(payload, str):
        payload = payload.encode()
    size, mask = len(payload), os.urandom(4)
    head = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += struct.pack(">BH", 0x80 | 126, size)
    else:
        head += struct.pack(">BQ", 0x80 | 127, size)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return head + mask + (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")


class Host:
    """tooloo-service with the module echo, started as systemd would, on one socket."""

    def __init__(self, build, folder):
        self.build = Path(build)
        self.modules = folder / "modules"
        self.modules.mkdir()
        (folder / "run").mkdir()
        (folder / "state").mkdir()
        self.install("echo-a")
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setblocking(False)  # as systemd's are
        self.port = listener.getsockname()[1]
        # systemd hands the socket over as descriptor 3 and says whom it means by LISTEN_PID, which is known only in
        # the new process.
        start = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
                 "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); os.execv(sys.argv[2], sys.argv[2:])")
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, "-c", start, str(listener.fileno()), str(self.build / "src/host/tooloo-service"),
             f"--modules={self.modules}", "echo"],
            pass_fds=[listener.fileno()], stderr=self.log,
            env={**os.environ, "RUNTIME_DIRECTORY": str(folder / "run"), "STATE_DIRECTORY": str(folder / "state")})
        listener.close()
        self.generation = self.get("/echo")["generation"]

    def install(self, variant):
        new = self.modules / ".new"
        new.write_bytes((self.build / f"tests/fixtures/modules/{variant}.so").read_bytes())
        new.rename(self.modules / "echo.so")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=TIMEOUT) as answer:
            return json.load(answer)

    def reload(self, variant):
        """Returns once the new generation serves."""
        before = self.get("/echo")["generation"]
        self.install(variant)
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + TIMEOUT
        while self.get("/echo")["generation"] == before:
            assert self.process.poll() is None and time.monotonic() < deadline
            self.get("/slow?ms=20")

    def connect(self, path="/ws/raw", **more):
        ws = WebSocket(self.port, path, **more)
        assert ws.status == 101
        return ws

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(TIMEOUT)


@pytest.fixture
def host(tmp_path):
    it = Host(BUILD, tmp_path)
    yield it
    if it.process.poll() is None:
        assert it.stop() == 0
    it.log.seek(0)
    text = it.log.read()
    assert "Sanitizer" not in text and "libwebsockets did not" not in text and "still had something" not in text, text


# --- Messages ---


@pytest.mark.parametrize("size", [0, 1, 125, 126, 4095, 4096, 4097, 65535, 65536, 300_000, 1024 * 1024])
def test_echo_of_every_length(host, size):
    ws = host.connect()
    for payload in ("x" * size, os.urandom(size)):
        ws.send(payload)
        assert ws.recv() == payload


def test_a_long_message_comes_in_frames(host):
    """So that of one who does not read only a frame is held."""
    ws = host.connect()
    text = "x" * 40000 + "end"
    ws.send(text)
    frames = [ws.recv_frame() for _ in range(3)]
    assert [(opcode, fin) for opcode, _, fin in frames] == [(TEXT, False), (0, False), (0, True)]
    assert max(len(payload) for _, payload, _ in frames) == 16384
    assert b"".join(payload for _, payload, _ in frames).decode().endswith(text)


def test_frames_of_one_message_are_joined(host):
    ws = host.connect()
    ws.send("one ", TEXT, fin=False)
    ws.send("in the middle", PING)
    ws.send("two ", 0, fin=False)
    ws.send("", 0, fin=False)
    ws.send("three", 0)
    assert ws.recv_frame()[:2] == (PONG, b"in the middle")
    assert ws.recv() == "one two three"


def test_messages_that_come_with_the_handshake_are_not_lost(host):
    ws = host.connect(early=frame("first", TEXT) + frame("second", TEXT))
    assert [ws.recv(), ws.recv()] == ["first", "second"]


def test_byte_by_byte(host):
    ws = host.connect()
    for byte in frame("slowly", TEXT):
        ws.sock.sendall(bytes([byte]))
    assert ws.recv() == "slowly"


def test_many_messages_keep_their_order(host):
    ws = host.connect()
    n = 5000
    ws.sock.sendall(b"".join(frame(str(i), TEXT) for i in range(n)))
    assert [ws.recv() for _ in range(n)] == [str(i) for i in range(n)]


def test_ping_is_answered(host):
    ws = host.connect()
    ws.send(b"\x00payload", PING)
    assert ws.recv_frame() == (PONG, b"\x00payload", True)


# --- What closes a connection ---


def test_message_over_the_limit_closes_1009(host):
    ws = host.connect()
    ws.sock.sendall(bytes([0x82, 0x80 | 127]) + struct.pack(">Q", 1024 * 1024 + 1) + b"\0\0\0\0" + b"x" * 100)
    assert ws.closed_with()[0] == 1009


def test_frames_over_the_limit_together_close_1009(host):
    ws = host.connect()
    part = "x" * (256 * 1024)
    ws.send(part, TEXT, fin=False)
    for _ in range(4):
        ws.send(part, 0, fin=False)
    assert ws.closed_with()[0] == 1009


@pytest.mark.parametrize("text", [b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"])
def test_text_that_is_not_utf8_closes_1007(host, text):
    ws = host.connect()
    ws.send(text, TEXT)
    assert ws.closed_with()[0] == 1007


def test_a_character_may_span_two_frames(host):
    ws = host.connect()
    whole = "ä€𝄞".encode()
    for cut in range(1, len(whole)):
        ws.send(whole[:cut], TEXT, fin=False)
        ws.send(whole[cut:], 0)
        assert ws.recv() == whole.decode()


@pytest.mark.parametrize("bad", [bytes([0x83, 0x80]), bytes([0xC1, 0x80]), bytes([0x80, 0x80])],
                         ids=["reserved opcode", "reserved bit", "continuation of nothing"])
def test_protocol_errors_close_1002(host, bad):
    ws = host.connect()
    ws.sock.sendall(bad + b"\0\0\0\0")
    assert ws.closed_with()[0] == 1002


def test_the_module_closes_with_code_and_reason_after_what_it_has_sent(host):
    ws = host.connect()
    ws.send("flood 20")
    ws.send("close 4321 enough")
    for _ in range(20):
        assert len(ws.recv()) == 64 * 1024
    assert ws.closed_with() == (4321, "enough")


def test_a_failing_handler_closes_1011(host):
    ws = host.connect()
    ws.send("fail")
    assert ws.closed_with()[0] == 1011


def test_a_reader_too_slow_for_the_queue_is_closed(host):
    ws = host.connect()
    ws.send("flood 1000")  # 64 MiB at once
    assert ws.closed_with()[0] == 1011
    assert host.connect().echoes()


def test_the_client_closes(host):
    ws = host.connect()
    ws.send(struct.pack(">H", 1000), CLOSE)
    opcode, payload, _ = ws.recv_frame()
    assert (opcode, payload[:2]) == (CLOSE, struct.pack(">H", 1000))
    ws.ended()


def test_clients_that_vanish_do_no_harm(host):
    stays = host.connect()
    for i in range(60):
        ws = host.connect()
        ws.send("x" * 1000, TEXT, fin=i % 2 == 0)
        if i % 3 == 0:
            ws.send("flood 10")
        ws.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        ws.close()
    assert stays.echoes()


@pytest.mark.slow
def test_silent_clients_are_pinged_and_dropped_when_they_do_not_answer(host):
    answers, mute = host.connect(), host.connect()
    for ws in (answers, mute):
        ws.sock.settimeout(45)
        assert ws.recv_frame()[0] == PING  # after 30 s
    answers.send("", PONG)
    mute.ended()  # after another 30 s
    assert answers.recv_frame()[0] == PING
    answers.send("", PONG)
    assert answers.echoes()


# --- Handshakes ---


@pytest.mark.parametrize("offer", ["chat", "graphql-transport-ws, graphql-ws", "v12.stomp"])
def test_an_offered_subprotocol_is_neither_taken_nor_refused(host, offer):
    ws = WebSocket(host.port, headers=[f"Sec-WebSocket-Protocol: {offer}"])
    assert ws.status == 101
    assert "sec-websocket-protocol" not in ws.headers
    assert ws.echoes()


def test_compression_is_not_taken(host):
    ws = host.connect(headers=["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"])
    assert "sec-websocket-extensions" not in ws.headers
    assert ws.echoes()


def test_a_handshake_in_pieces(host):
    with socket.create_connection(("127.0.0.1", host.port), timeout=TIMEOUT) as sock:
        for piece in ("GET /ws/raw HT", f"TP/1.1\r\nHost: localhost:{host.port}\r\nUpgrade: web", "socket\r\n",
                      "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n",
                      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", "\r\n"):
            sock.sendall(piece.encode())
            host.get("/echo")  # gives the server a turn between two pieces
        assert sock.recv(12) == b"HTTP/1.1 101"


def test_a_handshake_with_many_cookies(host):
    assert host.connect(headers=["Cookie: " + "; ".join(f"c{i}={'x' * 90}" for i in range(100))]).echoes()


def test_a_path_without_websocket_is_http(host):
    ws = WebSocket(host.port, "/nowhere")
    assert ws.status == 404


def test_a_handshake_without_a_key_ends(host):
    with socket.create_connection(("127.0.0.1", host.port), timeout=TIMEOUT) as sock:
        sock.sendall(f"GET /ws/raw HTTP/1.1\r\nHost: localhost:{host.port}\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        assert not sock.recv(100).startswith(b"HTTP/1.1 101")
    assert host.connect().echoes()


# --- Reload and stop ---


def test_a_reload_carries_connections_over(host):
    ws = host.connect("/ws")
    ws.send("a")
    assert ws.recv() == f"{host.generation}:a"
    ws.send("half ", TEXT, fin=False)
    host.reload("echo-b")
    ws.send("whole", 0)
    assert ws.recv() == f"{host.generation + 1}:half whole"


def test_data_of_another_shape_pins_the_old_generation(host):
    pinned, other = host.connect("/ws/pinned"), host.connect("/ws")
    host.reload("echo-b")
    for ws, generation in ((pinned, host.generation), (other, host.generation + 1),
                           (host.connect("/ws/pinned"), host.generation + 1)):
        ws.send("x")
        assert ws.recv() == f"{generation}:x"


def test_an_endpoint_that_is_gone_closes_1012(host):
    ws, stays = host.connect("/ws/only-a"), host.connect("/ws")
    host.reload("echo-b")
    assert ws.closed_with()[0] == 1012
    stays.send("x")
    assert stays.recv() == f"{host.generation + 1}:x"


def test_a_stop_closes_1012(host):
    sockets = [host.connect() for _ in range(20)]
    host.process.send_signal(signal.SIGTERM)
    assert {ws.closed_with()[0] for ws in sockets} == {1012}
    assert host.process.wait(TIMEOUT) == 0


def test_a_stop_does_not_wait_for_clients_that_do_not_answer(host):
    silent = [host.connect() for _ in range(5)]
    silent[0].send("flood 30")
    assert host.stop() == 0


def test_a_hundred_connections_at_once(host):
    sockets = [host.connect() for _ in range(100)]
    for round_ in range(3):
        for i, ws in enumerate(sockets):
            ws.send(f"{round_} {i}")
        assert [ws.recv() for ws in sockets] == [f"{round_} {i}" for i in range(100)]
