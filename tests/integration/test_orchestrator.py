# SPDX-License-Identifier: MIT
"""Control over HTTP: what the orchestrator says is what systemd did."""
import http.client
import json
import os
import re
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from conftest import (CONTROL, PATIENCE, PORTS, USER_UNITS, Journal, get_json, http_request, installed_ports, is_listening,
                      journal_cursor, journal_lines, kill, main_pid, port_gets_free, status_json, systemctl, toolooctl,
                      unit_property, wait_for_unit, wait_until)

PORT = CONTROL["orchestrator"]
UNIT = "tooloo-orchestrator.service"
TASKS_MAX, READERS_MAX, LINES_MAX, MESSAGE_MAX, BYTES_MAX, BODY_MAX = 64, 8, 1000, 16 * 1024, 4 * 1024 * 1024, 4096

pytestmark = pytest.mark.usefixtures("fleet")


def api(path, method="GET", body=None, headers=None):
    data = json.dumps(body) if isinstance(body, (dict, list)) else body
    status, _, answer = http_request(PORT, path, method=method, body=data, headers=headers, timeout=2 * PATIENCE)
    return status, json.loads(answer)


def act(id, action, query="", headers=None):
    return api(f"/api/v1/system/service/{id}/{action}{query}", "POST", headers=headers)


def processes():
    status, answer = api("/api/v1/system/processes")
    assert status == 200 and answer["ok"] is True
    return {p["id"]: p for p in answer["processes"]}


def refused(answer, status, code):
    """The error of an answer that is one as API.md wants it."""
    assert answer[0] == status, answer
    body = answer[1]
    assert body["ok"] is False and body["code"] == code and body["service"] == "orchestrator" and body["timestamp"], body
    return body["error"]


def known(it, **what):
    """Waits until the orchestrator has it in its list, and of it what is given."""
    wait_until(lambda: (p := processes().get(it.id)) and all(p[k] == v for k, v in what.items()), lambda deadline: True,
               f"{it.id} {what}")
    return it


@pytest.fixture
def made(service):
    """As `service`, and the orchestrator knows it: not one of the same id that another test has just removed."""
    def make(*arguments, **more):
        it = service(*arguments, **more)
        return known(it, port=it.port)

    return make


@pytest.fixture
def echo(made):
    return made("echo", "echo-a")


# --- The list ---


def test_processes_are_what_systemd_and_toolooctl_say(fleet):
    listed, said = processes(), status_json()
    assert set(listed) == set(said) and set(listed) >= set(installed_ports())
    for id, p in listed.items():
        s = said[id]
        assert set(p) >= {"id", "name", "port", "pid", "status", "uptime", "restartCount", "generation", "healthy"}
        assert (p["port"], p["status"], p["name"], p["category"]) == (s["port"], s["state"], s["name"], s["category"])
        assert p["pid"] == main_pid(f"tooloo-{id}.service") and p["restartCount"] == 0 and p["problem"] is None
        assert 0 < p["uptime"] <= s["uptime"]
        assert p["generation"] == (s["generation"] if id != "metricsd" else None)
        if "metricsd" not in installed_ports():
            assert p["healthy"] is None  # nobody has asked it
    assert [p["port"] for p in listed.values()] == sorted(p["port"] for p in listed.values())


def test_states_in_the_list(echo):
    before = processes()["echo"]
    assert before["status"] == "running"
    act("echo", "stop")
    stopped = processes()["echo"]
    assert (stopped["status"], stopped["pid"], stopped["uptime"], stopped["generation"], stopped["healthy"]) == \
        ("stopped", None, None, None, False)
    systemctl("mask", echo.unit, echo.socket, ok=None)  # its files are in the way of the links, so these links
    act("echo", "start")
    assert processes()["echo"]["status"] == "running"


