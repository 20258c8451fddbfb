# SPDX-License-Identifier: MIT
"""toolooctl why: each fault is planted for real, and has to be told from the others."""
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest
from conftest import USER_UNITS, foreign, main_pid, one_line, systemctl, toolooctl, unit_property, wait_for_unit  # noqa: F401
from golden import golden
from test_ctl_metricsd import metricsd  # noqa: F401 (a fixture)
from test_ctl_output import in_terminal, metrics, without_metricsd  # noqa: F401 (a fixture)

FAILED, USAGE, NOT_WELL, UNKNOWN = 1, 2, 3, 4
BOOM = f"{sys.executable} -c 'raise ValueError(\"boom\")'"


def why(id, verdict):
    """What --json says; the text has been looked at, too."""
    done = toolooctl("why", id, "--json", ok=None)
    said = json.loads(done.stdout)
    assert said["verdict"] == verdict, said
    assert said["id"] == id and said["well"] == (done.returncode == 0) and done.returncode in (0, NOT_WELL)
    text = toolooctl("why", id, ok=None)
    assert text.returncode == done.returncode and 1 <= len(text.stdout.splitlines()) <= 5
    assert text.stdout.startswith(f"{id} ") and said["text"] in text.stdout.splitlines()[0]
    assert (said["command"] is None) or re.search(rf"^ +Mend: .*{re.escape(said['command'])}$", text.stdout, re.M)
    assert said["log"] is None or said["log"]["message"] in text.stdout
    return said


@pytest.fixture
def program(foreign, request):  # noqa: F811
    """A foreign service that is not started again after a crash, unless Restart= says so; started in vain."""

    def make(id, command, state="failed", socket_unit=False, unit="", **settings):
        it = foreign(id, command, "", socket_unit=socket_unit, start=False)
        folder = USER_UNITS / f"{it.unit}.d"
        folder.mkdir()
        settings = {"Restart": "no"} | settings
        (folder / "60-test.conf").write_text(f"[Unit]\n{unit}\n[Service]\n" + "".join(f"{k}={v}\n" for k, v in settings.items()))
        systemctl("daemon-reload")
        if state == "inactive":  # as it was before
            systemctl("start", "--wait", it.unit)
        elif state:
            systemctl("start", "--no-block", it.unit)
            wait_for_unit(it.unit, state)
        return it

    return make


# --- Nothing is wrong ---


def test_healthy(fleet):
    toolooctl("wait", "web")
    said = why("web", "healthy")
    assert said["well"] and said["command"] is None and said["health"] == "healthy" and said["log"] is None
    assert re.fullmatch(r"web is well: nothing is wrong, healthy since \d{4}-\d\d-\d\dT[\d:.]+Z \(\S+( \S+)?\)\n",
                        toolooctl("why", "web").stdout)
    assert toolooctl("why", "web", "--quiet").stdout == ""


def test_health_is_not_known(without_metricsd):
    said = why("web", "running")
    assert said["well"] and said["health"] is None and said["command"] == "toolooctl start metricsd"


# --- Crashes ---


def test_crash(fleet, program):
    program("boom", BOOM)
    said = why("boom", "crashed")
    assert (said["result"], said["exitCode"], said["signal"]) == ("exit-code", 1, None)
    assert said["log"]["message"] == "ValueError: boom" and said["command"] == "toolooctl restart boom"
    assert said["change"]["kind"] == "start"
    for width in 80, 200:
        text = in_terminal("why", "boom", width=width, ok=None, NO_COLOR="1")
        golden(f"why-crash-{width}.txt", text, (r"\d+m?s( \d+ms)? (ago|earlier)", r"SPAN \2"))
        assert all(len(line) <= width for line in text.splitlines())
    golden("why-crash.json", toolooctl("why", "boom", "--json", ok=None).stdout)


def test_signal(fleet, program):
    program("boom", "/bin/sh -c 'kill -SEGV $$$$'")
    said = why("boom", "crashed")
    assert (said["result"], said["exitCode"], said["signal"]) in [("signal", None, "SIGSEGV"), ("core-dump", None, "SIGSEGV")]
    assert "killed by SIGSEGV" in said["text"] and "code=" in said["log"]["message"]


def test_crash_that_systemd_mends(fleet, program):
    program("boom", BOOM, state="activating", Restart="always", RestartSec="1h")
    said = why("boom", "crashed")
    assert said["text"] == "it crashed, exit status 1; systemd starts it again" and said["log"]["message"] == "ValueError: boom"


def test_start_limit(fleet, program):
    program("boom", BOOM, Restart="on-failure", RestartSec="10ms")
    said = why("boom", "start-limit")
    assert said["text"] == "crash loop, systemd gave up; exit status 1" and said["log"]["message"] == "ValueError: boom"
    assert said["change"]["kind"] in ("start", "unit-file")  # not one of systemd's own restarts


