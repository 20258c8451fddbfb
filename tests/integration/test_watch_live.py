# SPDX-License-Identifier: MIT
"""Edit, save, live: `toolooctl dev` on a copy of this tree, with connections open all the while."""
import os
import re
import shutil
import time
import urllib.parse
from pathlib import Path

import pytest
from conftest import (CHECKOUT, CONTROL, IN_CLOSE_NOWRITE, PATIENCE, PORTS, USER_UNITS, Journal, Watch, get_json,
                      journal_cursor, run, status_json, systemctl, toolooctl, unit_property, wait_until)
from load import Load
from test_metricsd import Updates

PORT = PORTS["training"]
SOURCE = "src/modules/training/training.c"
# What a copy needs to be built; .git too, for the watcher looks whether git is at work.
TREE = ["meson.build", "meson_options.txt", "src", "ctl", "metricsd", "units", ".git"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree, built, and the fleet running in development; all of it gone after the module."""
    modules = Path(unit_property("tooloo-reload.path", "Paths").split(" ")[0])
    if not os.access(modules, os.W_OK):
        pytest.skip(f"{modules} is not this user's to write")
    before = {p.name: p.read_bytes() for p in modules.glob("*.so")}
    copy = tmp_path_factory.mktemp("tree")
    for name in TREE:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, copy / name, symlinks=True)
        elif (CHECKOUT / name).exists():
            shutil.copy(CHECKOUT / name, copy / name)
    run("meson", "setup", "--prefix=/usr", "-Dtests=false", f"-Db_sanitize={sanitizer(before)}", "-Db_lundef=false",
        copy / "build", copy, timeout=120)
    run("ninja", "-C", copy / "build", "modules", timeout=300)
    yield copy
    toolooctl("stop", ok=None)
    shutil.rmtree(USER_UNITS / "tooloo-watchd.service.d", ignore_errors=True)
    systemctl("daemon-reload")
    for name, content in before.items():
        if (modules / name).read_bytes() != content:
            replace(modules / name, content)


def sanitizer(modules):
    return "address,undefined" if any(b"__asan_" in m for m in modules.values()) else "none"


def replace(path, content):
    """As editors save: a new file, renamed over the old one."""
    new = path.with_name(path.name + ".new~")
    new.write_bytes(content if isinstance(content, bytes) else content.encode())
    new.rename(path)


def with_version(text, version):
    text, n = re.subn(r'(TOOLOO_MODULE_HEADER\("training", )"[^"]*"', rf'\1"{version}"', text)
    assert n == 1
    return text


@pytest.fixture(scope="module")
def dev(tree):
    """The fleet with the watcher, its first build done."""
    with Journal("tooloo-watchd.service", after=journal_cursor()) as journal:
        said = toolooctl("dev", "--once", tree, timeout=240).stdout
        journal.wait("Build 1 done", timeout=120)
    toolooctl("reload", "--changed", timeout=120)  # returns when all of them run what that build has published
    assert f"Watching {tree}" in said and f"http://127.0.0.1:{PORT}/" in said
    return tree


def timeline(condition, **query):
    """The newest event of metricsd's timeline that is so; it may still be reading the journal."""

    def find():
        events = get_json(CONTROL["metricsd"], f"/api/v1/metrics/timeline?{urllib.parse.urlencode(query)}")["events"]
        return next(filter(condition, events), None)

    with Updates() as updates:
        return wait_until(find, lambda deadline: updates.next(), f"the timeline has it ({query})")


def test_a_save_is_live_and_disturbs_nobody(dev):
    file = dev / SOURCE
    others = {id: get_json(port)["generation"] for id, port in PORTS.items() if id != "training"}
    with Load(PORT, connections=30, rate=150, path="/health") as load:
        for n in range(4):
            generation = get_json(PORT)["generation"]
            with Journal("tooloo-training.service", after=journal_cursor()) as journal:
                begin = time.monotonic()
                replace(file, with_version((CHECKOUT / SOURCE).read_text(), f"9.0.{n}"))
                journal.wait(f"Reloaded: generation {generation + 1} serves")
            health = get_json(PORT)
            took = time.monotonic() - begin
            assert (health["version"], health["generation"]) == (f"9.0.{n}", generation + 1)
            print(f"save to live: {took * 1000:.0f} ms")
            assert took < PATIENCE  # the aim itself is a figure of tests/bench
    figures = load.figures
    assert (figures.failed, figures.dropped, figures.parted, figures.refused) == (0, 0, 0, 0), str(figures)
    assert {id: get_json(PORTS[id])["generation"] for id in others} == others
    life = unit_property("tooloo-training.service", "InvocationID")
    event = timeline(lambda e: (e["detail"].get("generation"), e["invocationId"]) == (str(generation + 1), life),
                     service="training", kind="reload")
    assert (event["cause"], event["detail"]["result"], event["detail"]["file"]) == ("change", "reloaded", SOURCE)
    assert 0 < event["detail"]["pauseMs"] < event["detail"]["durationMs"] < took * 1000


def test_a_compile_error_is_shown_and_the_old_code_serves(dev):
    file = dev / SOURCE
    good = (CHECKOUT / SOURCE).read_text()
    before = get_json(PORT)["generation"]
    with Load(PORT, connections=10, rate=50, path="/health") as load:
        with Journal("tooloo-watchd.service", after=journal_cursor()) as journal:
            replace(file, good + "int broken(void);\nint broken(void) { return no_such_thing; }\n")
            entry = journal.wait("^Build failed")
        assert entry["TOOLOO_EVENT"] == "build-failed" and entry["TOOLOO_REASON"] == entry["MESSAGE"].split(": ", 1)[1]
        assert (entry["TOOLOO_FILE"], entry["TOOLOO_CHANGED"]) == (SOURCE, "1") and "TOOLOO_MODULES" not in entry
        assert int(entry["TOOLOO_DURATION_USEC"]) > 0
        event = timeline(lambda e: e["cursor"] == entry["__CURSOR"], kind="build")
        assert (event["cause"], event["service"], event["detail"]["file"]) == ("failed", None, SOURCE)
        assert event["detail"]["reason"] == entry["TOOLOO_REASON"]
        line = good.count("\n") + 2
        reason = f"training.c:{line}"
        assert reason in entry["MESSAGE"] and "no_such_thing" in entry["MESSAGE"] and int(entry["PRIORITY"]) <= 3
        shown = toolooctl("status").stdout
        assert reason in shown and "no_such_thing" in shown, shown
        assert reason in systemctl("status", "--no-pager", "--full", "--lines=0", "tooloo-watchd.service").stdout
        assert status_json()["training"]["state"] == "running"
        during = get_json(PORT)
        cursor = journal_cursor()
        with Journal("tooloo-training.service", after=cursor) as journal:
            replace(file, with_version(good, "9.1.1"))
            journal.wait("Reloaded: generation")
        with Journal("tooloo-watchd.service", after=cursor) as journal:
            entry = journal.wait("^Build [0-9]+ done")
        assert entry["TOOLOO_EVENT"] == "build-done" and "TOOLOO_REASON" not in entry
        assert (entry["TOOLOO_FILE"], entry["TOOLOO_CHANGED"], entry["TOOLOO_MODULES"]) == (SOURCE, "1", "training")
        assert get_json(PORT)["version"] == "9.1.1"
        event = timeline(lambda e: e["cursor"] == entry["__CURSOR"], kind="build")
        assert (event["cause"], event["detail"]["modules"]) == ("mended", "training")
    assert (load.figures.failed, load.figures.dropped) == (0, 0), str(load.figures)
    assert during["version"] != "9.1.1" and during["generation"] >= before
    assert "no_such_thing" not in toolooctl("status").stdout


@pytest.mark.parametrize("round", range(5))
def test_a_save_while_the_compiler_runs_is_not_lost(dev, round):
    """The compiler has read the file when it is saved again, and writes its output after that."""
    file = dev / SOURCE
    first, second = (with_version((CHECKOUT / SOURCE).read_text(), f"9.2.{round}-{which}") for which in ("first", "second"))
    with Watch(file.parent, IN_CLOSE_NOWRITE) as reads, \
            Journal("tooloo-training.service", after=journal_cursor()) as journal:
        replace(file, first)
        seen = []  # the watcher reads it, then the compiler
        wait_until(lambda: seen.count(file.name) >= 2, lambda end: note(seen, reads.next(end)), "the compiler has read it")
        replace(file, second)
        wait_until(lambda: get_json(PORT)["version"] == f"9.2.{round}-second", journal.entry, "the second save is live")


def note(seen, names):
    seen.extend(names or [])
    return names


def test_an_older_file_moved_into_place_is_built(dev):
    """As from a backup: its own time is older than what was made of the file before."""
    file = dev / SOURCE
    backup = file.with_name("training.c.bak~")
    backup.write_text(with_version((CHECKOUT / SOURCE).read_text(), "9.3.0"))
    os.utime(backup, (1e9, 1e9))
    with Journal("tooloo-training.service", after=journal_cursor()) as journal:
        backup.rename(file)
        wait_until(lambda: get_json(PORT)["version"] == "9.3.0", journal.entry, "the older file is live")


def test_dev_starts_what_was_stopped(dev):
    toolooctl("stop", "cup")
    toolooctl("dev", "--once", dev, timeout=240)
    assert get_json(PORTS["cup"])["ok"]


def test_no_compiler(dev):
    file = dev / SOURCE
    setting = USER_UNITS / "tooloo-watchd.service.d/60-test.conf"
    tools = dev.parent / "tools"
    tools.mkdir()
    (tools / "ninja").symlink_to(shutil.which("ninja"))
    setting.write_text(f"[Service]\nEnvironment=PATH={tools}\n")
    systemctl("daemon-reload")
    try:
        systemctl("stop", "tooloo-watchd.service")  # it still has a compiler
        replace(file, with_version((CHECKOUT / SOURCE).read_text(), "9.4.0"))
        with Journal("tooloo-watchd.service", after=journal_cursor()) as journal:
            systemctl("start", "tooloo-watchd.service")
            said = journal.wait("^Build failed")["MESSAGE"]
        assert "not found; install it, then run 'systemctl --user reload tooloo-watchd'" in said
        assert said in toolooctl("status").stdout
        assert all(get_json(port)["ok"] for port in PORTS.values())
    finally:
        setting.unlink()
        systemctl("daemon-reload")
    with Journal("tooloo-training.service", after=journal_cursor()) as journal:
        systemctl("restart", "tooloo-watchd.service")
        wait_until(lambda: get_json(PORT)["version"] == "9.4.0", journal.entry, "built with a compiler")


def test_a_watcher_that_cannot_begin_is_named(dev, tmp_path):
    done = toolooctl("dev", "--once", dev, "--build", tmp_path, ok=False)
    said = f"the build directory {tmp_path} is not set up (no build.ninja); in the source tree run: meson setup {tmp_path}"
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and said in done.stderr, done.stderr
    assert f"Build watcher failed: {said}" in toolooctl("status").stdout
    assert all(get_json(port)["ok"] for port in PORTS.values())
    toolooctl("dev", "--once", dev, timeout=240)
    assert "Build watcher failed" not in toolooctl("status").stdout


def test_stop_ends_the_watcher_too(dev):
    toolooctl("stop")
    assert unit_property("tooloo-watchd.service", "ActiveState") == "inactive"
    assert unit_property("tooloo-dev.target", "ActiveState") == "inactive"


@pytest.mark.parametrize("where", ["/", "/nowhere"])
def test_no_source_tree(where):
    done = toolooctl("dev", "--once", where, ok=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and where in done.stderr
