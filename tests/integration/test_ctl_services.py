# SPDX-License-Identifier: MIT
"""toolooctl add, edit and remove: services of somebody's own."""
import json
import os
import re
import socket
import subprocess
import textwrap
from pathlib import Path

import pytest
from conftest import (PORTS, USER_UNITS, http_request, main_pid, one_line, port_is_free, run, systemctl, toolooctl,
                      unit_property)

FAILED, USAGE, UNKNOWN = 1, 2, 5

SERVER = """
    import http.server, os, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.path in os.environ.get("PATHS", "/health /").split()
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write("\\0".join([os.getcwd(), *sys.argv[1:]]).encode())
    print("listening", flush=True)
    http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""

TAKER = """
import http.server, socket
server = http.server.HTTPServer(("", 0), http.server.SimpleHTTPRequestHandler, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
"""


def unit_file(id, suffix="service"):
    return USER_UNITS / f"tooloo-{id}.{suffix}"


def take_away(id):
    """Whatever a test has left of a service."""
    units = [f"tooloo-{id}.socket", f"tooloo-{id}.service"]
    systemctl("stop", *units, ok=None)
    systemctl("disable", *units, ok=None)
    systemctl("reset-failed", *units, ok=None)
    for suffix in "service", "socket":
        unit_file(id, suffix).unlink(missing_ok=True)
    systemctl("daemon-reload")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A directory with a server in it, which is the working directory; the services of the test are taken away."""
    (tmp_path / "server.py").write_text(textwrap.dedent(SERVER))
    monkeypatch.chdir(tmp_path)
    before = set(USER_UNITS.glob("tooloo-*")) if USER_UNITS.is_dir() else set()
    yield tmp_path
    for path in set(USER_UNITS.glob("tooloo-*.service")) - before:
        take_away(re.sub(r"tooloo-(.*)\.service", r"\1", path.name))
    assert set(USER_UNITS.glob("tooloo-*")) == before


def port_of(id):
    return json.loads(toolooctl("list", "--json", id).stdout)["services"][0]["port"]


def listed():
    return {s["id"] for s in json.loads(toolooctl("list", "--json").stdout)["services"]}


def written():
    return {p: p.read_text() for p in USER_UNITS.rglob("*") if p.is_file() and "tooloo-" in str(p)}


def fails(status, *arguments, **more):
    """The one line that it says; nothing is written."""
    before = written()
    done = toolooctl(*arguments, ok=False, **more)
    assert done.returncode == status, done
    assert written() == before
    return one_line(done)


# --- add ---


def test_from_nothing_to_a_running_service(project):
    done = toolooctl("add", "hello", "--", "python3", "server.py")
    assert done.stderr == ""
    port = port_of("hello")
    assert port >= 4000 and f"http://127.0.0.1:{port}/" in done.stdout
    assert http_request(port, "/")[2].decode() == str(project)
    assert unit_property("tooloo-hello.service", "ActiveState") == "active"
    assert systemctl("is-enabled", "tooloo-hello.service").stdout == "enabled\n"
    assert "hello" in listed()


def test_it_belongs_to_the_fleet(project):
    toolooctl("add", "hello", "--", "python3", "server.py")
    toolooctl("stop")
    assert unit_property("tooloo-hello.service", "ActiveState") == "inactive"
    toolooctl("start")
    assert unit_property("tooloo-hello.service", "ActiveState") == "active"
    toolooctl("stop")


def test_without_its_file_it_is_gone(project):
    """No other registry."""
    toolooctl("add", "hello", "--", "python3", "server.py")
    systemctl("disable", "--now", "tooloo-hello.service")
    unit_file("hello").unlink()
    systemctl("daemon-reload")
    assert "hello" not in listed()
    toolooctl("add", "hello", "--", "python3", "server.py")


WORDS = ["two words", "", "$HOME", "${HOME}", "$$", "100%", "%h", "%%", 'say "hi"', "it's", "a\\b", "\\x41", ";", "#", "-",
         "a\nb\tc", "ä€", "--port=1", "@x", "~", "\x1b[31m"]


def test_every_argument_arrives_as_it_is(project):
    toolooctl("add", "hello", "--", "python3", "server.py", *WORDS)
    assert http_request(port_of("hello"), "/")[2].decode().split("\0") == [str(project), *WORDS]


VALUES = ["", "1 2", "$HOME", "100% %h", 'say "hi" it\'s', "a\\nb", "a\nb", "ä"]


def test_every_variable_arrives_as_it_is(project):
    toolooctl("add", "hello", *(f"--env=V{n}={value}" for n, value in enumerate(VALUES)), "--", "python3", "server.py")
    environment = Path(f"/proc/{main_pid('tooloo-hello.service')}/environ").read_text().split("\0")
    assert [f"V{n}={value}" in environment for n, value in enumerate(VALUES)] == [True] * len(VALUES)


def test_a_directory_of_any_name(project, monkeypatch):
    folder = project / 'two words 100% $HOME "it\'s"'
    folder.mkdir()
    (folder / "server.py").write_text((project / "server.py").read_text())
    monkeypatch.chdir(folder)
    toolooctl("add", "hello", "--watch=.", "--write=.", "--", "python3", "server.py")
    assert http_request(port_of("hello"), "/")[2].decode() == str(folder)


def test_dry_run_prints_what_add_would_write(project):
    arguments = "--port=4567", "--health=/", "--route=/hello", "--watch=.", "--", "python3", "server.py"
    shown = toolooctl("add", "hello", "--dry-run", *arguments).stdout
    assert not unit_file("hello").exists() and "hello" not in listed()
    toolooctl("add", "hello", *arguments)
    assert shown == "# tooloo-hello.service\n" + unit_file("hello").read_text()


def test_every_line_is_explained(project):
    shown = toolooctl("add", "hello", "--dry-run", "--port=4567", "--health=/", "--route=/hello", "--watch=.", "--write=.",
                      "--socket", "--env=A=1", "--after=training", "--category=core", "--description=Hello",
                      "--", "python3", "server.py").stdout
    lines = shown.splitlines()
    settings = [n for n, line in enumerate(lines) if re.match(r"\w+=", line)]
    assert len(settings) > 15
    for n in settings:
        assert lines[n - 1].startswith("# ") or lines[n - 1].split("=")[0] == lines[n].split("=")[0], lines[n]


def test_socket(project):
    (project / "taker.py").write_text(TAKER)
    toolooctl("add", "hello", "--socket", "--", "python3", "taker.py")
    assert http_request(port_of("hello"), "/taker.py")[0] == 200
    assert unit_property("tooloo-hello.socket", "ActiveState") == "active"
    assert "HealthPath=/\n" in unit_file("hello").read_text()


@pytest.mark.parametrize("paths, health", [("/health /", "/health"), ("/", "/"), ("/health", "/health")])
def test_health_path_is_found(project, paths, health):
    toolooctl("add", "hello", f"--env=PATHS={paths}", "--", "python3", "server.py")
    assert f"\nHealthPath={health}\n" in unit_file("hello").read_text()
    assert unit_property("tooloo-hello.service", "NeedDaemonReload") == "no"


def test_health_path_of_what_is_not_well_yet(project):
    """What it answers elsewhere meanwhile does not count."""
    (project / "starting.py").write_text("states = iter([503, 500])\n" + textwrap.dedent(SERVER).replace(
        "200 if known else 404", "next(states, 200) if self.path == '/health' else 200"))
    toolooctl("add", "hello", "--", "python3", "starting.py")
    assert "\nHealthPath=/health\n" in unit_file("hello").read_text()


def test_program_of_a_version_manager(project, monkeypatch):
    """It lies where only this shell's PATH says, by way of a link that goes with the session."""
    versions = Path.home() / "versions/20/bin"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / "mynode").write_text("#!/usr/bin/env mypython\n" + textwrap.dedent(SERVER))
    (versions / "mynode").chmod(0o755)
    (versions / "mypython").unlink(missing_ok=True)
    (versions / "mypython").symlink_to("/usr/bin/python3")
    shell = Path(os.environ["XDG_RUNTIME_DIR"]) / "shell-1"
    shell.symlink_to(versions.parent)
    monkeypatch.setenv("PATH", f"{shell}/bin:{os.environ['PATH']}")
    try:
        toolooctl("add", "hello", "--", "mynode")
    finally:
        shell.unlink()
    assert f"\nExecStart={versions}/mynode\n" in unit_file("hello").read_text()
    toolooctl("restart", "hello")
    assert unit_property("tooloo-hello.service", "ActiveState") == "active"


