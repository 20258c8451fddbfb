# SPDX-License-Identifier: MIT
"""A clean root of a Debian release, booted by tests/sandbox for the tests of packages, which run outside of it, as root.

        with CleanRoot("deb-bookworm", "bookworm") as machine:
                machine.root("apt-get", "install", "--yes", package, network=True)
                machine.log_in()
                machine.user("systemctl", "--user", "start", "tooloo.target")
                with machine.loopback():
                        get_json(3000)
"""
import contextlib
import ctypes
import os

from conftest import CHECKOUT, CONTROL, get_json, run

SANDBOX = CHECKOUT / "tests/sandbox"
CLONE_NEWNET = 0x40000000
USER, UID, HOME = "user", 1000, "/home/user"


def set_network(path):
    """This thread, and those that it starts from now on, are in that network."""
    with open(path, "rb") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns to {path}")


class Machine:
    """What tests/sandbox boots with those options."""

    def __init__(self, name, *options):
        self.name, self.options = name, options
        self.network = None

    def __enter__(self):
        run(SANDBOX, "up", "--name", self.name, *self.options, "--private-network", "--owner", os.getpid(), timeout=1800)
        leader = run(SANDBOX, "status", "--name", self.name).stdout.splitlines()[1].split()[2]
        self.network = f"/proc/{leader}/ns/net"
        return self

    def __exit__(self, *_):
        run(SANDBOX, "down", "--name", self.name)

    def root(self, *command, network=False, timeout=600, **more):
        """Runs a command in there as root; with network, in this machine's."""
        option = ["--host-network"] if network else []
        return run(SANDBOX, "exec", "--name", self.name, *option, "--", *command, timeout=timeout, **more)

    def user(self, *command, **more):
        return run(SANDBOX, "run", "--name", self.name, "--", *command, **more)

    @contextlib.contextmanager
    def loopback(self):
        """This thread speaks to the services in there; root may."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        set_network(self.network)
        try:
            yield
        finally:
            set_network(f"/proc/self/fd/{before}")
            os.close(before)

    def files(self):
        """Every path on the root file system in there."""
        return set(self.root("find", "/", "-xdev", "-print").stdout.splitlines())

    def exists(self, path):
        return self.root("test", "-e", path, ok=None).returncode == 0

    def wait_healthy(self):
        self.user("toolooctl", "wait", "--for=healthy", "--timeout=120s", timeout=150)

    def overall(self):
        """What the dashboard says of the fleet: healthy, total, percentage."""
        with self.loopback():
            health = get_json(CONTROL["metricsd"], "/api/v1/metrics/dashboard")["stats"]["serviceHealth"]
        return health["healthy"], health["total"], health["healthPercentage"]


class CleanRoot(Machine):
    def __init__(self, name, release):
        super().__init__(name, "--clean", "--release", release)

    def log_in(self):
        """The user's manager runs when this returns, and goes on running."""
        # As a unit: from systemd 256 on, logind answers no process of a control group outside, which one that was brought in is.
        self.root("systemd-run", "--quiet", "--wait", "--pipe", "loginctl", "enable-linger", USER)
        self.root("systemctl", "start", f"user@{UID}.service")
