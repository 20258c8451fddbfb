# SPDX-License-Identifier: MIT
"""toolooctl: what it says and returns, above all when something is wrong. Each error is one line on stderr, and leaves
everything else running."""
import contextlib
import json
import os
import re
import shutil
import socket
from pathlib import Path

import pytest
from conftest import (CONTROL, MODULES, PORTS, get_json, http_request, installed_ports, is_listening, journal_cursor,
                      journal_lines, main_pid, one_line, port_gets_free, run, status_json, systemctl, toolooctl,
                      unit_property)

FAILED, USAGE, NOT_ACTIVE, STATUS_UNKNOWN, UNKNOWN = 1, 2, 3, 4, 5


def fails(status, *arguments, **more):
    """The line on stderr of a call that ends with that exit status."""
    done = toolooctl(*arguments, ok=False, **more)
    assert done.returncode == status, done
    said = one_line(done)
    assert said.startswith("toolooctl: ") and len(said) > 30, said
    return said


@pytest.fixture
def rest_of_the_fleet(fleet):
    """After the test, every process of the fleet must be the one of before."""
    before = {id: main_pid(f"tooloo-{id}.service") for id in fleet}
    yield
    assert {id: main_pid(f"tooloo-{id}.service") for id in fleet} == before
    assert all(http_request(port)[0] == 200 for port in fleet.values())


# --- What it says of itself ---


def test_help():
    text = toolooctl("--help").stdout
    assert toolooctl("-h").stdout == text
    for verb in "start", "stop", "restart", "reload", "status", "dev":
        assert re.search(rf"^  {verb} ", text, re.M), verb
    assert "Exit status: 0 done; 1 something failed" in text


def test_help_of_each_verb():
    verbs = re.findall(r"^  ([a-z]+)(?: |$)", toolooctl("--help").stdout, re.M)
    assert len(verbs) >= 12
    for verb in verbs:
        text = toolooctl(verb, "--help").stdout
        assert text.startswith(f"Usage: toolooctl {verb} ") and "\n  -q, --quiet " in text
        assert max(map(len, text.splitlines())) <= 80, verb
        assert toolooctl("--help", verb).stdout == toolooctl(verb, "-h").stdout == text


def test_version():
    assert re.fullmatch(r"toolooctl \d+\.\d+\.\d+\n", toolooctl("--version").stdout)


@pytest.mark.parametrize("arguments, words", [
    ([], "no verb given"),
    (["frobnicate"], "unknown verb 'frobnicate'"),
    (["--frobnicate"], "unknown option '--frobnicate'"),
    (["start", "--json"], "--json does not go with 'start'"),
    (["status", "--changed"], "--changed does not go with 'status'"),
    (["reload", "--changed", "web"], "takes no names"),
    (["reload", "--modules=/tmp"], "--modules goes with"),
    (["reload", "--modules"], "--modules needs a value"),
    (["dev", "a", "b"], "takes one name at most"),
])
def test_wrong_usage(arguments, words):
    said = fails(USAGE, *arguments)
    assert words in said and "--help" in said


def test_full_disk_for_the_output():
    done = run("sh", "-c", "exec toolooctl --help >/dev/full", ok=False)
    assert done.returncode == FAILED and "No space left" in one_line(done)


# --- No systemd to talk to ---


def without(*names, **others):
    return {k: v for k, v in os.environ.items() if k not in names} | others


def test_bus_unreachable(rest_of_the_fleet, tmp_path):
    said = fails(FAILED, "status", env=without(DBUS_SESSION_BUS_ADDRESS=f"unix:path={tmp_path}/bus"))
    assert str(tmp_path) in said and "systemctl --user start dbus.socket" in said


def test_no_user_manager(rest_of_the_fleet, tmp_path):
    env = without("DBUS_SESSION_BUS_ADDRESS", XDG_RUNTIME_DIR=str(tmp_path))
    for verb in "status", "start", "stop", "restart", "reload":
        said = fails(FAILED, verb, env=env)
        assert "loginctl enable-linger" in said or "log in" in said, said


def test_runtime_directory_that_is_not_there(rest_of_the_fleet):
    said = fails(FAILED, "status", env=without("DBUS_SESSION_BUS_ADDRESS", XDG_RUNTIME_DIR="/nowhere"))
    assert "/nowhere" in said


def test_status_without_a_session_environment(fleet):
    """From cron or over ssh, say: the usual places are tried."""
    done = toolooctl("status", env=without("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"))
    assert set(re.findall(r"^([a-z]+) +running ", done.stdout, re.M)) >= set(PORTS) and done.stderr == ""


