# SPDX-License-Identifier: MIT
"""What toolooctl doctor finds when somebody plants it, that it finds nothing else, and what --fix mends."""
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from conftest import (CHECKOUT, MODULES, PATIENCE, USER_UNITS, Journal, journal_cursor, kill, one_line, run,
                      state_directory, systemctl, toolooctl, unit_property, wait_for_unit, wait_until)
from golden import golden
from test_ctl_output import ESCAPE, in_terminal

FAULTS = ("warning", "error")
INSTALLED = Path("/usr/lib/systemd/user")
RUNTIME_UNITS = Path(os.environ["XDG_RUNTIME_DIR"]) / "systemd/user"
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="it takes root")


def doctor(*arguments, prefix=(), **more):
    """What it says, as JSON."""
    done = run(*prefix, "toolooctl", "doctor", "--json", *arguments, ok=None, **more)
    assert done.stderr == "" and done.returncode in (0, 1)
    said = json.loads(done.stdout)
    assert (done.returncode == 1) == (said["level"] in FAULTS)
    return said


def findings(said, check, *levels):
    return [f for f in said["findings"] if f["check"] == check and f["level"] in (levels or FAULTS)]


def the_finding(check, *levels, subject=None, **more):
    """The only one of this check, or of it about the subject."""
    found = [f for f in findings(doctor(check, **more), check, *levels) if subject in (None, f["subject"])]
    assert len(found) == 1, found
    assert found[0]["why"] and found[0]["what"]
    return found[0]


def is_well(check, **more):
    assert findings(doctor(check, **more), check) == []


def fixed(check):
    """What --fix says that it did; the check finds nothing any more, and says so in the same breath."""
    said = doctor("--fix", check)
    assert findings(said, check) == [] and said["level"] in ("ok", "note")
    assert said["mended"] and all(m["done"] and m["check"] == check for m in said["mended"]), said["mended"]
    return said["mended"]


@contextlib.contextmanager
def drop_in(unit, text, name="70-doctor.conf", reload=True):
    path = USER_UNITS / f"{unit}.d" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if reload:
        systemctl("daemon-reload")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
        systemctl("daemon-reload")


# --- The whole ---


def test_a_sound_fleet_has_no_fault(fleet):
    said = doctor()
    assert [f for f in said["findings"] if f["level"] in FAULTS] == []
    assert all(c["level"] in ("ok", "note") and c["problem"] is None for c in said["checks"]), said["checks"]
    text = toolooctl("doctor").stdout
    assert re.search(r"^0 errors, 0 warnings, \d+ notes?; \d+ of 22 checks found nothing\.$", text, re.M)
    assert "ok: " not in text
    everything = toolooctl("doctor", "--all").stdout
    assert everything.count("ok: ") == sum(c["level"] == "ok" for c in said["checks"])
    assert toolooctl("doctor", "--quiet").stdout == ""


def test_it_wakes_nobody(fleet):
    toolooctl("stop", "cup")
    systemctl("start", "tooloo-cup.socket")
    doctor()
    assert unit_property("tooloo-cup.service", "ActiveState") == "inactive"
    assert unit_property("tooloo-cup.socket", "SubState") == "listening"
    assert unit_property("tooloo-cup.socket", "NAccepted") == "0"
    toolooctl("start", "cup")


def test_fix_has_nothing_to_do(fleet):
    pids = {id: unit_property(f"tooloo-{id}.service", "MainPID") for id in fleet}
    said = doctor("--fix")
    assert said["mended"] == [] and said["level"] in ("ok", "note")
    assert pids == {id: unit_property(f"tooloo-{id}.service", "MainPID") for id in fleet}


def test_names(fleet):
    assert [c["check"] for c in doctor("ports", "clock")["checks"]] == ["clock", "ports"]
    assert "there is no check 'prots'" in one_line(toolooctl("doctor", "prots", ok=False))
    assert toolooctl("doctor", "prots", ok=None).returncode == 2
    names = [c["check"] for c in doctor()["checks"]]
    manual = " ".join(re.findall(r"^\.Cm (.*)", (CHECKOUT / "ctl/toolooctl.1").read_text(), re.M)).split()
    assert re.findall(r"^  ([a-z][a-z-]+) ", toolooctl("doctor", "--help").stdout, re.M) == names
    assert set(names) <= set(manual)


# --- The user's systemd ---


