# SPDX-License-Identifier: MIT
"""What a service may not do, tried from inside one, and what must go on working all the same.

Each operation is tried by two services with the same code: "probe" stands in the sandbox that the fleet's own services
have, "free" in none. So what probe is refused is refused by the sandbox, and by nothing else.
"""
import contextlib
import os
import platform
import re
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import (CHECKOUT, PORTS, USER_UNITS, Journal, Service, get_json, http_request, journal_cursor, main_pid, run,
                      systemctl, systemd_version, toolooctl, unit_property)

ROOT = os.geteuid() == 0
RUNTIME = Path(os.environ["XDG_RUNTIME_DIR"])
SANDBOX = ["11-sandbox.conf", "12-namespaces.conf", "15-native.conf", "51-sanitizer-calls.conf"]
# These run other people's programs, or nothing for long: no sandbox on purpose. The last one has to look into other
# processes, which is what a sandbox keeps it from.
HELPERS = {"tooloo-watchd.service", "tooloo-reload.service", "tooloo-reload-again.service", "tooloo-reload@.service",
           "tooloo-upgrade.service", "tooloo-upgrade-again.service", "tooloo-scale@.service", "tooloo-port-owner@.service"}
# "systemd-analyze security" of 252 and of 257, in tenths. It counts settings by their names.
EXPOSURE_NATIVE_MAX = 25
EXPOSURE_FOREIGN_MAX = 28
EXPOSURE_DEBUG = 2

AF_PACKET, AF_VSOCK = 17, 40
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000


def mask(unit, names):
    folder = USER_UNITS / f"{unit}.d"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to("/dev/null")
    systemctl("daemon-reload")


@contextlib.contextmanager
def without(it, name):
    """The service, run without that drop-in."""
    path = USER_UNITS / f"{it.unit}.d" / name
    before = path.read_bytes() if path.exists() else None
    mask(it.unit, [name])
    try:
        it.restart()
        yield
    finally:
        path.unlink()
        if before:
            path.write_bytes(before)
        systemctl("daemon-reload")
        it.restart()


class Prober(Service):
    def restart(self):
        toolooctl("restart", self.id)

    def outcome(self, op, path="", number=0):
        return self.get("/try?" + urlencode({"op": op, "path": path, "number": number}))["outcome"]


@pytest.fixture(scope="module")
def probers(tmp_path_factory):
    """The one in the sandbox and the one without."""
    made = [Prober(id, tmp_path_factory.mktemp(id)) for id in ("probe", "free")]
    try:
        for it in made:
            it.write_units("", {})
            it.install(it.id)
        mask("tooloo-free.service", SANDBOX)
        for it in made:
            it.start()
        yield made
    finally:
        for it in made:
            it.remove()


@pytest.fixture
def probe(probers):
    return probers[0]


@pytest.fixture
def free(probers):
    return probers[1]


def forbidden(probers, outcome, op, path="", number=0):
    """By the sandbox alone."""
    probe, free = probers
    assert probe.outcome(op, path, number) == outcome
    assert free.outcome(op, path, number) == "OK"


# --- Files ---


@pytest.fixture
def folders(free):
    """Places that belong to somebody else, by name; all of them the user's to write."""
    home = Path(tempfile.mkdtemp(prefix=".tooloo-test-", dir=Path.home()))
    yield {"home": home, "units": USER_UNITS, "modules": free.modules, "state": free.state_directory(),
           "runtime": RUNTIME / "tooloo-free"}
    shutil.rmtree(home)


@pytest.mark.parametrize("place", ["home", "units", "modules", "state", "runtime"])
def test_nothing_of_anybody_else_is_written(probers, folders, place):
    path = folders[place] / "tooloo-test.new"
    try:
        forbidden(probers, "EROFS", "write", path)
        assert path.exists()  # the free one made it
        forbidden(probers, "EROFS", "write", path)
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.skipif(not ROOT, reason="only root could write there anyway")
@pytest.mark.parametrize("path", ["/usr/tooloo-test", "/etc/tooloo-test", "/var/lib/tooloo-test", "/proc/sys/net/core/somaxconn"])
def test_the_system_is_not_written(probers, path):
    there = Path(path).exists()
    try:
        forbidden(probers, "EROFS", "write", path)
    finally:
        if not there:
            Path(path).unlink(missing_ok=True)


