# SPDX-License-Identifier: MIT
"""What a running fleet does when a package manager replaces its files: by newer, by older and by bad ones."""
import contextlib
import json
import os
import re
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import (BUILD, CHECKOUT, CONTROL, MODULES, PORTS, Journal, get_json, journal_cursor, journal_lines, main_pid,
                      message_of, one_line, run, start_at, systemctl, systemd_version, toolooctl, unit_property, wait_until)

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
from load import Load  # noqa: E402

ALL = PORTS | CONTROL
HOSTED = [id for id in ALL if id != "metricsd"]
PROGRAMS = Path("/usr/lib/tooloo")
HOST = PROGRAMS / "tooloo-service"
METRICSD = PROGRAMS / "tooloo-metricsd"
TRAINING = PROGRAMS / "modules/training.so"
HELD = Path(os.environ["XDG_RUNTIME_DIR"]) / "tooloo-upgrade.held"
UPGRADE, AGAIN = "tooloo-upgrade.service", "tooloo-upgrade-again.service"
LONG = 240  # seconds for all to restart, with sanitizers on a busy machine
ABI = re.compile(rb"LOOT\x03\0\0\0")  # as TOOLOO_MODULE_HEADER begins
NEXT_ABI = b"LOOT\x63\0\0\0"  # of tests/fixtures/service-of-next-abi
DOES_NOT_RUN = b"#!/bin/sh\nexit 1\n"
NEVER_SERVES = b'#!/bin/sh\n[ "$1" = --version ]\n'
OLD = 1e9  # a time of change


def put(files, mtime=None):
    """As dpkg does: all of them beside, then one after the other into its place."""
    for path, data in files.items():
        new = path.with_name(path.name + ".dpkg-new")
        new.write_bytes(data)
        new.chmod(0o755)
        if mtime:
            os.utime(new, (mtime, mtime))
    for path in files:
        path.with_name(path.name + ".dpkg-new").rename(path)


def runs(id, path, or_equal=False):
    """Whether its process runs the file that lies there, or one with the same in it."""
    program = Path(f"/proc/{main_pid(f'tooloo-{id}.service')}/exe")
    try:
        return os.path.samestat(program.stat(), path.stat()) or or_equal and program.read_bytes() == path.read_bytes()
    except FileNotFoundError:  # it has just ended
        return False


def all_run(*paths, **how):
    who = {HOST: HOSTED, METRICSD: ["metricsd"]}
    return all(runs(id, path, **how) for path in paths for id in who[path])


def pids():
    return {id: main_pid(f"tooloo-{id}.service") for id in ALL}


def is_over():
    return all(unit_property(unit, "ActiveState") in ("inactive", "failed") for unit in (UPGRADE, AGAIN))


def wait_for_end(after, *paths):
    """Until those that run one of the programs run the file that lies there, and nothing is under way any more."""
    with Journal(after=after) as journal:
        wait_until(lambda: all_run(*paths) and is_over(), journal.entry, "all run the new program", LONG)


def status():
    return json.loads(toolooctl("status", "--json", ok=None).stdout)


def active_alerts():
    return {a["service"]: a for a in get_json(CONTROL["metricsd"], "/api/v1/system/alerts/status")["active"]
            if "default-reload-failed" in a["rules"]}


@pytest.fixture
def drop_in():
    """Of one service, written without a word to systemd."""
    path = Path.home() / ".config/systemd/user/tooloo-cup.service.d/70-upgrade.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    yield path
    path.unlink()
    systemctl("daemon-reload")


@pytest.fixture
def installed(fleet):
    """The files as they were, which they are again afterwards, with all healthy and no word of a problem left."""
    before = {path: path.read_bytes() for path in [HOST, METRICSD, *(PROGRAMS / f"modules/{id}.so" for id in HOSTED)]}
    toolooctl("wait", "--timeout=2min", timeout=150)
    yield before
    after = journal_cursor()
    put({path: data for path, data in before.items() if path.read_bytes() != data})
    toolooctl("reload", "--changed", ok=None)  # a module alone is no upgrade's affair, and its reload may be yet to come
    with Journal(after=after) as journal:
        wait_until(lambda: is_over() and all_run(HOST, METRICSD, or_equal=True) and not HELD.exists() and
                   status()["problems"] == [] and not any(s["problem"] for s in status()["services"]),
                   journal.entry, "all is well again", LONG)
    toolooctl("wait", "--timeout=2min", timeout=150)


