# SPDX-License-Identifier: MIT
"""A service whose process dies: the socket holds who comes meanwhile, systemd starts it again, but not for ever."""
import os
import signal
import socket
import time

import pytest
from conftest import (CONTROL, PORTS, Journal, http_request, is_listening, journal_cursor, kill, main_pid,
                      systemctl, toolooctl, unit_property, wait_for_unit)
from load import Load

FIRST_BACKOFF = 0.1  # seconds; doubled from crash to crash
CRASHES_MAX = 6
STOPS = 30
AIM = 0.3            # seconds from the crash to the next answer


@pytest.mark.parametrize("id", [*PORTS, *CONTROL])
def test_the_request_after_a_kill_waits_and_succeeds(fleet, id):
    unit = f"tooloo-{id}.service"
    before = kill(unit)
    begin = time.monotonic()
    status, _, _ = http_request((PORTS | CONTROL)[id])
    took = time.monotonic() - begin
    assert status == 200 and main_pid(unit) != before
    assert took >= FIRST_BACKOFF * 0.8, "the request did not wait for a new process"
    assert took < AIM * 100, took  # the aim itself is a figure of tests/bench
    print(f"{id}: {took * 1000:.0f} ms")


def test_none_is_refused_through_a_kill(echo):
    load = Load(echo.port, connections=40, rate=200, requests=2000).start()
    load.wait_for(400)
    before = echo.pid()
    kill(echo.unit)
    load.wait_for(400)
    figures = load.join()
    assert figures.refused == 0, str(figures)
    # What was being answered at that moment is lost: a connection can have one request under way.
    assert figures.failed <= 40 and figures.dropped <= 40, str(figures)
    assert figures.ok + figures.failed == 2000
    assert echo.pid() != before and echo.property("NRestarts") == "1"


def test_new_connections_wait_while_the_service_is_down(echo):
    """Each of these connects, asks and is answered, whenever in the life of the service it came."""
    kill(echo.unit)
    sockets = [socket.create_connection(("127.0.0.1", echo.port), timeout=30) for _ in range(200)]
    for s in sockets:
        s.sendall(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    for s in sockets:
        assert s.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
        s.close()


def crash_until_failed(service, journal, most=CRASHES_MAX):
    """Seconds from the end of each process until systemd was free to start the next."""
    waits = []
    for _ in range(most):
        kill(service.unit)
        exited, left = (int(journal.wait(said)["__MONOTONIC_TIMESTAMP"]) / 1e6 for said in ("Main process exited", "Failed with result"))
        entry = journal.wait(r"^Started |Failed to start|Start request repeated too quickly")
        if not entry["MESSAGE"].startswith("Started"):
            return waits
        waits.append(left - exited)
    raise AssertionError(f"{service.unit} did not fail after {most} crashes: {waits}")


def test_a_crash_loop_backs_off_and_ends(echo):
    with Journal(echo.unit, after=journal_cursor()) as journal:
        waits = crash_until_failed(echo, journal)
    assert len(waits) >= 3
    for n, wait in enumerate(waits):
        expected = FIRST_BACKOFF * 2 ** n
        # With it goes the start of the program that waits, under sanitizers and on a machine that may be busy.
        assert expected * 0.95 <= wait < expected + 4, f"crash {n + 1}: {wait:.3f} s instead of {expected}: {waits}"
    wait_for_unit(echo.unit, "failed")
    assert not is_listening(echo.port)  # whoever connects learns at once that nobody is there
    status = echo.status()
    assert status["state"] == "failed" and "SIGKILL" in status["problem"], status
    assert "SIGKILL" in toolooctl("status", ok=False).stdout
    assert "SIGKILL" in toolooctl("status", echo.id, ok=False).stdout

    assert toolooctl("start", echo.id).stderr == ""
    assert echo.generation() == 1
    assert echo.property("NRestarts") == "0" and unit_property(echo.socket, "ActiveState") == "active"
    # And it begins anew: the limit and the back-off have been forgotten.
    with Journal(echo.unit, after=journal_cursor()) as journal:
        kill(echo.unit)
        journal.wait("^Started ")
    assert echo.generation() == 1


def test_a_crash_loop_is_stopped_for_good(service):
    """Each start of the service opens its socket again, also the one that comes between the two ends."""
    it = service("faulty", None, start=False, ExecStart="\nExecStart=/bin/false", ExecStopPost="",
                 RestartSec="0\n[Unit]\nStartLimitIntervalSec=0")
    for _ in range(STOPS):
        systemctl("start", "--no-block", it.socket, it.unit)
        it.stop()
        assert unit_property(it.socket, "ActiveState") == "inactive"
        assert it.property("ActiveState") in ("inactive", "failed")


def test_a_connection_does_not_revive_a_failed_service(echo):
    with Journal(echo.unit, after=journal_cursor()) as journal:
        crash_until_failed(echo, journal)
    wait_for_unit(echo.unit, "failed")
    for _ in range(20):
        assert not is_listening(echo.port)
    assert echo.property("ActiveState") == "failed"


def test_restart_recovers_it_too(echo):
    with Journal(echo.unit, after=journal_cursor()) as journal:
        crash_until_failed(echo, journal)
    wait_for_unit(echo.unit, "failed")
    toolooctl("restart", echo.id)
    assert echo.generation() == 1


def test_a_stray_sigterm_is_no_end(fleet):
    """Ended cleanly, but nobody asked for it."""
    unit = "tooloo-meta.service"
    before = main_pid(unit)
    os.kill(before, signal.SIGTERM)
    with Journal(unit, after=journal_cursor()) as journal:
        if main_pid(unit) in (0, before):
            journal.wait("^Started ")
    assert http_request(PORTS["meta"])[0] == 200 and main_pid(unit) not in (0, before)


def test_crashes_of_one_leave_the_others_alone(echo, fleet):
    before = {id: main_pid(f"tooloo-{id}.service") for id in fleet}
    with Journal(echo.unit, after=journal_cursor()) as journal:
        crash_until_failed(echo, journal)
    assert {id: main_pid(f"tooloo-{id}.service") for id in fleet} == before
    assert all(http_request(port)[0] == 200 for port in fleet.values())
