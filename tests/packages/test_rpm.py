# SPDX-License-Identifier: MIT
"""The .rpm in a fresh root of this machine's release of Debian, whose libraries it is linked with: installed by rpm --root,
started by an ordinary user, verified, erased. What can be seen on Fedora alone, packaging/rpm/tooloo.spec says.

The tests build on each other, in the order of this file.
"""
import hashlib
import os
import platform
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from clean_root import HOME, UID, USER, Machine
from conftest import CHECKOUT, run

BUILD_SECONDS = 3600
FOLDER = CHECKOUT / "build-rpm/tests"
# In place of systemd's, which Debian has not: it says what the scriptlets ask it for.
HELPER, HELPER_LOG = "usr/lib/systemd/systemd-update-helper", "/var/lib/update-helper"
# What running leaves, with or without the package: systemd's, the journal's, rpm's own data; what makes it a sandbox; and the
# folder of licences, which Fedora's "filesystem" owns.
KEPT = re.compile(rf"/(var/(cache|lib/(systemd|dbus)|lib/update-helper|log|tmp)|tmp|run|root|etc/(\.?pwd\.lock|\.updated|machine-id|"
                  rf"systemd/system/user@{UID}\.service\.d)|home|usr/share/licenses$|var/\.updated)(/|$)")


@pytest.fixture(scope="session", autouse=True)
def session():
    """In place of tests/conftest.py's: out here there is none."""


def build(folder, *options):
    """The packages by name; the source package as "src"."""
    done = run(CHECKOUT / "packaging/build-rpm", "--output", folder, *options, timeout=BUILD_SECONDS)
    paths = [Path(line) for line in done.stdout.splitlines()]
    return {"src" if p.name.endswith(".src.rpm") else p.name.rsplit("-", 2)[0]: p for p in paths}


@pytest.fixture(scope="module")
def packages():
    return build(FOLDER / "first")


def asked(package, tag):
    return run("rpm", "-qp", f"--{tag}", package).stdout.splitlines()


def debian_packages(package):
    """Those that bring the libraries which the .rpm requires."""
    libraries = {m[1] for line in asked(package, "requires") if (m := re.match(r"(lib\S+\.so\.\d+)\(", line))}
    found = run("dpkg-query", "--search", *(f"*/{library}" for library in libraries)).stdout
    return {line.split(":")[0] for line in found.splitlines() if Path(line.rsplit(": ", 1)[1]).name in libraries}


@pytest.fixture(scope="module")
def root(packages):
    """A root directory of its own, with the package in it, and the paths that were there before."""
    needed = run(CHECKOUT / "packaging/install-deps", "--list", "run").stdout.split()
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    cached = run(CHECKOUT / "packaging/debian-root", "--release", release, "--kind", "rpm", "rpm", "systemd-sysv",
                 *sorted(debian_packages(packages["tooloo"]) | set(needed)), timeout=1800).stdout.strip()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        run("cp", "--archive", "--reflink=auto", cached, root, timeout=600)
        run("chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", "--uid", UID, USER)
        (root / "var/lib/systemd/linger").mkdir(exist_ok=True)
        (root / "var/lib/systemd/linger" / USER).touch()
        helper = root / HELPER
        helper.write_text(f'#!/bin/sh\necho "$*" >>{HELPER_LOG}\n')
        helper.chmod(0o755)
        before = {"/" + os.path.relpath(os.path.join(top, name), root)
                  for top, folders, files in os.walk(root) for name in folders + files}
        # Its dependencies are names of Fedora's packages, and there is no such package in there.
        run("rpm", "--root", root, "-i", "--nodeps", packages["tooloo"])
        yield root, before


@pytest.fixture(scope="module")
def machine(root):
    with Machine("rpm", "--root", root[0]) as machine:
        yield machine


# --- The build ---


@pytest.mark.parametrize("package", ["tooloo", "tooloo-devel", "tooloo-debuginfo", "tooloo-debugsource", "src"])
def test_packages_are_there(packages, package):
    assert package in packages


def test_one_commit_gives_the_same_packages(packages):
    second = build(FOLDER / "second", "--no-tests")
    assert {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in second.items()} == \
        {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in packages.items()}


def test_source_package_has_all_that_a_build_takes(packages, tmp_path):
    """Fedora's tools begin with it: nothing is left to be filled in, and uPlot is in there."""
    run("sh", "-c", 'rpm2cpio "$1" | cpio --extract --quiet', "sh", packages["src"], cwd=tmp_path)
    spec = (tmp_path / "tooloo.spec").read_text()
    assert not re.search(r"@[A-Z]+@", spec)
    sources = [tmp_path / name for name in run("rpmspec", "--parse", "--load", CHECKOUT / "packaging/rpm/macros.debian",
                                               tmp_path / "tooloo.spec").stdout.splitlines() if name.startswith("Source")
               for name in [name.split()[1]]]
    assert len(sources) == 2
    names = "".join(run("tar", "--list", "--file", source).stdout for source in sources)
    assert "/packaging/rpm/tooloo.spec\n" in names and "/uPlot.iife.min.js\n" in names


# --- In a root of its own ---


def test_install_starts_nothing(machine):
    assert machine.user("systemctl", "--user", "list-units", "--all", "--no-legend", "--plain", "tooloo*").stdout == ""
    assert not machine.exists("/etc/systemd/user/default.target.wants/tooloo.target")


def test_scriptlet_tells_systemd_of_the_new_units(machine):
    assert machine.root("cat", HELPER_LOG).stdout == "install-user-units tooloo.target tooloo-dev.target\n"


def test_ordinary_user_starts_it(machine):
    assert machine.user("id", "--user", "--name").stdout.strip() == USER
    machine.user("systemctl", "--user", "start", "tooloo.target")
    machine.wait_healthy()
    assert machine.overall() == (13, 13, 100)


def test_doctor_finds_nothing(machine):
    done = machine.user("toolooctl", "doctor", ok=None)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_as_they_were_packaged(machine):
    assert machine.root("rpm", "--verify", "--nodeps", "tooloo").stdout == ""


def test_nothing_is_left_of_it(machine, root):
    owned = machine.root("rpm", "--query", "--list", "tooloo").stdout.splitlines()
    assert len(owned) > 100
    machine.user("systemctl", "--user", "stop", "tooloo.target")
    machine.root("rpm", "--erase", "tooloo")
    assert machine.root("tail", "-n", "1", HELPER_LOG).stdout == "remove-user-units tooloo.target tooloo-dev.target\n"
    here = {f"/{p.relative_to('/')}" for p in (CHECKOUT, *CHECKOUT.parents)}  # the sandbox shows the checkout
    left = {p for p in machine.files() - root[1] - here - {"/"} if not KEPT.match(p)}
    assert not sorted(left)
    assert not [p for p in machine.files() if "tooloo" in p and not p.startswith((HOME, "/run", str(CHECKOUT), "/etc/systemd/"))
                and p not in root[1]]