def test_the_source_tree_is_not_written(probe, free):
    path = CHECKOUT / "tooloo-test.new"
    # A tree below /tmp is not even seen.
    assert probe.outcome("write", path) == ("ENOENT" if CHECKOUT.is_relative_to("/tmp") else "EROFS")
    try:
        assert free.outcome("write", path) == ("OK" if os.access(CHECKOUT, os.W_OK) else "EACCES")
    finally:
        path.unlink(missing_ok=True)


def test_control_groups_are_not_changed(probers, probe):
    group = unit_property(probe.unit, "ControlGroup").lstrip("/")
    for top in "", "unified", "systemd":
        path = Path("/sys/fs/cgroup") / top / group
        if path.is_dir() and os.access(path, os.W_OK):
            forbidden(probers, "EROFS", "mkdir", path / "tooloo-test")
            (path / "tooloo-test").rmdir()
            return
    pytest.fail("the service has no control group of this user's")


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp"])
def test_tmp_is_private(probers, folder):
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"secret")
        file.flush()
        forbidden(probers, "ENOENT", "read", file.name)
    path = Path(folder) / "tooloo-test-of-probe"
    assert probers[0].outcome("write", path) == "OK"
    assert not path.exists()


@pytest.mark.skipif(not ROOT, reason="only root may put something into /dev")
def test_devices_are_hidden(probers):
    path = Path("/dev/tooloo-test")
    path.write_text("a device")
    try:
        forbidden(probers, "ENOENT", "read", path)
    finally:
        path.unlink()


# --- Other processes ---


def test_no_process_outside_is_looked_into(probers):
    forbidden(probers, "EACCES", "read", f"/proc/{os.getpid()}/environ")


def test_no_sibling_is_traced(probers, probe, free):
    # Each has the other for its target, so "free" shows what a service could do to one that is sandboxed.
    assert probe.outcome("ptrace", number=free.pid()) == "EPERM"
    assert probe.outcome("read-memory", number=free.pid()) == "EACCES"
    assert free.outcome("ptrace", number=probe.pid()) == "OK"
    assert free.outcome("read-memory", number=probe.pid()) == "OK"


# --- The kernel ---


@pytest.mark.parametrize("op", ["map", "make-executable"])
def test_memory_is_not_both_written_and_executed(probers, op):
    # By a filter; where systemd knows prctl(PR_SET_MDWE), by that, with another word for it.
    forbidden(probers, "EPERM" if systemd_version() < 254 else "EACCES", op)


def test_personality_is_locked(probers):
    forbidden(probers, "EPERM", "personality")


def test_no_user_namespace_of_its_own(probers):
    forbidden(probers, "EPERM", "unshare", number=CLONE_NEWUSER)


@pytest.mark.skipif(not ROOT, reason="only root could anyway")
@pytest.mark.parametrize("kind", [CLONE_NEWNS, CLONE_NEWNET], ids=["mount", "network"])
def test_no_other_namespace_of_its_own(probers, kind):
    forbidden(probers, "EPERM", "unshare", number=kind)


@pytest.mark.skipif(not ROOT, reason="only root could anyway")
def test_nothing_is_mounted(probers, folders):
    forbidden(probers, "EPERM", "mount", folders["home"])


def test_no_setuid_file(probe, free):
    assert probe.outcome("setuid-file", probe.state_directory() / "setuid") == "EPERM"
    assert free.outcome("setuid-file", free.state_directory() / "setuid") == "OK"
    assert (free.state_directory() / "setuid").stat().st_mode & stat.S_ISUID


def test_owners_and_priorities_stay(probe, free):
    for it, errno in (probe, "EPERM"), (free, "OK"):
        assert it.outcome("nice") == errno
        assert it.outcome("chown", it.state_directory()) == errno


