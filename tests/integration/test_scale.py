# SPDX-License-Identifier: MIT
"""toolooctl scale: several processes of one service at its socket, shown and handled as one service."""
import json
import os
import time
from collections import Counter

import pytest

from conftest import (PATIENCE, PORTS, get_json, journal_cursor, kill, main_pid, one_line, port_is_free, status_json, systemctl, toolooctl,
                      unit_property, wait_for_unit, Journal)
from test_orchestrator import api, known, processes
from test_swap import RUNTIME_UNITS, instances, nothing_lost, program  # noqa: F401


def pids(it, n):
    """The processes that answer, once so many have."""
    seen, end = Counter(), time.monotonic() + PATIENCE
    while len(seen) < n:
        assert time.monotonic() < end, seen
        seen[get_json(it.port, "/echo")["pid"]] += 1
    return set(seen)


def replicas(*numbers):
    return [f"tooloo-swap@{n}.service" for n in numbers]


def test_up_and_down_under_load(program):
    it = program()
    with it.load() as load:
        assert toolooctl("scale", "swap", "3").stdout == "swap: 3 instances\n"
        assert instances() == replicas(2, 3)
        assert pids(it, 3) == {main_pid(unit) for unit in [it.unit, *replicas(2, 3)]}
        assert toolooctl("scale", "swap", "2").stdout == "swap: 2 instances\n"
        assert instances() == replicas(2)
        assert toolooctl("scale", "swap", "1").stdout == "swap: 1 instance\n"
        load.wait_for(20)
    nothing_lost(load.figures)
    assert it.is_alone()


def test_is_one_service(program):
    it = program()
    toolooctl("scale", "swap", "3")
    status = status_json("swap")["swap"]
    assert status["instances"] == 3 and status["problem"] is None
    assert f" {main_pid(it.unit)}+2 " in toolooctl("status", "swap", "training", ok=None).stdout
    assert "Instances: 3 " in toolooctl("status", "swap").stdout
    assert {s["id"] for s in json.loads(toolooctl("list", "--json").stdout)["services"]} >= {"swap"}
    assert "swap@" not in toolooctl("list").stdout
    before = {main_pid(unit) for unit in [it.unit, *replicas(2, 3)]}
    toolooctl("restart", "swap")
    assert not before & {main_pid(unit) for unit in [it.unit, *replicas(2, 3)]}
    toolooctl("stop", "swap")
    assert port_is_free(it.port)
    assert all(unit_property(unit, "ActiveState") == "inactive" for unit in [it.unit, *replicas(2, 3)])
    toolooctl("start", "swap")
    assert status_json("swap")["swap"]["instances"] == 1


def test_swap_gives_each_its_new_code(program):
    it = program()
    toolooctl("scale", "swap", "3")
    with it.load() as load:
        it.write(2)
        toolooctl("reload", "swap")
        load.wait_for(20)
    nothing_lost(load.figures)
    assert instances() == replicas(2, 3)
    assert {get_json(it.port, "/echo")["generation"] for _ in range(30)} == {2}


def test_crash_of_a_replica_is_seen(program):
    """It comes back like any other; one that cannot is a problem of its service, and the others go on."""
    it = program(Restart="on-failure")
    toolooctl("scale", "swap", "2")
    before = main_pid(replicas(2)[0])
    cursor = journal_cursor()
    kill(replicas(2)[0])
    with Journal(replicas(2)[0], after=cursor) as journal:
        journal.wait("serving generation 1")
    assert main_pid(replicas(2)[0]) != before
    it.write(2, "raise SystemExit(5)")
    cursor = journal_cursor()
    kill(replicas(2)[0])
    with Journal(replicas(2)[0], after=cursor) as journal:
        for _ in range(7):  # more than a start limit would let it
            journal.wait("status=5")
    with Journal(replicas(2)[0], after=journal_cursor()) as journal:
        journal.wait("Scheduled restart job|status=5")
        problem = status_json("swap")["swap"]["problem"]
    assert problem is None or problem == "tooloo-swap@2.service: its process exited with status 5"
    assert get_json(it.port, "/echo")["generation"] == 1
    assert unit_property(it.service.socket, "ActiveState") == "active"


def test_replica_that_does_not_start_is_taken_away(program):
    it = program()
    it.write(2, "raise SystemExit(6)")
    done = toolooctl("scale", "swap", "3", ok=False)
    assert done.returncode == 1
    assert one_line(done) == ("toolooctl: tooloo-swap@2.service is taken away again: its process exited with status 6; see "
                              "'journalctl --user-unit=tooloo-swap@2.service -n 20'")
    assert done.stdout == "swap: 1 instance\n"
    assert it.is_alone()


def test_limits(program):
    it = program(TimeoutStartSec="2min")
    assert toolooctl("scale", "swap", "16", timeout=240).stdout == "swap: 16 instances\n"
    assert len(instances()) == 15
    for wrong in "0", "17", "-1", "two", "":
        done = toolooctl("scale", "--", "swap", wrong, ok=False)
        assert done.returncode == 2
        assert f"takes a number of instances from 1 to 16, not '{wrong}'" in one_line(done)
    assert len(instances()) == 15
    assert toolooctl("scale", "swap", "1").stdout == "swap: 1 instance\n"
    assert it.is_alone()
    assert toolooctl("scale", "swpa", "2", ok=False).returncode == 5
    assert toolooctl("scale", "swap", ok=False).returncode == 2


def test_what_cannot_scale(program, foreign):
    toolooctl("start", "training")
    done = toolooctl("scale", "training", "2", ok=False)
    assert one_line(done) == ("toolooctl: training cannot scale: it is made to be one process, which has its state and reloads its "
                              "code (OnChange=reload)")
    foreign("bound", "/bin/sleep infinity", "/bound", socket_unit=False)
    done = toolooctl("scale", "bound", "2", ok=False)
    assert one_line(done) == ("toolooctl: bound cannot scale: it has no socket unit with a TCP port that several processes could "
                              "share")
    program(start=False)
    done = toolooctl("scale", "swap", "2", ok=False)
    assert one_line(done) == "toolooctl: swap is not active (inactive), so it cannot scale; use 'toolooctl start swap'"
    toolooctl("stop")


SCALE = "/api/v1/system/service/swap/scale"


def test_over_http(fleet, program):
    """As alerts do, whose action scale-up asks for one more."""
    it = program()
    known(it.service, status="running", instances=1)
    for n in 3, 1:
        status, body = api(SCALE, "POST", {"instances": n})
        assert status == 200 and body["result"] == {"id": "swap", "action": "scale", "instances": n, "status": "running"}
        assert instances() == replicas(*range(2, n + 1)) and processes()["swap"]["instances"] == n
    assert it.is_alone()


def test_over_http_of_a_program_that_is_broken(fleet, program):
    it = program()
    known(it.service, status="running")
    it.write(2, "raise SystemExit(7)")
    status, body = api(SCALE, "POST", {"instances": 2})
    assert status == 500 and body["code"] == "JOB_FAILED"
    assert body["error"].startswith("tooloo-scale@swap:2.service did not end well: its process exited with status 1; ")
    assert it.is_alone()
