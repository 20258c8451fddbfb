# SPDX-License-Identifier: MIT
"""The Debian packages in a clean Debian 12 and a clean Debian 13: install, start, upgrade under load, downgrade, remove, purge.

The tests of one release build on each other, in the order of this file.
"""
import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from clean_root import HOME, USER, CleanRoot
from conftest import CHECKOUT, CONTROL, PATIENCE, PORTS, get_json, http_request, run
from load import Load
from updates import Updates

RELEASES = ["bookworm", "trixie"]
BUILD_SECONDS = 3600
RELEASE_NOTE = "The fleet in packages"
CHANGED, OLD_VERSION, NEW_VERSION = "training", "0.1.0", "0.1.1-changed"
# What apt and the journal keep of what they did, and the temporary directories of what runs.
KEPT = re.compile(r"/var/(cache/apt/|lib/apt/|log/|tmp/systemd-private-)")


@pytest.fixture(scope="session", autouse=True)
def session():
    """In place of tests/conftest.py's: out here there is none."""


@contextlib.contextmanager
def copy_of_tree():
    """A checkout of what is committed here, to change, in which its version has been released."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        copy = Path(folder) / "tooloo"
        run("git", "-c", "safe.directory=*", "clone", "--quiet", CHECKOUT, copy)
        if (CHECKOUT / "build-npm").is_dir():
            shutil.copytree(CHECKOUT / "build-npm", copy / "build-npm", symlinks=True)
        tag = "v" + re.search(r"^ +version : '(.+)'", (copy / "meson.build").read_text(), re.M)[1]
        if tag not in git(copy, "tag").split():
            git(copy, "tag", "--annotate", "--message", RELEASE_NOTE, tag)
        yield copy


def git(checkout, *arguments):
    identity = "-c", "user.name=test", "-c", "user.email=test@localhost"
    return run("git", "-c", "safe.directory=*", *identity, "-C", checkout, *arguments).stdout


def build(checkout, release, output):
    """The packages of a checkout: those without debug symbols, by name."""
    run(checkout / "packaging/build-deb", "--release", release, "--output", output, timeout=BUILD_SECONDS)
    return {p.name.split("_")[0]: p for p in output.glob("*.deb") if "-dbgsym_" not in p.name}


def hashes(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()
            if p.suffix in (".deb", ".xz", ".dsc")}


@pytest.fixture(scope="module", params=RELEASES)
def release(request):
    return request.param


@pytest.fixture(scope="module")
def folder(release):
    """Where the packages go: in the checkout, which the clean root sees too."""
    return CHECKOUT / "build-deb/tests" / release


@pytest.fixture(scope="module")
def packages(release, folder):
    return build(CHECKOUT, release, folder / "first")


@pytest.fixture(scope="module")
def newer(release, folder):
    """The same with one module changed."""
    with copy_of_tree() as copy:
        source = copy / f"src/modules/{CHANGED}/{CHANGED}.c"
        text = source.read_text()
        assert text.count(f'"{OLD_VERSION}"') == 1
        source.write_text(text.replace(f'"{OLD_VERSION}"', f'"{NEW_VERSION}"'))
        git(copy, "commit", "--quiet", "--all", "--message", "Another version of one module")
        return build(copy, release, folder / "newer")


class Machine(CleanRoot):
    """A clean root, what was in it before the package came, and the fleet of its user."""

    def __enter__(self):
        super().__enter__()
        self.root("apt-get", "update", network=True)
        self.before = self.files()
        return self

    def apt(self, *arguments):
        done = self.root("env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "--yes", *arguments, network=True)
        return done.stdout

    def packages(self):
        return set(self.root("dpkg-query", "--show", "--showformat=${Package}\n").stdout.split())

    def wait_healthy(self):
        self.user("toolooctl", "wait", "--for=healthy", "--timeout=120s", timeout=150)


@pytest.fixture(scope="module")
def machine(release):
    with Machine(f"deb-{release}", release) as machine:
        yield machine


# --- The build ---


@pytest.mark.parametrize("package", ["tooloo", "tooloo-dev"])
def test_packages_are_there(packages, package):
    assert package in packages


def test_debug_symbols_are_there(packages, folder):
    assert list((folder / "first").glob("tooloo-dbgsym_*.deb"))


def test_one_commit_gives_the_same_packages(release, packages, folder):
    build(CHECKOUT, release, folder / "second")
    first = hashes(folder / "first")
    assert len(first) >= 4  # two packages, debug symbols, the source
    assert hashes(folder / "second") == first


def changelog(package):
    done = run("sh", "-c", f"dpkg-deb --fsys-tarfile {package} | tar -xO ./usr/share/doc/tooloo/changelog.gz | gunzip")
    return done.stdout


def test_changelog_without_a_tag_names_the_commit(packages):
    if git(CHECKOUT, "tag", "--list", "v*"):
        pytest.skip("there are tags")
    commit = git(CHECKOUT, "rev-parse", "--short=12", "HEAD").strip()
    assert changelog(packages["tooloo"]).splitlines()[2] == f"  * Built from commit {commit}."


def test_changelog_is_made_of_tags(newer):
    text = changelog(newer["tooloo"])
    assert re.match(r"tooloo \([\d.]+\+\d+\) ", text)
    assert f"  * {RELEASE_NOTE}\n" in text or git(CHECKOUT, "tag", "--list", "v*")


# --- In a clean root ---


def test_install_starts_nothing(machine, packages):
    machine.apt("install", packages["tooloo"])
    machine.log_in()
    units = machine.user("systemctl", "--user", "list-units", "--all", "--no-legend", "--plain", "tooloo*").stdout
    assert units == ""
    assert machine.user("systemctl", "--user", "is-enabled", "tooloo.target", ok=False).stdout.strip() == "disabled"
    assert not [p for p in machine.files() - machine.before if p.startswith("/etc/systemd/user/") and "tooloo" in p]


def test_ordinary_user_starts_it(machine):
    assert machine.user("id", "--user", "--name").stdout.strip() == USER
    machine.user("systemctl", "--user", "start", "tooloo.target")
    machine.wait_healthy()
    services = json.loads(machine.user("toolooctl", "status", "--json").stdout)["services"]
    assert set(PORTS) <= {s["id"] for s in services}


def test_dashboard_says_13_of_13(machine):
    with machine.loopback():
        health = get_json(CONTROL["metricsd"], "/api/v1/metrics/dashboard")["stats"]["serviceHealth"]
    assert (health["healthy"], health["total"], health["healthPercentage"]) == (13, 13, 100)


def test_plots_are_in_the_dashboard(machine):
    with machine.loopback():
        status, _, body = http_request(CONTROL["metricsd"], "/control-room/assets/uplot.js")
    assert status == 200 and b"uPlot" in body


def test_doctor_finds_nothing(machine):
    machine.user("toolooctl", "doctor")


@pytest.mark.parametrize("path", [
    "/usr/share/man/man1/toolooctl.1.gz", "/usr/share/man/man5/tooloo.unit.5.gz", "/usr/share/man/man7/tooloo.target.7.gz",
    "/usr/share/man/man8/tooloo-service.8.gz", "/usr/share/man/man8/tooloo-metricsd.8.gz",
    "/usr/share/man/man8/tooloo-watchd.8.gz", "/usr/share/bash-completion/completions/toolooctl",
    "/usr/share/zsh/vendor-completions/_toolooctl", "/usr/share/fish/vendor_completions.d/toolooctl.fish"])
def test_man_pages_and_completions(machine, path):
    assert machine.exists(path)


def test_programs_have_all_their_libraries(machine):
    """What is loaded only when it is asked for, too."""
    assert machine.user("toolooctl", "logs", "training", "--grep", "ready", "-n", "1").returncode == 0
    with machine.loopback(), Updates(CONTROL["metricsd"]) as updates:  # libwebsockets with its libuv loop
        assert updates.next()


class FleetLoad:
    """Keep-alive connections to every service, and who follows the dashboard."""

    def __init__(self, stack):
        self.loads = {id: stack.enter_context(Load(port, connections=2, rate=20, path="/health"))
                      for id, port in (PORTS | CONTROL).items()}

    def all_answer(self):
        for load in self.loads.values():
            load.wait_for(10)

    def complaints(self):
        return {id: str(load.figures) for id, load in self.loads.items()
                if load.figures.failed or load.figures.dropped or load.figures.refused}


    def answered(self):
        return sum(load.figures.ok for load in self.loads.values())


def processes(machine):
    """Who serves, by service."""
    return {id: machine.user("systemctl", "--user", "show", "--value", "--property=MainPID", f"tooloo-{id}.service").stdout
            for id in PORTS | CONTROL}


def wait_for_version(version):
    """Each answer is the wait for the next question."""
    deadline = time.monotonic() + PATIENCE
    while get_json(PORTS[CHANGED])["version"] != version:
        assert time.monotonic() < deadline, f"{CHANGED} is not at version {version} after {PATIENCE} s"


def change_under_load(machine, version, *arguments):
    """Has apt install another package: the one module that differs is taken on, nobody else notices."""
    before = processes(machine)
    with machine.loopback(), contextlib.ExitStack() as stack:
        load = FleetLoad(stack)
        load.all_answer()
        machine.apt("install", *arguments)
        wait_for_version(version)
        load.all_answer()
        complaints, answered = load.complaints(), load.answered()
    print(f"{answered} requests answered meanwhile")
    assert not complaints
    machine.wait_healthy()
    assert processes(machine) == before  # a module alone needs no restart
    machine.user("toolooctl", "doctor")


def test_upgrade_under_load(machine, newer):
    change_under_load(machine, NEW_VERSION, newer["tooloo"])


def test_downgrade_under_load(machine, packages):
    change_under_load(machine, OLD_VERSION, "--allow-downgrades", packages["tooloo"])


def test_user_managers_have_read_the_unit_files(machine):
    for id in PORTS | CONTROL:
        done = machine.user("systemctl", "--user", "show", "--value", "--property=NeedDaemonReload", f"tooloo-{id}.service")
        assert done.stdout.strip() == "no"


def test_nothing_was_enabled_by_the_upgrade(machine):
    assert machine.user("systemctl", "--user", "is-enabled", "tooloo.target", ok=False).stdout.strip() == "disabled"


# With what the package brings alone; tests/integration/test_documented_module.py does all that the README says.
SKELETON = """
cp -r /usr/share/doc/tooloo-dev/examples/skeleton ~/hello
cd ~/hello
make rename ID=hello
make
systemctl --user enable --now ~/hello/tooloo-hello.socket ~/hello/tooloo-hello.service
"""
HELLO_PORT = 4200


def test_module_of_ones_own(machine, packages):
    machine.apt("install", packages["tooloo-dev"])
    machine.user("sh", "-ec", SKELETON, timeout=300)
    try:
        with machine.loopback():
            assert get_json(HELLO_PORT, "/api/v1/hello/greeting/you")
        machine.user("toolooctl", "wait", "hello", "--timeout=60s", timeout=90)
    finally:
        machine.user("systemctl", "--user", "disable", "--now", "tooloo-hello.socket", "tooloo-hello.service")
        machine.user("rm", "-r", f"{HOME}/hello")


def test_remove_stops_it_and_keeps_what_users_have(machine):
    # But for what comes and goes while it runs: copies of modules, journals of the databases.
    kept = {p for p in machine.files() if p.startswith(HOME) and "tooloo" in p and not p.endswith((".so", "-wal", "-shm"))}
    assert any(p.endswith(".db") for p in kept), kept
    machine.apt("remove", "tooloo")
    assert kept <= machine.files()
    units = machine.user("systemctl", "--user", "list-units", "--state=running", "--no-legend", "--plain", "tooloo*").stdout
    assert units == ""


def test_purge_says_where_that_is_and_leaves_nothing_else(release, machine):
    """Beside a root that never had the package, but the same ones else: what those that came with it leave is not its own."""
    said = machine.apt("purge", "tooloo")
    assert "~/.local/state/tooloo-*" in said and "~/.config/systemd/user" in said
    with Machine(f"deb-{release}-without", release) as without:
        without.apt("install", *sorted(machine.packages() - without.packages()))
        without.root("systemctl", "start", "dbus.socket")
        without.log_in()
        left = {p for p in machine.files() - without.files() if not KEPT.match(p)}
    outside = sorted(p for p in left if not p.startswith(f"{HOME}/"))
    assert not outside
    assert all(re.match(rf"{HOME}/\.(local|config|cache)(/|$)", p) for p in left), sorted(left)