@pytest.mark.skipif(not ROOT, reason="only root could anyway")
def test_no_realtime(probers, probe):
    forbidden(probers, "EPERM", "realtime")
    with without(probe, "12-namespaces.conf"), without(probe, "15-native.conf"):  # which forbid it a second time
        assert probe.outcome("nice") == "OK"
        forbidden(probers, "EPERM", "realtime")


def test_no_unusual_system_call(probers):
    forbidden(probers, "EPERM", "open-tree")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a way into the kernel that only x86-64 has")
def test_no_system_call_of_another_architecture(probers, free):
    if free.outcome("32-bit") != "OK":
        pytest.skip("this kernel runs no programs of 32 bits")
    forbidden(probers, "SYS", "32-bit")


@pytest.mark.skipif(not ROOT, reason="only root could anyway")
def test_no_raw_socket(probers):
    forbidden(probers, "EAFNOSUPPORT", "socket", number=AF_PACKET)


def test_no_exotic_socket(probers):
    try:
        socket.socket(AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError:
        pytest.skip("this machine has no such sockets")
    forbidden(probers, "EAFNOSUPPORT", "stream-socket", number=AF_VSOCK)


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6], ids=["unix", "inet", "inet6"])
def test_ordinary_sockets(probe, family):
    assert probe.outcome("socket", number=int(family)) == "OK"
    assert probe.outcome("stream-socket", number=int(family)) == "OK"


# --- What must go on working ---


def test_directories_are_the_services_own(probe):
    for folder in probe.state_directory(), RUNTIME / "tooloo-probe":
        path = folder / "file"
        assert probe.outcome("write", path) == "OK"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600  # UMask=
        path.unlink()


def test_reload_journal_and_bus(probe):
    cursor = journal_cursor()
    before = probe.generation()
    assert probe.reload("probe").returncode == 0
    assert probe.generation() == before + 1
    assert any("Reloaded" in line for line in probe.journal(after=cursor))
    assert systemctl("reload", probe.unit).returncode == 0  # busctl, by ExecReload=
    assert probe.generation() == before + 2
    assert probe.outcome("write", Path.home() / "tooloo-test.new") == "EROFS"


# --- All services ---


def status_field(pid, name):
    return re.search(rf"^{name}:\s*(\S+)$", Path(f"/proc/{pid}/status").read_text(), re.M)[1]


def devices(pid):
    return {path.name for path in Path(f"/proc/{pid}/root/dev").iterdir()
            if stat.S_ISCHR(path.lstat().st_mode) or stat.S_ISBLK(path.lstat().st_mode)}


def mounts(pid):
    """Options of each mount by its place; the last one there is what is seen."""
    fields = (line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines())
    return {f[4]: f[5].split(",") for f in fields}


