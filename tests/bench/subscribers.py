#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many clients of metricsd's WebSocket in a process of their own:

        subscribers.py PORT COUNT SLOW

COUNT of them read all that they are told, SLOW ones nothing. Prints "connected" when each that reads has had its first message,
then answers each line on stdin by one of JSON: {messages:[of each that reads], bytes, spreadMs: from the first to the last of them
that had the latest message, closed: of those that read}.
"""
import asyncio
import base64
import json
import os
import socket
import sys
import time

AT_ONCE = 100  # handshakes under way


class Subscriber(asyncio.Protocol):
    def __init__(self, port, crowd):
        self.crowd, self.port = crowd, port
        self.buffer, self.open, self.skip, self.last = b"", False, 0, False
        self.messages, self.came = 0, 0.0
        self.first = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport = transport
        transport.write((f"GET /ws/metrics HTTP/1.1\r\nHost: localhost:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())

    def connection_lost(self, _):
        self.crowd.closed += 1
        if not self.first.done():
            self.first.set_exception(RuntimeError("closed before the first message"))

    def data_received(self, data):
        self.crowd.bytes += len(data)
        data = self.buffer + data
        if not self.open:
            head, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                self.buffer = data
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise RuntimeError(f"no WebSocket: {head[:80]!r}")
            self.open, data = True, rest
        self.frames(data)

    def frames(self, data):
        """What is in a frame nobody looks at."""
        at = 0
        while True:
            taken = min(self.skip, len(data) - at)
            at, self.skip = at + taken, self.skip - taken
            if self.skip == 0 and self.last:
                self.last = False
                self.messages, self.came = self.messages + 1, time.monotonic()
                if not self.first.done():
                    self.first.set_result(None)
            length = data[at + 1] & 0x7F if len(data) - at >= 2 else 0
            head = {126: 4, 127: 10}.get(length, 2)
            if self.skip or len(data) - at < head:
                break
            self.skip = int.from_bytes(data[at + 2:at + head], "big") if head > 2 else length
            self.last = data[at] & 0x80 != 0 and data[at] & 0x0F < 8
            if data[at] & 0x0F == 9:
                self.transport.write(b"\x8a\x80" + bytes(4))  # metricsd's pings are empty
            at += head
        self.buffer = data[at:]


class Crowd:
    bytes = closed = 0

    def __init__(self, port):
        self.port, self.members, self.slow = port, [], []

    async def connect(self, count):
        loop = asyncio.get_running_loop()
        for begin in range(0, count, AT_ONCE):
            some = [await loop.create_connection(lambda: Subscriber(self.port, self), "127.0.0.1", self.port)
                    for _ in range(begin, min(begin + AT_ONCE, count))]
            self.members += [protocol for _, protocol in some]
            await asyncio.gather(*(protocol.first for _, protocol in some))

    def connect_slow(self, count):
        for _ in range(count):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", self.port))
            key = base64.b64encode(os.urandom(16)).decode()
            s.sendall(f"GET /ws/metrics HTTP/1.1\r\nHost: localhost:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            self.slow.append(s)

    def report(self):
        came = [m.came for m in self.members]
        return json.dumps({"messages": [m.messages for m in self.members], "bytes": self.bytes, "closed": self.closed,
                           "spreadMs": (max(came) - min(came)) * 1000 if came else 0})


async def main():
    port, count, slow = map(int, sys.argv[1:])
    crowd = Crowd(port)
    crowd.connect_slow(slow)
    await crowd.connect(count)
    print("connected", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(crowd.report(), flush=True)


asyncio.run(main())
