# SPDX-License-Identifier: MIT
"""Steady load on one service, from a thread of its own, and what became of every part of it.

The service is the module `echo` of tests/fixtures/modules, or anything that answers in the same words:

        GET /echo           {"generation": G, ...}
        WebSocket /ws       TEXT comes back as "G:TEXT"
        GET /events?ms=N    an event {"generation": G, "n": 0, 1, 2, ...} every N ms

        with Load(port, connections=50, rate=200, websockets=20, streams=10) as load:
                ...
                load.wait_for(500)      # until so many more have been answered
        load.figures.failed

Keep-alive connections ask in turn, each at its own even pace; whoever loses a connection makes a new one.
"""
import asyncio
import base64
import json
import os
import struct
import threading
import time
from collections import Counter, namedtuple

REQUEST, MESSAGE, EVENT = "request", "message", "event"
PATIENCE = 30  # seconds for any one answer; a sanitizer build on a busy machine is slow
SERVICE_RESTART = 1012  # RFC 6455's registry of close codes

# sent and received are time.monotonic(); of an event only the second is known, and stands for both.
Answer = namedtuple("Answer", "kind sent received generation")


class Lost(Exception):
    """A connection ended without notice."""


class Figures:
    def __init__(self):
        self.ok = 0       # answered, echoed, or the next event in its order
        self.failed = 0   # any other answer, none in time, or none because the connection was lost
        self.dropped = 0  # connections that ended without notice
        self.parted = 0   # connections ended with notice: Connection: close, code 1012, the end of a stream
        self.refused = 0  # attempts to connect
        self.errors = Counter()
        self.answers = []

    def __str__(self):
        counts = ", ".join(f"{getattr(self, n)} {n}" for n in ("ok", "failed", "dropped", "parted", "refused"))
        return counts + "".join(f"; {n} x {text}" for text, n in self.errors.most_common(5))

    def stale(self, since, generation):
        """Answers of an older generation to what was sent after that moment; events are not counted."""
        return [a for a in self.answers if a.kind != EVENT and a.sent >= since and a.generation < generation]

    def generations(self):
        return Counter(a.generation for a in self.answers)

    def latencies(self, kind=REQUEST):
        """Seconds, sorted."""
        return sorted(a.received - a.sent for a in self.answers if a.kind == kind)


