# SPDX-License-Identifier: MIT
"""toolooctl events: what the journal has of the past, and what systemd, the hosts and metricsd signal from now on."""
import datetime
import json
import os
import re
import signal
import subprocess
import time

import pytest
from conftest import PATIENCE, Lines, foreign, journal_cursor, one_line, run, systemctl, toolooctl, wait_for_unit  # noqa: F401
from golden import golden
from test_ctl_output import in_terminal, without_metricsd  # noqa: F401 (a fixture)

FAILED, USAGE, UNKNOWN = 1, 2, 5


class Events(Lines):
    """`toolooctl events -f --json`, which follows when this returns: restarts of that service have been seen by it."""

    def __init__(self, *arguments, beacon):
        super().__init__("toolooctl", "events", "-f", "--json", *arguments)
        deadline = time.monotonic() + PATIENCE
        while (line := self.next(time.monotonic() + 1)) is None and time.monotonic() < deadline:
            systemctl("restart", f"tooloo-{beacon}.service")
        assert line, "no event of the beacon"
        self.seen = [json.loads(line)]
        self.wait(id=beacon, kind="job")

    def wait(self, timeout=PATIENCE, **fields):
        """An event that has those fields, whatever came before it: each is taken once."""
        deadline = time.monotonic() + timeout
        while not (found := [e for e in self.seen if all(e.get(name) == value for name, value in fields.items())]):
            line = self.next(deadline)
            assert line is not None, f"no event {fields}, but:\n" + "\n".join(map(str, self.seen))
            self.seen.append(json.loads(line))
        self.seen.remove(found[0])
        return found[0]


@pytest.fixture
def events(fleet):
    toolooctl("wait")
    with Events(beacon="coach") as it:
        yield it


def test_states_and_jobs(events):
    toolooctl("stop", "cup")
    assert events.wait(id="cup", kind="state", to="stopping")["from"] == "running"
    assert events.wait(id="cup", kind="state", to="stopped")["text"] == "stopped"
    event = events.wait(id="cup", kind="job")
    assert event["result"] == "done" and event.get("job", "stop") == "stop"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    toolooctl("start", "cup")
    assert events.wait(id="cup", kind="state", to="running")["from"] == "starting"
    assert events.wait(id="cup", kind="job")["text"] in ("start: done", "job: done")
    assert events.wait(id="cup", kind="health")["to"] == "healthy"


def test_reloads(events, service):
    it = service("faulty", "faulty-good")
    with Events("faulty", beacon="faulty") as its:
        it.reload("faulty-good")
        event = its.wait(kind="reload")
        assert (event["id"], event["result"], event["generation"]) == ("faulty", "reloaded", 2)
        it.reload("faulty-init-fails", ok=False)
        event = its.wait(kind="reload")
        assert event["result"] == "rejected" and event["text"].startswith("rejected: ")
        its.wait(kind="job", result="failed")


def test_failure_says_why(fleet, foreign):  # noqa: F811
    it = foreign("boom", "/bin/sh -c 'read x; exit 3'", "", socket_unit=False, start=False)
    with Events("coach", "boom", beacon="coach") as events:
        systemctl("start", it.unit)
        event = events.wait(id="boom", kind="state", to="failed")
    assert event["text"].startswith("failed: ") and "status 3" in event["text"]


def test_only_those_asked_for(fleet):
    with Events("coach", beacon="coach") as events:
        toolooctl("restart", "cup")
        systemctl("stop", "tooloo-coach.service")
        events.wait(to="stopping")
        events.wait(kind="job")
        assert {event["id"] for event in events.seen} <= {"coach"}
    toolooctl("start", "coach")


def test_unit_file_goes(fleet, service):
    it = service("echo", "echo-a")
    with Events("echo", beacon="echo") as events:
        it.remove()
        assert events.wait(id="echo", kind="state", to="gone")["text"] == "its unit file has gone"