def test_a_kill_is_counted_and_the_count_outlives_a_reload(echo):
    assert processes()["echo"]["restartCount"] == 0
    kill(echo.unit)
    echo.get()
    known(echo, restartCount=1)
    assert act("orchestrator", "reload")[0] == 200
    assert processes()["echo"]["restartCount"] == 1
    kill(echo.unit)
    echo.get()
    known(echo, restartCount=2)


def test_a_service_that_comes_and_goes(service):
    it = service("echo", "echo-a")
    known(it, port=it.port, status="running")
    it.remove()
    wait_until(lambda: "echo" not in processes(), lambda deadline: True, "echo gone from the list")
    refused(act("echo", "start"), 404, "UNKNOWN_SERVICE")


# --- Start, stop, restart, reload ---


def well(answer, action, status="running"):
    code, body = answer
    assert code == 200 and body["ok"] is True, body
    result = body["result"]
    assert (result["action"], result["job"], result["status"]) == (action, "done", status), result
    assert result["took"] > 0
    return result


def test_stop_and_start(echo):
    pid = echo.pid()
    cursor = journal_cursor()
    result = well(act("echo", "stop"), "stop", "stopped")
    assert result["pid"] is None and result["unitState"] == "inactive"
    assert port_gets_free(echo.port) and echo.property("ActiveState") == "inactive"
    said = journal_lines(after=cursor)  # the socket goes first: else the next connection would start it again
    closed, stopping = (next(n for n, line in enumerate(said) if line.startswith(f"{what} {unit} "))
                        for what, unit in (("Closed", echo.socket), ("Stopping", echo.unit)))
    assert closed < stopping
    well(act("echo", "stop"), "stop", "stopped")  # a second time is fine
    result = well(act("echo", "start"), "start")
    assert result["pid"] == echo.pid() != pid and is_listening(echo.port)
    assert well(act("echo", "start"), "start")["pid"] == result["pid"]


def test_restart(echo):
    pid = echo.pid()
    for _ in range(7):  # more than the start limit has
        result = well(act("echo", "restart"), "restart")
        assert result["pid"] == echo.pid() != pid
        pid = result["pid"]
    assert echo.property("NRestarts") == "0"


def test_restart_starts_what_was_stopped(echo):
    act("echo", "stop")
    well(act("echo", "restart"), "restart")
    assert echo.get()["ok"] and is_listening(echo.port)


def test_reload(echo):
    echo.install("echo-b")
    pid = echo.pid()
    assert well(act("echo", "reload"), "reload")["generation"] == 2
    assert echo.get("/echo")["value"] == 2 and echo.pid() == pid
    assert well(act("echo", "reload"), "reload")["generation"] == 3  # asked for, it is done


def test_concurrent_restarts_of_one_service(echo):
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: act("echo", "restart"), range(12)))
    for answer in answers:
        well(answer, "restart")
    assert echo.property("ActiveState") == "active" and echo.get()["ok"]
    assert echo.property("NRestarts") == "0" and processes()["echo"]["restartCount"] == 0


def test_concurrent_actions_on_the_fleet(fleet):
    ids = [id for id in fleet if id != "web"]
    with ThreadPoolExecutor(len(ids)) as pool:
        for answer in pool.map(lambda id: act(id, "restart"), ids):
            well(answer, "restart")
    listed = processes()
    assert all(listed[id]["status"] == "running" for id in ids)


# --- What goes wrong ---


def test_unknown_ids():
    assert "Did you mean 'training'?" in refused(act("trainnig", "restart"), 404, "UNKNOWN_SERVICE")
    for id in "zebra", "tooloo-cup.service", "CUP", "a" * 500, "..", "cup%2fx", quote("cüp"):
        assert len(refused(act(id, "stop"), 404, "UNKNOWN_SERVICE")) < 200
    refused(act("cup%00", "stop"), 400, "BAD_REQUEST")
    assert processes()["cup"]["status"] == "running"
    assert act("cup", "explode")[0] == 404
    status, headers, _ = http_request(PORT, "/api/v1/system/service/cup/stop")
    assert status == 405 and "POST" in headers["Allow"]