# --- add: what is refused before anything is written ---


@pytest.mark.parametrize("arguments, words", [
    (["Hello"], "'Hello' is no id"),
    (["a" * 33], "is no id"),
    (["watchd"], "is a name that TooLoo itself uses"),
    (["hello", "--port=0"], "--port takes a number from 1 to 65535"),
    (["hello", "--port=65536"], "--port takes a number from 1 to 65535"),
    (["hello", "--port=4000x"], "--port takes a number"),
    (["hello", "--health=health"], "--health takes a path"),
    (["hello", "--route=hello"], "'hello' is no route"),
    (["hello", "--route=/hello/"], "'/hello/' is no route"),
    (["hello", "--on-change=explode"], "--on-change is restart, swap, reload or none"),
    (["hello", "--env=1A=x"], "--env takes NAME=VALUE"),
    (["hello", "--env=A"], "--env takes NAME=VALUE"),
    (["hello", "--env=A=\x01"], "control characters"),
    (["hello", "--category=mine"], "--category is infrastructure"),
    (["hello", "--description=" + "x" * 121], "at most 120"),
    (["hello", "--timeout=0s"], "--timeout takes a time"),
    (["hello", "--timeout=61min"], "--timeout takes a time"),
    (["hello", "--frobnicate"], "unknown option '--frobnicate'"),
    (["hello", "--yes"], "--yes does not go with 'add'"),
    (["hello", *["--env=A=1"] * 257], "256 times at most"),
])
def test_wrong_usage(project, arguments, words):
    said = fails(USAGE, "add", *arguments, "--", "python3", "server.py")
    assert words in said and "toolooctl add --help" in said