class Loads:
    """A steady load on each service."""

    def __init__(self, stack):
        self.loads = {id: stack.enter_context(Load(port, connections=2, rate=20, path="/health"))
                      for id, port in ALL.items()}

    def all_answer(self, n=10):
        with ThreadPoolExecutor(len(self.loads)) as pool:
            list(pool.map(lambda load: load.wait_for(n), self.loads.values()))

    def complaints(self, restarts):
        """Who asks later than a service that restarts waits for finds its idle connection closed: nothing is lost with that."""
        return {id: str(load.figures) for id, load in self.loads.items() if load.figures.failed or load.figures.refused or
                load.figures.dropped > (load.figures.errors["ask: closed while idle"] if restarts else 0)}


@contextlib.contextmanager
def load_on_all(restarts=False):
    with contextlib.ExitStack() as stack:
        loads = Loads(stack)
        loads.all_answer()
        yield loads
        loads.all_answer()
    assert loads.complaints(restarts) == {}


def starts_and_stops(after):
    """What systemd did to the fleet's services, and what toolooctl said in between, in this order: ("Stopping", "web"), ..."""
    run("journalctl", "--sync", ok=None)
    seen = []
    for line in run("journalctl", "-o", "json", *start_at(after)).stdout.splitlines():
        entry = json.loads(line)
        unit = re.fullmatch(r"tooloo-([a-z]+)\.service", entry.get("USER_UNIT", ""))
        did = re.match(r"(Stopping|Started) ", message_of(entry))
        said = re.match(r"([a-z]+): restarted with the new ", message_of(entry))
        if unit and did and unit[1] in ALL:
            seen.append((did[1], unit[1]))
        elif said:
            seen.append(("healthy", said[1]))
    return seen


def one_at_a_time(seen):
    """Each is stopped only when the one before is healthy; their ids in order."""
    order = [id for what, id in seen if what == "healthy"]
    assert seen == [(what, id) for id in order for what in ("Stopping", "Started", "healthy")], seen
    return order


# --- Newer ones ---


def test_a_new_module_under_load(installed):
    before, generation = pids(), get_json(PORTS["training"])["generation"]
    after = journal_cursor()
    with load_on_all() as loads, Journal("tooloo-training.service", after=after) as journal:
        put({TRAINING: installed[TRAINING] + b"newer"})
        journal.wait("generation .* serves")
        loads.all_answer()
    assert get_json(PORTS["training"])["generation"] == generation + 1
    assert sum(load.figures.parted for load in loads.loads.values()) == 0
    assert pids() == before


def test_new_programs_under_load(installed, drop_in):
    """The host, which 14 run, and metricsd: one at a time, what least hangs on first, and metricsd, who judges them, last. A unit
    file that came with them is read."""
    drop_in.write_text("[Service]\nEnvironment=UPGRADED=yes\n")
    after = journal_cursor()
    with load_on_all(restarts=True):
        put({HOST: installed[HOST] + b"newer", METRICSD: installed[METRICSD] + b"newer"})
        wait_for_end(after, HOST, METRICSD)
    order = one_at_a_time(starts_and_stops(after))
    assert sorted(order) == sorted(ALL)
    assert order[-3:] == ["web", "orchestrator", "metricsd"]
    assert all(unit_property(f"tooloo-{id}.service", "NRestarts") == "0" for id in ALL)
    assert b"\0UPGRADED=yes\0" in Path(f"/proc/{main_pid('tooloo-cup.service')}/environ").read_bytes()


def test_the_same_program_again_restarts_nobody(installed):
    before = pids()
    inode = HOST.stat().st_ino
    put({HOST: installed[HOST]})
    assert HOST.stat().st_ino != inode
    toolooctl("restart", "--changed")
    assert pids() == before