def test_native_crash_loop(fleet, service):
    it = service("faulty", "faulty-init-fails", start=False)
    it.start(ok=False)
    wait_for_unit(it.unit, "failed")
    said = why("faulty", "crashed" if unit_property(it.unit, "NRestarts") == "0" else "start-limit")
    assert "module" in said["log"]["message"] and said["log"]["priority"] <= 3


def test_missing_executable(fleet, program):
    program("gone", "/nowhere/program")
    said = why("gone", "missing-executable")
    assert said["exitCode"] == 203 and "/nowhere/program" in said["log"]["message"]


def test_watchdog(fleet, program):
    program("hung", "/bin/sleep infinity", WatchdogSec="1s", NotifyAccess="main")
    assert why("hung", "watchdog")["result"] == "watchdog"


def test_timeout_at_start(fleet, program):
    program("slow", "/bin/sleep infinity", Type="notify", TimeoutStartSec="1s")
    said = why("slow", "start-timeout")
    assert said["result"] == "timeout" and "timed out" in said["log"]["message"]


def test_ended(fleet, program):
    program("done", "/bin/true", state="inactive")
    assert why("done", "ended")["command"] == "toolooctl start done"


def memory_control():
    own = Path("/proc/self/cgroup").read_text().splitlines()[-1].split(":", 2)[2]
    folder = Path("/sys/fs/cgroup" + own.split("/session", 1)[0])
    user = next(iter(sorted(Path("/sys/fs/cgroup/user.slice").glob(f"user-{os.getuid()}.slice/user@*.service"))), folder)
    controllers = user / "cgroup.subtree_control"
    return controllers.exists() and "memory" in controllers.read_text().split()


def test_out_of_memory(fleet, program):
    if not memory_control():
        pytest.skip("the user manager has no memory control on this machine; tests/unit/test-why.c has the mapping")
    program("greedy", f"{sys.executable} -c 'x = bytearray(400 << 20)'", MemoryMax="30M", MemorySwapMax="0")
    assert why("greedy", "oom-killed")["result"] == "oom-kill"


# --- Not started ---


def test_dependency(fleet, program):
    program("boom", BOOM, state=None, Type="oneshot")
    program("needy", "/bin/sleep infinity", state=None, unit="Requires=tooloo-boom.service\nAfter=tooloo-boom.service")
    systemctl("start", "tooloo-needy.service", ok=False)
    said = why("needy", "dependency-failed")
    assert said["dependency"] == {"unit": "tooloo-boom.service", "state": "failed",
                                  "reason": "its process exited with status 1"}
    assert "Dependency failed" in said["log"]["message"]
    text = toolooctl("why", "needy", ok=False).stdout
    assert re.search(r"^ +Needs: tooloo-boom.service is failed: its process exited with status 1$", text, re.M)
    assert len(text.splitlines()) == 5
    for width in 80, 200:
        golden(f"why-dependency-{width}.txt", in_terminal("why", "needy", width=width, ok=None, NO_COLOR="1"),
               (r"\d+m?s( \d+ms)? (ago|earlier)", r"SPAN \2"), (r"/\S*/tooloo-", "DIR/tooloo-"), (r"DIR/.*", "DIR..."))


def test_port_of_a_socket_is_taken(fleet, program):
    it = program("robbed", "/bin/sleep infinity", state=None, socket_unit=True)
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", it.port))
        thief.listen()
        systemctl("start", it.socket, ok=False)
        said = why("robbed", "port-taken")
    assert f"port {it.port} is taken by PID {os.getpid()} (" in said["text"]
    assert "Address already in use" in said["log"]["message"] and said["advice"] == "end that process, then"


def test_port_of_a_program_is_taken(fleet, program):
    it = program("robbed", "/bin/false", state=None)
    server = f"{sys.executable} -m http.server --bind 127.0.0.1 {it.port}"
    (USER_UNITS / f"{it.unit}.d/70-port.conf").write_text(f"[Service]\nExecStart=\nExecStart={server}\n")
    systemctl("daemon-reload")
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", it.port))
        thief.listen()
        systemctl("start", it.unit, ok=None)
        wait_for_unit(it.unit, "failed")
        said = why("robbed", "port-taken")
    assert f"taken by PID {os.getpid()} (" in said["text"] and "Address already in use" in said["log"]["message"]
    assert why("robbed", "crashed")["exitCode"] == 1  # it is free by now


def test_masked(fleet):
    toolooctl("stop", "cup")
    systemctl("mask", "--runtime", "tooloo-cup.service")
    try:
        assert why("cup", "masked")["command"].startswith("systemctl --user unmask tooloo-cup.service tooloo-cup.socket")
    finally:
        systemctl("unmask", "--runtime", "tooloo-cup.service")
        toolooctl("start", "cup")


def test_stopped(fleet):
    toolooctl("stop", "cup")
    try:
        said = why("cup", "stopped")
        assert said["command"] == "toolooctl start cup" and said["log"] is None
    finally:
        toolooctl("start", "cup")


def test_never_started(fleet, service):
    it = service("fresh", None, start=False)
    assert why("fresh", "never-started")["since"] is None
    systemctl("start", it.socket)
    assert "next connection" in why("fresh", "asleep")["text"]