@pytest.mark.parametrize("variables, what", [
    ({"XDG_RUNTIME_DIR": "/nowhere"}, "XDG_RUNTIME_DIR is /nowhere"),
    ({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}, "the user's D-Bus cannot be reached at unix:path=/nowhere"),
])
def test_without_a_bus_the_other_checks_still_run(fleet, variables, what):
    said = doctor(env=os.environ | variables)
    found, = findings(said, "manager")
    assert found["level"] == "error" and found["what"].startswith(what) and found["mend"]
    made = {c["check"]: c["level"] for c in said["checks"]}
    assert made["ports"] is None and made["linger"] == "ok" and made["disk"] == "ok"
    said = doctor("--fix", env=os.environ | variables)
    assert said["mended"] == []


@pytest.mark.parametrize("width", [80, 200])
def test_text_without_a_bus(fleet, width):
    text = in_terminal("doctor", "manager", "linger", "ports", "failed", width=width, ok=False, XDG_RUNTIME_DIR="/nowhere")
    assert "\x1b[0;1;31merror:\x1b[0m " in text
    golden(f"doctor-no-bus-{width}.txt", ESCAPE.sub("", text))


def test_another_unit_that_failed_is_a_note(fleet):
    run("systemd-run", "--user", "--unit=bystander", "--service-type=oneshot", "false", ok=False)
    try:
        found = the_finding("manager", "note")
        assert found["what"].endswith("bystander.service") and found["level"] == "note"
    finally:
        systemctl("reset-failed", "bystander.service")
    assert findings(doctor("manager"), "manager", "note") == []


@NEEDS_ROOT
def test_linger(fleet):
    if (done := run("loginctl", "enable-linger", "root", ok=None)).returncode != 0:  # as it is already
        pytest.skip(f"systemd-logind does not do it here: {done.stderr.strip()}")
    # A session, so that the user's systemd is not ended for want of one before it lingers again.
    run("systemd-run", "--collect", "--unit=session-of-the-test", "--property=PAMName=login", "--property=User=root",
        "sleep", "infinity")
    try:
        wait_for_session()
        run("loginctl", "disable-linger", "root")
        assert the_finding("linger", "note")["mend"] == "loginctl enable-linger root"
        assert doctor("--fix", "linger")["mended"] == []  # a note is left alone
        systemctl("enable", "tooloo.target")
        found = the_finding("linger")
        assert found["level"] == "warning" and found["fixable"]
        assert "enable-linger" in fixed("linger")[0]["what"]
        assert run("loginctl", "show-user", "root", "--property=Linger").stdout == "Linger=yes\n"
    finally:
        run("loginctl", "enable-linger", "root")
        systemctl("disable", "tooloo.target")
        run("systemctl", "stop", "session-of-the-test.service", ok=None)


def wait_for_session():
    with Journal() as journal:
        wait_until(lambda: len(run("loginctl", "--no-legend", "list-sessions").stdout.splitlines()) > 0, journal.entry,
                   "a session")


# --- The machine ---


def in_user_namespace(*settings):
    """A command prefix: in a user namespace with limits of its own, from where the bus is reached as before."""
    script = "mount -t proc none /proc && " + "".join(f"echo {value} > /proc/sys/user/{name} && "
                                                       for name, value in settings) + 'exec "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c", script, "sh"]


@NEEDS_ROOT
def test_inotify_instances(fleet):
    """By a limit of a namespace's own: the user's instances are those of everybody else on this machine, too."""
    found = the_finding("inotify", prefix=in_user_namespace(("max_inotify_instances", 3)))
    assert found["level"] == "warning" and found["subject"] == "fs.inotify.max_user_instances"
    assert found["mend"].startswith("sudo sysctl fs.inotify.max_user_instances=")
    is_well("inotify")


@NEEDS_ROOT
def test_inotify_watches(fleet, foreign, tmp_path):
    for n in range(12):
        (tmp_path / "tree" / f"d{n}").mkdir(parents=True)
    it = foreign("watching", "/bin/sleep infinity", "/watching", start=False)
    unit = USER_UNITS / it.unit
    unit.write_text(unit.read_text() + f"Watch={tmp_path / 'tree'}\n")
    systemctl("daemon-reload")
    is_well("inotify")
    found = the_finding("inotify", prefix=in_user_namespace(("max_inotify_watches", 10)))
    assert found["subject"] == "fs.inotify.max_user_watches" and " only 10 more directories" in found["what"]


@NEEDS_ROOT
def test_no_user_namespaces(fleet):
    found = the_finding("user-namespaces", prefix=in_user_namespace(("max_user_namespaces", 0)))
    assert found["level"] == "error" and "No space left on device" in found["what"]
    assert re.search(r"the sandbox of 1\d services", found["why"])