def test_a_new_abi_under_load(installed):
    """The old host rejects the new modules and keeps what it has; the restart that follows takes them on."""
    new = {path: ABI.subn(NEXT_ABI, data) for path, data in installed.items() if path.suffix == ".so"}
    assert all(n == 1 for _, n in new.values()), new.keys()
    modules = {path: data for path, (data, _) in new.items()}
    after = journal_cursor()
    with load_on_all(restarts=True), Journal("tooloo-training.service", after=after) as journal:
        put(modules)
        journal.wait("Module rejected, .*built for module ABI 99")
        put({HOST: (BUILD / "tests/fixtures/service-of-next-abi").read_bytes()})
        wait_for_end(after, HOST)
    for id in HOSTED:
        assert not [line for line in journal_lines(f"tooloo-{id}.service", after) if "last good module" in line]
    now = status()
    assert now["problems"] == [] and {s["id"]: s["problem"] for s in now["services"] if s["problem"]} == {}
    # Where the upgrade took longer than the rule waits there were some: until metricsd has looked again.
    with Journal("tooloo-metricsd.service", after=after) as journal:
        wait_until(lambda: active_alerts() == {}, journal.entry, "no alert left", LONG)


# --- Older ones ---


def test_a_downgrade(installed):
    """What comes is older in each respect but that it comes now."""
    put({HOST: installed[HOST] + b"newer", TRAINING: installed[TRAINING] + b"newer"})
    after = journal_cursor()
    wait_for_end(after, HOST)
    with Journal("tooloo-training.service", after=after) as journal:
        put({HOST: installed[HOST], TRAINING: installed[TRAINING]}, mtime=OLD)
        journal.wait("Started|Reloaded")
    wait_for_end(after, HOST)
    maps = Path(f"/proc/{main_pid('tooloo-training.service')}/maps").read_text()
    copy = re.search(r"\S+/training-\d+-\d+\.so", maps)[0]
    assert Path(copy).read_bytes() == installed[TRAINING] and HOST.stat().st_mtime == OLD


# --- Bad ones ---


def is_held(after):
    with Journal(UPGRADE, after=after) as journal:
        return journal.wait("the upgrade is held at ", timeout=LONG)["MESSAGE"]


def alert_on(service, after):
    """By the rule that is there by default."""
    with Journal("tooloo-metricsd.service", after=after) as journal:
        journal.wait(f"{service} reload.failed is 1", timeout=LONG)
    return active_alerts()[service]


def no_alert_on(service, after):
    with Journal("tooloo-metricsd.service", after=after) as journal:
        journal.wait(f"on reload.failed of {service} is over", timeout=LONG)
    assert service not in active_alerts()


def test_a_host_that_does_not_run_is_held_before_the_first(installed):
    before, after = pids(), journal_cursor()
    with load_on_all():
        put({HOST: DOES_NOT_RUN})
        line = is_held(after)
        assert "held at training" in line and "--version ends with exit status 1" in line and "13 others keep" in line
        with Journal(after=after) as journal:
            wait_until(is_over, journal.entry, "the end of it")
        assert unit_property(UPGRADE, "Result") == "exit-code" and pids() == before
        assert [line] == [p for p in status()["problems"] if "upgrade" in p]
        assert line in toolooctl("status", ok=None).stdout
        assert alert_on("training", after)["severity"] == "warning"
        mended = journal_cursor()
        put({HOST: installed[HOST]})
        no_alert_on("training", mended)
    assert pids() == before and status()["problems"] == []


def test_a_host_that_never_serves_is_held_at_the_first(installed):
    before, after = pids(), journal_cursor()
    others = {id: port for id, port in ALL.items() if id != "training"}
    with contextlib.ExitStack() as stack:
        loads = {id: stack.enter_context(Load(port, connections=2, rate=20, path="/health")) for id, port in others.items()}
        put({HOST: NEVER_SERVES})
        line = is_held(after)
        assert "held at training: with the new" in line and "13 others keep" in line, line
        alert_on("training", after)
        with Journal(after=after) as journal:
            wait_until(is_over, journal.entry, "the end of it")
        now = {id: pid for id, pid in pids().items() if id != "training"}
        assert now == {id: pid for id, pid in before.items() if id != "training"}
        assert line in status()["problems"] and unit_property("tooloo-training.service", "ActiveState") == "failed"
        # Who asks again is told the same, and nobody else gets it.
        again = toolooctl("restart", "--changed", ok=False)
        assert again.returncode == 1 and one_line(again) == f"toolooctl: {line}"
        mended = journal_cursor()
        put({HOST: installed[HOST]})
        no_alert_on("training", mended)
        for load in loads.values():
            load.wait_for(10)
    assert {id: str(load.figures) for id, load in loads.items()
            if load.figures.failed or load.figures.dropped or load.figures.refused or load.figures.parted} == {}
    assert status()["problems"] == [] and get_json(PORTS["training"])["ok"] is True


