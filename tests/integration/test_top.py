# SPDX-License-Identifier: MIT
"""toolooctl top, in a terminal: what it shows, that it follows by itself, and what its keys do."""
import os
import re
import signal

import pytest
from conftest import CONTROL, PATIENCE, PORTS, main_pid, one_line, run, systemctl, toolooctl, unit_property, wait_for_unit

pytest.importorskip("pyte", reason="python3-pyte is not installed")
from terminal import Terminal  # noqa: E402

FAILED, USAGE = 1, 2


@pytest.fixture
def well(fleet):
    """All of it runs and is healthy."""
    toolooctl("start")
    toolooctl("wait", "--for=healthy", "--timeout=60s")


def top(*arguments, **more):
    return Terminal("toolooctl", "top", *arguments, **more)


def rows(lines):
    """The ids in the order of the screen, each with the rest of its line."""
    begin = next((i for i, line in enumerate(lines) if "SERVICE" in line), len(lines))
    found = [re.match(r"\s*\S+\s+([a-z][a-z0-9-]*)(?:\s+(.*))?$", line) for line in lines[begin + 1:]]
    return {m[1]: m[2] or "" for m in found if m and (m[1] in PORTS or m[1] in CONTROL)}


def is_live(lines):
    """All of one picture: what is read first may be the beginning of the next one alone."""
    shown = rows(lines)
    return ("13/13 healthy" in lines[0] and "live" in lines[0] and "metricsd:" not in lines[1] and set(shown) >= set(PORTS)
            and all(rest.startswith("running healthy") for rest in shown.values()))


def live(terminal):
    terminal.wait(is_live, "13 healthy services")


# --- What it shows ---


def test_all_services_and_quit(well):
    with top() as t:
        live(t)
        shown = rows(t.lines)
        assert set(shown) == set(PORTS) | set(CONTROL)
        for id, rest in shown.items():
            assert re.search(r"\d+\.\d[KMG]", rest)
            assert re.search(r"\d+\.\dms", rest) or id == "metricsd"  # it does not ask itself
        t.wait(lambda lines: any(line.startswith("\u25cf web") for line in lines), "a sign")
        assert max(map(len, t.lines)) <= 80
        t.type("q")
        assert t.end() == 0


def test_a_stop_shows_without_a_key(well):
    with top() as t:
        live(t)
        toolooctl("stop", "cup")
        t.wait(lambda lines: rows(lines).get("cup", "").startswith("stopped") and "12/13 healthy, 1 stopped" in lines[0], "cup stopped")
        toolooctl("start", "cup")
        live(t)


def test_metricsd_goes_and_comes(well):
    """What systemd says stays live; the figures say how old they are; it is not started."""
    with top() as t:
        live(t)
        toolooctl("stop", "metricsd")
        t.find("metricsd does not run: 'toolooctl start metricsd' starts it")
        t.wait(lambda lines: re.search(r"figures are [1-9]\d*s old", lines[0]), "an age that grows")
        toolooctl("stop", "cup")
        t.wait(lambda lines: rows(lines).get("cup", "").startswith("stopped"), "cup stopped")
        assert unit_property("tooloo-metricsd.service", "ActiveState") == "inactive"
        toolooctl("start", "cup", "metricsd")
        live(t)
        systemctl("kill", "--signal=KILL", "tooloo-metricsd.service")
        t.wait(lambda lines: "live" not in lines[0], "that it has gone")
        live(t)
        t.type("q")
        assert t.end() == 0


def test_a_socket_alone_is_not_connected_to(well):
    """That would start what a person has stopped."""
    systemctl("stop", "tooloo-metricsd.service")
    with top() as t:
        t.find("metricsd does not run")
        t.wait(lambda lines: rows(lines).get("web", "").startswith("running"), "states")
        assert "no figures yet" in t.lines[0]
    assert unit_property("tooloo-metricsd.service", "ActiveState") == "inactive"
    assert unit_property("tooloo-metricsd.socket", "ActiveState") == "active"


