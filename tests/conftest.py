# SPDX-License-Identifier: MIT
"""What the integration tests and the browser's share. They run inside a booted systemd that has this tree installed, as the
session's user:

        tests/sandbox run -- env TOOLOO_BUILDDIR=DIR python3 -m pytest tests/integration tests/browser

and those of tests/packages, outside of one and as root.

Nothing here sleeps: whoever waits, waits for an event (a job's end, a line in the journal, a file, an answer).
"""
import ctypes
import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests/lib"))

BUILD = Path(os.environ.get("TOOLOO_BUILDDIR", CHECKOUT / "build")).resolve()
MODULES = BUILD / "tests/fixtures/modules"  # the test modules as they were built
USER_UNITS = Path.home() / ".config/systemd/user"
PATIENCE = 30  # seconds before a wait counts as failed
PORTS = {
    "web": 3000, "training": 3001, "meta": 3002, "budget": 3003, "coach": 3004, "cup": 3005, "product": 3006,
    "segmentation": 3007, "reports": 3008, "capabilities": 3009, "orchestration": 3100, "provider": 3200,
    "analytics": 3300,
}
CONTROL = {"orchestrator": 3123, "metricsd": 3010}  # not among the 13
SANITIZER_FRAME = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ ")
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: \w+Sanitizer|Sanitizer has encountered|runtime error:")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: waits out a limit that cannot be shortened")
    config.addinivalue_line("markers", "long: takes a minute or more, comes with tests/run --long")
    # Each service has a /tmp of its own: what a test puts there no service would see. Tests of packages have no session.
    if "XDG_RUNTIME_DIR" in os.environ:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["XDG_RUNTIME_DIR"]
    os.environ["SYSTEMD_PAGER"] = ""  # in a test's terminal nobody turns pages


