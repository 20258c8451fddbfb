# SPDX-License-Identifier: MIT
"""Streams that stay in their generation, their end, and requests whose client does not wait for the answer."""
import contextlib
import json
import re
import socket

import pytest
from conftest import Journal, http_request, journal_cursor, wait_until
from event_stream import EventStream

STREAMS = 50


@pytest.fixture
def streams(service):
    return service("streams", "streams")


def post(it, path):
    status, _, body = http_request(it.port, path, method="POST")
    assert status == 200, body
    return json.loads(body)


def told(it, cursor):
    """What the module said since then, in order: (what, number, generation, error). Not what it said on trial."""
    lines = "\n".join(it.journal(cursor))
    return [(what, int(n), int(generation), r)
            for what, n, generation, r in re.findall(r"^(\w+) n=(\d+) generation=([1-9]\d*) r=(\w+)$", lines, re.M)]


def wait_retired(it):
    # Each request is a turn of the service's loop, in which it also sees that clients are gone.
    wait_until(lambda: it.status()["retiring"] == 0, lambda deadline: it.get("/headers"), "the old generation gone")


def ask(it, path):
    """A connection that has sent a request, which the service has taken once it has answered another one."""
    s = socket.create_connection(("127.0.0.1", it.port), timeout=30)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    it.get("/headers")
    return s


# --- Pinned streams ---


def test_pinned_streams_go_on_in_their_generation_which_ends_after_the_last(streams):
    cursor = journal_cursor()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(EventStream(streams.port, f"/pinned?n={n}&ms=50")) for n in range(STREAMS)]
        for n, client in enumerate(clients):
            assert client.next() == {"generation": 1, "n": n, "calls": 1}
        streams.reload()
        assert streams.generation() == 2
        for n, client in enumerate(clients):
            for calls in 2, 3, 4:
                assert client.next() == {"generation": 1, "n": n, "calls": calls}
        assert streams.status()["retiring"] == 1
        assert "1 older still answering" in streams.property("StatusText")
        for client in clients[1:]:
            client.close()
        with Journal(streams.unit, after=cursor) as journal:
            for _ in clients[1:]:
                journal.wait("^end ")
        calls = clients[0].next()["calls"]
        assert clients[0].next() == {"generation": 1, "n": 0, "calls": calls + 1}
        assert streams.status()["retiring"] == 1
        assert len(told(streams, cursor)) == STREAMS - 1
    wait_retired(streams)
    said = told(streams, cursor)
    assert sorted(said[:STREAMS]) == [("end", n, 1, "0") for n in range(STREAMS)]
    assert said[STREAMS - 1:] == [("end", 0, 1, "0"), ("fini", 0, 1, "0")]


def test_a_wake_reaches_one_stream_alone(streams):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(EventStream(streams.port, f"/pinned?n={n}")) for n in range(STREAMS)]
        for client in clients:
            assert client.next()["calls"] == 1
        for calls in 2, 3:
            post(streams, "/wake?n=7")
            assert clients[7].next() == {"generation": 1, "n": 7, "calls": calls}
        streams.get("/headers")
        assert all(client.silent() for client in clients)
        # Nor was any called without a word: the next event of each is its second.
        for n, client in enumerate(clients):
            post(streams, f"/wake?n={n}")
            assert client.next() == {"generation": 1, "n": n, "calls": 4 if n == 7 else 2}


def test_a_stream_that_wakes_itself_is_called_again(streams):
    status, _, body = http_request(streams.port, "/moving?times=20")
    assert (status, body) == (200, b"")


def test_a_slow_reader_fills_its_own_queue_and_loses_nothing(streams):
    with EventStream(streams.port, "/pinned?n=1") as slow, EventStream(streams.port, "/pinned?n=2") as other:
        assert slow.next()["calls"] == other.next()["calls"] == 1
        written, waiting = 0, 0
        while waiting < 1024 * 1024 - 16 * 1024:  # until the kernel takes no more, and then the queue is full
            filled = post(streams, "/fill?n=1")
            assert (filled["r"], filled["calls"]) == ("ENOBUFS", 1)
            assert filled["waiting"] <= 1024 * 1024
            written, waiting = written + filled["written"], filled["waiting"]
            if filled["written"] == 0:
                break
        assert 1024 * 1024 - 16 * 1024 < waiting <= written
        post(streams, "/wake?n=2")
        assert other.next() == {"generation": 1, "n": 2, "calls": 2}
        data = bytearray()
        while b'"calls":2}' not in data:
            got = slow.sock.recv(1 << 16)
            assert got, "the stream ended"
            data += got
        assert data.count(0) == written
        assert post(streams, "/wake?n=1") == {} and slow.next()["calls"] == 3