def test_a_full_disk(fleet, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    env = os.environ | {"XDG_STATE_HOME": str(state)}
    script = 'mount -t tmpfs -o size=2M,nr_inodes=2000 none "$0"; shift; sh -c "$1" sh "$0"; shift; exec "$@"'

    def full_of(command):
        return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, str(state), "", command]

    is_well("disk", prefix=full_of("true"), env=env)
    found = the_finding("disk", prefix=full_of('head -c 1900K /dev/zero > "$1/f"'), env=env)
    assert found["level"] == "error" and found["subject"] == str(state)
    assert re.search(r"state of the services\) has [\d.]+K left$", found["what"]) and "du -xh" in found["mend"]
    found = the_finding("disk", prefix=full_of('cd "$1"; i=0; while : > f$i; do i=$((i+1)); done 2>/dev/null; true'), env=env)
    assert found["level"] == "error" and found["what"].endswith("(state of the services) has room for 0 more files")
    found = the_finding("disk", prefix=full_of('mount -o remount,ro "$1"'), env=env)
    assert found["level"] == "error" and "mounted read-only" in found["what"]


@NEEDS_ROOT
def test_no_journal(fleet, tmp_path):
    script = "mount -t tmpfs none /var/log/journal; mount -t tmpfs none /run/log; exec \"$@\""
    hidden = ["unshare", "--mount", "sh", "-c", script, "sh"]
    assert the_finding("journal", prefix=hidden)["what"] == "no journal can be read"
    is_well("journal")


# --- Unit files ---


def test_files_that_claim_the_same(foreign):
    foreign("first", "/bin/sleep infinity", "/same", start=False)
    foreign("second", "/bin/sleep infinity", "/same", start=False)
    found = the_finding("registry")
    assert found["what"].endswith("both claim Routes=/same, so neither gets it")
    assert found["mend"] == "take it out of one of them"


def test_a_setting_that_is_not_understood(foreign):
    it = foreign("odd", "/bin/sleep infinity", "/odd", start=False)
    with drop_in(it.unit, "[X-Tooloo]\nOnChange=perhaps\n") as path:
        found = the_finding("registry")
        assert str(path) in found["what"] and "OnChange=" in found["what"]
    is_well("registry")


def test_files_changed_since_they_were_read(fleet):
    with drop_in("tooloo-cup.service", "[Service]\nEnvironment=A=1\n", reload=False):
        found = the_finding("loaded")
        assert found["fixable"] and found["mend"] == "systemctl --user daemon-reload"
        assert found["what"].endswith(": tooloo-cup.service")
        fixed("loaded")
        assert unit_property("tooloo-cup.service", "NeedDaemonReload") == "no"


def test_masked_is_a_note_that_fix_leaves_alone(fleet):
    toolooctl("stop", "cup")
    systemctl("mask", "tooloo-cup.service", "tooloo-cup.socket")
    try:
        said = doctor("--fix")
        found, = [f for f in findings(said, "overridden", "note") if f["what"].startswith("masked: ")]
        assert found["what"] == "masked: tooloo-cup.service tooloo-cup.socket"
        assert found["mend"] == "systemctl --user unmask tooloo-cup.service tooloo-cup.socket"
        assert not found["fixable"] and said["mended"] == [] and said["level"] == "note"
        assert unit_property("tooloo-cup.service", "LoadState") == "masked"
    finally:
        systemctl("unmask", "tooloo-cup.service", "tooloo-cup.socket")
        toolooctl("start", "cup")


def test_files_in_front_of_installed_ones_are_notes(fleet):
    with drop_in("tooloo-cup.service", "[Service]\nEnvironment=A=1\n") as path:
        found = the_finding("overridden", "note", subject=str(path))
        assert found["what"] == f"{path} changes tooloo-cup.service"
    shadow = USER_UNITS / "tooloo-cup.service"
    shutil.copy(INSTALLED / "tooloo-cup.service", shadow)
    systemctl("daemon-reload")
    try:
        found = the_finding("overridden", "note", subject="tooloo-cup.service")
        assert found["what"] == f"{shadow} hides the installed tooloo-cup.service"
    finally:
        shadow.unlink()
        systemctl("daemon-reload")