def test_one_that_is_mended_by_hand_lets_the_upgrade_go_on(installed, tmp_path):
    """The program was good, but what it needs was not there."""
    drop_in = Path.home() / ".config/systemd/user/tooloo-training.service.d/70-upgrade.conf"
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(f"[Service]\nExecStartPre={tmp_path}/needed\n")
    systemctl("daemon-reload")
    try:
        after = journal_cursor()
        put({HOST: installed[HOST] + b"newer"})
        assert "held at training" in is_held(after)
    finally:
        drop_in.unlink()
        systemctl("daemon-reload")
    toolooctl("restart", "training")
    toolooctl("wait", "training", "--timeout=2min", timeout=150)
    toolooctl("restart", "--changed", timeout=LONG)
    assert all(runs(id, HOST) for id in HOSTED) and not HELD.exists()


def test_a_module_that_cannot_load_is_held(installed):
    before, generation = pids(), get_json(PORTS["training"])["generation"]
    after = journal_cursor()
    with load_on_all():
        put({TRAINING: (MODULES / "faulty-no-symbol.so").read_bytes()})
        alert = alert_on("training", after)
        assert alert["severity"] == "warning" and alert["rules"] == ["default-reload-failed"]
        problem, = (s["problem"] for s in status()["services"] if s["id"] == "training")
        assert problem.startswith("module rejected: ")
        assert get_json(PORTS["training"])["generation"] == generation
        mended = journal_cursor()
        put({TRAINING: installed[TRAINING] + b"good"})
        no_alert_on("training", mended)
    assert pids() == before and get_json(PORTS["training"])["generation"] == generation + 1


def test_the_module_that_serves_put_back_ends_the_problem(installed):
    """It is the one that is loaded, so nothing is loaded; the bad one is tried again when it comes again."""
    bad, generation = (MODULES / "faulty-no-symbol.so").read_bytes(), get_json(PORTS["training"])["generation"]
    for _ in range(2):
        with Journal("tooloo-training.service", after=journal_cursor()) as journal:
            put({TRAINING: bad})
            journal.wait("Module rejected")
            put({TRAINING: installed[TRAINING]})
            journal.wait("The module that serves lies in .* again")
    assert get_json(PORTS["training"])["generation"] == generation
    assert {s["id"]: s["problem"] for s in status()["services"] if s["problem"]} == {}


# --- What is kept ---


def test_the_database_of_a_newer_version(installed):
    """It is refused in one line and left as it is, and the others go on."""
    root = ".config" if systemd_version() < 254 else ".local/state"
    file = Path.home() / root / "tooloo-metricsd/metrics.db"
    others = {id: pid for id, pid in pids().items() if id != "metricsd"}
    systemctl("stop", "tooloo-metricsd.service", "tooloo-metricsd.socket")
    with contextlib.closing(sqlite3.connect(file)) as db:
        (version,), = db.execute("PRAGMA user_version")
        db.execute("PRAGMA user_version = 99")
    before = file.read_bytes()
    try:
        after = journal_cursor()
        systemctl("start", "tooloo-metricsd.service", ok=False)
        said = [line for line in journal_lines("tooloo-metricsd.service", after) if "newer version" in line]
        assert len(said) == 1 and "use that version, or move the file away" in said[0], said
        assert file.read_bytes() == before
        assert {id: pid for id, pid in pids().items() if id != "metricsd"} == others
        assert all(get_json(ALL[id])["ok"] for id in others)
        assert "newer version" in next(s["problem"] for s in status()["services"] if s["id"] == "metricsd")
    finally:
        with contextlib.closing(sqlite3.connect(file)) as db:
            db.execute(f"PRAGMA user_version = {version}")
        toolooctl("start", "metricsd")