def test_no_command(project):
    assert "stands behind '--'" in fails(USAGE, "add", "hello")
    assert "stands behind '--'" in fails(USAGE, "add", "hello", "--")
    assert "stands behind '--'" in fails(USAGE, "add", "--", "python3")
    assert "'add' takes ID" in fails(USAGE, "add")
    assert "more than 256 words" in fails(USAGE, "add", "hello", "--", "python3", *["x"] * 256)


def test_id_that_is_there(project):
    assert "there is a service 'training' already" in fails(FAILED, "add", "training", "--", "python3", "server.py")
    unit_file("helper").write_text("[Service]\nExecStart=/bin/true\n")  # no service of the fleet, but a file
    try:
        assert f"{unit_file('helper')} is there already" in fails(FAILED, "add", "helper", "--", "python3", "server.py")
    finally:
        unit_file("helper").unlink()


def test_port_that_somebody_has(project):
    assert "port 3001 belongs to training" in fails(FAILED, "add", "hello", "--port=3001", "--", "python3", "server.py")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        assert (f"port {port} is taken by PID {os.getpid()}" in
                fails(FAILED, "add", "hello", f"--port={port}", "--", "python3", "server.py"))


def test_a_free_port_is_one_that_nobody_has(project):
    with socket.create_server(("127.0.0.1", 4000)):
        assert "Port=4001\n" in toolooctl("add", "hello", "--dry-run", "--", "python3", "server.py").stdout


def test_route_that_somebody_has(project):
    said = fails(FAILED, "add", "hello", "--route=/api/v1/training", "--", "python3", "server.py")
    assert "the route /api/v1/training belongs to training" in said


def test_after_whom(project):
    said = fails(FAILED, "add", "hello", "--after=trainnig", "--", "python3", "server.py")
    assert "Did you mean 'training'?" in said


def test_program_that_is_not_there(project):
    assert "there is no such program" in fails(FAILED, "add", "hello", "--", "no-such-program")
    assert "there is no such program" in fails(FAILED, "add", "hello", "--", "./no-such-program")
    assert "may execute" in fails(FAILED, "add", "hello", "--", "./server.py")
    assert "may execute" in fails(FAILED, "add", "hello", "--", "/usr")


def test_directories_that_are_not_there(project, tmp_path_factory):
    assert "--watch=src: No such file" in fails(FAILED, "add", "hello", "--watch=src", "--", "python3", "server.py")
    assert "--write=server.py: it is no directory" in fails(FAILED, "add", "hello", "--write=server.py", "--", "python3", "x")
    done = run("sh", "-c", "cd /tmp && exec toolooctl add hello -- python3 server.py", ok=False)
    assert "each service has a /tmp of its own" in one_line(done)


# --- add: a program that does not work ---