def test_every_service_of_the_fleet_is_in_the_sandbox(fleet):
    for id in fleet:
        pid = main_pid(f"tooloo-{id}.service")
        assert int(status_field(pid, "CapBnd"), 16) == 0, id
        assert status_field(pid, "NoNewPrivs") == "1", id
        assert status_field(pid, "Seccomp") == "2", id
        assert status_field(pid, "Umask") == "0077", id
        for kind in "user", "mnt":
            assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), id
        seen = mounts(pid)
        for place in "/", "/sys", "/proc/sys":
            assert "ro" in seen[place], f"{id}: {place}"
        assert devices(pid) <= {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"}, id


def exposure(unit):
    """In tenths."""
    done = run("systemd-analyze", "--user", "--no-pager", "security", unit, ok=None)
    return int(re.search(r"Overall exposure level for \S+: (\d+)\.(\d)", done.stdout).expand(r"\1\2"))


def test_exposure():
    folder = Path(unit_property("tooloo.target", "FragmentPath")).parent
    units = {path.name for path in folder.glob("tooloo-*.service")}
    assert units >= HELPERS | {f"tooloo-{id}.service" for id in PORTS}
    exposed = {unit: exposure(unit) for unit in units - HELPERS}
    limit = EXPOSURE_NATIVE_MAX
    if "ptrace" in unit_property("tooloo-training.service", "SystemCallFilter").split():
        limit += EXPOSURE_DEBUG  # sanitizer-calls.conf
    assert {unit: level for unit, level in exposed.items() if level > limit} == {}


def test_helpers_are_not_hindered():
    for unit in HELPERS:
        for name, value in {"PrivateUsers": "no", "ProtectSystem": "no", "SystemCallFilter": "~"}.items():
            assert unit_property(unit.replace("@.", "@3005."), name) == value


# --- Foreign programs: the drop-ins for all, and nothing else ---

PYTHON = """
import http.server, json, mmap, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = {}
        for name, path in (("home", sys.argv[2]), ("given", sys.argv[3]), ("state", os.environ["STATE_DIRECTORY"])):
            try:
                open(path + "/file", "w").close()
                said[name] = "OK"
            except OSError as e:
                said[name] = e.strerror
        mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.serve_forever()
"""

# A hot loop for the compiler, a thread, and the thread pool that reads files.
NODE = """
const http = require('http'), fs = require('fs'), { Worker } = require('worker_threads');
let sum = 0;
for (let i = 0; i < 3e7; i++) sum = (sum + i * i) % 1000003;
const worker = new Worker("require('worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
const answer = new Promise(resolve => worker.once('message', resolve));
http.createServer(async (request, response) => {
        const said = {};
        for (const [name, path] of [['home', process.argv[3]], ['given', process.argv[4]], ['state', process.env.STATE_DIRECTORY]])
                said[name] = await fs.promises.writeFile(path + '/file', '').then(() => 'OK', e => e.code == 'EROFS' ?
                        'Read-only file system' : e.code);
        if (await answer == 42 && sum >= 0)
                response.end(JSON.stringify(said));
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
"""


@pytest.fixture
def foreign(tmp_path, folders):
    """Makes a service of a program that knows nothing of us; one folder below $HOME is given to it in its own unit file."""
    unit = "tooloo-foreign.service"
    file, port = USER_UNITS / unit, 3960
    given = folders["home"] / "given"
    given.mkdir()

    def make(program, source):
        script = tmp_path / "server"
        script.write_text(source)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[Unit]\nDescription=Foreign\n[Service]\nReadWritePaths={given}\n"
                        f"ExecStart={program} {script} {port} {folders['home']} {given}\n"
                        f"Slice=tooloo-extended.slice\n[X-Tooloo]\nPort={port}\n")
        systemctl("daemon-reload")
        with Journal(unit, after=journal_cursor()) as journal:
            toolooctl("start", "foreign")
            journal.wait("^listening$")
        return unit, port

    yield make
    systemctl("stop", unit, ok=None)
    file.unlink(missing_ok=True)
    systemctl("daemon-reload")


@pytest.mark.parametrize("program, source", [("python3", PYTHON), ("node", NODE)], ids=["python", "node"])
def test_foreign_program(foreign, program, source):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    unit, port = foreign(shutil.which(program), source)
    assert get_json(port, "/") == {"home": "Read-only file system", "given": "OK", "state": "OK"}
    assert exposure(unit) <= EXPOSURE_FOREIGN_MAX


# --- Where it cannot be set up ---


def test_a_sandbox_that_cannot_be_set_up_is_named(probe):
    drop_in = USER_UNITS / f"{probe.unit}.d/20-wrong.conf"
    drop_in.write_text("[Service]\nReadWritePaths=/nowhere/at/all\n")
    systemctl("daemon-reload")
    try:
        done = toolooctl("restart", "probe", ok=False)
        assert "its sandbox cannot be set up" in done.stderr and "226/NAMESPACE" in done.stderr
    finally:
        drop_in.unlink()
        systemctl("daemon-reload")
    probe.start()
    assert http_request(probe.port)[0] == 200


def test_without_namespaces_it_still_runs(probe):
    """What tooloo-service(8) tells those to do whose kernel gives them no user namespaces."""
    with without(probe, "12-namespaces.conf"):
        assert os.readlink(f"/proc/{probe.pid()}/ns/user") == os.readlink("/proc/self/ns/user")
        assert probe.outcome("unshare", number=CLONE_NEWUSER) == "EPERM"  # the rest holds
        assert probe.reload("probe").returncode == 0
