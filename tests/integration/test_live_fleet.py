# SPDX-License-Identifier: MIT
"""The live view of the fleet (src/shared/fleet.h), by a program that follows it and prints what it is told.

The program ends with {"event":"blocked"} should anything of it wait for the bus once its event loop runs.
"""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import (BUILD, PATIENCE, PORTS, USER_UNITS, Lines, http_request, is_listening, main_pid, run, systemctl,
                      toolooctl, unit_property)

FLEET_WATCH = BUILD / "tests/fixtures/fleet-watch"


class FleetWatch(Lines):
    def __init__(self, stderr, **more):
        self.stderr = stderr
        with open(stderr, "wb") as f:
            super().__init__(FLEET_WATCH, stdin=subprocess.PIPE, stderr=f, **more)
        self.events = []

    def tell(self, command):
        os.write(self.process.stdin.fileno(), f"{command}\n".encode())

    def wait(self, condition, what, timeout=PATIENCE):
        """The first of the events yet to come that meets the condition."""
        deadline = time.monotonic() + timeout
        while (line := self.next(deadline)) is not None:
            event = json.loads(line)
            self.events.append(event)
            assert event["event"] != "blocked", event
            if condition(event):
                return event
        raise AssertionError(f"not seen: {what}\n{self.stderr.read_text()}\n" + "\n".join(map(str, self.events[-20:])))

    def wait_for(self, name, **fields):
        return self.wait(lambda e: e["event"] == name and all(e[k] == v for k, v in fields.items()), f"{name} {fields}")

    def wait_loaded(self, present=(), absent=()):
        return self.wait(lambda e: e["event"] == "loaded" and set(present) <= set(e["ids"]) and
                         not set(absent) & set(e["ids"]), f"loaded with {present} without {absent}")

    def route(self, path):
        self.tell(f"route {path}")
        return self.wait_for("route", path=path)["id"]

    def wait_for_route(self, path, id):
        while self.route(path) != id:
            self.wait_for("loaded")

    def jobs(self, *words):
        self.tell("jobs " + " ".join(map(str, words)))
        return self.wait_for("jobs")

    def synchronize(self):
        """Whatever the program had been told before this is in events now."""
        self.tell("ping")
        self.wait_for("pong")

    def changes(self, id, since=0):
        return [e for e in self.events[since:] if e["event"] == "changed" and e["id"] == id]

    def conditions(self, id, since=0):
        """Each condition that it was in, once for as long as it was."""
        seen = []
        for event in self.changes(id, since):
            if not seen or seen[-1] != event["condition"]:
                seen.append(event["condition"])
        return seen

    def last(self, id):
        return self.changes(id)[-1]


@pytest.fixture
def watch(tmp_path):
    with FleetWatch(tmp_path / "stderr") as it:
        it.wait_loaded(PORTS)
        yield it
        it.synchronize()
        it.process.stdin.close()
        assert it.process.wait(PATIENCE) == 0, it.stderr.read_text()


@pytest.fixture
def followed(echo, watch):
    """A service that runs, and the program that has seen it run."""
    if not watch.conditions(echo.id) or watch.last(echo.id)["condition"] != "running":
        watch.wait_for("changed", id=echo.id, condition="running")
    return echo


def kill(service, number=signal.SIGKILL):
    os.kill(service.pid(), number)


def set_up_settings(service, text):
    """What follows in [X-Tooloo]; empty to take it away."""
    file = USER_UNITS / f"{service.unit}.d/70-settings.conf"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"[X-Tooloo]\n{text}\n")
    systemctl("daemon-reload")


# --- The list ---


def test_each_unit_is_told_once_after_the_first_load(watch):
    watch.wait(lambda e: len(watch.events) >= 1 + len(watch.events[0]["ids"]), "every unit")
    ids = watch.events[0]["ids"]
    assert [e["id"] for e in watch.events[1:]] == ids and set(PORTS) <= set(ids)
    assert all(e["was"] == e["condition"] for e in watch.events[1:])
    assert {e["id"] for e in watch.events[1:] if e["counts"]} == set(PORTS)
    assert watch.events[0]["problems"] == []


