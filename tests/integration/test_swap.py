# SPDX-License-Identifier: MIT
"""OnChange=swap: new code for a program of any language at a socket unit, while it is asked without a pause."""
import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import (CHECKOUT, USER_UNITS, Journal, get_json, journal_cursor, main_pid, one_line, port_is_free, status_json,
                      systemctl, toolooctl, unit_property)
from load import Load

PROGRAM = CHECKOUT / "tests/fixtures/swap-server.py"
RUNTIME_UNITS = Path(os.environ["XDG_RUNTIME_DIR"]) / "systemd/user"


def instances(id="swap"):
    """Its further units that run, or have failed."""
    done = systemctl("list-units", "--all", "--plain", "--no-legend", f"tooloo-{id}@*")
    return sorted(line.split()[0] for line in done.stdout.splitlines() if line.split()[2] != "inactive")


class Gates:
    """What a start waits for: with gates.code at its start, the process of a unit gets no further until the test has opened
    and closed that unit's gate."""

    def __init__(self, folder):
        self.folder = folder / "gates"
        self.folder.mkdir()
        for unit in "tooloo-swap", "tooloo-swap@next", "tooloo-swap@trial":
            os.mkfifo(self.folder / unit)
        self.code = f"open({str(self.folder)!r} + '/' + os.path.basename(os.environ['RUNTIME_DIRECTORY'])).read()"

    def open(self, unit):
        """Returns once the process is there."""
        return open(self.folder / unit, "w")


@pytest.fixture
def gates(tmp_path):
    return Gates(tmp_path)


class Swap:
    """toolooctl reload swap, going on beside the test."""

    def __init__(self):
        self.process = subprocess.Popen(["toolooctl", "reload", "swap"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)

    def signal(self, number):
        """To the program that does the swap."""
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), number)

    def end(self):
        """Exit status and what it said on stderr."""
        _, error = self.process.communicate(timeout=60)
        return self.process.returncode, error


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
            self.start()

    def start(self):
        """systemd takes a program for started before that has read its code, which a test may write next."""
        toolooctl("start", self.id)
        self.generation()

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


def test_no_request_fails_through_web(program):
    it = program()
    toolooctl("start", "web")
    with it.load() as direct, Load(3000, connections=20, rate=200, path="/swap") as load:
        load.wait_for(100)
        for value in 2, 3, 4:
            it.write(value)
            toolooctl("reload", "swap")
        load.wait_for(100)
    toolooctl("stop")
    nothing_lost(direct.figures)
    nothing_lost(load.figures)
    assert set(load.figures.generations()) == {1, 2, 3, 4}


def test_web_holds_requests_while_a_program_with_a_port_of_its_own_restarts(program, foreign, tmp_path):
    """Nobody listens meanwhile: web waits for it."""
    it = program(socket_unit=False, on_change="restart", start=False)
    unit = USER_UNITS / it.unit
    unit.write_text(unit.read_text().replace("[X-Tooloo]", f"Environment=PORT={it.port}\n[X-Tooloo]"))
    systemctl("daemon-reload")
    toolooctl("start", "swap", "web")
    with Load(3000, connections=20, rate=200, path="/swap") as load:
        load.wait_for(100)
        for value in 2, 3, 4:
            it.write(value)
            assert toolooctl("reload", "swap").stdout == "swap: restarted\n"
            load.wait_for_generation("request", value)
        load.wait_for(100)
    toolooctl("stop")
    nothing_lost(load.figures)


def test_code_that_is_broken_is_never_served(program):
    it = program(TimeoutStartSec="4s")
    broken = [
        ("raise SystemExit(3)", "", r"swap keeps its old code: of the new one its process exited with status 3"),
        ("def", "", r"swap keeps its old code: of the new one its process exited with status 1"),
        ("raise SystemExit(0)", "", r"swap keeps its old code: of the new one its program ended by itself"),
        ("threading.Event().wait()", "", r"swap keeps its old code: the new one was not healthy within 4s "
         r"\(TimeoutStartSec=\): it has not answered"),
        ("print('before the error', flush=True)", "self.send_error(500); return",
         r"swap keeps its old code: the new one was not healthy within 4s \(TimeoutStartSec=\): GET /health answers 500"),
    ]
    before = main_pid(it.unit)
    with it.load() as load:
        for start, request, reason in broken:
            it.write(2, start, request)
            load.wait_for(20)
            done = toolooctl("reload", "swap", ok=False)
            assert done.returncode == 1
            assert re.fullmatch(f"toolooctl: {reason}", one_line(done))
            assert it.is_alone()
        load.wait_for(20)
    nothing_lost(load.figures)
    assert set(load.figures.generations()) == {1}
    assert main_pid(it.unit) == before
    assert "before the error" in done.stdout
    it.write(3)
    toolooctl("reload", "swap")
    assert it.generation() == 3