def test_a_module_that_is_rejected(made):
    it = made("faulty", "faulty-good")
    it.install("faulty-init-fails")
    answer = act("faulty", "reload")
    error = refused(answer, 500, "JOB_FAILED")
    assert error.startswith("faulty keeps its old code: ") and "init failed" in error
    assert answer[1]["result"]["job"] == "failed" and answer[1]["result"]["generation"] == 1
    assert it.get("/value") == {"value": "good"}
    assert "init failed" in processes()["faulty"]["problem"]


def test_a_start_that_fails(made):
    it = made("faulty", "faulty-good")
    it.stop()
    it.install("faulty-init-crashes")
    answer = act("faulty", "start")
    error = refused(answer, 500, "JOB_FAILED")
    assert error.startswith(f"{it.unit} did not start: ") and "SIGSEGV" in error
    assert answer[1]["result"]["unitResult"] == "signal" and answer[1]["result"]["job"] == "failed"
    known(it, status="failed", healthy=False)  # systemd has tried again, and given up
    wait_until(lambda: processes()["faulty"]["problem"], lambda deadline: True, "the reason")
    it.install("faulty-good")
    well(act("faulty", "start"), "start")


def test_a_port_that_a_stranger_has(echo):
    act("echo", "stop")
    with socket.create_server(("127.0.0.1", echo.port)):
        error = refused(act("echo", "start"), 500, "JOB_FAILED")
        # From within its sandbox the orchestrator sees whose the socket is, not which process has it.
        assert re.search(rf"port {echo.port} is taken by (PID {os.getpid()}\b|a process of UID {os.getuid()}\b)", error)
    well(act("echo", "start"), "start")


def test_a_dependency_that_fails(made):
    base = made("faulty", "faulty-good")
    it = made("echo", "echo-a", start=False)
    folder = USER_UNITS / f"{it.unit}.d"
    folder.mkdir(exist_ok=True)
    (folder / "70-needs.conf").write_text(f"[Unit]\nRequires={base.unit}\nAfter={base.unit}\n")
    systemctl("daemon-reload")
    base.stop()
    base.install("faulty-init-fails")
    error = refused(act("echo", "start"), 503, "DEPENDENCY_FAILED")
    assert "did not start: a unit that it needs failed" in error
    base.install("faulty-good")
    systemctl("reset-failed", base.unit, ok=None)  # it may have used up its starts meanwhile
    well(act("echo", "start"), "start")


def test_a_crash_loop_and_its_end(echo):
    """The start limit ends it; a start by a person begins anew."""
    with Journal(echo.unit, after=journal_cursor()) as journal:
        for _ in range(6):
            kill(echo.unit)
            said = journal.wait(r"^Started |Failed to start|Start request repeated too quickly")["MESSAGE"]
            if not said.startswith("Started"):
                break
    known(echo, status="failed", healthy=False)
    assert processes()["echo"]["problem"] and processes()["echo"]["restartCount"] >= 4
    refused(act("echo", "reload"), 409, "NOT_ACTIVE")
    well(act("echo", "start"), "start")
    assert echo.get()["ok"]


def test_masked():
    units = "tooloo-capabilities.service", "tooloo-capabilities.socket"
    well(act("capabilities", "stop"), "stop", "stopped")
    systemctl("mask", *units)
    try:
        wait_until(lambda: processes()["capabilities"]["status"] == "masked", lambda deadline: True, "the mask")
        for action in "start", "restart", "reload":
            error = refused(act("capabilities", action), 409, "MASKED")
            assert "systemctl --user unmask " + " ".join(units) in error
        refused(api("/api/v1/system/service/capabilities/scale", "POST", {"instances": 1}), 409, "MASKED")
        assert act("capabilities", "stop")[0] == 200
    finally:
        systemctl("unmask", *units)
        wait_until(lambda: processes()["capabilities"]["status"] == "stopped", lambda deadline: True, "unmasked")
        well(act("capabilities", "start"), "start")


