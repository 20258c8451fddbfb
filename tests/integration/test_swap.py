# SPDX-License-Identifier: MIT
"""OnChange=swap: new code for a program of any language at a socket unit, while it is asked without a pause."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import (CHECKOUT, USER_UNITS, Journal, Lines, get_json, http_request, journal_cursor, main_pid, one_line,
                      port_is_free, status_json, systemctl, toolooctl, unit_property, wait_for_unit)
from load import Load

PROGRAM = CHECKOUT / "tests/fixtures/swap-server.py"
RUNTIME_UNITS = Path(os.environ["XDG_RUNTIME_DIR"]) / "systemd/user"


def instances(id="swap"):
    done = systemctl("list-units", "--all", "--plain", "--no-legend", f"tooloo-{id}@*")
    return sorted(line.split()[0] for line in done.stdout.splitlines())


class Program:
    """A service whose program a test gives new code."""

    def __init__(self, foreign, folder, id="swap", health="/health", start=True, on_change="swap", **settings):
        self.path = folder / f"{id}.py"
        self.write(1)
        settings.setdefault("TimeoutStartSec", "30s")
        self.service = foreign(id, f"/usr/bin/python3 {self.path}", f"/{id}", start=False, **settings)
        self.id, self.unit, self.port = id, self.service.unit, self.service.port
        unit = USER_UNITS / self.unit
        unit.write_text(unit.read_text() + f"OnChange={on_change}\nHealthPath={health}\n")
        systemctl("daemon-reload")
        if start:
            toolooctl("start", id)

    def write(self, value, start="", request=""):
        text = PROGRAM.read_text().replace("VALUE = 1", f"VALUE = {value}")
        text = text.replace("# Here tests put what goes wrong at the start.", start)
        text = text.replace("# Here tests put what goes wrong with a request.", request)
        new = self.path.with_suffix(".new")
        new.write_text(text)
        new.rename(self.path)

    def generation(self):
        return get_json(self.port, "/echo")["generation"]

    def load(self, **more):
        return Load(self.port, connections=20, rate=200, **more)

    def is_alone(self):
        """Under its own name, and nothing of a swap is left."""
        assert unit_property(self.unit, "ActiveState") == "active"
        assert instances(self.id) == []
        assert not list(RUNTIME_UNITS.glob(f"tooloo-{self.id}@*"))
        return True


@pytest.fixture
def program(foreign, tmp_path):
    made = []

    def make(**more):
        made.append(Program(foreign, tmp_path, **more))
        return made[-1]

    yield make
    for it in made:
        systemctl("stop", f"tooloo-{it.id}.socket", f"tooloo-{it.id}@*", ok=None)
        for path in RUNTIME_UNITS.glob(f"tooloo-{it.id}@*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def nothing_lost(figures):
    assert (figures.failed, figures.dropped, figures.refused) == (0, 0, 0), str(figures)


def test_no_request_fails(program):
    it = program()
    with it.load() as load:
        load.wait_for(100)
        for value in 2, 3, 4:
            it.write(value)
            done = toolooctl("reload", "swap")
            assert re.fullmatch(r"swap: swapped in [\w ]+\n", done.stdout)
            assert it.generation() == value
        load.wait_for(100)
    nothing_lost(load.figures)
    assert set(load.figures.generations()) == {1, 2, 3, 4}
    assert it.is_alone()
