# SPDX-License-Identifier: MIT
"""Reload and restart under load: nothing fails, nothing is dropped, nobody is refused."""
import json
import re
import socket
import time
from pathlib import Path

import pytest
from conftest import (BUILD, CHECKOUT, MODULES, PORTS, Journal, get_json, http_request, journal_cursor, run, systemctl,
                      toolooctl, unit_property, wait_until)
from event_stream import EventStream
from load import EVENT, MESSAGE, REQUEST, Load

RELOADS = 24
RESTARTS = 20
VARIANTS = ["echo-b", "echo-c", "echo-a"]


def check_undisturbed(figures):
    assert (figures.failed, figures.dropped, figures.parted, figures.refused) == (0, 0, 0, 0), str(figures)


def test_reload_under_load(echo):
    first = echo.generation()
    with Load(echo.port, connections=50, rate=200, websockets=20, streams=10) as load:
        reported = []
        load.wait_for(100)
        for i in range(RELOADS):
            echo.reload(VARIANTS[i % len(VARIANTS)])
            reported.append(time.monotonic())
            load.wait_for_generation(REQUEST, first + i + 1)
            load.wait_for(20)
    figures = load.figures
    check_undisturbed(figures)
    for i, moment in enumerate(reported):
        assert figures.stale(moment, first + i + 1) == []
    # Each generation answered requests, and was heard by WebSockets and streams that began in the first one.
    for kind in REQUEST, MESSAGE, EVENT:
        seen = {a.generation for a in figures.answers if a.kind == kind}
        assert seen <= set(range(first, first + RELOADS + 1)) and len(seen) > RELOADS / 2, kind
    assert {a.generation for a in figures.answers if a.kind == REQUEST} == set(range(first, first + RELOADS + 1))
    assert echo.generation() == first + RELOADS
    assert echo.status()["retiring"] == 0


def test_a_stream_goes_on_in_the_new_generation(echo):
    stream = EventStream(echo.port, "/events?ms=20")
    assert stream.next() == {"generation": 1, "n": 0}
    echo.reload("echo-b")
    n = 0
    while (event := stream.next())["generation"] == 1:
        n += 1
        assert event["n"] == n
    assert event == {"generation": 2, "n": n + 1}
    assert echo.status()["retiring"] == 0
    stream.close()


def test_a_pinned_stream_keeps_its_generation_until_it_ends(echo):
    stream = EventStream(echo.port, "/pinned?ms=20")
    assert stream.next()["generation"] == 1
    echo.reload("echo-b")
    assert echo.get("/echo")["generation"] == 2
    for _ in range(3):
        assert stream.next()["generation"] == 1
    assert echo.status()["retiring"] == 1
    assert "1 older still answering" in echo.property("StatusText")
    assert "2+1" in toolooctl("status", ok=None).stdout
    stream.close()
    # Each request is a turn of the service's loop, in which it also sees that the client is gone.
    wait_until(lambda: echo.status()["retiring"] == 0, lambda deadline: echo.get("/echo"), "the old generation gone")
    assert "older" not in echo.property("StatusText")


def test_state_is_carried_over(echo):
    for _ in range(3):
        http_request(echo.port, "/counter", method="POST")
    for variant in "echo-b", "echo-c":
        echo.reload(variant)
        assert echo.get("/counter")["count"] == 3
    assert json.loads(http_request(echo.port, "/counter", method="POST")[2]) == {"generation": 3, "count": 4}


