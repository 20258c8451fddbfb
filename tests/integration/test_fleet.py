# SPDX-License-Identifier: MIT
"""The fleet as a whole: it starts, it stops, and a second time."""
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from conftest import (CONTROL, PORTS, get_json, http_request, installed_ports, is_listening, port_gets_free, run,
                      status_json, systemctl, unit_property)

START_SECONDS = 3
ROUNDS = 10


def all_healthy(ports):
    """Asks every service at once; each waits in its socket's backlog until it is served."""
    with ThreadPoolExecutor(len(ports)) as pool:
        return dict(zip(ports, pool.map(lambda port: http_request(port)[0], ports.values())))


def start_and_ask(ports):
    """Seconds from the start of the target until the last /health was 200."""
    begin = time.monotonic()
    systemctl("start", "tooloo.target")
    assert all_healthy(ports) == dict.fromkeys(ports, 200)
    return time.monotonic() - begin


def stop_and_check(ports):
    run("toolooctl", "stop")
    assert not [id for id, port in ports.items() if not port_gets_free(port)]


def running_units():
    done = systemctl("list-units", "--plain", "--no-legend", "--state=active,activating,deactivating", "tooloo-*.service",
                     "tooloo-*.socket")
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_ten_starts_and_stops():
    ports, took = installed_ports(), []
    for _ in range(ROUNDS):
        took.append(start_and_ask(ports))
        stop_and_check(ports)
        assert running_units() == []
    assert min(took) < START_SECONDS, took  # others may be using the machine


class Hammer:
    """Threads that connect to every one of the ports without a pause."""

    def __init__(self, ports, threads=4):
        self.ports = list(ports.values())
        self.over = threading.Event()
        self.connected = 0
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]

    def run(self, first):
        while not self.over.is_set():
            first += 1
            try:
                with socket.create_connection(("127.0.0.1", self.ports[first % len(self.ports)]), timeout=5) as s:
                    s.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    self.connected += 1
            except OSError:
                pass  # refused while the fleet is down: that is what the test is about

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for t in self.threads:
            t.join()


@pytest.mark.parametrize("how", [("toolooctl", "stop"), ("systemctl", "--user", "stop", "tooloo.target")],
                         ids=["toolooctl", "systemctl"])
def test_stop_under_incoming_connections(how):
    """Nobody who connects meanwhile starts a service again."""
    ports = installed_ports()
    with Hammer(ports) as hammer:
        start_and_ask(ports)
        run(*how)
        # systemctl's job of the target is over before those of its parts: stopping each again waits for its end.
        systemctl("stop", *(f"tooloo-{id}.{kind}" for id in ports for kind in ("socket", "service")))
        before = hammer.connected
        assert [id for id, port in ports.items() if is_listening(port)] == []
        assert running_units() == []
    assert before > 0 and hammer.connected == before
    assert running_units() == []


def test_health_says_what_the_contract_says(fleet):
    for id, port in installed_ports().items():
        health = get_json(port)
        assert health["ok"] is True and health["ready"] is True
        assert health["server"] == id
        assert health["service"] and health["version"]
        assert health["generation"] == 1 and health["uptime"] >= 0
        assert set(health["metrics"]) >= {"requests", "successfulRequests", "errors", "avgLatency", "errorsByCode"}
        status = get_json(port, "/api/v1/status")
        assert set(health) <= set(status) and status["topEndpoints"] and status["dependencies"] == {}


def asked_by_others_than_metricsd(port):
    """What was counted, without the questions for health."""
    status = get_json(port, "/api/v1/status")
    health = sum(e["requests"] for e in status["topEndpoints"] if e["endpoint"] == "GET /health")
    return status["metrics"] | {"requests": status["metrics"]["requests"] - health}


def test_requests_are_counted(fleet):
    before = asked_by_others_than_metricsd(PORTS["cup"])
    for _ in range(5):
        http_request(PORTS["cup"], "/nowhere")
    after = asked_by_others_than_metricsd(PORTS["cup"])
    assert after["requests"] - before["requests"] == 6  # and the first question for the status itself
    assert after["errorsByCode"]["404"] - before["errorsByCode"].get("404", 0) == 5


def check_error_body(id, body, code):
    error = json.loads(body)
    assert error["ok"] is False and error["error"] and error["code"] == code
    assert error["service"] == id
    sent = datetime.fromisoformat(error["timestamp"])
    assert abs((datetime.now(timezone.utc) - sent).total_seconds()) < 60


def test_unknown_paths_and_methods(fleet):
    for id, port in installed_ports().items():
        status, _, body = http_request(port, "/api/v1/no/such/thing")
        assert status == 404
        check_error_body(id, body, "NOT_FOUND")
        status, headers, body = http_request(port, "/health", method="DELETE")
        assert status == 405 and "GET" in headers["Allow"].split(", ")
        check_error_body(id, body, "METHOD_NOT_ALLOWED")


def test_both_loopback_addresses(fleet):
    for id, port in installed_ports().items():
        assert json.loads(http_request(port, host="::1")[2])["server"] == id


def test_units_are_clean():
    """systemd-analyze has nothing to say about any unit of ours."""
    folder = Path(unit_property("tooloo.target", "FragmentPath")).parent
    units = sorted(p for p in folder.glob("tooloo*") if p.is_file())
    assert len(units) >= 2 * len(PORTS) + 8
    # --man=no: manual pages are a package's business, and this machine may have none installed.
    done = run("systemd-analyze", "--user", "verify", "--man=no", *units)
    assert done.stdout + done.stderr == ""


def test_units_and_status_agree(fleet):
    services, ports = status_json(), installed_ports()
    assert {id: s["port"] for id, s in services.items() if id in ports} == ports
    assert {id: (services[id]["state"], services[id]["problem"]) for id in ports} == dict.fromkeys(ports, ("running", None))
    assert {id for id, s in services.items() if s["category"] == "control"} & set(PORTS | CONTROL) == set(ports) - set(PORTS)