def test_a_unit_comes_and_goes_and_the_others_stay_what_they_were(service, watch):
    watch.wait(lambda e: e["event"] == "changed" and e["id"] == "web", "web")
    before = watch.last("web")["serial"]
    it = service("newcomer", "echo-a", start=False)
    watch.wait_loaded(["newcomer"])
    first = watch.wait_for("changed", id="newcomer")
    assert first["condition"] == first["was"] == "stopped" and first["serial"] not in (0, before)

    # Again read, and still the same object, for both of them.
    systemctl("daemon-reload")
    watch.wait_loaded(["newcomer"])
    systemctl("start", it.socket)
    assert watch.wait_for("changed", id="newcomer", condition="asleep")["serial"] == first["serial"]
    watch.tell("route /")
    assert watch.wait_for("route")["id"] == "web"

    it.remove()
    assert watch.wait_for("removed", id="newcomer")["serial"] == first["serial"]
    watch.wait_loaded(PORTS, ["newcomer"])
    assert unit_property(it.unit, "LoadState") == "not-found"


def test_changes_in_quick_succession_all_arrive(service, watch):
    made = [service(f"quick-{n}", None, start=False) for n in range(5)]
    watch.wait_loaded([it.id for it in made])
    for it in made:
        it.remove()
    watch.wait_loaded(PORTS, [it.id for it in made])


def test_what_changes_unit_files_is_seen_without_a_reload(watch):
    """UnitFilesChanged: systemctl enable, disable, mask, before it asks for the reload."""
    watch.wait(lambda e: e["event"] == "changed" and e["id"] == watch.events[0]["ids"][-1], "the last of the first load")
    systemctl("mask", "--no-reload", "tooloo-cup.service")
    try:
        watch.wait_loaded(PORTS)
    finally:
        systemctl("unmask", "tooloo-cup.service")


def test_a_masked_one_of_the_fleet_is_stopped_and_asleep_no_more(watch):
    systemctl("start", "tooloo-cup.socket")
    watch.wait_for("changed", id="cup", socket="active")
    systemctl("mask", "tooloo-cup.service")
    try:
        event = watch.wait_for("changed", id="cup", load="masked")
        assert event["condition"] == "stopped" and event["word"] == "masked"
    finally:
        systemctl("unmask", "tooloo-cup.service")
        systemctl("stop", "tooloo-cup.socket")


# --- Rules ---


def test_a_route_claimed_by_two_belongs_to_neither(service, watch):
    a, b = service("first", None, start=False), service("second", None, start=False)
    set_up_settings(a, "Routes=/live-test /live-test/a")
    watch.wait_loaded([a.id, b.id])
    watch.wait_for_route("/live-test/x", "first")

    set_up_settings(b, "Routes=/live-test")
    loaded = watch.wait(lambda e: e["event"] == "loaded" and e["problems"], "a problem")
    assert len(loaded["problems"]) == 1
    assert "tooloo-first.service" in loaded["problems"][0] and "tooloo-second.service" in loaded["problems"][0]
    assert "Routes=/live-test," in loaded["problems"][0]
    assert watch.route("/live-test/x") == "web" and watch.route("/live-test/a/b") == "first"

    systemctl("daemon-reload")  # and it is logged once, however often it is read
    assert len(watch.wait_loaded([a.id])["problems"]) == 1
    assert watch.stderr.read_text().splitlines() == [f"fleet-watch: {loaded['problems'][0]}"]
    set_up_settings(b, "")
    watch.wait_for("loaded", problems=[])
    assert watch.route("/live-test/x") == "first"


def test_a_port_of_two_is_said_and_both_stay(service, watch):
    a, b = service("first", None, start=False), service("second", None, start=False)
    text = (USER_UNITS / b.socket).read_text()
    (USER_UNITS / b.socket).write_text(text.replace(str(b.port), str(a.port)))
    systemctl("daemon-reload")
    loaded = watch.wait(lambda e: e["event"] == "loaded" and e["problems"], "a problem")
    assert set(loaded["ids"]) >= {a.id, b.id} and len(loaded["problems"]) == 1
    assert f"{a.socket} and {b.socket}" in loaded["problems"][0] and f"port {a.port}" in loaded["problems"][0]