def test_one_that_cannot_reload(echo):
    folder = USER_UNITS / f"{echo.unit}.d"
    folder.mkdir(exist_ok=True)
    (folder / "70-change.conf").write_text("[X-Tooloo]\nOnChange=restart\n")
    systemctl("daemon-reload")
    wait_until(lambda: act("echo", "reload")[0] == 409, lambda deadline: True, "OnChange=restart")
    assert "OnChange=restart" in refused(act("echo", "reload"), 409, "CANNOT_RELOAD")
    (folder / "70-change.conf").unlink()
    systemctl("daemon-reload")
    act("echo", "stop")
    wait_until(lambda: act("echo", "reload")[1]["code"] == "NOT_ACTIVE", lambda deadline: True, "OnChange=reload")


# --- Jobs that take their time ---


class Gate:
    """A service whose start waits until somebody opens the gate."""

    def __init__(self, made, folder):
        self.fifo = folder / "gate"
        os.mkfifo(self.fifo)
        self.it = made("echo", "echo-a", start=False, ExecStartPre=f"/bin/sh -c 'read line <{self.fifo}'")
        self.opened = None

    def open(self):
        """For good: later starts pass, too."""
        self.opened = os.open(self.fifo, os.O_RDWR)
        os.write(self.opened, b"\n" * 100)

    def close(self):
        systemctl("kill", "--signal=KILL", self.it.unit, ok=None)
        if self.opened is not None:
            os.close(self.opened)


@pytest.fixture
def gate(made, tmp_path):
    gate = Gate(made, tmp_path)
    yield gate
    gate.close()


class Asked:
    """A request whose answer is read later."""

    def __init__(self, path, method="POST"):
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=2 * PATIENCE)
        self.connection.request(method, path)

    def answer(self):
        response = self.connection.getresponse()
        body = json.loads(response.read())
        self.connection.close()
        return response.status, body


START = "/api/v1/system/service/echo/start"


def test_a_job_that_takes_longer_than_one_waits_for(gate):
    answer = act("echo", "start", "?timeout=1")
    error = refused(answer, 504, "JOB_TIMEOUT")
    assert "its job goes on, and the unit is activating (start-pre)" in error
    assert answer[1]["result"]["status"] == "starting" and 1000 <= answer[1]["result"]["took"] < 30000
    gate.open()
    wait_for_unit(gate.it.unit, "active")
    well(act("echo", "start", "?timeout=60"), "start")
    for wrong in "0", "61", "x", "", "1.5", "-1":
        refused(act("echo", "start", f"?timeout={wrong}"), 400, "INVALID_QUERY")


def test_one_that_is_overtaken(gate):
    started = Asked(START)
    wait_for_unit(gate.it.unit, "activating")
    code, body = act("echo", "stop")
    assert code == 200 and body["result"]["unitState"] in ("inactive", "failed")  # what it was killed in was no clean end
    assert "another request took its place" in refused(started.answer(), 409, "CANCELED")


def test_reload_of_the_orchestrator_while_a_job_waits(gate):
    """The old generation stays until it has answered; the new one serves meanwhile."""
    started = Asked(START)
    wait_for_unit(gate.it.unit, "activating")
    generation = get_json(PORT)["generation"]
    assert well(act("orchestrator", "reload"), "reload")["generation"] == generation + 1
    assert status_json("orchestrator")["orchestrator"]["retiring"] == 1
    assert processes()["echo"]["status"] == "starting"
    gate.open()
    well(started.answer(), "start")
    wait_until(lambda: status_json("orchestrator")["orchestrator"]["retiring"] == 0, lambda deadline: True, "its end")
    assert get_json(PORT)["generation"] == generation + 1