# --- Names ---


@pytest.mark.parametrize("verb, status", [("start", UNKNOWN), ("stop", UNKNOWN), ("restart", UNKNOWN), ("reload", UNKNOWN),
                                          ("status", STATUS_UNKNOWN)])
def test_unknown_service(rest_of_the_fleet, verb, status):
    assert "Did you mean 'training'?" in fails(status, verb, "trainnig")
    assert "Did you mean" not in fails(status, verb, "zebra")


def test_one_unknown_name_among_known_ones_changes_nothing(rest_of_the_fleet):
    fails(UNKNOWN, "restart", "web", "nowhere")
    fails(UNKNOWN, "stop", "web", "nowhere")


@pytest.mark.parametrize("name", ["cup", "tooloo-cup", "tooloo-cup.service", "tooloo-cup.socket"])
def test_names_as_people_type_them(fleet, name):
    assert json.loads(toolooctl("status", "--json", name).stdout)["services"][0]["id"] == "cup"


# --- What a service may lack ---


@pytest.fixture
def without_capabilities(fleet):
    """capabilities stopped, and the others as they were; started again after the test."""
    toolooctl("stop", "capabilities")
    before = {id: main_pid(f"tooloo-{id}.service") for id in fleet if id != "capabilities"}
    yield
    toolooctl("start", "capabilities")
    assert {id: main_pid(f"tooloo-{id}.service") for id in before} == before


def test_port_taken_by_a_stranger(without_capabilities):
    with socket.create_server(("127.0.0.1", PORTS["capabilities"])):
        for arguments in ["start", "capabilities"], ["start"]:
            said = fails(FAILED, *arguments)
            assert f"port 3009 is taken by PID {os.getpid()}" in said, said
        assert f"port 3009 is taken by PID {os.getpid()}" in status_json()["capabilities"]["problem"]
        assert all(http_request(port)[0] == 200 for id, port in PORTS.items() if id != "capabilities")


def test_masked(without_capabilities):
    units = "tooloo-capabilities.service", "tooloo-capabilities.socket"
    systemctl("mask", *units)
    try:
        said = fails(FAILED, "start", "capabilities")
        assert "is masked" in said and "systemctl --user unmask " + " ".join(units) in said
        fails(FAILED, "restart", "capabilities")
        assert status_json()["capabilities"]["state"] == "masked"
        assert "12 of 13" in toolooctl("start").stdout  # the rest of the fleet is not in its way
    finally:
        systemctl("unmask", *units)


def test_module_missing(service, rest_of_the_fleet):
    it = service("faulty", None, start=False)
    said = fails(FAILED, "start", "faulty")
    assert f"there is no {it.file}: build or install it" in said
    assert f"there is no {it.file}: build or install it" in fails(FAILED, "restart", "faulty")
    assert f"there is no {it.file}" in it.status()["problem"]
    it.install("faulty-good")
    # Nobody needs to know more than the port: the next connection starts it.
    assert it.get("/value") == {"value": "good"}


def test_module_of_another_abi(service, rest_of_the_fleet):
    it = service("faulty", "faulty-wrong-abi", start=False)
    said = fails(FAILED, "start", "faulty")
    assert "ABI" in said and "rebuild it" in said
    assert "ABI" in it.status()["problem"]


def test_module_that_takes_its_process_down_at_the_start(service, rest_of_the_fleet):
    """systemd tries again at once, and what it ended with the first time is gone then."""
    service("faulty", "faulty-init-crashes-live", start=False)
    said = fails(FAILED, "start", "faulty")
    assert "did not start: its process was killed by SIGSEGV" in said


def test_reload_of_what_does_not_run(without_capabilities):
    assert "toolooctl start capabilities" in fails(FAILED, "reload", "capabilities")


# --- Directories ---


@contextlib.contextmanager
def small_file_system(directory, options):
    if os.geteuid() != 0:
        pytest.skip("only root may mount what this test needs")
    directory.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "-o", f"mode=0755,{options}", "tmpfs", directory)
    try:
        yield
    finally:
        run("umount", "--lazy", directory)  # lazily, for a service that still runs must not keep it
        shutil.rmtree(directory, ignore_errors=True)