def test_sort(well):
    with top("--sort=id") as t:
        live(t)
        assert list(rows(t.lines)) == sorted([*PORTS, *CONTROL])
        t.type("S")
        t.wait(lambda lines: list(rows(lines)) == sorted([*PORTS, *CONTROL], reverse=True), "reversed")
        t.type("M")

        def megabytes(rest):
            found = re.search(r" (\d+\.\d)([KMG])", rest)
            return found and float(found[1]) * {"K": 1 / 1024, "M": 1, "G": 1024}[found[2]]

        def is_sorted(lines):
            sizes = [megabytes(rest) for rest in rows(lines).values()]
            return "by memory" in lines[0] and None not in sizes and len(sizes) > len(PORTS) and sizes == sorted(sizes, reverse=True)

        t.wait(is_sorted, "by memory, the largest first")
        toolooctl("stop", "cup")
        t.type("s", "s", "s", "s")  # cpu, age, port, id
        t.wait(lambda lines: "by id" in lines[0], "all keys, one after the other")
        t.type("s")
        t.wait(lambda lines: "by state" in lines[0] and next(iter(rows(lines))) == "cup", "the worst first")


def test_filter(well):
    with top() as t:
        live(t)
        t.type("/", "T", "r", "a", "i")
        t.wait(lambda lines: list(rows(lines)) == ["training"] and lines[-1] == "/Trai_", "training alone")
        t.type("\x7f", "\x7f", "\x7f", "\x7f", "z", "z")
        t.find("nothing has that in it")
        t.type("escape")
        t.wait(lambda lines: set(rows(lines)) >= set(PORTS), "all again")
        toolooctl("stop", "cup")
        t.type("/", *"stopped", "enter")
        t.wait(lambda lines: list(rows(lines)) == ["cup"] and "/stopped" in lines[0], "by state")


def test_help(well):
    with top() as t:
        live(t)
        t.type("?")
        t.find("restart it")
        t.type(" ")
        live(t)


# --- What its keys do ---


def choose(t, id):
    t.type("/", *id, "enter", "g")
    t.wait(lambda lines: list(rows(lines)) == [id] and lines[-2].startswith(f"{id}: "), f"{id} selected")


def test_restart(well):
    before = main_pid("tooloo-cup.service")
    with top() as t:
        live(t)
        choose(t, "cup")
        t.type("r")
        t.find("restart cup? y: yes")
        t.type("n")
        t.find("not done")
        assert main_pid("tooloo-cup.service") == before
        t.type("r", "y")
        t.wait(lambda lines: lines[-1].startswith("done: "), "the restart", timeout=60)
        assert main_pid("tooloo-cup.service") not in (0, before)


def test_stop_start_reload(well):
    with top() as t:
        live(t)
        choose(t, "cup")
        t.type("x", "y")
        t.wait(lambda lines: rows(lines).get("cup", "").startswith("stopped") and lines[-1].startswith("done"), "the stop")
        t.type("e")
        t.wait(lambda lines: lines[-1].startswith("cup is not active (inactive), so it cannot reload"), "why not")
        t.type("t")
        t.wait(lambda lines: rows(lines).get("cup", "").startswith("running") and lines[-1].startswith("done"), "the start")
        t.type("e")
        t.wait(lambda lines: lines[-1].startswith("done"), "the reload")


def test_logs(well):
    with top() as t:
        live(t)
        choose(t, "cup")
        t.type("l")
        t.wait(lambda lines: any(re.match(r"[A-Z][a-z][a-z] \d\d \d\d:\d\d:\d\d cup ", line) for line in lines), "its log")
        t.type("interrupt")
        t.wait(lambda lines: list(rows(lines)) == ["cup"] and "healthy" in lines[0], "the table again")
        toolooctl("stop", "cup")
        t.wait(lambda lines: rows(lines).get("cup", "").startswith("stopped"), "it goes on")
        t.type("w")
        t.find("-- Enter goes back --")
        t.type("enter")
        t.wait(lambda lines: list(rows(lines)) == ["cup"], "the table again")
        t.type("q")
        assert t.end() == 0