def test_a_slow_request_is_answered_by_the_generation_it_came_to(echo):
    with socket.create_connection(("127.0.0.1", echo.port), timeout=30) as s:
        s.sendall(b"GET /slow?ms=700 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        echo.get("/echo")  # the server has taken the slow one before it answers this
        echo.reload("echo-b")
        assert echo.get("/echo")["generation"] == 2
        answer = s.makefile("rb").read()
    assert answer.endswith(b'{"generation":1,"ms":700}'), answer


def test_reload_of_the_same_file(echo):
    """Asked for, it is done: somebody may want `init` to run again."""
    done = echo.reload()
    assert done.stdout == "echo: generation 2\n" and done.stderr == ""
    assert echo.status()["lastResult"] == "reloaded"


def test_reload_changed_loads_only_what_changed(echo, fleet):
    before = {id: get_json(port)["generation"] for id, port in fleet.items()}
    assert toolooctl("reload", "--changed", f"--modules={echo.modules}").stdout == ""
    echo.install("echo-b")
    assert toolooctl("reload", "--changed", f"--modules={echo.modules}").stdout == "echo: generation 2\n"
    assert toolooctl("reload", "--changed", f"--modules={echo.modules}").stdout == ""
    assert {id: get_json(port)["generation"] for id, port in fleet.items()} == before


def test_a_signal_reloads_too(echo):
    with Journal(echo.unit, after=journal_cursor()) as journal:
        echo.install("echo-b")
        systemctl("kill", "--kill-whom=main", "--signal=HUP", echo.unit)
        entry = journal.wait("Reloaded: generation 2 serves")
    assert entry["TOOLOO_EVENT"] == "reloaded" and entry["TOOLOO_SERVICE"] == "echo"
    assert (entry["TOOLOO_GENERATION"], entry["TOOLOO_FILE"]) == ("2", str(echo.file))
    assert 0 < int(entry["TOOLOO_PAUSE_USEC"]) < int(entry["TOOLOO_DURATION_USEC"]) and "TOOLOO_REASON" not in entry
    assert echo.get("/echo")["value"] == 2


@pytest.mark.parametrize("how", ["toolooctl", "systemctl"])
def test_restarts_under_load(echo, how):
    """Connections wait in the socket; those that are open learn of the end in time. None of it counts as a crash."""
    with Load(echo.port, connections=30, rate=120, websockets=10, streams=5) as load:
        load.wait_for(50)
        for _ in range(RESTARTS if how == "toolooctl" else RESTARTS // 2):
            before = echo.pid()
            run(*(["toolooctl"] if how == "toolooctl" else ["systemctl", "--user"]), "restart", echo.unit)
            assert echo.pid() != before
            load.wait_for(30)
    figures = load.figures
    assert (figures.failed, figures.refused) == (0, 0), str(figures)
    assert figures.parted > 0
    assert echo.property("ActiveState") == "active" and echo.property("NRestarts") == "0"


def test_ten_restarts_in_a_row_hit_no_limit(echo):
    for _ in range(10):
        toolooctl("restart", echo.id)
    assert echo.generation() == 1 and echo.property("Result") == "success"


# --- The path unit, on the directory that the fleet's modules really lie in ---


@pytest.fixture
def real_module(fleet):
    """training's installed module file; put back after the test."""
    folder = Path(unit_property("tooloo-reload.path", "Paths").split(" ")[0])
    file = folder / "training.so"
    if not file.exists():
        pytest.fail(f"no {file}")
    try:
        before = file.read_bytes()
        (folder / ".probe").touch()
        (folder / ".probe").unlink()
    except OSError as e:
        pytest.skip(f"{folder} is not this user's to write: {e.strerror}")
    yield file
    replace(file, before)
    run("toolooctl", "reload", "--changed")


def replace(file, content):
    new = file.with_name(".new")
    new.write_bytes(content)
    new.rename(file)


def test_a_new_file_in_the_module_directory_is_live_without_a_command(real_module, tmp_path):
    port = PORTS["training"]
    others = {id: get_json(p)["generation"] for id, p in PORTS.items() if id != "training"}
    version = get_json(port)["version"]
    with Load(port, connections=20, rate=100, path="/health") as load:
        generation = get_json(port)["generation"]
        for n in range(8):  # more than any start limit allows, at no pace of its own
            new = compile_training(tmp_path, f"{version}-{n}")
            with Journal("tooloo-training.service", after=journal_cursor()) as journal:
                replace(real_module, new)
                journal.wait(f"Reloaded: generation {generation + n + 1} serves")
            health = get_json(port)
            assert (health["version"], health["generation"]) == (f"{version}-{n}", generation + n + 1)
    check_undisturbed(load.figures)
    assert {id: get_json(p)["generation"] for id, p in PORTS.items() if id != "training"} == others
    assert unit_property("tooloo-reload.path", "ActiveState") == "active"


def compile_training(folder, version):
    """The module of training with another version string, built as the tree builds it."""
    source = CHECKOUT / "src/modules/training/training.c"
    text, n = re.subn(r'(TOOLOO_MODULE_HEADER\("training", )"[^"]*"', rf'\1"{version}"', source.read_text())
    assert n == 1
    changed = folder / "training.c"
    changed.write_text(text)
    flags = [*pkg_config("libsystemd"), *pkg_config("json-c")]
    output = folder / "training.so"
    sanitize = ["-fsanitize=address,undefined"] if b"__asan_" in (MODULES / "echo-a.so").read_bytes() else []
    run("cc", "-std=gnu17", "-D_GNU_SOURCE", "-fvisibility=hidden", "-shared", "-fPIC", "-g", *sanitize,
        f"-I{CHECKOUT / 'src'}", f"-I{BUILD}", *flags, changed, "-o", output)
    return output.read_bytes()


def pkg_config(package):
    return run("pkg-config", "--cflags", package).stdout.split()