def test_program_that_fails(project):
    """The wait ends with it, not with the time-out."""
    (project / "server.py").write_text("import sys\nprint('no database here')\nsys.exit(3)\n")
    done = toolooctl("add", "hello", "--timeout=10min", "--", "python3", "server.py", ok=False)
    assert done.returncode == FAILED
    said = one_line(done)
    assert "hello was added and fails: its process exited with status 3" in said and "toolooctl remove hello" in said
    assert "no database here" in done.stdout
    assert unit_file("hello").exists()


def test_program_that_ends_by_itself(project):
    done = toolooctl("add", "hello", "--timeout=10min", "--", "true", ok=False)
    assert done.returncode == FAILED and "its program ended by itself" in one_line(done)


def test_program_that_does_not_listen(project):
    done = toolooctl("add", "hello", "--timeout=1s", "--", "sleep", "1000", ok=False)
    assert done.returncode == FAILED
    assert f"is not healthy: nothing listens at 127.0.0.1:{port_of('hello')}" in one_line(done)


@pytest.mark.parametrize("address, words", [
    ("127.0.0.1 8123", "for its program listens on port 8123: have it take its PORT, or say --port=8123"),
    ("::1 $PORT", "for its program listens on an IPv6 address alone"),
])
def test_program_that_listens_elsewhere(project, address, words):
    host, port = address.split()
    done = toolooctl("add", "hello", "--timeout=10s", "--", "sh", "-c", f"exec python3 -m http.server --bind {host} {port}", ok=False)
    assert done.returncode == FAILED and words in one_line(done)


def test_program_that_answers_wrongly(project):
    done = toolooctl("add", "hello", "--timeout=10s", "--health=/healthz", "--", "python3", "server.py", ok=False)
    assert done.returncode == FAILED and "GET /healthz answers 404" in one_line(done)


def test_unit_directory_that_cannot_be_written(project):
    if os.geteuid() != 0:
        pytest.skip("only root may mount what this test needs")
    run("mount", "--bind", USER_UNITS, USER_UNITS)
    run("mount", "-o", "remount,bind,ro", USER_UNITS)
    try:
        assert "Read-only file system" in fails(FAILED, "add", "hello", "--", "python3", "server.py")
    finally:
        run("umount", USER_UNITS)
    assert "hello" not in listed()


# --- edit ---


@pytest.fixture
def hello(project):
    """A service that runs."""
    toolooctl("add", "hello", "--env=KEPT=1", "--", "python3", "server.py", "one")
    return project


def answer(port, path="/"):
    return http_request(port, path)[2].decode().split("\0")


def test_edit_of_the_port(hello):
    old = port_of("hello")
    assert toolooctl("edit", "hello", "--port=4321").stdout == "hello is healthy at http://127.0.0.1:4321/\n"
    assert port_of("hello") == 4321 and answer(4321)[1:] == ["one"] and port_is_free(old)
    assert "Environment=PORT=4321\nEnvironment=KEPT=1\n" in unit_file("hello").read_text().replace(
        "Environment=KEPT=1\nEnvironment=PORT=4321", "Environment=PORT=4321\nEnvironment=KEPT=1")


def test_edit_changes_what_is_given_and_nothing_else(hello):
    by_hand = unit_file("hello").read_text().replace("[Install]", "# Mine.\n[Install]").replace(
        "Type=exec\n", "Type=exec\nNice=5\n")
    unit_file("hello").write_text(by_hand)
    systemctl("daemon-reload")
    toolooctl("edit", "hello", "--description=Hello there")
    assert unit_file("hello").read_text() == by_hand.replace("Description=hello\n", "Description=Hello there\n")


def test_edit_of_everything(hello):
    (hello / "src").mkdir()
    (hello / "two words").mkdir()
    toolooctl("edit", "hello", "--health=/", "--route=/a", "--route=/b", "--watch=src", "--watch=two words", "--write=src",
              "--env=A=1 2", "--after=training", "--category=core", "--on-change=none", "--", "python3", "server.py", "%", "$x")
    text = unit_file("hello").read_text()
    assert f'Watch={hello}/src\nWatch="{hello}/two words"\n' in text and "Routes=/a /b\n" in text
    found = json.loads(toolooctl("list", "--json", "hello").stdout)["services"][0]
    assert (found["routes"], found["category"]) == (["/a", "/b"], "core")
    assert answer(port_of("hello"))[1:] == ["%", "$x"]
    assert {"tooloo-training.service", "tooloo-watchd.service"} <= set(unit_property("tooloo-hello.service", "Wants").split())
    toolooctl("edit", "hello", "--route=", "--watch=", "--write=", "--env=A", "--after=")
    text = unit_file("hello").read_text()
    for key in "Routes", "Watch", "ReadWritePaths", "After":
        assert f"\n{key}=" not in text
    assert "Environment=KEPT=1\n" in text and "A=1" not in text
    assert "tooloo-training.service" not in unit_property("tooloo-hello.service", "Wants").split()