def test_slow_starter(program, gates):
    """The old code serves while the new one starts, and @next while the service does."""
    it = program()
    it.write(2, gates.code)
    with it.load() as load:
        swap = Swap()
        with gates.open("tooloo-swap@trial"):
            load.wait_for(50)
        with gates.open("tooloo-swap@next"):
            pass
        with gates.open("tooloo-swap"):
            load.wait_for(50)
        assert swap.end() == (0, "")
    nothing_lost(load.figures)
    assert it.generation() == 2
    assert it.is_alone()


def test_open_requests_are_answered_by_the_old_code(program, tmp_path):
    it = program(start=False)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    it.write(1, request=f"if self.path == '/slow': open({str(gate)!r}).read()")
    it.start()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(get_json(it.port, "/slow")))
    slow.start()
    held = open(gate, "w")  # the request has arrived
    it.write(2)
    with Journal(it.unit, after=journal_cursor()) as journal:
        swap = Swap()
        journal.wait("^accepts no more")  # but @next does
    assert it.generation() == 2
    held.close()
    slow.join()
    assert answers[0]["generation"] == 1
    assert swap.end() == (0, "")
    assert it.is_alone()


def test_interrupted_trial(program, gates):
    it = program()
    with it.load() as load:
        it.write(2, gates.code)
        swap = Swap()
        with gates.open("tooloo-swap@trial"):
            swap.signal(signal.SIGINT)
            assert swap.end() == (1, "toolooctl: interrupted: swap keeps its old code\n")
        assert it.is_alone() and it.generation() == 1
        load.wait_for(20)
    nothing_lost(load.figures)


def test_killed_in_the_trial(program, gates):
    it = program()
    with it.load() as load:
        it.write(2, gates.code)
        swap = Swap()
        with gates.open("tooloo-swap@trial"):
            swap.signal(signal.SIGKILL)
            assert swap.end() == (1, "toolooctl: the swap was ended by SIGKILL; run it again to bring it to its end\n")
            assert instances() == ["tooloo-swap@trial.service", "tooloo-swap@trial.socket"]
            assert it.generation() == 1
        it.write(3)
        toolooctl("reload", "swap")
        load.wait_for(20)
    nothing_lost(load.figures)
    assert it.is_alone() and it.generation() == 3


def test_killed_in_the_midst_of_the_hand_over(program, gates):
    """@next serves while the service waits to start: nobody notices, and the next run brings it to its end."""
    it = program()
    it.write(2, gates.code)
    with it.load() as load:
        swap = Swap()
        for unit in "tooloo-swap@trial", "tooloo-swap@next":
            with gates.open(unit):
                pass
        with gates.open("tooloo-swap"):
            swap.signal(signal.SIGKILL)
            swap.end()
            load.wait_for(50)
            assert instances() == ["tooloo-swap@next.service"]
            assert status_json("swap")["swap"]["instances"] == 2
        it.write(3)
        toolooctl("reload", "swap")
        load.wait_for(20)
    nothing_lost(load.figures)
    assert it.is_alone() and it.generation() == 3


def test_interrupted_hand_over_goes_on(program, gates):
    it = program()
    it.write(2, gates.code)
    with it.load() as load:
        swap = Swap()
        for unit in "tooloo-swap@trial", "tooloo-swap@next":
            with gates.open(unit):
                pass
        with gates.open("tooloo-swap"):
            swap.signal(signal.SIGTERM)
            load.wait_for(20)
        assert swap.end() == (0, "toolooctl: the hand-over goes on to its end; a second interruption leaves it half done\n")
    nothing_lost(load.figures)
    assert it.is_alone() and it.generation() == 2


def test_code_that_starts_twice_and_then_never_again(program):
    """The service itself does not come up: @next goes on serving and the line says so; the next good code mends it."""
    it = program(Restart="on-failure")
    it.write(2, "if os.environ['RUNTIME_DIRECTORY'].endswith('/tooloo-swap'): raise SystemExit(4)")
    with it.load() as load:
        done = toolooctl("reload", "swap", ok=False)
        assert one_line(done) == ("toolooctl: tooloo-swap.service does not start with its new code: its process exited with status "
                                  "4; what serves is tooloo-swap@next.service. Mend it, then run 'toolooctl reload swap'")
        load.wait_for(50)
        assert it.generation() == 2
        problem = status_json("swap")["swap"]["problem"]
        assert "tooloo-swap@next.service serves: run 'toolooctl reload swap'" in problem
        it.write(3)
        toolooctl("reload", "swap")
        load.wait_for(20)
    nothing_lost(load.figures)
    assert it.is_alone() and it.generation() == 3


