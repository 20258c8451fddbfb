# SPDX-License-Identifier: MIT
"""The container image, unpacked and booted as an engine boots it: its fleet is healthy without a command."""
import json
import tarfile
import tempfile
from pathlib import Path

import pytest
from clean_root import Machine
from conftest import CHECKOUT, run

BUILD_SECONDS = 3600
USER = "tooloo"


@pytest.fixture(scope="session", autouse=True)
def session():
    """In place of tests/conftest.py's: out here there is none."""


@pytest.fixture(scope="module")
def layout():
    """The image as a directory of the OCI layout."""
    archive = CHECKOUT / "build-container/tests/tooloo.oci.tar"
    run(CHECKOUT / "packaging/build-container", "--output", archive, timeout=BUILD_SECONDS)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder)
        yield Path(folder)


@pytest.fixture(scope="module")
def machine(layout):
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        bundle = Path(folder) / "bundle"
        run("umoci", "unpack", "--image", f"{layout}:localhost/tooloo:latest", bundle, timeout=600)
        with Machine("container", "--root", bundle / "rootfs") as machine:
            yield machine


def blob(layout, descriptor):
    return json.loads((layout / "blobs" / descriptor["digest"].replace(":", "/")).read_text())


def test_image_says_how_to_run_it(layout):
    index = json.loads((layout / "index.json").read_text())
    assert len(index["manifests"]) == 1
    config = blob(layout, blob(layout, index["manifests"][0])["config"])["config"]
    assert config["Entrypoint"] == ["/sbin/init"]
    assert config["StopSignal"] == "SIGRTMIN+3"
    assert set(config["Volumes"]) == {f"/home/{USER}"}


def test_fleet_is_healthy_without_a_command(machine):
    machine.wait_healthy()  # it waits, and starts nothing
    assert machine.overall() == (13, 13, 100)
    assert machine.user("id", "--user", "--name").stdout.strip() == USER


def test_nothing_failed_in_there(machine):
    assert machine.root("systemctl", "--failed", "--no-legend", "--plain").stdout == ""
    assert machine.user("systemctl", "--user", "--failed", "--no-legend", "--plain").stdout == ""


def test_doctor_finds_nothing(machine):
    done = machine.user("toolooctl", "doctor", ok=None)
    assert done.returncode == 0, done.stdout + done.stderr
