# SPDX-License-Identifier: MIT
"""toolooctl wait: until services are healthy, running or stopped, by what systemd and metricsd signal."""
import contextlib
import os
import pty
import select
import signal
import subprocess

import pytest
from conftest import (PATIENCE, main_pid, one_line, systemctl, toolooctl, unit_property, wait_for_unit)
from test_ctl_metrics import UNIT, drop_in
from test_ctl_metricsd import metricsd  # noqa: F401 (a fixture)
from test_ctl_output import metrics, without_metricsd  # noqa: F401 (a fixture)

FAILED, USAGE, UNKNOWN = 1, 2, 5


@contextlib.contextmanager
def waiting(*arguments):
    """`toolooctl wait`, not waited for; answer() is what it ends with."""
    with subprocess.Popen(["toolooctl", "wait", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        def answer():
            out, err = process.communicate(timeout=PATIENCE)
            return process.returncode, out, err
        process.answer = answer
        try:
            yield process
        finally:
            process.kill()




def test_what_is_so_already(fleet):
    assert toolooctl("wait").stdout == "15 services are healthy\n"
    assert toolooctl("wait", "cup").stdout == "cup is healthy\n"
    assert toolooctl("wait", "cup", "web", "tooloo-cup.service", "--for", "running").stdout == "2 services are running\n"
    assert toolooctl("wait", "cup", "--quiet").stdout == ""


def test_stopped(fleet, echo):
    with waiting("echo", "--for=stopped") as it:
        echo.stop()
        assert it.answer() == (0, "echo is stopped\n", "")
    assert toolooctl("wait", "echo", "--for=stopped", "--timeout=0s").stdout == "echo is stopped\n"


def test_healthy_comes_with_the_start(fleet, service):
    it = service("echo", "echo-a", start=False)
    with waiting("echo") as process:
        it.start()
        assert process.answer() == (0, "echo is healthy\n", "")
    with waiting("echo", "--for=running") as process:
        assert process.answer() == (0, "echo is running\n", "")


def test_a_restart_is_waited_for(metricsd, echo):
    """What metricsd has said of the run before does not count."""
    metricsd.wait(lambda data: any(s["id"] == "echo" and s["healthy"] for s in data["services"]))
    for _ in range(5):
        systemctl("restart", echo.unit)
        assert toolooctl("wait", "echo").stdout == "echo is healthy\n"
        assert echo.status()["health"] == "healthy"


def test_healthy_again(metricsd, service):
    echo = service("echo", "echo-a", WatchdogSec="60s")  # or systemd would end it meanwhile
    metricsd.wait(lambda data: any(s["id"] == "echo" and s["healthy"] for s in data["services"]))
    pid = echo.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        metricsd.wait(lambda data: any(s["id"] == "echo" and s["condition"] == "wedged" for s in data["services"]))
        done = toolooctl("wait", "echo", "--timeout=10ms", ok=False)
        assert done.returncode == FAILED
        assert one_line(done).startswith("toolooctl: not healthy within 10ms: echo (running, degraded: ")
        with waiting("echo") as process:
            os.kill(pid, signal.SIGCONT)
            assert process.answer() == (0, "echo is healthy\n", "")
    finally:
        os.kill(pid, signal.SIGCONT)


def test_time_is_over(without_metricsd):
    with metrics("web", "healthy", "1", "", "cup", "degraded", "1", "answers 500", "coach", "unknown", "-1", ""):
        done = toolooctl("wait", "web", "cup", "coach", "budget", "--timeout", "20ms", ok=False)
        assert (done.returncode, done.stdout) == (FAILED, "")
        assert one_line(done) == ("toolooctl: not healthy within 20ms: cup (running, degraded: answers 500), coach (running, not "
                                  "asked for its health yet), budget (running)")
        done = toolooctl("wait", "--timeout=0s", ok=False)
        assert one_line(done).endswith(" and 9 more")
        assert toolooctl("wait", "web", "--timeout=0s").stdout == "web is healthy\n"
    done = toolooctl("wait", "web", "--for=stopped", "--timeout=1ms", ok=False)
    assert one_line(done) == "toolooctl: not stopped within 1ms: web (running)"


def test_shows_what_it_waits_for(without_metricsd):
    with metrics("cup", "degraded", "1", "answers 500"):
        master, slave = pty.openpty()
        with subprocess.Popen(["toolooctl", "wait", "cup"], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                              env=os.environ | {"TERM": "xterm", "COLUMNS": "80"}) as process:
            os.close(slave)
            seen = b""
            while b"answers 500" not in seen and select.select([master], [], [], PATIENCE)[0]:
                seen += os.read(master, 1 << 16)
            process.terminate()
        os.close(master)
    assert b"Waiting for cup (running, degraded: answers 500)" in seen


def test_failed_for_good(fleet, service):
    it = service("faulty", "faulty-init-fails", start=False)
    it.start(ok=False)
    wait_for_unit(it.unit, "failed")
    for goal in "healthy", "running":
        done = toolooctl("wait", "faulty", f"--for={goal}", ok=False)
        assert done.returncode == FAILED and one_line(done).startswith(f"toolooctl: faulty will not be {goal}: failed: ")
    assert toolooctl("wait", "faulty", "--for=stopped").stdout == "faulty is stopped\n"


def test_fails_meanwhile(fleet, service):
    it = service("faulty", "faulty-init-fails", start=False)
    with waiting("faulty", "cup") as process:
        it.start(ok=False)
        status, out, err = process.answer()
    assert (status, out) == (FAILED, "") and err.startswith("toolooctl: faulty will not be healthy: failed: ")
    assert len(err.splitlines()) == 1 and err.endswith("'toolooctl why faulty' says more\n")


def test_masked(fleet):
    toolooctl("stop", "cup")
    systemctl("mask", "--runtime", "tooloo-cup.service")
    try:
        done = toolooctl("wait", "cup", ok=False)
        assert done.returncode == FAILED and "cup will not be healthy: masked" in one_line(done)
        assert toolooctl("wait").stdout == "14 services are healthy\n"  # it was taken out
        assert toolooctl("wait", "cup", "--for=stopped").returncode == 0
    finally:
        systemctl("unmask", "--runtime", "tooloo-cup.service")
        toolooctl("start", "cup")


def test_unit_file_goes(fleet, service):
    it = service("echo", "echo-a", start=False)
    with waiting("echo", "--for=running") as process:
        it.remove()
        status, _, err = process.answer()
    assert status in (FAILED, UNKNOWN)  # by which of the two was quicker
    assert err.splitlines()[-1] in ("toolooctl: echo will not be running: its unit file has gone",
                                    "toolooctl: unknown service 'echo'; 'toolooctl status' lists them")


# --- metricsd ---


def test_without_metricsd(without_metricsd):
    done = toolooctl("wait", "cup", ok=False)
    assert done.returncode == FAILED
    assert one_line(done) == ("toolooctl: what is healthy only metricsd knows, and it does not run (stopped); 'toolooctl start "
                              "metricsd' starts it, 'toolooctl wait --for=running' does without")
    assert unit_property(UNIT, "ActiveState") == "inactive"
    assert toolooctl("wait", "cup", "--for=running").stdout == "cup is running\n"


@pytest.mark.parametrize("fault, words", [("--nonsense", "not understood"), ("--silent", "no answer in time")])
def test_metricsd_that_says_nothing(without_metricsd, fault, words):
    with metrics(fault):
        done = toolooctl("wait", "cup", ok=False)
        assert done.returncode == FAILED and words in one_line(done)


def test_metricsd_that_starts_is_waited_for(fleet, tmp_path):
    toolooctl("stop", "metricsd")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with drop_in(f"[Service]\nExecStartPre=/bin/sh -c 'read x <{gate}'\n"):
        systemctl("start", "--no-block", UNIT)
        wait_for_unit(UNIT, "activating")
        with waiting("cup") as process:
            assert toolooctl("wait", "cup", "--timeout=10ms", ok=False).returncode == FAILED
            gate.write_text("go\n")
            assert process.answer() == (0, "cup is healthy\n", "")
    toolooctl("restart", "metricsd")


def test_metricsd_goes_meanwhile(fleet, service):
    service("echo", "echo-a", start=False)
    with waiting("echo") as process:
        toolooctl("stop", "metricsd")
        status, _, err = process.answer()
    assert status == FAILED and "only metricsd knows" in err and len(err.splitlines()) == 1
    toolooctl("start", "metricsd")


# --- Wrong usage, no bus ---


@pytest.mark.parametrize("arguments, words", [
    (["--for=sick"], "--for takes 'healthy', 'running' or 'stopped', not 'sick'"),
    (["--timeout=soon"], "--timeout takes a time such as"),
    (["--timeout=30"], "--timeout takes a time such as"),
    (["--timeout="], "--timeout takes a time such as"),
    (["--timeout=-1s"], "--timeout takes a time such as"),
    (["--timeout=366d"], "of 365 days at most"),
    (["--timeout=99999999999999999999d"], "of 365 days at most"),
    (["--json"], "--json does not go with 'wait'"),
])
def test_usage(arguments, words):
    done = toolooctl("wait", "cup", *arguments, ok=False)
    assert done.returncode == USAGE and words in one_line(done)


@pytest.mark.parametrize("timeout", ["365d", "1h 30min", "infinity", "500ms", "2min"])
def test_times(fleet, timeout):
    assert toolooctl("wait", "cup", "--timeout", timeout).stdout == "cup is healthy\n"


def test_unknown(fleet):
    done = toolooctl("wait", "cupp", "cup", ok=False)
    assert done.returncode == UNKNOWN and one_line(done) == "toolooctl: unknown service 'cupp'. Did you mean 'cup'?"


def test_no_bus(tmp_path):
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    done = toolooctl("wait", "cup", ok=False, env=env)
    assert done.returncode == FAILED and "bus" in one_line(done)


def test_interrupted(fleet, echo):
    with waiting("echo", "--for=stopped") as process:
        process.send_signal(signal.SIGINT)
        assert process.answer() == (-signal.SIGINT, "", "")
    assert main_pid(echo.unit) > 0