@NEEDS_ROOT
def test_a_link_that_is_gone(fleet):
    link = INSTALLED / "tooloo.target.wants/tooloo-cup.service"
    target = os.readlink(link)
    link.unlink()
    systemctl("daemon-reload")
    try:
        found = the_finding("members")
        assert found["what"] == "cup does not start with the fleet" and found["subject"] == "tooloo-cup.service"
    finally:
        link.symlink_to(target)
        systemctl("daemon-reload")
    is_well("members")


def test_a_service_of_ones_own_that_is_not_enabled(foreign):
    it = foreign("aside", "/bin/sleep infinity", "/aside", start=False)
    found = the_finding("members", "note")
    assert found["subject"] == it.unit and found["mend"].startswith(f"systemctl --user enable {it.unit}")


def test_credentials(foreign, tmp_path):
    secret = tmp_path / "secret"
    it = foreign("secretive", "/bin/sleep infinity", "/secretive", start=False, LoadCredential=f"key:{secret}")
    found = the_finding("credentials")
    assert found["level"] == "error" and found["subject"] == str(secret) and not found["fixable"]
    assert "No such file or directory" in found["what"] and it.unit in found["mend"]
    secret.write_text("of nobody's business")
    secret.chmod(0o644)
    found = the_finding("credentials")
    assert found["level"] == "warning" and found["fixable"] and "(mode 0644)" in found["what"]
    fixed("credentials")
    assert secret.stat().st_mode & 0o777 == 0o600 and secret.read_text() == "of nobody's business"


# --- Ports ---


def test_a_port_that_somebody_else_has(foreign):
    it = foreign("lodger", "/bin/sleep infinity", "/lodger", start=False)
    is_well("ports")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", it.port))
        stranger.listen()
        found = the_finding("ports")
        masks = (str(os.getpid()), "PID"), (str(it.port), "PORT")
        for width in 80, 200:
            text = ESCAPE.sub("", in_terminal("doctor", "ports", width=width, ok=False))
            assert max(map(len, text.splitlines())) <= width
            golden(f"doctor-port-{width}.txt", text, *masks)
        golden("doctor-port.json", json.dumps(doctor("ports"), indent=1) + "\n", *masks)
    assert found["level"] == "error" and found["subject"] == it.unit and not found["fixable"]
    assert found["what"] == f"port {it.port} of lodger is taken by PID {os.getpid()} (python3)"


def test_a_port_that_another_unit_has(foreign):
    it = foreign("victim", "/bin/sleep infinity", "/victim", start=False, socket_unit=False)
    run("systemd-run", "--user", "--unit=squatter", f"--socket-property=ListenStream=127.0.0.1:{it.port}", "true")
    try:
        assert f"shows the unit that listens on {it.port}" in the_finding("ports")["mend"]
    finally:
        systemctl("stop", "squatter.socket")
    is_well("ports")


# --- Programs and modules ---


def test_a_module_that_is_not_there(service):
    it = service("hollow", None, start=False)
    found = the_finding("modules")
    assert found["level"] == "error" and found["what"] == f"hollow has no module: there is no {it.file}"


@pytest.mark.parametrize("module, complaint", [
    ("faulty-wrong-abi", "it was built for module ABI"),
    ("faulty-wrong-name", "it is the module of 'somebody-else', not of 'faulty'"),
    ("faulty-undefined-symbol", "it cannot be loaded: "),
    ("faulty-init-crashes", "it crashes in init (SIG"),
])
def test_a_module_that_is_not_fit(service, module, complaint):
    service("faulty", module, start=False)
    found = the_finding("modules")
    assert found["level"] == "error" and complaint in found["what"], found["what"]


def test_a_program_of_another_version(service, tmp_path):
    other = tmp_path / "tooloo-service"
    other.write_text("#!/bin/sh\necho tooloo 0.0.9\n")
    other.chmod(0o755)
    it = service("elder", "echo-a", start=False)
    with drop_in(it.unit, f"[Service]\nExecStart=\nExecStart={other} %j\n"):
        found = the_finding("versions")
        assert found["subject"] == str(other) and found["what"].startswith(f"{other} is 'tooloo 0.0.9', and toolooctl is ")
        other.unlink()
        assert "cannot be run (No such file or directory)" in the_finding("versions")["what"]


@NEEDS_ROOT
def test_a_program_replaced_while_it_runs(echo):
    program = Path("/usr/lib/tooloo/tooloo-service")
    new = program.with_suffix(".new")
    shutil.copy2(program, new)
    new.rename(program)
    is_well("versions")  # it is the same
    shutil.copy2(program, new)
    with new.open("ab") as file:
        file.write(b"\0")
    new.rename(program)
    found = the_finding("versions")
    assert "another than the one that runs" in found["what"] and "echo" in found["mend"].split()
    toolooctl(*found["mend"].split()[1:])
    is_well("versions")


