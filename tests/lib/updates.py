# SPDX-License-Identifier: MIT
"""A client of metricsd's WebSocket that takes its time: whoever asks for the next message waits for it."""
import base64
import json
import os
import socket
import struct
import time

from load import frame


class Updates:
    """The messages of /ws/metrics, with the moment at which each came (realtime and monotonic)."""

    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(f"GET /ws/metrics HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade"
                            f"\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.read()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(f"no WebSocket: {head[:80]!r}")

    def read(self):
        chunk = self.socket.recv(1 << 16)
        if not chunk:
            raise RuntimeError("the WebSocket was closed")
        self.buffer += chunk

    def need(self, size):
        while len(self.buffer) < size:
            self.read()

    def frame(self):
        """Opcode, payload, and whether it is the last of its message."""
        self.need(2)
        last, opcode, size, at = self.buffer[0] >> 7, self.buffer[0] & 0x0F, self.buffer[1] & 0x7F, 2
        if size >= 126:
            form, n = (">H", 2) if size == 126 else (">Q", 8)
            self.need(2 + n)
            size, at = struct.unpack_from(form, self.buffer, 2)[0], 2 + n
        self.need(at + size)
        payload, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
        return opcode, payload, last

    def next(self):
        """(realtime, monotonic, message)"""
        message = b""
        while True:
            opcode, payload, last = self.frame()
            if opcode == 9:
                self.socket.sendall(frame(10, payload))
            elif opcode in (0, 1):
                message += payload
                if last:
                    return time.time(), time.monotonic(), json.loads(message)

    def until(self, condition, timeout=60):
        """The first message whose data the condition holds for."""
        deadline = time.monotonic() + timeout
        while True:
            came, received, message = self.next()
            if condition(message["data"]):
                return came, message
            if received > deadline:
                raise TimeoutError(f"no such update within {timeout} s, the last: {json.dumps(message)[:2000]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
