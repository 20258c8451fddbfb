# SPDX-License-Identifier: MIT
"""`toolooctl dev`: the live view, --once, and a directory of services of one's own. The source tree here is a small one: its
build takes the module that is installed and adds to it, so each save makes another module that loads."""
import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import (PATIENCE, PORTS, USER_UNITS, Lines, get_json, journal_cursor, one_line, systemctl, toolooctl, unit_property)
from test_watch_own import LIVE, PORT, WATCHD, own, replace  # noqa: F401 (a fixture)

TRAINING = PORTS["training"]
NINJA = """
rule make
  command = sh ../make.sh
build out: make ../src/training.c ../make.sh
build modules: phony out
"""
MAKE = """
if grep -q broken ../src/training.c; then
        echo "../src/training.c:3:7: error: expected ';'"
        echo "../src/training.c:9:1: error: unknown type name 'x'"
        exit 1
fi
if [ -e ../gate ]; then read x < ../gate; fi
mkdir -p src/modules/training
cat {real} ../src/training.c > src/modules/training/training.so
touch out
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    modules = Path(unit_property("tooloo-reload.path", "Paths").split(" ")[0])
    if not os.access(modules, os.W_OK):
        pytest.skip(f"{modules} is not this user's to write")
    top = tmp_path_factory.mktemp("tree")
    real = top / "training.so"
    shutil.copy(modules / "training.so", real)
    (top / "meson.build").write_text("project('tooloo', 'c')\n")
    (top / "build").mkdir()
    (top / "build/build.ninja").write_text(NINJA)
    (top / "make.sh").write_text(MAKE.format(real=real))
    (top / "src").mkdir()
    (top / "src/training.c").write_text("one\n")
    yield top
    toolooctl("stop", ok=None, timeout=120)
    shutil.rmtree(USER_UNITS / f"{WATCHD}.d", ignore_errors=True)
    systemctl("daemon-reload")
    replace(modules / "training.so", "")
    shutil.copy(real, modules / "training.so.new~")
    (modules / "training.so.new~").rename(modules / "training.so")


@contextlib.contextmanager
def view(*arguments, **more):
    """The live view, its lines to be waited for. It is ended as a person does."""
    lines = Lines("toolooctl", "dev", *arguments, stderr=subprocess.PIPE, **more)
    try:
        yield lines
    finally:
        if lines.process.poll() is None:
            lines.process.send_signal(signal.SIGINT)
            lines.process.wait(PATIENCE)
        lines.__exit__()
        lines.process.stderr.close()


def wait(lines, pattern, timeout=LIVE):
    deadline = time.monotonic() + timeout
    seen = []
    while (line := lines.next(deadline)) is not None:
        if re.search(pattern, line):
            return line
        seen.append(line)
    raise AssertionError(f"no {pattern!r} in {seen}; stderr: {lines.process.poll()}")


def test_once(tree):
    done = toolooctl("dev", "--once", tree, timeout=240)
    assert f"Watching {tree}" in done.stdout and f"http://127.0.0.1:{TRAINING}/" in done.stdout and not done.stderr
    generation = get_json(TRAINING)["generation"]

    # Again, with a change that waits: it is live when the command returns.
    systemctl("stop", WATCHD)
    journal_cursor()  # it has said that, or the view would take it for news
    replace(tree / "src/training.c", "two\n")
    toolooctl("dev", "--once", tree, timeout=240)
    assert get_json(TRAINING)["generation"] == generation + 1
    assert unit_property(WATCHD, "ActiveState") == "active"


def test_once_with_a_build_that_fails(tree):
    replace(tree / "src/training.c", "broken\n")
    try:
        done = toolooctl("dev", "--once", tree, ok=False, timeout=240)
        assert done.returncode == 1 and "src/training.c:3:7: error: expected ';'" in done.stderr, done.stderr
        assert get_json(TRAINING)["ok"]
    finally:
        systemctl("stop", WATCHD)  # and with it what it may still build of that
        journal_cursor()
        replace(tree / "src/training.c", "one\n")
        toolooctl("dev", "--once", "--quiet", tree, timeout=240)


def test_live_view(tree):
    file = tree / "src/training.c"
    with view(tree) as lines:
        wait(lines, "toolooctl stop ends it all")
        wait(lines, r"^\d\d:\d\d:\d\d built +nothing new in \d+ ms$")
        generation = get_json(TRAINING)["generation"]
        replace(file, "three\n")
        wait(lines, r"^\d\d:\d\d:\d\d changed +src/training\.c$")
        wait(lines, r"^\d\d:\d\d:\d\d built +training in \d+ ms$")
        wait(lines, rf"^\d\d:\d\d:\d\d live +training: generation {generation + 1}, loaded in \d+ ms$")
        assert get_json(TRAINING)["generation"] == generation + 1

        replace(file, "broken\n")
        wait(lines, r" failed +\S*src/training\.c:3:7: error: expected ';'$")
        wait(lines, r" failed +\S*src/training\.c:9:1: error: unknown type name 'x'$")

        replace(file, "four\n")
        wait(lines, rf" live +training: generation {generation + 2}, ")
        lines.process.send_signal(signal.SIGINT)
        wait(lines, "goes on running and following its files; 'toolooctl stop' ends it")
        assert lines.process.wait(PATIENCE) == 0
    assert unit_property(WATCHD, "ActiveState") == "active" and get_json(TRAINING)["ok"]


def test_a_module_that_is_rejected(tree):
    script = (tree / "make.sh").read_text()
    with view(tree) as lines:
        wait(lines, "built +")
        (tree / "make.sh").write_text("mkdir -p src/modules/training; echo no module > src/modules/training/training.so; touch out\n")
        replace(tree / "src/training.c", "five\n")
        wait(lines, r" rejected +training: ")
        (tree / "make.sh").write_text(script)
        replace(tree / "src/training.c", "six\n")
        wait(lines, r" live +training: ")


def test_stop_ends_the_view(tree):
    with view(tree) as lines:
        wait(lines, "built +")
        toolooctl("stop", timeout=120)
        wait(lines, "^Nothing is followed any more")
        assert lines.process.wait(PATIENCE) == 0


class Terminal:
    """A command whose stdout and stderr are a terminal."""

    def __init__(self, *command):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen([str(c) for c in command], stdin=slave, stdout=slave, stderr=slave,
                                        env=os.environ | {"TERM": "xterm"})
        os.close(slave)
        self.seen = ""

    def wait(self, pattern, timeout=LIVE):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.seen):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.master], [], [], left)[0], f"no {pattern!r} in {self.seen!r}"
            try:
                self.seen += os.read(self.master, 4096).decode()
            except OSError:  # it has ended
                assert re.search(pattern, self.seen), f"no {pattern!r} in {self.seen!r}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def test_what_takes_long_is_shown_on_a_terminal(tree):
    toolooctl("dev", "--once", tree, timeout=240)
    gate = tree / "gate"
    os.mkfifo(gate)
    with Terminal("toolooctl", "dev", tree) as terminal:
        terminal.wait("built")
        replace(tree / "src/training.c", "seven\n")
        terminal.wait(r"Building \(\ds\)")
        with open(gate, "w") as g:
            gate.unlink()
            g.write("go\n")
        terminal.wait(r"\r\x1b\[K.*built.*training in \d+ ms")


def test_a_start_that_takes_long_is_shown_on_a_terminal_alone(own, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    o = own().install(service=f"ExecStartPre=/bin/sh -c 'read x < {gate}; exit 0'")
    with Terminal("toolooctl", "start", o.id) as terminal:
        terminal.wait(r"Waiting for tooloo-own-one.service to start")
        with open(gate, "w"):
            pass
        assert terminal.process.wait(LIVE) == 0
        terminal.wait(r"\r\x1b\[K$")
    systemctl("stop", o.unit)
    piped = subprocess.Popen(["toolooctl", "start", o.id], stderr=subprocess.PIPE, text=True)
    with open(gate, "w"):
        pass
    assert piped.communicate(timeout=LIVE)[1] == "" and piped.returncode == 0


def test_a_directory_of_ones_own(own):
    o, target = own().install(), unit_property("tooloo-dev.target", "ActiveState")
    (o.home / "deep").mkdir()
    with view(cwd=o.home / "deep") as lines:
        wait(lines, rf"{o.id} +http://127\.0\.0\.1:{PORT}/")
        wait(lines, "^Watching ")
        o.wait_for_answer("one")
        replace(o.file, "two")
        wait(lines, rf" changed +{o.id}: {o.file}$")
        wait(lines, rf" live +{o.id} in \d+ ms$")
        o.wait_for_answer("two")
        replace(o.file, "broken")
        wait(lines, rf" {o.id} +broken, as the test wants it$")
    assert unit_property("tooloo-dev.target", "ActiveState") == target


def test_a_directory_that_nobody_watches(tmp_path):
    done = toolooctl("dev", ok=False, cwd=tmp_path)
    assert done.returncode == 1 and "no service watches this directory" in one_line(done)
    done = toolooctl("dev", "--once", tmp_path, ok=False)
    assert done.returncode == 1 and str(tmp_path) in one_line(done)