def test_kill_of_the_orchestrator_while_a_job_waits(gate):
    """Who waits is told by the end of the connection; the job is systemd's and goes on; the next request is answered."""
    started = Asked(START)
    wait_for_unit(gate.it.unit, "activating")
    kill(UNIT)
    with pytest.raises((http.client.HTTPException, OSError)):
        started.answer()
    assert processes()["echo"]["status"] == "starting"
    gate.open()
    wait_for_unit(gate.it.unit, "active")
    known(gate.it, status="running")
    toolooctl("restart", "orchestrator")  # the kill counts against its start limit


def test_how_many_may_wait(gate):
    waiting = [Asked(START) for _ in range(TASKS_MAX)]
    # Each is taken in the order of the connections, so the one after them finds the house full.
    error = refused(wait_until(lambda: (a := act("cup", "restart", "?timeout=1"))[0] == 429 and a, lambda deadline: True,
                               "no room"), 429, "TOO_MANY_REQUESTS")
    assert str(TASKS_MAX) in error
    refused(api("/api/v1/system/processes"), 429, "TOO_MANY_REQUESTS")
    assert get_json(PORT)["ok"]
    gate.open()
    for asked in waiting:
        well(asked.answer(), "start")
    well(act("cup", "restart"), "restart")


# --- What ends the one who answers ---


def queued(answer, action):
    status, body = answer
    assert status == 202 and body["ok"] is True, body
    assert (body["result"]["action"], body["result"]["job"]) == (action, "queued") and body["result"]["hint"]


def test_restart_of_itself():
    before = main_pid(UNIT)
    for _ in range(7):
        queued(act("orchestrator", "restart"), "restart")
        pid = wait_until(lambda: main_pid(UNIT) not in (0, before) and main_pid(UNIT), lambda deadline: get_json(PORT),
                         "another process")
        assert processes()["orchestrator"]["pid"] == pid
        before = pid
    assert unit_property(UNIT, "NRestarts") == "0" and unit_property(UNIT, "Result") == "success"


def test_stop_of_itself():
    queued(act("orchestrator", "stop"), "stop")
    wait_for_unit(UNIT, "inactive")
    assert port_gets_free(PORT) and unit_property("tooloo-orchestrator.socket", "ActiveState") == "inactive"
    toolooctl("start", "orchestrator")
    assert processes()["orchestrator"]["status"] == "running"


def through_web(path, method="GET"):
    status, _, answer = http_request(PORTS["web"], path, method=method, timeout=2 * PATIENCE)
    return status, json.loads(answer)


def test_all_of_it_through_web(echo):
    status, body = through_web("/api/v1/system/processes")
    assert status == 200, body
    assert {p["id"] for p in body["processes"]} == set(processes())
    pid = echo.pid()
    assert well(through_web("/api/v1/system/service/echo/restart", "POST"), "restart")["pid"] == echo.pid() != pid
    assert well(through_web("/api/v1/system/service/web/reload", "POST"), "reload")["generation"] == \
        get_json(PORTS["web"])["generation"]
    assert through_web("/api/v1/system/service/echo/logs?lines=3")[1]["lines"]
    assert through_web("/api/v1/admin/reload", "POST")[0] == 200
    assert through_web("/api/v1/admin/reload-status")[1]["services"]
    before = main_pid(UNIT)
    queued(through_web("/api/v1/system/service/orchestrator/restart", "POST"), "restart")
    wait_until(lambda: main_pid(UNIT) not in (0, before), lambda deadline: get_json(PORT), "the orchestrator again")
    for _ in range(3):
        before = main_pid("tooloo-web.service")
        queued(through_web("/api/v1/system/service/web/restart", "POST"), "restart")
        wait_until(lambda: main_pid("tooloo-web.service") not in (0, before), lambda deadline: get_json(PORTS["web"]),
                   "web again")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via"])
