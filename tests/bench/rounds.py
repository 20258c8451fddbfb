# SPDX-License-Identifier: MIT
"""Change after change of one server under a small load: what each took and what it cost the clients."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from common import HERE, NPM, output, spread, wait_until
from fleet import Prober, descendants, replace_file
from load import Load

SMALL = {"connections": 20, "rate": 200, "websockets": 20, "streams": 5}
SMALL_TEXT = "20 keep-alive connections at 200 requests/s, 20 WebSockets, 5 streams"
COLUMNS = ["rounds", "change -> new answer, ms", "failed", "refused", "keep-alive/20", "WebSocket/20", "SSE/5", "announced"]
EXPLAIN = """\
  All counts a round. failed: requests or messages cut off or answered wrongly; refused: attempts to connect that found
  nobody (each client tries every 50 ms); keep-alive, WebSocket, SSE: how many of those held were lost without notice;
  announced: closed with notice ("Connection: close", code 1012, an ended stream)."""
SETTLE = 0.7  # seconds after the first new answer, for whoever is still being cut off or connecting again


def lost_by_kind(figures):
    """Connections that ended without notice: asking, WebSocket, stream."""
    counts = dict(figures.errors)
    return [sum(n for text, n in counts.items() if text.startswith(kind)) for kind in ("ask:", "talk:", "listen:")]


def snapshot(figures):
    return [figures.failed, figures.refused, *lost_by_kind(figures), figures.parted]


def cost(before, after):
    """Of one round. Who is cut off again while the server comes back has still lost one connection."""
    failed, refused, *lost, announced = [b - a for a, b in zip(before, after)]
    held = SMALL["connections"], SMALL["websockets"], SMALL["streams"]
    return [failed, refused, *map(min, lost, held), announced]


class Rounds:
    def __init__(self, name):
        self.name = name
        self.times = []
        self.spans = []  # the same by the wall clock, as the journal has it
        self.costs = []
        self.pool = ThreadPoolExecutor(1)

    def run(self, port, values, change, path="/echo", settle=SETTLE, timeout=30, keep=True):
        """change(value) is to make the server answer with that value."""
        prober = Prober(port, path, keep=keep)
        with Load(port, **SMALL, path=path) as load:
            load.wait_for(200)
            for value in values:
                before = snapshot(load.figures)
                began, clock = time.monotonic(), time.time()
                # Beside the asking, for some tools come back long after the new code serves.
                changing = self.pool.submit(change, value)
                took = prober.until(value, timeout) - began
                self.times.append(took * 1000)
                self.spans.append((clock, clock + took))
                changing.result()
                time.sleep(settle)
                self.costs.append(cost(before, snapshot(load.figures)))
        return self

    def total(self, column):
        return sum(cost[column] for cost in self.costs)

    def row(self):
        if not self.times:
            return [self.name, 0, *["-"] * (len(COLUMNS) - 1)]
        return [self.name, len(self.times), spread(self.times), *(spread([c[i] for c in self.costs]) for i in range(6))]


# --- The other tools, on server.js ---


class Peer:
    """One tool that runs the Node server. change() saves it anew, as an editor does."""
    PORT = 3960

    def __init__(self, name, *command, then=(), rename=True, **environment):
        self.name, self.command, self.then, self.rename = name, command, then, rename
        self.directory = Path(tempfile.mkdtemp(prefix="tooloo-bench-"))
        self.source = (HERE / "server.js").read_text()
        self.environment = os.environ | {"NODE_PATH": str(NPM / "node_modules"), "PORT": str(self.PORT),
                                         "PM2_HOME": str(self.directory / ".pm2"), **environment}
        self.environment["PATH"] = f"{NPM / 'node_modules/.bin'}:{self.environment['PATH']}"
        self.process = None

    def save(self, value):
        content = self.source.replace("VALUE = 1;", f"VALUE = {value};").encode()
        if self.rename:
            replace_file(self.directory / "server.js", content, ".server.js.new")
        else:
            (self.directory / "server.js").write_bytes(content)

    def tool(self, *command):
        return output(*command, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, timeout=60)

    def change(self, value):
        self.save(value)
        if self.then:
            self.tool(*self.then)

    def __enter__(self):
        self.save(1)
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(self.command, cwd=self.directory, env=self.environment, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        prober = Prober(self.PORT)
        wait_until(lambda: prober.ask() == 1, f"{self.name} serves")
        time.sleep(1)  # nodemon and node --watch may set up their watches after the server's start
        return self

    def __exit__(self, *_):
        if self.command[0] == "pm2":
            self.tool("pm2", "kill")
        for pid in descendants(self.process.pid):  # entr gives its child a process group of its own
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        prober = Prober(self.PORT)
        wait_until(lambda: prober.ask() is None, f"{self.name} ended")
        shutil.rmtree(self.directory, ignore_errors=True)


def nodemon(delay=None):
    options = ("--delay", delay) if delay else ()
    return Peer(f"nodemon --delay {delay}" if delay else "nodemon", "nodemon", "--quiet", *options, "server.js")


def node_watch(rename=True):
    return Peer("node --watch" if rename else "node --watch, saved in place", "node", "--watch", "server.js", rename=rename)


def entr():
    if not shutil.which("entr"):
        print("  entr is not installed, so it is left out")
        return None
    return Peer("entr -r", "sh", "-c", "echo server.js | exec entr -n -r node server.js")


def pm2(graceful=False, workers=2):
    start = ("pm2", "start", "server.js", "-i", str(workers), "--name", "server")
    return Peer(f"pm2 reload, {workers} workers{', SIGINT handled' if graceful else ''}", *start,
                then=("pm2", "reload", "server"), **{"GRACEFUL": "1"} if graceful else {})


def measure_peers(peers, rounds):
    measured = []
    for peer in peers:
        if peer is None:
            continue
        result = Rounds(peer.name)
        try:
            with peer:
                # A connection that is kept would stay with its old worker as long as pm2 lets it.
                result.run(peer.PORT, range(2, rounds + 2), peer.change, timeout=10, keep=peer.command[0] != "pm2")
        except (TimeoutError, RuntimeError) as e:
            print(f"  {peer.name}, after {len(result.times)} rounds: {e}")
        measured.append(result)
    return measured
