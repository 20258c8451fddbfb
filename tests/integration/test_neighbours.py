# SPDX-License-Identifier: MIT
"""One service after the other is stopped and started while all are under load: the others never notice."""
import contextlib
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import CHECKOUT, CONTROL, PORTS, USER_UNITS, get_json, systemctl, toolooctl, unit_property

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
from load import Load  # noqa: E402
from updates import Updates  # noqa: E402

ALL = PORTS | CONTROL
STOPS = 3   # until it stays so
ROUNDS = 3  # of probes during which a stopped service has to be left alone


@pytest.fixture(scope="module")
def quick_probes():
    """metricsd asks every 200 ms, so that whoever wakes stopped services shows soon."""
    unit = Path(unit_property("tooloo-metricsd.service", "FragmentPath")).read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1]
    folder = USER_UNITS / "tooloo-metricsd.service.d"
    folder.mkdir(parents=True, exist_ok=True)
    drop_in = folder / "60-test.conf"
    drop_in.write_text(f"[Service]\nExecStart=\nExecStart={command} --interval-ms=200\n")
    systemctl("daemon-reload")
    toolooctl("start")
    yield
    toolooctl("stop")
    drop_in.unlink()
    systemctl("daemon-reload")


class Loads:
    """A steady load on each service, by id; one can be taken away and put back."""

    def __init__(self, stack):
        self.stack = stack
        self.running = {id: self.make(id) for id in ALL}

    def make(self, id):
        return self.stack.enter_context(Load(ALL[id], connections=2, rate=20, path="/health"))

    def take_away(self, id):
        load = self.running.pop(id)
        load.stop()
        return load.figures

    def put_back(self, id):
        self.running[id] = self.make(id)

    def all_answer(self):
        with ThreadPoolExecutor(len(self.running)) as pool:
            list(pool.map(lambda load: load.wait_for(5), self.running.values()))

    def complaints(self):
        return {id: str(load.figures) for id, load in self.running.items()
                if load.figures.failed or load.figures.dropped or load.figures.refused or load.figures.parted}


def status_of(id):
    return lambda data: next(s["status"] for s in data["services"] + data["control"] if s["id"] == id)


def left_alone(id):
    """While metricsd goes on asking the others."""
    unit = f"tooloo-{id}.service"
    with Updates(ALL["metricsd"]) as updates:
        updates.until(lambda data: status_of(id)(data) == "offline")
        for _ in range(ROUNDS):
            assert status_of(id)(updates.next()[2]["data"]) == "offline"
    assert unit_property(unit, "ActiveState") == "inactive"
    assert unit_property(f"tooloo-{id}.socket", "ActiveState") == "active"  # it could have been woken


def stop(id, loads):
    """Its socket goes on listening. A probe that was on its way when it stopped waits there, and has systemd start it again."""
    for _ in range(STOPS):
        systemctl("stop", f"tooloo-{id}.service")
        loads.all_answer()
        if unit_property(f"tooloo-{id}.service", "ActiveState") == "inactive":
            return
    raise AssertionError(f"{id} was stopped {STOPS} times, and woken each time")


def back(id):
    if id == "metricsd":
        assert get_json(ALL[id])["ok"] is True
        return
    with Updates(ALL["metricsd"]) as updates:
        updates.until(lambda data: status_of(id)(data) == "healthy")


def test_stop_and_start_of_each(quick_probes):
    with contextlib.ExitStack() as stack:
        loads = Loads(stack)
        for id in ALL:
            figures = loads.take_away(id)
            assert (figures.failed, figures.dropped, figures.refused) == (0, 0, 0), f"{id}: {figures}"
            stop(id, loads)
            if id != "metricsd":
                left_alone(id)
            systemctl("start", f"tooloo-{id}.service")
            loads.all_answer()
            back(id)
            assert loads.complaints() == {}, f"while {id} was stopped and started"
            loads.put_back(id)