# --- The end ---


def test_a_stream_ends_in_the_generation_it_went_on_in(streams):
    cursor = journal_cursor()
    with ask(streams, "/silent?n=3") as client:
        streams.reload()
        assert streams.status()["retiring"] == 0
        client.close()
        with Journal(streams.unit, after=cursor) as journal:
            journal.wait("^end n=3 generation=2 ")
    assert [what for what, *_ in told(streams, cursor)] == ["fini", "end"]


def test_a_stream_that_was_refused_does_not_end(streams):
    cursor = journal_cursor()
    assert http_request(streams.port, "/refused")[0] == 500
    http_request(streams.port, "/silent?n=4", method="HEAD")  # started, though without a body
    with Journal(streams.unit, after=cursor) as journal:
        journal.wait("^end n=4 ")
    assert told(streams, cursor) == [("refused", 0, 1, "EINVAL"), ("end", 4, 1, "0")]


def test_shutdown_ends_streams_before_the_module(streams):
    cursor = journal_cursor()
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(EventStream(streams.port, f"/pinned?n={n}&ms=50")) for n in range(10)]
        for client in clients:
            client.next()
        streams.stop()
        for client in clients:
            with pytest.raises(AssertionError, match="the stream ended"):
                while True:
                    client.next()
    said = told(streams, cursor)
    assert sorted(said[:-1]) == [("end", n, 1, "0") for n in range(10)]
    assert said[-1] == ("fini", 0, 1, "0")


@pytest.mark.slow
def test_shutdown_does_not_wait_for_ever(streams):
    """For a client that does not read, and for an answer that does not come."""
    cursor = journal_cursor()
    with EventStream(streams.port, "/pinned?n=1") as slow, ask(streams, "/later?n=2"), ask(streams, "/later?n=3&at-once=1"):
        slow.next()
        while post(streams, "/fill?n=1")["written"]:
            pass
        streams.stop()
    said = told(streams, cursor)
    assert sorted(said[:-1]) == [("end", 1, 1, "0"), ("gone", 2, 1, "0"), ("gone", 3, 1, "0"),
                                 ("replied", 3, 1, "ECONNRESET")]
    assert said[-1] == ("fini", 1, 1, "0")  # the one that was not answered


# --- Requests whose client is gone ---


def test_a_client_that_goes_away_before_the_answer_is_told_once(streams):
    cursor = journal_cursor()
    client = ask(streams, "/later?n=5&at-once=1")
    streams.reload()
    assert streams.status()["retiring"] == 1
    client.close()
    wait_retired(streams)
    assert told(streams, cursor) == [("gone", 5, 1, "0"), ("replied", 5, 1, "ECONNRESET"), ("fini", 0, 1, "0")]


def test_an_answer_after_the_client_has_gone_lets_the_request_go(streams):
    cursor = journal_cursor()
    with Journal(streams.unit, after=cursor) as journal:
        ask(streams, "/later?n=6").close()
        journal.wait("^gone n=6 ")
        post(streams, "/answer?n=6")
        journal.wait("^replied n=6 ")
        ask(streams, "/later-stream?n=7").close()
        journal.wait("^gone n=7 ")
        post(streams, "/begin?n=7")
        journal.wait("^begun n=7 ")
    streams.reload()
    wait_retired(streams)
    assert told(streams, cursor) == [("gone", 6, 1, "0"), ("replied", 6, 1, "ECONNRESET"), ("gone", 7, 1, "0"),
                                     ("begun", 7, 1, "ECONNRESET"), ("fini", 0, 1, "0")]


def test_nobody_is_told_after_the_answer(streams):
    cursor = journal_cursor()
    with ask(streams, "/later?n=8") as client, ask(streams, "/later-stream?n=9") as stream:
        post(streams, "/answer?n=8")
        post(streams, "/begin?n=9")
        assert client.recv(1 << 16).endswith(b'{"later":true}')
        answer = b""
        while b'"calls":1}' not in answer:
            answer += stream.recv(1 << 16)
    with Journal(streams.unit, after=cursor) as journal:
        journal.wait("^end n=9 ")
    assert told(streams, cursor) == [("replied", 8, 1, "0"), ("begun", 9, 1, "0"), ("end", 9, 1, "0")]


def test_eight_headers_and_no_more(streams):
    _, headers, _ = http_request(streams.port, "/headers?n=8")
    assert [headers[f"X-Number-{i}"] for i in range(8)] == ["x"] * 8
    status, _, body = http_request(streams.port, "/headers?n=9")
    assert (status, json.loads(body)["code"], json.loads(body)["error"]) == (500, "E2BIG", "header 8")