def test_restart_of_the_proxy_that_carries_the_request(header):
    before = main_pid("tooloo-web.service")
    queued(act("web", "restart", headers={header: "127.0.0.1"}), "restart")
    wait_until(lambda: main_pid("tooloo-web.service") not in (0, before), lambda deadline: get_json(PORTS["web"]), "web again")
    before = main_pid("tooloo-web.service")
    assert well(act("web", "restart"), "restart")["pid"] != before  # asked directly it is waited for
    queued(act("web", "stop", headers={header: "127.0.0.1"}), "stop")
    wait_for_unit("tooloo-web.service", "inactive")
    assert port_gets_free(PORTS["web"])
    well(act("web", "start", headers={header: "127.0.0.1"}), "start")


# --- Scale ---


def test_scale(echo):
    path = "/api/v1/system/service/echo/scale"
    status, body = api(path, "POST", {"instances": 1})
    assert status == 200 and body["result"] == {"id": "echo", "action": "scale", "instances": 1, "status": "running"}
    for n in 2, 16:
        assert "echo cannot scale: " in refused(api(path, "POST", {"instances": n}), 409, "CANNOT_SCALE")
    for wrong in {"instances": 0}, {"instances": 17}, {"instances": -1}, {"instances": "2"}, {"instances": 1.5}, {}, \
            {"instances": None}, {"instances": 10 ** 12}:
        assert refused(api(path, "POST", wrong), 400, "INVALID_FIELD").startswith("instances: ")
    refused(api(path, "POST", "nonsense"), 400, "BODY_NOT_JSON")
    refused(api(path, "POST"), 400, "BODY_MISSING")
    padded = json.dumps({"instances": 1}).ljust(BODY_MAX)
    assert api(path, "POST", padded)[0] == 200
    assert api(path, "POST", padded + " ")[0] == 413
    act("echo", "stop")
    refused(api(path, "POST", {"instances": 1}), 409, "NOT_ACTIVE")


# --- Logs ---


def logs(id, query=""):
    status, body = api(f"/api/v1/system/service/{id}/logs{query}")
    assert status == 200 and body["ok"] is True, body
    return body


@pytest.fixture
def talker(made, tmp_path):
    """A service that says something before it starts: talker(LINE, ...), bytes each."""

    def make(*lines):
        (tmp_path / "said").write_bytes(b"".join(line + b"\n" for line in lines))
        file = tmp_path / "talk.py"
        # One process for all, and it stays until they are read: journald asks the kernel whose each line is.
        file.write_text(f"import subprocess, sys\nsys.stdout.buffer.write(open('{tmp_path}/said', 'rb').read())\n"
                        "sys.stdout.flush()\nsubprocess.run(['journalctl', '--sync'])\n")
        it = made("echo", "echo-a", ExecStartPre=f"{sys.executable} {file}")
        journal_cursor()  # what came after that is in the journal, too
        return it

    return make


def test_logs_are_the_journal(talker):
    it = talker(b"<3>an error", b"bad \xff\xff b\xc3\xa4r", b"")
    answer = logs("echo")
    said = {line["message"]: line for line in answer["lines"]}
    assert said["an error"]["priority"] == 3
    assert "bad ?? bär" in said
    assert said[f"Started {it.unit} - Test echo."]["priority"] == 6  # the manager's words about it
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"]) for line in answer["lines"])
    assert [line["timestamp"] for line in answer["lines"]] == sorted(line["timestamp"] for line in answer["lines"])
    assert answer["truncated"] is False
    echo_generation = it.reload()
    assert echo_generation.returncode == 0
    journal_cursor()
    reloaded = next(line for line in logs("echo", "?lines=5")["lines"] if line["message"].startswith("Reloaded: generation 2"))
    assert reloaded["pid"] == it.pid() and reloaded["priority"] == 6
    assert not any("cup" in line["message"] for line in logs("echo")["lines"])