def pytest_collection_modifyitems(items):
    if not os.environ.get("TOOLOO_LONG"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="it comes with tests/run --long"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport():
    """A test that fails may have met a unit that did: what systemd says of those comes with it."""
    report = (yield).get_result()
    if report.failed and "XDG_RUNTIME_DIR" in os.environ:
        try:
            units = systemctl("status", "--state=failed", "--lines=30", "--full", "tooloo-*", ok=None).stdout
        except (OSError, subprocess.TimeoutExpired) as e:  # what is wrong there must not hide what the test says
            units = f"systemd cannot be asked: {e}"
        if units:
            report.sections.append(("Units that have failed", units))


def pytest_terminal_summary(terminalreporter):
    pictures = BUILD / "screenshots"
    if "browser" in sys.modules and pictures.is_dir():  # tests/lib/browser.py
        terminalreporter.write_line(f"Screenshots: {pictures}")


# --- Commands ---


def run(*command, ok=True, timeout=60, **more):
    """Runs a command to its end. ok says how that should be: True for success, False for failure, None for either."""
    done = subprocess.run([str(c) for c in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, timeout=timeout, **more)
    if ok is not None and (done.returncode == 0) != ok:
        raise AssertionError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def systemctl(*arguments, **more):
    return run("systemctl", "--user", *arguments, **more)


def toolooctl(*arguments, **more):
    return run("toolooctl", *arguments, **more)


def one_line(done):
    """The one line on stderr that an error is to be."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, f"{len(lines)} lines on stderr: {done.stderr}"
    return lines[0]


def unit_property(unit, name):
    return systemctl("show", "--value", f"--property={name}", unit).stdout.strip()


def main_pid(unit):
    return int(unit_property(unit, "MainPID"))


def kill(unit):
    """kill -9 of the main process, which is dead when this returns; its pid."""
    pid = main_pid(unit)
    fd = os.pidfd_open(pid)
    signal.pidfd_send_signal(fd, signal.SIGKILL)
    select.select([fd], [], [])
    os.close(fd)
    return pid


def status_json(*ids):
    """What `toolooctl status --json` says of each service, by id."""
    done = toolooctl("status", "--json", *ids, ok=None)
    return {s["id"]: s for s in json.loads(done.stdout)["services"]}


def installed_ports():
    """The fleet's ports and those of the control plane, as far as that is installed."""
    return PORTS | {id: port for id, port in CONTROL.items()
                    if unit_property(f"tooloo-{id}.service", "LoadState") == "loaded"}


# --- HTTP ---


def http_request(port, path="/health", method="GET", body=None, headers=None, timeout=PATIENCE, host="127.0.0.1"):
    """Status, headers and body of one request on a connection of its own."""
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def get_json(port, path="/health", **more):
    status, _, body = http_request(port, path, **more)
    assert status == 200, f"{path}: {status} {body!r}"
    return json.loads(body)


def is_listening(port, host="127.0.0.1"):
    with socket.socket() as s:
        s.settimeout(PATIENCE)
        return s.connect_ex((host, port)) == 0


def port_is_free(port):
    for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
        with socket.socket(family) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else TIME_WAIT of old connections counts
            try:
                s.bind((host, port))
                s.listen()
            except OSError:
                return False
    return True


def port_gets_free(port):
    """At once, or within 0.1 s: systemd 257 says that a socket is stopped up to a millisecond before its port is free, and
    nothing tells when that is."""
    deadline = time.monotonic() + 0.1
    while not (free := port_is_free(port)) and time.monotonic() < deadline:
        pass
    return free


# --- Waiting for events ---


class Lines:
    """The lines of a command that goes on, each to be waited for."""

    def __init__(self, *command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more):
        self.process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=stderr, stdin=stdin,
                                        **more)
        self.buffer = b""

    def next(self, deadline):
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line.decode(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def wait_until(condition, events, what, timeout=PATIENCE):
    """Asks again after each event until the condition holds; its value."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if events(deadline) is None or time.monotonic() > deadline:
            value = condition()
            assert value, f"{what}: not within {timeout} s"
            break
    return value


def journal_cursor():
    """Where the journal ends now. What is logged after this call comes after it."""
    run("journalctl", "--sync", ok=None)
    done = run("journalctl", "-n1", "-o", "json", "--output-fields=MESSAGE", ok=None)
    return json.loads(done.stdout.splitlines()[-1])["__CURSOR"]


def start_at(cursor):
    """Not --after-cursor: with a match that the cursor's own entry fails, systemd 252 skips the first one that fits."""
    return ["--cursor", cursor] if cursor else []


def nudge_journal():
    """Writes a line that nobody waits for: without another one, journalctl --follow does not find what it happened to look for
    while journald was writing it (src/shared/journal-follow.h)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald:
        journald.connect("/run/systemd/journal/socket")
        journald.send(b"MESSAGE=nothing else was logged for a while\nPRIORITY=7\nSYSLOG_IDENTIFIER=nudge\n")


class Journal(Lines):
    """The journal of one unit from a cursor on, and all that is yet to come. Messages of systemd about it included."""

    def __init__(self, unit=None, after=None):
        matches = [f"_SYSTEMD_USER_UNIT={unit}", "+", f"USER_UNIT={unit}"] if unit else []
        self.after = after
        start = [*start_at(after), "--no-tail"] if after else ["-n0"]
        super().__init__("journalctl", "-f", "-o", "json", "--all", *start, *matches)

    def entry(self, deadline):
        while time.monotonic() < deadline and self.process.poll() is None:
            line = self.next(min(deadline, time.monotonic() + 2))
            if line is None:
                nudge_journal()
                continue
            entry = json.loads(line)
            if entry["__CURSOR"] != self.after:
                return entry
        return None

    def wait(self, pattern, timeout=PATIENCE):
        """The first entry whose message matches."""
        deadline = time.monotonic() + timeout
        seen = []
        while (entry := self.entry(deadline)) is not None:
            message = message_of(entry)
            if re.search(pattern, message):
                return entry
            seen.append(message)
        raise AssertionError(f"no {pattern!r} in the journal within {timeout} s, but:\n" + "\n".join(seen[-20:]))


def message_of(entry):
    message = entry.get("MESSAGE") or ""
    return bytes(message).decode(errors="replace") if isinstance(message, list) else message


def journal_lines(unit=None, after=None):
    """The messages of a unit and about it. By field, for root's units log to the system's journal."""
    run("journalctl", "--sync", ok=None)
    matches = [f"_SYSTEMD_USER_UNIT={unit}", "+", f"USER_UNIT={unit}"] if unit else []
    done = run("journalctl", "-o", "json", "--all", *start_at(after), *matches, ok=None)
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    return [message_of(entry) for entry in entries if entry["__CURSOR"] != after]


LIBC = ctypes.CDLL(None, use_errno=True)
IN_CHANGES = 0x2 | 0x4 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200  # modify, attrib, close_write, moved, create, delete
IN_CLOSE_NOWRITE = 0x10


class Watch:
    """inotify on one directory."""

    def __init__(self, directory, mask=IN_CHANGES):
        self.fd = LIBC.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or LIBC.inotify_add_watch(self.fd, os.fsencode(directory), mask) < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {directory}")

    def next(self, deadline):
        """The names of the files that something happened to; None when nothing did."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return None
        data, names = os.read(self.fd, 1 << 16), []
        while data:
            size, = struct.unpack_from("I", data, 12)
            names.append(data[16:16 + size].rstrip(b"\0").decode())
            data = data[16 + size:]
        return names

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)


def wait_for_file(path, condition=Path.exists, timeout=PATIENCE):
    with Watch(path.parent) as watch:
        wait_until(lambda: condition(path), watch.next, f"{path}", timeout)


def wait_for_unit(unit, state, timeout=PATIENCE):
    """Until ActiveState is that; asks again whenever the journal says something about the unit."""
    with Journal(unit, after=journal_cursor()) as journal:
        return wait_until(lambda: unit_property(unit, "ActiveState") == state, journal.entry, f"{unit} {state}", timeout)


# --- The fleet ---


def settle_sanitizers():
    """Drop-ins that services built with sanitizers need; none for others."""
    text = Path(unit_property("tooloo-training.service", "FragmentPath")).read_text()
    binary = Path(re.search(r"^ExecStart=(\S+)", text, re.M)[1])
    if b"__asan_init" not in binary.read_bytes():
        return []
    here = Path(__file__).parent
    made = {USER_UNITS / "tooloo-.service.d/50-sanitizer.conf": here / "sanitizer.conf"}
    for id in [*PORTS, *CONTROL]:  # the native ones
        made[USER_UNITS / f"tooloo-{id}.service.d/51-sanitizer-calls.conf"] = here / "sanitizer-calls.conf"
    for path, source in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
    systemctl("daemon-reload")
    let_systemd_go_first()
    return list(made)


def let_systemd_go_first():
    """systemd ends a process by SIGTERM and then SIGCONT. On a busy machine it may lose the processor between the two, and
    LeakSanitizer, which stops the process at its end, waits for ever when the second comes after that: so it does not.
    journald comes before it, for whose line it is can be told only until systemd has taken note of the process's end."""
    if os.geteuid() == 0:
        for priority, unit in enumerate([f"user@{os.getuid()}.service", "systemd-journald.service"], 1):
            pid = run("systemctl", "show", "--property=MainPID", "--value", unit).stdout.strip()
            run("chrt", "--reset-on-fork", "--rr", "--pid", str(priority), pid, ok=None)


LEDGER_USERS = "analytics", "budget", "provider", "reports"


def forget_calls():
    """Calls that failed would be alerts of whatever is tested next."""
    ledger = state_directory("ledger")
    if ledger.is_dir():
        toolooctl("stop", *LEDGER_USERS, ok=None)  # the sockets, too: a probe on its way would start them again
        shutil.rmtree(ledger)


@pytest.fixture(scope="session", autouse=True)
def session():
    """Settles what a sanitizer build needs before the first test, and looks for its reports after the last."""
    drop_ins = settle_sanitizers()
    cursor = journal_cursor()
    yield
    forget_calls()
    if drop_ins:
        toolooctl("stop")
        for path in drop_ins:
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
        systemctl("daemon-reload")
    lines = journal_lines(after=cursor)
    reports = [line for line in lines if SANITIZER_REPORT.search(line)]
    if reports:
        reports += [line for line in lines if SANITIZER_FRAME.search(line)][:40]
    assert not reports, "sanitizer reports in the journal:\n" + "\n".join(reports)


@pytest.fixture(scope="module")
def fleet():
    """The 13 services, running, and the control plane with them; stopped after the last test of the module."""
    toolooctl("start")
    yield PORTS
    toolooctl("stop")


# --- Services of a test ---


class Service:
    """A service like the fleet's, with a module directory of its own and a test module in it."""

    def __init__(self, id, folder):
        self.id = id
        self.unit = f"tooloo-{id}.service"
        self.socket = f"tooloo-{id}.socket"
        self.modules = folder / "modules"
        self.modules.mkdir(parents=True, exist_ok=True)
        self.file = self.modules / f"{id}.so"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]

    def write_units(self, options, settings, routes=""):
        """As installed for training, but for the id, the port, the routes, the module directory and what the test overrides."""
        for suffix in "service", "socket":
            text = Path(unit_property(f"tooloo-training.{suffix}", "FragmentPath")).read_text()
            text = text.replace("3001", str(self.port)).replace("Training Server", f"Test {self.id}")
            text = re.sub(r"^(ExecStart=\S+)", rf"\1 --modules={self.modules} {options}", text, flags=re.M)
            text = re.sub(r"^(Routes|Watch)=.*\n", "", text, flags=re.M)
            text = re.sub(r"^\[X-Tooloo\]$", rf"[X-Tooloo]\nRoutes={routes}", text, flags=re.M) if routes else text
            USER_UNITS.mkdir(parents=True, exist_ok=True)
            (USER_UNITS / f"tooloo-{self.id}.{suffix}").write_text(text)
        folder = USER_UNITS / f"{self.unit}.d"
        folder.mkdir()
        for path in native_drop_ins():
            shutil.copy(path, folder)
        if settings:
            (folder / "60-test.conf").write_text(
                "[Service]\n" + "".join(f"{name}={value}\n" for name, value in settings.items()))
        systemctl("daemon-reload")

    def install(self, module):
        """Puts a built test module, or any file, where the service looks for its module, in one step."""
        source = module if isinstance(module, Path) else MODULES / f"{module}.so"
        new = self.modules / ".new"
        new.write_bytes(source.read_bytes())
        new.rename(self.file)

    def start(self, **more):
        return toolooctl("start", self.id, **more)

    def stop(self):
        return toolooctl("stop", self.id)

    def reload(self, module=None, **more):
        if module:
            self.install(module)
        return toolooctl("reload", self.id, **more)

    def get(self, path="/health", **more):
        return get_json(self.port, path, **more)

    def generation(self):
        return self.get()["generation"]

    def property(self, name):
        return unit_property(self.unit, name)

    def pid(self):
        return int(self.property("MainPID"))

    def status(self):
        return status_json(self.id)[self.id]

    def journal(self, after=None):
        return journal_lines(self.unit, after)

    def state_directory(self):
        return state_directory(self.id)

    def remove(self):
        for _ in range(2):  # a service that crashes, and is started again between the two, opens its socket again
            systemctl("stop", self.socket, self.unit, ok=None)
        systemctl("reset-failed", self.socket, self.unit, ok=None)
        for path in USER_UNITS.glob(f"tooloo-{self.id}.*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(self.state_directory(), ignore_errors=True)
        systemctl("daemon-reload")


def state_directory(id):
    return Path.home() / (".config" if systemd_version() < 254 else ".local/state") / f"tooloo-{id}"


def native_drop_ins():
    """What a service of the fleet's own has beside the drop-ins for all."""
    paths = map(Path, unit_property("tooloo-training.service", "DropInPaths").split())
    return [path for path in paths if path.parent.name == "tooloo-training.service.d"]


def systemd_version():
    return int(run("systemctl", "--version").stdout.split()[1])


@pytest.fixture
def service(tmp_path, request):
    """Makes a service: service("echo", "echo-a", options="--prove-after=100", WatchdogSec="2s"). Removed after the test."""

    def make(id, module, options="", start=True, routes="", **settings):
        it = Service(id, tmp_path / id)
        request.addfinalizer(it.remove)
        it.write_units(options, settings, routes)
        if module:
            it.install(module)
        if start:
            it.start()
        return it

    return make


@pytest.fixture
def echo(service):
    return service("echo", "echo-a")


class Foreign(Service):
    """A service whose program is none of ours."""

    def write_units(self, command, routes, socket_unit, settings):
        """Without a socket unit the port stands in the service's, and whoever listens there is the service: the test itself
        as well."""
        USER_UNITS.mkdir(parents=True, exist_ok=True)
        port = "" if socket_unit else f"Port={self.port}\n"
        (USER_UNITS / self.unit).write_text(
            f"[Unit]\nDescription=Foreign {self.id}\n[Service]\nExecStart={command}\nSlice=tooloo-extended.slice\n"
            + "".join(f"{name}={value}\n" for name, value in settings.items())
            + f"[X-Tooloo]\nRoutes={routes}\n{port}")
        if socket_unit:
            (USER_UNITS / self.socket).write_text(
                f"[Unit]\nDescription=Foreign {self.id} socket\n[Socket]\nListenStream=127.0.0.1:{self.port}\n"
                "Slice=tooloo-extended.slice\n")
        systemctl("daemon-reload")


@pytest.fixture
def foreign(tmp_path, request):
    """Makes one: foreign("raw", "/bin/sleep infinity", "/raw", socket_unit=False, Restart="no"). Removed after the test."""

    def make(id, command, routes, socket_unit=True, start=True, **settings):
        it = Foreign(id, tmp_path / id)
        request.addfinalizer(it.remove)
        it.write_units(command, routes, socket_unit, settings)
        if start:
            it.start()
        return it

    return make