@pytest.mark.parametrize("id", ["Wrong", "no_good", "watchd", "x" * 33])
def test_a_wrong_id_is_left_out_and_said(service, watch, id):
    it = service("newcomer", None, start=False)
    watch.wait_loaded([it.id])
    dropped = USER_UNITS / "tooloo-watchd.socket"
    assert not dropped.exists()
    for suffix in "service", "socket":
        (USER_UNITS / it.unit).with_suffix(f".{suffix}").rename(USER_UNITS / f"tooloo-{id}.{suffix}")
    try:
        systemctl("daemon-reload")
        loaded = watch.wait(lambda e: e["event"] == "loaded" and e["problems"], "a problem")
        assert id not in loaded["ids"] and len(loaded["problems"]) == 1
        assert loaded["problems"][0].startswith(f"tooloo-{id}.service is left out, because '{id}' is ")
        assert "tooloo-" not in toolooctl("status", ok=None).stderr  # who only looks is not told with each command
    finally:
        for suffix in "service", "socket":
            (USER_UNITS / f"tooloo-{id}.{suffix}").unlink()
        systemctl("daemon-reload")


def test_helpers_of_ours_are_no_problem(watch):
    assert not {"reload", "reload-again", "upgrade", "upgrade-again", "watchd"} & set(watch.events[0]["ids"])
    assert watch.events[0]["problems"] == [] and watch.stderr.read_text() == ""


# --- States ---


def test_asleep_until_the_first_connection(service, watch):
    it = service("echo", "echo-a", start=False)
    watch.wait_for("changed", id=it.id, condition="stopped", socket="inactive")
    systemctl("start", it.socket)
    watch.wait_for("changed", id=it.id, condition="asleep")
    assert it.property("ActiveState") == "inactive"
    assert http_request(it.port)[0] == 200
    running = watch.wait_for("changed", id=it.id, condition="running")
    assert watch.conditions(it.id) == ["stopped", "asleep", "changing", "running"]
    assert running["pid"] == it.pid() and running["invocation"] == it.property("InvocationID")
    assert running["activeSince"] == int(it.property("ActiveEnterTimestampMonotonic"))
    # The service alone is stopped: its socket listens, but a person has stopped it.
    systemctl("stop", it.unit)
    stopped = watch.wait_for("changed", id=it.id, condition="stopped")
    assert stopped["socket"] == "active" and stopped["pid"] == 0 and stopped["activeSince"] == 0


def test_a_crash_is_change_and_not_failure(followed, watch):
    before, mark = watch.last(followed.id), len(watch.events)
    kill(followed)
    watch.wait_for("changed", id=followed.id, condition="changing")
    after = watch.wait_for("changed", id=followed.id, condition="running", active="active")
    assert watch.conditions(followed.id, mark) == ["changing", "running"]
    assert after["restarts"] == before["restarts"] + 1 == 1
    assert after["pid"] not in (0, before["pid"]) and after["pid"] == followed.pid()
    assert after["invocation"] != before["invocation"] and after["changedAt"] > before["changedAt"]


def test_a_stray_sigterm_never_looks_stopped(followed, watch):
    mark = len(watch.events)
    kill(followed, signal.SIGTERM)
    watch.wait_for("changed", id=followed.id, condition="changing")
    watch.wait_for("changed", id=followed.id, condition="running")
    assert watch.conditions(followed.id, mark) == ["changing", "running"]


def test_a_restart_never_looks_stopped(followed, watch):
    for command in (toolooctl, "restart", followed.id), (systemctl, "restart", followed.unit):
        mark, pid = len(watch.events), followed.pid()
        command[0](*command[1:])
        watch.wait(lambda e: e["event"] == "changed" and e["id"] == followed.id and e["condition"] == "running" and
                   e["pid"] not in (0, pid), "the new process")
        assert watch.conditions(followed.id, mark) in (["changing", "running"], ["running", "changing", "running"])
        assert watch.last(followed.id)["restarts"] == 0, "only what systemd does by itself counts"


def test_a_restart_of_the_fleet_never_looks_stopped(fleet, watch):
    for id in fleet:
        if not watch.conditions(id) or watch.last(id)["condition"] != "running":
            watch.wait_for("changed", id=id, condition="running")
    watch.synchronize()
    mark, pids = len(watch.events), {id: main_pid(f"tooloo-{id}.service") for id in fleet}
    toolooctl("restart")
    new = {id: main_pid(f"tooloo-{id}.service") for id in fleet}
    watch.wait(lambda e: all(watch.last(id)["pid"] == new[id] and watch.last(id)["condition"] == "running" for id in fleet),
               "all of them running anew")
    assert all(new[id] != pids[id] for id in fleet)
    seen = {condition for id in fleet for condition in watch.conditions(id, mark)}
    assert seen == {"changing", "running"}