def test_health_is_not_shown(without_metricsd):
    with subprocess.Popen(["toolooctl", "events", "-f"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        process.terminate()
        assert process.wait() == -signal.SIGTERM
    assert line == "toolooctl: metricsd does not run, so changes of health are not shown until it does\n"


# --- Whoever reads ---


def test_reader_goes(fleet):
    """Even when nothing happens any more."""
    with subprocess.Popen(["toolooctl", "events", "-f", "cup"], stdout=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait(timeout=PATIENCE) == 0
    done = run("sh", "-c", "toolooctl events -n all | head -n 1")
    assert len(done.stdout.splitlines()) == 1 and done.stderr == ""


def test_interrupted(events):
    events.process.send_signal(signal.SIGINT)
    assert events.process.wait(timeout=PATIENCE) == -signal.SIGINT


def test_full_disk(fleet):
    done = run("sh", "-c", "exec toolooctl events >/dev/full", ok=False)
    assert done.returncode == FAILED and "cannot write the output: No space left" in one_line(done)


def test_quiet(fleet):
    assert toolooctl("events", "--quiet").stdout == ""


# --- The past ---


def past(*arguments):
    return [json.loads(line) for line in toolooctl("events", "--json", *arguments).stdout.splitlines()]


def test_past(fleet, service):
    since = f"--since={datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"  # other tests have used that id, too
    it = service("faulty", "faulty-good")
    it.reload("faulty-good")
    it.reload("faulty-init-fails", ok=False)
    it.stop()
    journal_cursor()  # all of it is there
    events = past("faulty", since)
    assert [e["id"] for e in events] == ["faulty"] * len(events)
    assert [e["time"] for e in events] == sorted(e["time"] for e in events)
    assert events[0]["kind"] == "job" and (events[0]["job"], events[0]["result"]) == ("start", "done")
    reloads = [(e["result"], e.get("generation")) for e in events if e["kind"] == "reload"]
    assert reloads[0] == ("reloaded", 2) and reloads[1][0] == "rejected"
    assert (events[-1]["kind"], events[-1]["job"]) == ("job", "stop")
    assert past("faulty", "-n", "1") == events[-1:] and past("faulty", "--lines=0") == []
    assert past("faulty", since, "-n", "all") == events and past("faulty", "--since=-1h")[-len(events):] == events
    assert past("faulty", "--since", "now") == []
    assert len(past()) == 20
    masks = [(r"\bgeneration \d+", "generation N"), (r"[\d.]+ ms", "N ms"), (r"/\S+/", "DIR/")]
    for width in 80, 200:
        golden(f"events-past-{width}.txt", in_terminal("events", "faulty", "-n", "1", width=width, NO_COLOR="1"), *masks)
    golden("events-past.json", toolooctl("events", "faulty", "-n", "1", "--json").stdout, *masks)


def test_failure_of_the_past(fleet, foreign):  # noqa: F811
    it = foreign("boom", "/bin/false", "", socket_unit=False, start=False)
    systemctl("start", it.unit, ok=None)
    wait_for_unit(it.unit, "failed")
    journal_cursor()
    assert any(e["kind"] == "state" and e["to"] == "failed" for e in past("boom"))


def test_past_goes_on_with_the_present(fleet):
    with Lines("toolooctl", "events", "-f", "-n", "1", "cup") as lines:
        first = lines.next(time.monotonic() + PATIENCE)
        assert " cup " in first
        second, deadline = None, time.monotonic() + PATIENCE
        while second is None and time.monotonic() < deadline:
            systemctl("restart", "tooloo-cup.service")
            second = lines.next(time.monotonic() + 1)
    assert second and " cup " in second


# --- Wrong usage, no bus ---


def test_unknown(fleet):
    done = toolooctl("events", "nowhere", "cup", ok=False)
    assert done.returncode == UNKNOWN and "unknown service 'nowhere'" in one_line(done) and done.stdout == ""


@pytest.mark.parametrize("arguments", [["--since=soon"], ["-n", "many"], ["--table"]])
def test_usage(arguments):
    done = toolooctl("events", *arguments, ok=False)
    assert done.returncode == USAGE and "see 'toolooctl events --help'" in one_line(done)


def test_no_bus(tmp_path):
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    done = toolooctl("events", "-f", ok=False, env=env)
    assert done.returncode == FAILED and "bus" in one_line(done)