def test_how_many_lines(talker):
    talker(*(b"line %d" % n for n in range(1, 1201)))
    lines = [line["message"] for line in logs("echo", f"?lines={LINES_MAX}")["lines"]]
    assert len(lines) == LINES_MAX
    numbers = [int(line.split()[1]) for line in lines if line.startswith("line ")]
    assert numbers == list(range(numbers[0], 1201)) and len(numbers) > 990  # the last ones, none left out
    assert len(logs("echo")["lines"]) == 100
    assert [line["message"] for line in logs("echo", "?lines=1")["lines"]] == lines[-1:]
    for wrong in "0", str(LINES_MAX + 1), "x", "", "-1", "99999999999999999999999":
        assert refused(api(f"/api/v1/system/service/echo/logs?lines={wrong}"), 400, "INVALID_QUERY").startswith("lines: ")


def test_since(talker):
    it = talker(b"early")
    act("echo", "stop")
    journal_cursor()
    before = logs("echo")["lines"][-1]["timestamp"]
    well(act("echo", "start"), "start")
    journal_cursor()
    late = logs("echo", f"?since={before}")["lines"]
    assert late and all(line["timestamp"] >= before for line in late)
    assert len(late) < len(logs("echo")["lines"]) and any(line["message"].startswith("Started") for line in late)
    assert logs("echo", "?since=2099-01-01T00:00:00Z")["lines"] == []
    assert logs("echo", "?since=3600")["lines"] == logs("echo", "?since=1970-01-01T00:00:00Z")["lines"] == logs("echo")["lines"]
    for wrong in "yesterday", "", "-5", "2026-02-30T00:00:00Z", "99999999999999", "2026-01-01T00:00:00+99:00":
        path = f"/api/v1/system/service/echo/logs?since={quote(wrong)}"
        assert refused(api(path), 400, "INVALID_QUERY").startswith("since: ")
    assert it.get()["ok"]


def test_long_messages_are_cut_and_the_answer_is_bounded(talker):
    n = BYTES_MAX // MESSAGE_MAX + 40
    talker(b"x" * 40000, *[b"y" * (MESSAGE_MAX + 100)] * n)
    answer = logs("echo", f"?lines={LINES_MAX}")
    lengths = [len(line["message"]) for line in answer["lines"]]
    assert answer["truncated"] is True and max(lengths) <= MESSAGE_MAX and max(lengths) > MESSAGE_MAX - 100
    assert BYTES_MAX <= sum(lengths) <= BYTES_MAX + MESSAGE_MAX and len(lengths) < n
    assert get_json(PORT)["ok"]


def test_how_many_may_read_at_once(talker):
    talker(*(b"%d" % n for n in range(1200)))
    asked = [Asked(f"/api/v1/system/service/echo/logs?lines={LINES_MAX}", "GET") for _ in range(4 * READERS_MAX)]
    answers = [a.answer() for a in asked]
    good = [body for status, body in answers if status == 200]
    bad = [a for a in answers if a[0] != 200]
    assert len(good) >= READERS_MAX and bad and all(len(body["lines"]) == LINES_MAX for body in good)
    for answer in bad:
        refused(answer, 429, "TOO_MANY_REQUESTS")
    assert len(logs("echo", f"?lines={LINES_MAX}")["lines"]) == LINES_MAX


def test_logs_of_nobody():
    refused(api("/api/v1/system/service/cupp/logs"), 404, "UNKNOWN_SERVICE")


# --- Reload of all ---


def test_reload_of_what_changed(echo):
    before = {p["id"]: p["generation"] for p in processes().values()}
    status, body = api("/api/v1/admin/reload", "POST")
    assert status == 200 and body["ok"] is True and body["reloaded"] == 0
    assert {s["outcome"] for s in body["services"]} == {"unchanged"}
    assert {s["id"] for s in body["services"]} >= set(PORTS) | {"orchestrator", "echo"}
    echo.install("echo-b")
    status, body = api("/api/v1/admin/reload", "POST")
    assert status == 200 and body["reloaded"] == 1
    done, = [s for s in body["services"] if s["outcome"] != "unchanged"]
    assert (done["id"], done["outcome"], done["generation"]) == ("echo", "reloaded", 2) and done["pause"] > 0
    assert echo.get("/echo")["value"] == 2
    assert {p["id"]: p["generation"] for p in processes().values()} == before | {"echo": 2}