def test_edit_that_changes_nothing(hello):
    pid = main_pid("tooloo-hello.service")
    assert toolooctl("edit", "hello", "--env=KEPT=1").stdout == "hello is that way already.\n"
    assert main_pid("tooloo-hello.service") == pid


def test_edit_of_what_the_process_need_not_know(hello):
    pid = main_pid("tooloo-hello.service")
    toolooctl("edit", "hello", "--route=/hello", "--watch=.", "--description=Hello there", "--on-change=none")
    assert main_pid("tooloo-hello.service") == pid
    assert json.loads(toolooctl("list", "--json", "hello").stdout)["services"][0]["routes"] == ["/hello"]


def test_edit_of_a_stopped_service_leaves_it_stopped(hello):
    toolooctl("stop", "hello")
    assert "stays stopped" in toolooctl("edit", "hello", "--port=4321").stdout
    assert unit_property("tooloo-hello.service", "ActiveState") == "inactive" and port_of("hello") == 4321


def test_edit_of_a_stopped_service_is_asked_at_its_new_port(fleet, hello):
    """By metricsd, once it runs again."""
    toolooctl("wait", "hello", "--timeout=30s")
    toolooctl("stop", "hello")
    toolooctl("edit", "hello", "--port=4322")
    toolooctl("start", "hello")
    toolooctl("wait", "hello", "--timeout=30s", timeout=40)


def test_edit_dry_run(hello):
    before = written()
    shown = toolooctl("edit", "hello", "--port=4321", "--dry-run").stdout
    assert written() == before and port_of("hello") != 4321
    toolooctl("edit", "hello", "--port=4321")
    assert shown == f"# {unit_file('hello')}\n{unit_file('hello').read_text()}"


def test_edit_that_does_not_work(hello):
    done = toolooctl("edit", "hello", "--", "python3", "-c", "raise SystemExit('nothing here')", ok=False)
    assert done.returncode == FAILED and "nothing here" in done.stdout
    assert "hello was changed and is not healthy: its process exited with status 1" in one_line(done)
    assert toolooctl("edit", "hello", "--", "python3", "server.py").returncode == 0


def test_edit_gives_it_a_socket(hello):
    (hello / "taker.py").write_text(TAKER)
    port = port_of("hello")
    toolooctl("edit", "hello", "--socket", "--on-change=swap", "--health=/", "--", "python3", "taker.py")
    assert port_of("hello") == port and http_request(port, "/taker.py")[0] == 200
    text = unit_file("hello").read_text()
    assert "\nPort=" not in text and "PORT=" not in text and "\nOnChange=swap\n" in text
    assert systemctl("is-enabled", "tooloo-hello.socket").stdout == "enabled\n"
    toolooctl("edit", "hello", "--port=4321")
    assert http_request(4321, "/taker.py")[0] == 200 and port_is_free(port)


@pytest.mark.parametrize("arguments, status, words", [
    (["nobody", "--port=4321"], UNKNOWN, "unknown service 'nobody'"),
    (["hello"], USAGE, "nothing to change was named"),
    (["hello", "--port=3001"], FAILED, "port 3001 belongs to training"),
    (["hello", "--port=70000"], USAGE, "--port takes a number"),
    (["hello", "--env=1=2"], USAGE, "--env takes NAME=VALUE"),
    (["hello", "--route=/api/v1/training"], FAILED, "belongs to training"),
    (["hello", "--after=nobody"], FAILED, "there is no such service"),
    (["hello", "--on-change=swap"], USAGE, "give --socket, too"),
    (["hello", "--watch=nowhere"], FAILED, "No such file"),
    (["hello", "--", "no-such-program"], FAILED, "there is no such program"),
    (["training", "--socket", "--category=mine"], USAGE, "--category is"),
])
def test_edit_that_is_refused(hello, arguments, status, words):
    assert words in fails(status, "edit", *arguments)