# --- On terminals of all kinds ---


@pytest.mark.parametrize("width, height", [(80, 24), (40, 10), (20, 6), (200, 50), (10, 3), (1, 1)])
def test_sizes(well, width, height):
    with top(width=width, height=height) as t:
        t.wait(lambda lines: any("13/13" in line for line in lines) or width < 20, "the verdict")
        if height >= 10:
            t.wait(lambda lines: "web" in rows(lines), "services")
        t.type("j", "j", "G", "?", " ", "q")
        assert t.end() == 0


def test_resize(well):
    with top() as t:
        live(t)
        for width, height in (40, 10), (20, 6), (3, 2), (120, 30):
            t.resize(width, height)
            t.type("j")
        t.wait(lambda lines: is_live(lines) and "RESTARTS" in "\n".join(lines) and len(lines) == 30, "all of it again")
        t.resize(40, 10)
        t.wait(lambda lines: "web" in rows(lines) and "RESTARTS" not in "\n".join(lines), "what fits")
        t.type("G")
        t.wait(lambda lines: list(CONTROL)[-1] in rows(lines) or "orchestrator" in rows(lines), "the last ones")
        t.type("q")
        assert t.end() == 0


COLOR = re.compile(rb"\x1b\[(?:\d+;)*3\d(?:;\d+)*m")


def test_colors(well):
    with top() as t:
        live(t)
        assert COLOR.search(t.written)
    for others in {"NO_COLOR": "1"}, {"TERM": "vt100"}, {"SYSTEMD_COLORS": "no"}:
        with top(**others) as t:
            live(t)
            toolooctl("stop", "cup")
            t.wait(lambda lines: "1 stopped" in lines[0], "the stop")
            assert not COLOR.search(t.written)
            t.type("q")
            assert t.end() == 0
        toolooctl("start", "cup")
        toolooctl("wait", "cup", "--for=healthy")


def test_without_utf8(well):
    with top(LC_ALL="C") as t:
        live(t)
        t.wait(lambda lines: any(line.startswith("* web") for line in lines), "a sign in ASCII")
        assert all(b < 0x80 for b in t.written)


@pytest.mark.parametrize("term", ["dumb", "", None, "no-such-terminal"])
def test_no_terminal_to_draw_on(well, term):
    with top(TERM=term) as t:
        assert t.end() == FAILED
        said = [line for line in t.written.decode().splitlines() if line]
        assert len(said) == 1 and "toolooctl top --once" in said[0]


def test_no_terminal_at_all(well):
    done = toolooctl("top", ok=False)
    assert done.returncode == FAILED and "top needs a terminal" in one_line(done) and done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it(well, number):
    with top(TERM="xterm-256color") as t:
        live(t)
        os.kill(t.pid, number)
        assert t.end() == 0 and b"\x1b[?1049l" in t.written  # the terminal is as it was


# --- Once ---


def test_once(well):
    done = toolooctl("top", "--once", "--sort=id")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("13/13 healthy") and lines[1].split()[0] == "SERVICE"
    assert [line.split()[1] for line in lines[2:]] == sorted([*PORTS, *CONTROL]) and "\x1b" not in done.stdout


def test_once_without_metricsd(well):
    toolooctl("stop", "metricsd")
    done = toolooctl("top", "--once", ok=False)
    assert done.returncode == FAILED and "'toolooctl start metricsd' starts it" in one_line(done) and done.stdout == ""


def test_wrong_usage(well):
    done = toolooctl("top", "--sort=size", ok=False)
    assert done.returncode == USAGE and "--sort takes port, id, state" in one_line(done)
    done = toolooctl("top", "web", ok=False)
    assert done.returncode == USAGE and "'top' takes no names" in one_line(done)


def test_no_bus():
    done = run("toolooctl", "top", "--once", env=os.environ | {"XDG_RUNTIME_DIR": "/nowhere"}, ok=False)
    assert done.returncode == FAILED and one_line(done)