def reload_status():
    status, body = api("/api/v1/admin/reload-status")
    assert status == 200 and body["ok"] is True
    return {s["id"]: s for s in body["services"]}


def test_a_reload_of_all_with_a_bad_module(echo, made):
    it = made("faulty", "faulty-good")
    never = reload_status()["faulty"]
    assert (never["generation"], never["result"], never["problem"], never["when"]) == (1, None, None, None)
    echo.install("echo-b")
    it.install("faulty-init-fails")
    answer = api("/api/v1/admin/reload", "POST")
    assert "1 of " in refused(answer, 500, "RELOAD_FAILED")
    outcome = {s["id"]: s for s in answer[1]["services"]}
    assert outcome["faulty"]["outcome"] == "rejected" and "init failed" in outcome["faulty"]["problem"]
    assert outcome["echo"]["outcome"] == "reloaded" and outcome["web"]["outcome"] == "unchanged"
    said = reload_status()
    assert said["faulty"]["result"] == "rejected" and "init failed" in said["faulty"]["problem"]
    assert said["echo"]["result"] == "reloaded" and said["echo"]["generation"] == 2 and said["echo"]["when"]
    assert said["echo"]["pause"] > 0 and said["echo"]["problem"] is None
    act("echo", "stop")
    known(echo, status="stopped")
    stopped = reload_status()["echo"]
    assert (stopped["status"], stopped["generation"], stopped["result"]) == ("stopped", None, None)
    outcome = {s["id"] for s in api("/api/v1/admin/reload", "POST")[1]["services"]}
    assert "echo" not in outcome and "faulty" in outcome


def test_requests_under_reloads_of_the_orchestrator(fleet):
    """Each generation reads the list of services anew; nobody sees that."""
    over, answers = threading.Event(), []

    def ask():
        while not over.is_set():
            answers.append(api("/api/v1/system/processes"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        generation = get_json(PORT)["generation"]
        for n in range(8):
            assert well(act("orchestrator", "reload"), "reload")["generation"] == generation + n + 1
            seen = len(answers)
            wait_until(lambda: len(answers) > seen + 8, lambda deadline: get_json(PORT), "answers")
    finally:
        over.set()
        for t in threads:
            t.join()
    assert {status for status, _ in answers} == {200}
    assert all({p["id"] for p in body["processes"]} >= set(fleet) for _, body in answers)
    assert {p["id"] for _, body in answers for p in body["processes"] if not p["generation"]} & set(fleet) == set()


@pytest.mark.slow
def test_the_bus_goes_and_comes_back(fleet):
    """It is connected to anew, and who asks meanwhile is told. systemd itself now and then waits a minute and a half for a
    bus that it should have started."""
    pid, answers = main_pid(UNIT), []

    def answered():
        answers.append(api("/api/v1/system/processes"))
        return answers[-1][0] == 200

    try:
        with Journal(UNIT, after=journal_cursor()) as journal:
            kill("dbus.service")
            journal.wait("The user bus is gone: services cannot be controlled until it is back")
        wait_until(answered, lambda deadline: True, "an answer", timeout=150)
        assert {status for status, _ in answers} <= {200, 503}
        for answer in answers[:-1]:
            refused(answer, 503, "SYSTEMD_UNREACHABLE")
        well(act("cup", "restart"), "restart")
        assert processes()["cup"]["generation"] == 1 and main_pid(UNIT) == pid
    finally:
        toolooctl("stop")  # the other hosts have lost their names on the bus
        toolooctl("start")