def test_edit_of_one_of_the_fleet(project):
    """By drop-ins; without them it is as it was installed."""
    toolooctl("start", "training")
    folders = [USER_UNITS / f"tooloo-training.{suffix}.d" for suffix in ("service", "socket")]
    try:
        toolooctl("edit", "training", "--port=4321", "--description=Moved")
        assert port_of("training") == 4321
        for host in "127.0.0.1", "::1":
            assert http_request(4321, "/health", host=host)[0] == 200
        assert port_is_free(PORTS["training"])
        assert unit_property("tooloo-training.service", "Description") == "Moved"
        toolooctl("edit", "training", "--port=4322")
        assert http_request(4322, "/health")[0] == 200 and port_is_free(4321)
        said = fails(FAILED, "remove", "training", "--yes")
        assert "is not your own service" in said and str(folders[0] / "30-edit.conf") in said
    finally:
        toolooctl("stop", "training")
        for folder in folders:
            (folder / "30-edit.conf").unlink()
            if not any(folder.iterdir()):
                folder.rmdir()
        systemctl("daemon-reload")
    assert port_of("training") == PORTS["training"]


# --- remove ---


def test_remove(hello):
    port = port_of("hello")
    (USER_UNITS / "tooloo-hello.service.d").mkdir()
    (USER_UNITS / "tooloo-hello.service.d/30-edit.conf").write_text("[Service]\nNice=1\n")
    done = toolooctl("remove", "hello", "--yes")
    assert done.stdout == f"hello is removed (it was {unit_file('hello')})\n" and done.stderr == ""
    assert not [p for p in USER_UNITS.rglob("*hello*")] and port_is_free(port)
    assert "hello" not in listed() and unit_property("tooloo-hello.service", "LoadState") == "not-found"


def test_remove_of_what_has_failed(project):
    toolooctl("add", "hello", "--timeout=1s", "--", "false", ok=False)
    toolooctl("remove", "hello", "--yes")
    assert "hello" not in systemctl("list-units", "--all", "tooloo-*").stdout


def test_remove_with_its_socket(project):
    (project / "taker.py").write_text(TAKER)
    toolooctl("add", "hello", "--socket", "--", "python3", "taker.py")
    port = port_of("hello")
    toolooctl("add", "other", "--", "python3", "server.py")
    toolooctl("remove", "hello", "other", "--yes")
    assert port_is_free(port) and not {"hello", "other"} & listed()


def test_remove_with_its_replicas(project):
    (project / "taker.py").write_text(TAKER)
    toolooctl("add", "hello", "--on-change=swap", "--", "python3", "taker.py")
    toolooctl("scale", "hello", "3")
    assert "tooloo-hello@2.service" in systemctl("list-units", "tooloo-hello@*").stdout
    toolooctl("remove", "hello", "--yes")
    assert "tooloo-hello" not in systemctl("list-units", "--all", "tooloo-hello*").stdout
    assert not list((Path(os.environ["XDG_RUNTIME_DIR"]) / "systemd/user").glob("tooloo-hello@*"))


def test_remove_leaves_what_is_not_its_own(hello):
    folder = USER_UNITS / "tooloo-hello.service.d"
    folder.mkdir()
    (folder / "20-mine.conf").write_text("[Service]\nNice=1\n")
    try:
        toolooctl("remove", "hello", "--yes")
        assert (folder / "20-mine.conf").exists()
    finally:
        (folder / "20-mine.conf").unlink()
        folder.rmdir()


def test_remove_asks(hello):
    assert "give --yes" in fails(USAGE, "remove", "hello")
    master, slave = os.openpty()
    for typed, status in (b"n\n", FAILED), (b"\n", FAILED), (b"y\n", 0):
        os.write(master, typed)
        done = subprocess.run(["toolooctl", "remove", "hello"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=60)
        assert done.returncode == status and "Stop and remove hello? [y/N] " in done.stderr
    os.close(master)
    os.close(slave)
    assert "hello" not in listed()


def test_remove_of_several_is_all_or_nothing(hello):
    assert "unknown service 'nobody'" in fails(UNKNOWN, "remove", "hello", "nobody", "--yes")
    assert "is not your own service" in fails(FAILED, "remove", "hello", "training", "--yes")
    assert unit_property("tooloo-hello.service", "ActiveState") == "active"