def test_another_toolooctl_in_path(fleet, tmp_path):
    other = tmp_path / "toolooctl"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    said = json.loads(run("/usr/bin/toolooctl", "doctor", "--json", "versions",
                          env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}).stdout)
    found, = said["findings"]
    assert found["level"] == "note" and found["subject"] == str(other)


def test_a_stale_generation(echo):
    is_well("generations")
    echo.install("echo-b")
    found = the_finding("generations")
    assert found["subject"] == echo.unit and found["fixable"] and "runs generation 1" in found["what"]
    assert echo.unit in fixed("generations")[0]["what"]
    assert echo.generation() == 2


def test_a_rejected_module_is_for_a_person(echo):
    echo.reload("faulty-wrong-abi", ok=False)
    found = the_finding("generations")
    assert "runs the module before: the one on disk was rejected (" in found["what"] and not found["fixable"]
    assert echo.get()["generation"] == 1


def test_a_generation_that_a_stream_keeps(echo):
    with contextlib.closing(socket.create_connection(("127.0.0.1", echo.port))) as stream:
        stream.sendall(b"GET /pinned HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert stream.recv(1)
        echo.reload("echo-b")
        found = the_finding("generations", "note")
        assert found["what"] == "echo still keeps 1 older generation for what it began to answer"


def test_units_that_a_swap_left_behind(fleet):
    RUNTIME_UNITS.mkdir(parents=True, exist_ok=True)
    path = RUNTIME_UNITS / "tooloo-hello@next.service"
    path.write_text("[Service]\nExecStart=/bin/sleep infinity\n")
    folder = path.with_name(path.name + ".d")
    folder.mkdir()
    (folder / "10-own.conf").write_text("[Service]\nEnvironment=A=1\n")
    (folder / "20-mask.conf").symlink_to("/dev/null")
    systemctl("daemon-reload")
    is_well("left-over")  # that swap may just be under way
    old = time.time() - 3600
    os.utime(path, (old, old))
    systemctl("start", path.name)
    is_well("left-over")  # it runs
    systemctl("stop", path.name)
    found = the_finding("left-over")
    assert found["subject"] == str(path) and found["fixable"]
    fixed("left-over")
    assert not path.exists() and not folder.exists() and unit_property(path.name, "LoadState") == "not-found"


# --- What has failed ---


def test_a_crash_loop_that_came_to_its_end(service):
    it = service("echo", "echo-a")
    cursor = journal_cursor()
    with Journal(it.unit, after=cursor) as journal:
        while unit_property(it.unit, "ActiveState") != "failed":
            if int(unit_property(it.unit, "MainPID")):
                kill(it.unit)
            elif journal.entry(time.monotonic() + PATIENCE) is None:
                break
    found = the_finding("failed", subject=it.unit)
    assert found["level"] == "error" and found["fixable"]
    assert found["what"].startswith("echo has failed: its process was killed by SIGKILL")
    assert re.match(r"systemd restarted it \d times in a row and gave up", found["why"])
    assert any(m["subject"] == it.unit for m in fixed("failed"))
    assert it.property("ActiveState") == "active" and it.get()["generation"] == 1


def test_a_further_instance_that_failed(fleet):
    RUNTIME_UNITS.mkdir(parents=True, exist_ok=True)
    path = RUNTIME_UNITS / "tooloo-hello@2.service"
    path.write_text("[Service]\nType=oneshot\nExecStart=/bin/sh -c '[ -e %t/hello-may-run ]'\nRemainAfterExit=yes\n")
    systemctl("daemon-reload")
    may_run = Path(os.environ["XDG_RUNTIME_DIR"]) / "hello-may-run"
    try:
        systemctl("start", path.name, ok=False)
        wait_for_unit(path.name, "failed")
        found = the_finding("failed")
        assert found["subject"] == path.name and "its process exited with status 1" in found["what"]
        may_run.touch()
        fixed("failed")
    finally:
        may_run.unlink(missing_ok=True)
        systemctl("stop", path.name)
        systemctl("reset-failed", path.name, ok=None)
        path.unlink()
        systemctl("daemon-reload")


def test_what_cannot_be_mended_is_said(service):
    it = service("broken", "faulty-wrong-abi", start=False)
    toolooctl("start", "broken", ok=False)
    said = doctor("--fix", "failed")
    mended, = said["mended"]
    assert not mended["done"] and mended["what"].startswith(f"{it.unit} did not start") and said["level"] == "error"
    text = toolooctl("doctor", "--fix", "failed", ok=False).stdout
    assert text.startswith("not mended: ")


def test_a_socket_that_cannot_listen(foreign):
    it = foreign("deaf", "/bin/sleep infinity", "/deaf", start=False)
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", it.port))
        stranger.listen()
        systemctl("start", it.socket, ok=False)
        found = the_finding("failed", subject=it.socket)
        assert found["what"] == f"{it.socket} has failed: port {it.port} is taken by PID {os.getpid()} (python3)"
        assert found["why"] == "connections to it are refused"
    fixed("failed")
    assert unit_property(it.socket, "ActiveState") == "active"


def test_a_service_without_its_socket(foreign):
    it = foreign("loose", "/bin/sleep infinity", "/loose", start=False)
    systemctl("start", it.unit)
    found = the_finding("failed")
    assert found["what"] == "loose runs, but its socket unit does not"
    run("sh", "-c", found["mend"])
    assert unit_property(it.socket, "ActiveState") == it.property("ActiveState") == "active"
    is_well("failed")


def test_nothing_watches_the_module_directory(fleet):
    systemctl("stop", "tooloo-reload.path")
    found = the_finding("following")
    assert found["what"] == "nothing watches the module directory"
    fixed("following")
    assert unit_property("tooloo-reload.path", "ActiveState") == "active"


def test_a_watcher_that_has_given_up(fleet):
    with drop_in("tooloo-watchd.service", "[Service]\nEnvironment=TOOLOO_QUIET_MS=0\n") as path:
        systemctl("start", "tooloo-watchd.service", ok=False)
        found = the_finding("following")
        assert found["level"] == "error"
        assert found["what"].startswith("the source watcher has given up: its process exited with status 2")
        assert not doctor("--fix", "following")["mended"][0]["done"]
        path.write_text("[Service]\nEnvironment=TOOLOO_QUIET_MS=200\n")
        systemctl("daemon-reload")
        fixed("following")
    assert unit_property("tooloo-watchd.service", "ActiveState") == "active"


def test_a_watcher_that_does_not_run(fleet):
    systemctl("start", "tooloo-dev.target")
    systemctl("stop", "tooloo-watchd.service")
    try:
        assert the_finding("following")["what"] == "the source watcher does not run"
        fixed("following")
    finally:
        systemctl("stop", "tooloo-dev.target", "tooloo-watchd.service")


# --- The sandbox ---


def test_a_sandbox_that_is_not_what_the_files_say(foreign):
    it = foreign("bare", "/bin/sleep infinity", "/bare", start=False, Type="exec")
    loose = "[Service]\nNoNewPrivileges=no\nSystemCallFilter=\nPrivateUsers=no\nProtectSystem=no\nProtectHome=no\nPrivateTmp=no\n"
    loose += "RestrictNamespaces=no\nLockPersonality=no\nRestrictRealtime=no\nRestrictSUIDSGID=no\nSystemCallArchitectures=\n"
    loose += "RestrictAddressFamilies=\nPrivateDevices=no\nMemoryDenyWriteExecute=no\nReadOnlyPaths=\n"
    with drop_in(it.unit, loose):
        systemctl("start", it.unit)
        is_well("sandbox")
    found = the_finding("sandbox")
    assert found["subject"] == it.unit and found["what"].endswith(
        "its sandbox: NoNewPrivileges=, SystemCallFilter=, PrivateUsers=, ProtectSystem=, ProtectHome=, PrivateTmp=")
    systemctl("restart", it.unit)
    is_well("sandbox")


def test_a_sandbox_masked_away_is_a_note(fleet):
    mask = USER_UNITS / "tooloo-.service.d/12-namespaces.conf"
    mask.parent.mkdir(parents=True, exist_ok=True)
    mask.symlink_to("/dev/null")
    try:
        found = the_finding("sandbox", "note")
        assert found["subject"] == str(mask)
    finally:
        mask.unlink()
        systemctl("daemon-reload")
    assert findings(doctor("sandbox"), "sandbox", "note") == []


def test_a_host_that_stands_still(echo):
    run("kill", "-STOP", str(echo.pid()))
    try:
        found = the_finding("hosts")
        assert found["level"] == "error" and found["what"] == "echo runs, but does not answer on D-Bus"
    finally:
        run("kill", "-CONT", str(echo.pid()))
    is_well("hosts")