def test_two_at_once(program):
    it = program()
    it.write(2)
    with it.load() as load:
        both = Swap(), Swap()
        assert [swap.end() for swap in both] == [(0, ""), (0, "")]
    nothing_lost(load.figures)
    assert it.is_alone() and it.generation() == 2


@pytest.mark.parametrize("what", ["swap", None])
@pytest.mark.parametrize("when", ["tooloo-swap@trial", "tooloo-swap"])
def test_stopped_during_a_swap(program, gates, what, when):
    """The service or the whole fleet: all that belongs to it goes, and the swap says that."""
    it = program()
    it.write(2, gates.code)
    swap = Swap()
    for unit in () if when.endswith("trial") else ("tooloo-swap@trial", "tooloo-swap@next"):
        with gates.open(unit):
            pass
    with gates.open(when):
        toolooctl("stop", *([what] if what else []))
        assert swap.end() == (1, "toolooctl: swap was stopped meanwhile; 'toolooctl start swap' starts it with its new code\n")
    assert instances() == [] and not list(RUNTIME_UNITS.glob("tooloo-swap@*"))
    assert unit_property(it.unit, "ActiveState") == "inactive" and port_is_free(it.port)


def test_swaps_do_not_count_against_the_start_limit(program):
    it = program()
    for value in range(2, 9):
        it.write(value)
        toolooctl("reload", "swap")
        assert it.generation() == value


def test_what_cannot_swap(program, foreign):
    it = program()
    assert one_line(toolooctl("reload", "swpa", ok=False)) == "toolooctl: unknown service 'swpa'. Did you mean 'swap'?"
    toolooctl("stop", "swap")
    done = toolooctl("reload", "swap", ok=False)
    assert done.returncode == 1
    assert one_line(done) == "toolooctl: swap is not active (inactive), so it cannot swap; use 'toolooctl start swap'"
    socket = USER_UNITS / it.service.socket
    socket.write_text(socket.read_text() + "ListenFIFO=%t/swap.fifo\n")
    systemctl("daemon-reload")
    toolooctl("start", "swap")
    done = toolooctl("reload", "swap", ok=False)
    assert one_line(done) == ("toolooctl: swap cannot swap: ListenFIFO=%t/swap.fifo of its socket unit has no private counterpart "
                              "for a trial; set OnChange=restart")
    assert it.is_alone()


@pytest.mark.parametrize("on_change,line", [("restart", "swap: restarted\n"), ("none", None)])
def test_other_ways(program, on_change, line):
    it = program(on_change=on_change)
    before = main_pid(it.unit)
    if line:
        assert toolooctl("reload", "swap").stdout == line
        assert main_pid(it.unit) != before
    else:
        done = toolooctl("reload", "swap", ok=False)
        assert one_line(done) == ("toolooctl: swap is not to be reloaded (OnChange=none in its unit file); use 'toolooctl restart "
                                  "swap'")
        assert main_pid(it.unit) == before


def test_own_drop_ins_and_masks_hold_for_the_new_code(program, tmp_path):
    """What the program sees of its unit is the same for each generation: environment, drop-ins, what its owner masks."""
    it = program(start=False, Environment="FROM=unit")
    folder = USER_UNITS / f"{it.unit}.d"
    folder.mkdir()
    (folder / "20-own.conf").write_text("[Service]\nEnvironment=FROM=dropin 'WITH=two words'\n")
    os.symlink("/dev/null", folder / "12-namespaces.conf")
    systemctl("daemon-reload")
    out = "print('env', os.environ['FROM'], os.environ['WITH'], os.readlink('/proc/self/ns/user'), flush=True)"
    it.write(1, out)
    it.start()
    cursor = journal_cursor()
    it.write(2, out)
    toolooctl("reload", "swap")
    mine = os.readlink("/proc/self/ns/user")
    for unit in f"tooloo-swap@trial.service", "tooloo-swap@next.service", it.unit:
        with Journal(unit, after=cursor) as journal:
            assert journal.wait("^env ")["MESSAGE"] == f"env dropin two words {mine}"


def test_a_runtime_directory_with_a_name_of_its_own_stays(program):
    """The trial and @next share it, and do not take it along when they end."""
    it = program(RuntimeDirectory="swap-shared")
    kept = Path(os.environ["XDG_RUNTIME_DIR"]) / "swap-shared/kept"
    kept.write_text("")
    it.write(2, "open(os.environ['XDG_RUNTIME_DIR'] + '/swap-shared/kept', 'a').close()")
    # The service itself is restarted, which RuntimeDirectoryPreserve=restart lets it survive.
    toolooctl("reload", "swap")
    assert it.generation() == 2 and kept.exists()