def test_read_only_state_directory(service):
    it = service("faulty", "faulty-good", start=False)
    cursor = journal_cursor()
    with small_file_system(it.state_directory(), "ro"):
        it.start()
        assert it.get("/value") == {"value": "good"}
        assert it.reload("faulty-big-state").returncode == 0
        warnings = [line for line in it.journal(after=cursor) if "state directory" in line]
        assert len(warnings) == 2  # one for each module that was loaded
        assert all("would not be rolled back: Read-only file system" in line for line in warnings)
        it.stop()


def test_state_directory_that_cannot_be_made(service, rest_of_the_fleet):
    it = service("faulty", "faulty-good", start=False)
    with small_file_system(it.state_directory(), "mode=0777,ro"):  # systemd wants to change the mode
        said = fails(FAILED, "start", "faulty")
        assert "its state directory cannot be set up; make it writable" in said, said
    assert it.start().returncode == 0


def test_disk_full_while_copying_a_module(service):
    it = service("faulty", "faulty-good", start=False)
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "tooloo-faulty"
    with small_file_system(runtime, f"size={4 * (MODULES / 'faulty-good.so').stat().st_size}"):
        it.start()
        with open(runtime / "filler", "wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
            while True:
                filler.write(bytes(4096))
        said = fails(FAILED, "reload", "faulty")
        assert "No space left on device" in said and "free some space there" in said
        assert it.get("/value") == {"value": "good"} and it.generation() == 1
        (runtime / "filler").unlink()
        assert it.reload("faulty-good").returncode == 0
        it.stop()


# --- Start, stop, status ---


def test_json_of_the_fleet(fleet):
    text = toolooctl("status", "--json").stdout
    services = {s["id"]: s for s in json.loads(text)["services"]}
    assert set(services) >= set(PORTS)
    for id, port in PORTS.items():
        s = services[id]
        assert (s["port"], s["state"], s["unitState"], s["problem"]) == (port, "running", "active", None)
        assert s["pid"] == main_pid(f"tooloo-{id}.service")
        assert s["generation"] == get_json(port)["generation"] and s["uptime"] > 0 and s["memory"] > 0
    assert services["coach"]["needs"] == ["training"]
    assert services["web"]["category"] == "infrastructure"
    assert json.loads(text)["build"] == {"status": None, "failed": False}


def test_exit_status_of_status(fleet):
    assert toolooctl("status", ok=None).returncode == 0
    toolooctl("stop", "cup")
    assert toolooctl("status", ok=None).returncode == NOT_ACTIVE
    assert toolooctl("status", "cup", ok=None).returncode == NOT_ACTIVE
    assert toolooctl("status", "web").returncode == 0
    toolooctl("start", "cup")


def test_stop_of_one_frees_its_port_and_nothing_starts_it_again(fleet):
    toolooctl("stop", "cup")
    assert port_gets_free(PORTS["cup"]) and not is_listening(PORTS["cup"])
    for kind in "service", "socket":
        assert unit_property(f"tooloo-cup.{kind}", "ActiveState") == "inactive"
    assert get_json(PORTS["web"])["ok"]
    toolooctl("start", "cup")
    assert get_json(PORTS["cup"])["ok"]


def test_stop_takes_the_socket_first(echo):
    """Else whoever connects in between would start the service again."""
    echo.get()
    cursor = journal_cursor()
    toolooctl("stop", "echo")
    said = journal_lines(after=cursor)
    closed, stopping = (next(n for n, line in enumerate(said) if line.startswith(f"{what} {unit} "))
                        for what, unit in (("Closed", echo.socket), ("Stopping", echo.unit)))
    assert closed < stopping
    assert port_gets_free(echo.port)


def test_start_and_stop_twice_is_fine(fleet):
    before = main_pid("tooloo-cup.service")
    assert toolooctl("start", "cup").stderr == "" and main_pid("tooloo-cup.service") == before
    for _ in range(2):
        assert toolooctl("stop", "cup").stderr == ""
    toolooctl("start", "cup")


def test_restart_and_reload_of_the_fleet_leave_stopped_ones_stopped(fleet):
    toolooctl("stop", "cup")
    toolooctl("restart")
    done = toolooctl("reload")
    reloaded = {line.removesuffix(": generation 2") for line in done.stdout.splitlines()}
    assert reloaded - set(CONTROL) == set(PORTS) - {"cup"}
    assert unit_property("tooloo-cup.service", "ActiveState") == "inactive" and not is_listening(PORTS["cup"])
    toolooctl("start", "cup")


def test_quiet(fleet):
    for verb in "start", "reload", "restart", "status":
        assert toolooctl(verb, "--quiet").stdout == ""