def test_stop_and_start(followed, watch):
    mark = len(watch.events)
    toolooctl("stop", followed.id)
    stopped = watch.wait_for("changed", id=followed.id, condition="stopped")
    assert stopped["socket"] == "inactive" and stopped["word"] == "stopped" and stopped["failure"] == ""
    toolooctl("start", followed.id)
    watch.wait_for("changed", id=followed.id, condition="running")
    conditions = watch.conditions(followed.id, mark)
    assert [c for c in conditions[conditions.index("stopped"):] if c != "asleep"] == ["stopped", "changing", "running"]


def test_a_reload_goes_on_running(followed, watch):
    mark = len(watch.events)
    followed.reload("echo-b")
    watch.wait(lambda e: e["event"] == "changed" and e["id"] == followed.id and "Generation 2" in e["status"], "the status")
    assert watch.conditions(followed.id, mark) == ["running"]


def crash_until_failed(service, watch):
    while True:
        pid = watch.last(service.id)["pid"]
        os.kill(pid, signal.SIGKILL)
        event = watch.wait(lambda e: e["event"] == "changed" and e["id"] == service.id and
                           (e["condition"] == "failed" or e["condition"] == "running" and e["pid"] not in (0, pid)), "the end")
        if event["condition"] == "failed":
            return event


def test_a_crash_loop_fails_and_says_why(followed, watch):
    mark = len(watch.events)
    failed = crash_until_failed(followed, watch)
    if not failed["failure"]:
        failed = watch.wait_for("changed", id=followed.id, condition="failed", was="failed")
        while not failed["failure"]:
            failed = watch.wait_for("changed", id=followed.id, condition="failed", was="failed")
    assert "SIGKILL" in failed["failure"] and failed["word"] == "failed" and failed["result"] == "signal"
    conditions = watch.conditions(followed.id, mark)
    assert conditions[-1] == "failed" and conditions.count("failed") == 1 and "stopped" not in conditions
    restarts = watch.last(followed.id)["restarts"]
    assert restarts >= 3

    # systemd forgets its count with that; the fleet does not, and its reason goes with the failure.
    toolooctl("start", followed.id)
    running = watch.wait_for("changed", id=followed.id, condition="running")
    assert running["restarts"] == restarts and running["failure"] == "" and followed.property("NRestarts") == "0"
    kill(followed)
    watch.wait_for("changed", id=followed.id, condition="running", restarts=restarts + 1)


def test_a_port_that_a_stranger_has_is_named(service, watch):
    it = service("newcomer", "echo-a", start=False)
    watch.wait_loaded([it.id])
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", it.port))
        stranger.listen()
        toolooctl("start", it.id, ok=False)
        failed = watch.wait(lambda e: e["event"] == "changed" and e["id"] == it.id and e["condition"] == "failed" and
                            e["failure"], "the failure")
    assert f"port {it.port} is taken by PID {os.getpid()}" in failed["failure"]


def test_no_module_is_a_failure_in_its_own_words(service, watch):
    it = service("newcomer", None, start=False)
    watch.wait_loaded([it.id])
    toolooctl("start", it.id, ok=False)
    failed = watch.wait(lambda e: e["event"] == "changed" and e["id"] == it.id and e["condition"] == "failed" and e["failure"],
                        "the failure")
    assert f"{it.id}.so" in failed["failure"]


def test_a_bad_unit_file_is_a_failure(service, watch):
    it = service("newcomer", "echo-a", start=False)
    watch.wait_loaded([it.id])
    file = USER_UNITS / f"{it.unit}.d/70-bad.conf"
    file.parent.mkdir(exist_ok=True)
    file.write_text("[Service]\nExecStart=\n")
    systemctl("daemon-reload")
    failed = watch.wait(lambda e: e["event"] == "changed" and e["id"] == it.id and e["failure"], "the failure")
    assert failed["condition"] == "failed" and "bad-setting" in failed["failure"]


# --- The manager ---


def test_daemon_reexec_is_survived(followed, watch):
    mark = len(watch.events)
    systemctl("daemon-reexec")
    watch.wait_loaded([followed.id])
    assert watch.conditions(followed.id, mark) in ([], ["running"])
    kill(followed)
    watch.wait_for("changed", id=followed.id, condition="changing")
    watch.wait_for("changed", id=followed.id, condition="running", restarts=1)
    systemctl("daemon-reload")
    watch.wait_loaded([followed.id])


