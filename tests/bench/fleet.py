# SPDX-License-Identifier: MIT
"""The fleet from inside the sandbox: its units, its processes, the service that tests reload."""
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from common import output, wait_until

ECHO_PORT = 3950
BUS = "ai.tooloo.Service."


def systemctl(*arguments):
    return output("systemctl", "--user", *arguments)


def show(unit, name):
    return systemctl("show", "--value", f"--property={name}", unit).strip()


def wait_for_manager():
    """Until it has its name on the bus: systemctl does not need that, all others do."""
    wait_until(lambda: subprocess.run(["busctl", "--user", "status", "org.freedesktop.systemd1"], check=False,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0,
               "the user manager on the bus")


def install_echo(modules):
    """tooloo-echo.service, made of a real service's units; the caller puts echo.so there first."""
    target = Path.home() / ".config/systemd/user"
    target.mkdir(parents=True, exist_ok=True)
    for kind in "service", "socket":
        path = Path(show(f"tooloo-cup.{kind}", "FragmentPath"))
        port = re.search(r":(\d+)$", Path(show("tooloo-cup.socket", "FragmentPath")).read_text(), re.M)[1]
        text = path.read_text().replace(port, str(ECHO_PORT)).replace("Cup Server", "Echo")
        text = re.sub(r"^(Routes|Watch)=.*\n", "", text, flags=re.M).replace("cup", "echo")
        (target / f"tooloo-echo.{kind}").write_text(text)
    sandbox = target / "tooloo-echo.service.d"
    sandbox.mkdir(exist_ok=True)
    shutil.copy(next(p for p in show("tooloo-cup.service", "DropInPaths").split() if p.endswith("/15-native.conf")), sandbox)
    systemctl("daemon-reload")


def replace_file(path, content, temporary):
    """As an editor or an installer does: a new file, then a rename over the old one."""
    new = path.with_name(temporary)
    new.write_bytes(content)
    new.rename(path)


def publish(module, content):
    """As the watcher does: made whole in a directory that nobody watches, then renamed."""
    new = module.parent.parent / "staging" / module.name
    new.write_bytes(content)
    new.rename(module)


def bus_property(service, name):
    answer = output("busctl", "--user", "--json=short", "get-property", BUS + service, "/ai/tooloo/Service",
                    "ai.tooloo.Service1", name)
    return json.loads(answer)["data"]


def bus_reload(service):
    """Asks the host itself: outcome, generation, pause in microseconds."""
    answer = output("busctl", "--user", "--json=short", "call", BUS + service, "/ai/tooloo/Service",
                    "ai.tooloo.Service1", "Reload", "b", "false")
    return json.loads(answer)["data"]


def main_pid(unit):
    return int(show(unit, "MainPID"))


def memory(pid):
    """The fields of smaps_rollup, in KiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return {name: int(n) for name, n in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}


def descendants(pid):
    """The process and all below it."""
    found = [pid]
    for process in found:
        try:
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except OSError:
            continue
        found += map(int, children)
    return found


def journal_cursor():
    return json.loads(output("journalctl", "-n1", "-o", "json").splitlines()[-1])["__CURSOR"]


def journal_since(cursor):
    """The entries, oldest first, with their time in seconds."""
    lines = output("journalctl", f"--after-cursor={cursor}", "-o", "json").splitlines()
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        entry["at"] = int(entry.get("_SOURCE_REALTIME_TIMESTAMP", entry["__REALTIME_TIMESTAMP"])) / 1e6
    return [e for e in entries if int(e.get("_UID", -1)) == os.getuid()]


class Prober:
    """Asks again and again for a number in the answer: on one keep-alive connection, or on a new one each time."""

    def __init__(self, port, path="/echo", field="value", keep=True):
        self.port, self.keep = port, keep
        self.request = f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode()
        self.pattern = re.compile(rb'"' + field.encode() + rb'": ?"?([0-9]+)')
        self.lost = 0
        self.socket = None

    def ask(self):
        """The number; None when nobody answered."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.sendall(self.request)
            answer = b""
            while not (match := self.pattern.search(answer + b" ")):
                chunk = self.socket.recv(4096)
                if not chunk:
                    raise ConnectionResetError
                answer += chunk
            if not self.keep:
                self.socket.close()
                self.socket = None
            return int(match[1])
        except OSError:
            if self.socket:
                self.lost += 1
                self.socket.close()
            self.socket = None
            return None

    def until(self, wanted, timeout=30):
        """The moment of the first answer with that number, by time.monotonic(). It asks once a millisecond: without a
        pause it would take the time of whoever builds or starts what it waits for."""
        deadline = time.monotonic() + timeout
        while True:
            if self.ask() == wanted:
                return time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer {wanted} in {timeout} s on port {self.port}")
            time.sleep(0.001)