def test_starting(fleet, program):
    program("slow", "/bin/sleep infinity", state="activating", Type="notify")
    assert why("slow", "starting")["command"] == "toolooctl wait slow"


def test_bad_unit_file(fleet, program):
    it = program("bad", "relative/path", state=None)
    systemctl("start", it.unit, ok=False)
    said = why("bad", "bad-unit-file")
    assert "relative/path" in said["log"]["message"] and f"{it.unit}:" in said["log"]["message"]
    assert said["advice"] == "correct the unit file, then" and said["change"]["kind"] == "unit-file"


# --- It runs, and is not well ---


def test_module_rejected(fleet, service):
    it = service("faulty", "faulty-good")
    toolooctl("wait", "faulty")
    it.reload("faulty-init-fails", ok=False)
    said = why("faulty", "module-rejected")
    assert "serves its old code (generation 1)" in said["text"] and said["command"] == "toolooctl reload faulty"
    it.reload("faulty-good")
    why("faulty", "healthy")


def test_wedged(metricsd, service):
    echo = service("echo", "echo-a", WatchdogSec="60s")  # or systemd would end it meanwhile
    metricsd.wait(lambda data: any(s["id"] == "echo" and s["healthy"] for s in data["services"]))
    echo.reload("echo-b")
    pid = echo.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        metricsd.wait(lambda data: any(s["id"] == "echo" and s["condition"] == "wedged" for s in data["services"]))
        said = why("echo", "wedged")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert f"its process (PID {pid}) runs, but does not answer" in said["text"] and said["state"] == "running"
    assert said["change"]["kind"] == "reload" and said["change"]["id"] == "echo" and said["command"] == "toolooctl restart echo"


def test_wedged_by_the_word_of_the_bus(without_metricsd, echo):
    """metricsd does not run, but a host that does not answer on D-Bus does not on HTTP either."""
    pid = echo.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        why("echo", "wedged")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_degraded(without_metricsd):
    with metrics("cup", "degraded", "1", "answers 500: out of cups"):
        assert why("cup", "degraded")["text"] == "it answers 500: out of cups"


def test_does_not_say_that_it_is_ready(metricsd, program):
    it = program("mute", "/bin/false", state=None)
    server = f"{sys.executable} -m http.server --bind 127.0.0.1 {it.port}"
    (USER_UNITS / f"{it.unit}.d/70-mute.conf").write_text(f"[Service]\nType=notify\nExecStart=\nExecStart={server}\n")
    systemctl("daemon-reload")
    systemctl("start", "--no-block", it.unit)
    metricsd.wait(lambda data: any(s["id"] == "mute" and s["condition"] == "no-ready" for s in data["services"]))
    assert "READY=1" in why("mute", "no-ready")["text"]


def test_what_somebody_did_before(metricsd, service):
    """metricsd knows who did it: a restart by hand stands in the timeline."""
    it = service("echo", "echo-a")
    metricsd.wait(lambda data: any(s["id"] == "echo" and s["healthy"] for s in data["services"]))
    systemctl("restart", it.unit)
    metricsd.wait(lambda data: any(s["id"] == "echo" and s["healthy"] for s in data["services"]))
    it.stop()
    said = why("echo", "stopped")
    assert (said["change"]["kind"], said["change"]["cause"]) == ("restart", "person")


# --- Wrong usage, no bus ---


def test_hostile_words_do_not_steer_the_terminal(fleet, program):
    # It lives a moment longer than its line, for whose that is journald has to find out.
    program("boom", "/bin/sh -c 'printf \"error \\\\033[2Jgone\\\\n\" >&2; python3 -c pass; exit 1'")
    said = why("boom", "crashed")
    assert "\x1b" not in said["log"]["message"] and "gone" in said["log"]["message"]


@pytest.mark.parametrize("arguments, status, words", [
    (["nowhere"], UNKNOWN, "unknown service 'nowhere'"),
    ([], USAGE, "'why' takes SERVICE"),
    (["cup", "web"], USAGE, "'why' takes SERVICE"),
    (["cup", "--follow"], USAGE, "--follow does not go with 'why'"),
])
def test_usage(fleet, arguments, status, words):
    done = toolooctl("why", *arguments, ok=False)
    assert done.returncode == status and words in one_line(done) and done.stdout == ""


def test_no_bus(tmp_path):
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    done = toolooctl("why", "cup", ok=False, env=env)
    assert done.returncode == FAILED and "bus" in one_line(done)


def test_healthy_golden(fleet):
    toolooctl("wait", "cup")
    for width in 80, 200:
        golden(f"why-healthy-{width}.txt", in_terminal("why", "cup", width=width, NO_COLOR="1"), (r"\(\d+\w+( \d+\w+)?\)", "(SPAN)"))
    golden("why-healthy.json", toolooctl("why", "cup", "--json").stdout, (r'"change":(null|\{[^}]*\})', '"change":CHANGE'))
    assert main_pid("tooloo-cup.service") > 0