class Load:
    def __init__(self, port, connections=10, rate=100, websockets=0, streams=0, requests=None, host="127.0.0.1",
                 path="/echo", message_every=0.2, event_ms=100):
        """rate is requests a second over all connections; requests, when given, ends them after so many."""
        self.address = host, port
        self.path = path
        self.clients = [*(self._ask for _ in range(connections)), *(self._talk for _ in range(websockets)),
                        *(self._listen for _ in range(streams))]
        self.ask_every = connections / rate if rate else 0
        self.left = requests
        self.message_every = message_every
        self.event_ms = event_ms
        self.figures = Figures()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.connected = 0
        self.changed = threading.Condition()
        self.loop = self.stopping = None
        self.crash = None

    # --- For the test's thread ---

    def start(self):
        """Returns once every client has its connection."""
        self.thread.start()
        self._wait(lambda: self.connected == len(self.clients), "not all clients could connect")
        return self

    def wait_for(self, n, timeout=PATIENCE):
        """Until n more have been answered than by now."""
        goal = self.figures.ok + n
        self._wait(lambda: self.figures.ok >= goal, f"less than {n} answers", timeout)

    def wait_for_generation(self, kind, generation, timeout=PATIENCE):
        """Until one more answer of that kind has come, from that generation."""
        seen = len(self.figures.answers)
        self._wait(lambda: any(a.generation == generation and a.kind == kind for a in self.figures.answers[seen:]),
                   f"no {kind} was answered by generation {generation}", timeout)

    def join(self, timeout=120):
        """Until the given number of requests has been sent and answered."""
        self.thread.join(timeout)
        if self.thread.is_alive():
            raise TimeoutError(f"the load did not end: {self.figures}")
        if self.crash:
            raise self.crash
        return self.figures

    def stop(self):
        """Every client finishes what it has asked for."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopping.set)
        return self.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        elif self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopping.set)

    def _wait(self, condition, otherwise, timeout=PATIENCE):
        with self.changed:
            if not self.changed.wait_for(lambda: self.crash or condition(), timeout):
                raise TimeoutError(f"{otherwise} in {timeout} s: {self.figures}")
        if self.crash:
            raise self.crash

    # --- In the load's thread ---

    def _run(self):
        try:
            asyncio.run(self._main())
        except BaseException as e:
            with self.changed:
                self.crash = e
                self.changed.notify_all()

    async def _main(self):
        self.loop = asyncio.get_running_loop()
        self.stopping = asyncio.Event()
        tasks = [asyncio.create_task(self._keep(client, i / max(len(self.clients), 1)))
                 for i, client in enumerate(self.clients)]
        await asyncio.gather(*tasks)

    def _count(self, **what):
        with self.changed:
            for name, n in what.items():
                setattr(self.figures, name, getattr(self.figures, name) + n)
            self.changed.notify_all()

    def _answered(self, kind, sent, generation):
        self.figures.answers.append(Answer(kind, sent, time.monotonic(), generation))
        self._count(ok=1)

    def _fail(self, why):
        self.figures.errors[why] += 1
        self._count(failed=1)

    async def _keep(self, client, phase):
        """One client, from connection to connection, until the end. Phase spreads them over their common beat."""
        first = True
        memory = {}  # what a client keeps from one connection to the next
        while not self._over(client):
            try:
                reader, writer = await asyncio.wait_for(asyncio.open_connection(*self.address), PATIENCE)
            except ConnectionRefusedError:
                self._count(refused=1)
                await self._pause(0.05)
                continue
            except (OSError, TimeoutError) as e:
                self._fail(f"connect: {e or type(e).__name__}")
                await self._pause(0.05)
                continue
            if first:
                self._count_connected()
                first = False
                if client == self._ask:
                    await self._pause(phase * self.ask_every)
            try:
                await client(reader, writer, memory)
            except (OSError, EOFError, Lost) as e:
                self.figures.errors[f"{client.__name__[1:]}: {e or type(e).__name__}"] += 1
                self._count(dropped=1)
            finally:
                writer.transport.abort() if self.stopping.is_set() else writer.close()

    def _count_connected(self):
        with self.changed:
            self.connected += 1
            self.changed.notify_all()

    def _over(self, client):
        return self.stopping.is_set() or (client == self._ask and self.left is not None and self.left <= 0)

    async def _pause(self, seconds):
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            pass

    async def _within(self, awaitable, what):
        """The result; None after a failure that has been counted."""
        try:
            return await asyncio.wait_for(awaitable, PATIENCE)
        except TimeoutError:
            self._fail(f"{what}: no answer in {PATIENCE} s")
            return None

    # --- Keep-alive connections ---

    async def _ask(self, reader, writer, memory):
        request = f"GET {self.path} HTTP/1.1\r\nHost: localhost:{self.address[1]}\r\n\r\n".encode()
        # Its beat goes on over a new connection: during a drain, with one request a connection, it would else ask without end.
        at = memory.setdefault("at", self.loop.time())
        while not self._over(self._ask):
            await self._pause(at - self.loop.time())
            at = memory["at"] = max(at + self.ask_every, self.loop.time())
            if self._over(self._ask):
                return
            if reader.at_eof():
                raise Lost("closed while idle")
            if self.left is not None:
                self.left -= 1
            sent = time.monotonic()
            writer.write(request)
            try:
                answer = await self._within(read_answer(reader), "request")
            except (OSError, EOFError, ValueError) as e:
                self._fail(f"request: {e or type(e).__name__}")
                raise Lost("closed under a request") from e
            if answer is None:
                return
            status, headers, body = answer
            if status != 200:
                self._fail(f"request: {status} {body[:80].decode(errors='replace')}")
            else:
                self._answered(REQUEST, sent, json.loads(body).get("generation"))
            if headers.get("connection", "").lower() == "close":
                self._count(parted=1)
                return

    # --- WebSockets ---

    async def _talk(self, reader, writer, memory):
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write((f"GET /ws HTTP/1.1\r\nHost: localhost:{self.address[1]}\r\nUpgrade: websocket\r\n"
                      f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        head = await self._within(reader.readuntil(b"\r\n\r\n"), "handshake")
        if head is None:
            return
        if b" 101 " not in head.split(b"\r\n")[0]:
            self._fail(f"handshake: {head[:60]!r}")
            await self._pause(0.05)
            return
        at = self.loop.time() + self.message_every * int.from_bytes(os.urandom(1)) / 256
        while not self.stopping.is_set():
            # Reads while it has nothing to say, too: a close comes at any time.
            if await self._closed_before(at, reader, writer):
                return
            at += self.message_every
            sent = time.monotonic()
            memory["n"] = memory.get("n", 0) + 1
            writer.write(frame(1, str(memory["n"]).encode()))
            got = await self._within(read_message(reader), "message")
            if got is None:
                return
            opcode, payload = got
            if opcode == 8:
                # Announced, and nothing is lost: what was not echoed is sent again.
                self._part(writer, payload)
                return
            generation, _, text = payload.decode().partition(":")
            if text == str(memory["n"]):
                self._answered(MESSAGE, sent, int(generation))
            else:
                self._fail(f"message: {payload[:40]!r} instead of {memory['n']}")

    async def _closed_before(self, at, reader, writer):
        """Waits for that moment; true when the server ended the connection meanwhile."""
        reading = asyncio.ensure_future(read_message(reader))
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait([reading, stopping], timeout=max(at - self.loop.time(), 0),
                               return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                return self.stopping.is_set()
            opcode, payload = reading.result()
            if opcode == 8:
                self._part(writer, payload)
                return True
            if opcode == 9:
                writer.write(frame(10, payload))
            else:
                self._fail(f"message: {payload[:40]!r} that nobody asked for")
            return False
        finally:
            for task in reading, stopping:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def _part(self, writer, payload):
        code = struct.unpack(">H", payload[:2])[0] if payload else 1005
        writer.write(frame(8, payload[:2]))
        if code != SERVICE_RESTART:
            raise Lost(f"close code {code}")
        self._count(parted=1)

    # --- Streams ---

    async def _listen(self, reader, writer, memory):
        writer.write((f"GET /events?ms={self.event_ms} HTTP/1.1\r\n"
                      f"Host: localhost:{self.address[1]}\r\n\r\n").encode())
        head = await self._within(reader.readuntil(b"\r\n\r\n"), "stream")
        if head is None:
            return
        if b" 200 " not in head.split(b"\r\n")[0]:
            self._fail(f"stream: {head[:60]!r}")
            await self._pause(0.05)
            return
        expected = 0
        buffer = b""
        while not self.stopping.is_set():
            chunk = await self._within(read_chunk(reader), "stream")
            if chunk is None:
                return
            if not chunk:
                self._count(parted=1)
                return
            *events, buffer = (buffer + chunk).split(b"\n\n")
            for event in events:
                data = json.loads(event.removeprefix(b"data: "))
                if data["n"] == expected:
                    self._answered(EVENT, time.monotonic(), data["generation"])
                else:
                    self._fail(f"stream: event {data['n']} instead of {expected}")
                expected = data["n"] + 1


# --- What stands on the wire ---


async def read_answer(reader):
    """Status, headers (names in lower case) and body of one answer with a Content-Length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


async def read_chunk(reader):
    """One chunk of a chunked body; empty at its end."""
    size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
    return (await reader.readexactly(size + 2))[:-2]


async def read_frame(reader):
    """Opcode, payload and whether it is the last of its message, of one frame from the server."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size >= 126:
        form, n = (">H", 2) if size == 126 else (">Q", 8)
        size, = struct.unpack(form, await reader.readexactly(n))
    return first & 0x0F, await reader.readexactly(size), first & 0x80 != 0


async def read_message(reader):
    """Opcode and payload of one message, of however many frames. Cancelled before the first byte, it takes none."""
    opcode, payload, last = await read_frame(reader)
    parts = [payload]
    while not last:
        kind, payload, last = await read_frame(reader)
        assert kind == 0, f"opcode {kind} within a message"
        parts.append(payload)
    return opcode, b"".join(parts)


def frame(opcode, payload):
    """A whole message of less than 64 KiB, masked as a client's must be."""
    mask = os.urandom(4)
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else struct.pack(">BH", 0x80 | 126, len(payload))
    return bytes([0x80 | opcode]) + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))