@pytest.fixture
def stopped_manager():
    """systemd answers nothing until the test sends it SIGCONT."""
    pid = int(run("systemctl", "show", "--value", "--property=MainPID", f"user@{os.getuid()}.service").stdout)
    os.kill(pid, signal.SIGSTOP)
    yield pid
    os.kill(pid, signal.SIGCONT)


def test_a_manager_that_hangs_holds_nothing_up(followed, stopped_manager, tmp_path):
    with FleetWatch(tmp_path / "second") as late:
        late.synchronize()
        late.tell(f"jobs 1 restart {followed.unit}")
        assert late.wait_for("jobs")["results"] == {followed.unit: "waiting"}
        assert [e["event"] for e in late.events] == ["pong", "jobs"]
        os.kill(stopped_manager, signal.SIGCONT)
        late.wait_loaded([followed.id])


def test_a_signal_during_a_load_leads_to_another(fleet, stopped_manager, tmp_path):
    with FleetWatch(tmp_path / "stderr") as it:
        it.synchronize()  # it has asked its first questions
        it.tell("reload")  # and this comes behind them in systemd's queue, but before its second ones
        it.synchronize()
        os.kill(stopped_manager, signal.SIGCONT)
        it.wait_loaded(PORTS)
        it.wait_loaded(PORTS)


class Proxy:
    """Between a program and the user's bus, so that its connection can be cut."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.address = f"unix:path={path}"
        self.sockets = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client, _ = self.listener.accept()
        bus = socket.socket(socket.AF_UNIX)
        bus.connect(f"{os.environ.get('XDG_RUNTIME_DIR', f'/run/user/{os.getuid()}')}/bus")
        self.sockets = [client, bus]
        for pair in (client, bus), (bus, client):
            threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass  # cut

    def cut(self):
        for s in self.sockets:
            s.shutdown(socket.SHUT_RDWR)


def test_the_loss_of_the_bus_is_told(tmp_path):
    proxy = Proxy(tmp_path / "bus")
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": proxy.address}
    with FleetWatch(tmp_path / "stderr", env=environment) as it:
        it.wait_loaded(PORTS)
        it.tell("jobs 60000 start tooloo-nowhere-to-be-found.service")
        assert it.wait_for("jobs")["results"] == {"tooloo-nowhere-to-be-found.service": "refused"}
        proxy.cut()
        it.wait_for("lost")
        assert it.process.wait(PATIENCE) == 0, it.stderr.read_text()


# --- Jobs ---


def test_jobs_from_the_event_loop(service, watch):
    a, b = service("echo", "echo-a", start=False), service("faulty", "faulty-good", start=False)
    done = watch.jobs(60000, "start", a.socket, b.socket, a.unit, b.unit)
    assert done["error"] == 0 and done["results"] == {u: "done" for u in (a.socket, b.socket, a.unit, b.unit)}
    assert is_listening(a.port) and b.property("ActiveState") == "active"
    assert watch.jobs(60000, "stop", a.socket, a.unit)["results"] == {a.socket: "done", a.unit: "done"}
    assert not is_listening(a.port)
    assert watch.jobs(60000, "start", "tooloo-nowhere.service")["results"] == {"tooloo-nowhere.service": "refused"}
    assert watch.jobs(60000, "start")["results"] == {}


def test_a_job_that_fails_and_one_that_takes_too_long(service, watch):
    failing = service("first", None, start=False)
    slow = service("echo", "echo-a", start=False, ExecStartPre="sleep infinity")
    assert watch.jobs(60000, "start", failing.socket, failing.unit)["results"][failing.unit] == "failed"
    assert watch.jobs(50, "start", slow.unit)["results"] == {slow.unit: "waiting"}
    systemctl("stop", slow.unit)


def test_no_callback_after_the_jobs_are_freed(service, watch):
    it = service("echo", "echo-a", start=False)
    mark = len(watch.events)
    watch.tell(f"drop 0 start {it.unit}")
    watch.wait_for("changed", id=it.id, condition="running")
    watch.synchronize()
    assert "jobs" not in [e["event"] for e in watch.events[mark:]]
