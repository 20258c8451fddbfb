# SPDX-License-Identifier: MIT
"""Services of one's own: tooloo-watchd follows their Watch=, and a change goes live by tooloo-reload@ID.service.

What must *not* happen is bounded by an event after it: a change of a second service, made later, is live, or watchd has
taken a look at everything and said so.
"""
import os
import shutil
import subprocess
import time
import urllib.parse

import pytest
from conftest import (CONTROL, PATIENCE, USER_UNITS, Journal, get_json, http_request, journal_cursor, journal_lines,
                      status_json, systemctl, toolooctl, unit_property, wait_for_unit, wait_until)
from test_metricsd import Updates

WATCHD = "tooloo-watchd.service"
PORT = 8161
LIVE = 60  # seconds; a sanitizer build on a busy machine is slow

# It answers with what app.txt held when it started, and does first what the test put into hook.sh.
PROGRAM = """
import http.server, pathlib, subprocess, sys
here = pathlib.Path(sys.argv[2])
hook = pathlib.Path(sys.argv[3])
if hook.exists():
    subprocess.run(["/bin/sh", hook], check=True)
text = (here / "app.txt").read_bytes()
if text.startswith(b"broken"):
    sys.exit("broken, as the test wants it")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Own:
    """A service of one's own that watches a directory."""

    def __init__(self, id, port, top):
        self.id, self.port, self.unit = id, port, f"tooloo-{id}.service"
        self.home = top / id
        self.hook = top / f"{id}-hook.sh"
        self.program = top / f"{id}.py"
        self.file = self.home / "app.txt"
        self.unit_file = USER_UNITS / self.unit

    def install(self, text="one", settings="", watch=None, service="", on_change=""):
        self.home.mkdir(exist_ok=True)
        self.file.write_text(text)
        self.program.write_text(PROGRAM)
        USER_UNITS.mkdir(parents=True, exist_ok=True)
        self.unit_file.write_text(
            f"[Unit]\nDescription={self.id}\nWants={WATCHD}\n"
            f"[Service]\nExecStart=/usr/bin/python3 -u {self.program} {self.port} {self.home} {self.hook}\n"
            f"Slice=tooloo-extended.slice\nReadWritePaths={self.home}\n{service}\n"
            f"[X-Tooloo]\nPort={self.port}\nHealthPath=/\nWatch={watch or self.home}\n{settings}\n"
            + (f"OnChange={on_change}\n" if on_change else ""))
        self.cursor = journal_cursor()  # where watchd runs already, it follows the service from the next line on
        systemctl("daemon-reload")
        return self

    def start(self):
        with Journal(WATCHD, after=self.cursor) as journal:
            systemctl("start", self.unit)
            journal.wait(rf"^{self.id}: watching \d+ file", timeout=LIVE)
        self.wait_for_answer(self.file.read_text())
        return self

    def answer(self):
        try:
            return http_request(self.port, "/")[2].decode()
        except OSError:
            return None

    def wait_for_answer(self, text):
        """Polls, for a program in Python says to nobody when it listens."""
        deadline = time.monotonic() + LIVE
        while self.answer() != text:
            assert time.monotonic() < deadline, f"{self.id} answers {self.answer()!r}, not {text!r}"

    def save(self, text):
        """As editors do: a new file, renamed over the old one. Returns when watchd says what came of it."""
        with Journal(WATCHD, after=journal_cursor()) as journal:
            replace(self.file, text)
            return journal.wait(rf"^{self.id}: (live in|the change is not live)", timeout=LIVE)

    def runs(self, cursor):
        return sum(line.startswith("Starting tooloo-reload@") for line in journal_lines(f"tooloo-reload@{self.id}.service",
                                                                                         after=cursor))

    def remove(self):
        systemctl("stop", self.unit)
        self.unit_file.unlink(missing_ok=True)
        self.hook.unlink(missing_ok=True)
        shutil.rmtree(self.home, ignore_errors=True)


def replace(path, text):
    new = path.with_name(path.name + ".new~")
    new.write_text(text)
    new.rename(path)


@pytest.fixture
def own(tmp_path):
    """Makes services; takes them away again."""
    made = []

    def make(id="own-one", port=PORT):
        made.append(Own(id, port, tmp_path))
        return made[-1]

    yield make
    for o in made:
        o.remove()
    systemctl("daemon-reload")
    systemctl("stop", WATCHD)
    systemctl("reset-failed")


def test_a_save_goes_live(own):
    o = own().install().start()
    systemctl("start", WATCHD)  # it is until that has said READY=1
    assert "Watching the files of 1 service" in unit_property(WATCHD, "StatusText")
    assert unit_property("tooloo-dev.target", "ActiveState") == "inactive"
    cursor = journal_cursor()
    entry = o.save("two")
    o.wait_for_answer("two")
    assert entry["TOOLOO_EVENT"] == "change-live" and entry["TOOLOO_TARGET"] == o.id
    assert entry["TOOLOO_FILE"] == str(o.file) and int(entry["TOOLOO_DURATION_USEC"]) > 0
    assert o.runs(cursor) == 1


def test_what_is_no_change_or_no_code_reloads_nothing(own):
    o, other = own().install(settings='Ignore=*.css data/').start(), own("own-two", PORT + 1).install().start()
    cursor = journal_cursor()
    os.utime(o.file)
    replace(o.file, "one")
    for name in ".git/index", "node_modules/x/y.js", "__pycache__/a.pyc", "x.css", "data/deep/x.py", "x.log", ".app.swp", "x~":
        (o.home / name).parent.mkdir(parents=True, exist_ok=True)
        (o.home / name).write_text("x")
    other.save("two")
    assert o.runs(cursor) == 0 and other.runs(cursor) == 1
    (o.home / "data2").mkdir()
    with Journal(WATCHD, after=journal_cursor()) as journal:
        (o.home / "data2/x.py").write_text("code")
        entry = journal.wait(rf"^{o.id}: live in", timeout=LIVE)
    assert entry["TOOLOO_FILE"] == str(o.home / "data2/x.py")


def test_stopped_is_not_started(own):
    o, other = own().install().start(), own("own-two", PORT + 1).install().start()
    systemctl("stop", o.unit)
    cursor = journal_cursor()
    replace(o.file, "two")
    other.save("two")
    assert unit_property(o.unit, "ActiveState") == "inactive" and o.runs(cursor) == 0
    systemctl("start", o.unit)
    o.wait_for_answer("two")
    o.save("three")
    o.wait_for_answer("three")


def test_on_change_none(own):
    o, other = own().install(on_change="none"), own("own-two", PORT + 1).install().start()
    systemctl("start", o.unit)
    o.wait_for_answer("one")
    cursor = journal_cursor()
    replace(o.file, "two")
    other.save("two")
    assert o.runs(cursor) == 0 and o.answer() == "one"


def test_a_change_during_a_reload_leads_to_another(own, tmp_path):
    """The first reload is held in the start of the service; what is saved meanwhile is live in the end, by one more run."""
    gate, entered, flag = tmp_path / "gate", tmp_path / "entered", tmp_path / "flag"
    for fifo in gate, entered:
        os.mkfifo(fifo)
    hold = tmp_path / "hold.sh"
    hold.write_text(f"test ! -e {flag} || {{ echo > {entered}; read x < {gate}; }}; exit 0\n")
    o = own().install(service=f"ExecStartPre=/bin/sh {hold}").start()
    cursor = journal_cursor()
    flag.touch()
    with Journal(WATCHD, after=cursor) as journal:
        replace(o.file, "two")
        with open(entered):
            pass  # the first run is on, and waits
        for text in "three", "four":
            replace(o.file, text)
        flag.unlink()
        with open(gate, "w"):
            pass
        for _ in range(2):
            journal.wait(rf"^{o.id}: live in", timeout=LIVE)
    o.wait_for_answer("four")
    assert o.runs(cursor) == 2


def test_failure_is_told_and_the_next_save_mends_it(own):
    """A reload whose service does not come up leaves a line in STATUS; once systemd has given up, the save that mends it starts it."""
    o = own().install(service="Type=exec\nRestart=no").start()
    replace(o.file, "broken")
    wait_for_unit(o.unit, "failed", timeout=LIVE)
    o.save("mended")
    o.wait_for_answer("mended")
    assert "Watching the files of 1 service" == unit_property(WATCHD, "StatusText")


def test_a_reload_that_fails_is_told(own):
    o = own().install(service="ExecReload=/bin/false").start()
    entry = o.save("two")
    assert entry["TOOLOO_EVENT"] == "change-failed" and "tooloo-reload@own-one.service" in entry["TOOLOO_REASON"]
    assert "own-one: tooloo-reload@own-one.service did not start" in unit_property(WATCHD, "StatusText")
    assert "tooloo-reload@own-one" in status_json(o.id)[o.id]["problem"]
    assert o.answer() == "one"


def test_directories_come_and_go(own, tmp_path):
    o = own().install(watch=f"{tmp_path}/later/deep {tmp_path}/own-one").start()
    deep = tmp_path / "later/deep"

    def expect_live(act, file):
        with Journal(WATCHD, after=journal_cursor()) as journal:
            act()
            assert journal.wait(rf"^{o.id}: live in", timeout=LIVE)["TOOLOO_FILE"] == str(file)

    expect_live(lambda: (deep.mkdir(parents=True), (deep / "x.py").write_text("1")), deep / "x.py")
    expect_live(lambda: (tmp_path / "later").rename(tmp_path / "away"), deep / "x.py")
    expect_live(lambda: (deep.mkdir(parents=True), (deep / "y.py").write_text("2")), deep / "y.py")
    expect_live(lambda: shutil.rmtree(deep), deep / "y.py")
    expect_live(lambda: (deep.mkdir(), (deep / "z.py").write_text("3")), deep / "z.py")


def test_symbolic_link_that_points_elsewhere(own, tmp_path):
    """As releases are switched: current -> releases/2."""
    for i in "1", "2":
        (tmp_path / "releases" / i).mkdir(parents=True)
        (tmp_path / "releases" / i / "x.py").write_text(f"release {i}")
    current = tmp_path / "current"
    current.symlink_to("releases/1")
    o = own().install(watch=current).start()
    for target, expected in ("releases/2", current / "x.py"), ("releases/1", current / "x.py"):
        with Journal(WATCHD, after=journal_cursor()) as journal:
            (tmp_path / "next").symlink_to(target)
            (tmp_path / "next").rename(current)
            assert journal.wait(rf"^{o.id}: live in", timeout=LIVE)["TOOLOO_FILE"] == str(expected)


def git(directory, *arguments):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=directory, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def test_a_git_switch_is_one_reload(own):
    o = own().install()
    git(o.home, "init", "-b", "one")
    for branch in "one", "two":
        if branch != "one":
            git(o.home, "switch", "-c", branch)
        o.file.write_text(branch)
        for i in range(300):
            path = o.home / f"d{i % 10}" / f"f{i}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{branch} {i}\n" * 50)
        git(o.home, "add", "-A")
        git(o.home, "commit", "-m", branch)
    o.start()
    other = own("own-two", PORT + 1).install().start()
    cursor = journal_cursor()
    with Journal(WATCHD, after=cursor) as journal:
        git(o.home, "switch", "one")
        entry = journal.wait(rf"^{o.id}: live in", timeout=LIVE)
    assert int(entry["TOOLOO_CHANGED"]) == 301
    o.wait_for_answer("one")
    other.save("two")
    assert o.runs(cursor) == 1


def test_a_loop_is_named_and_paused(own):
    """A program that writes into its own watch whenever it starts."""
    o, other = own().install(), own("own-two", PORT + 1).install().start()
    state = o.home / "state.json"
    o.hook.write_text(f"date +%N > {state}\n")
    with Journal(WATCHD, after=journal_cursor()) as journal:
        systemctl("start", o.unit)
        o.wait_for_answer("one")
        replace(o.file, "two")
        entry = journal.wait(r"is paused for", timeout=2 * LIVE)
    assert entry["TOOLOO_EVENT"] == "change-loop" and entry["TOOLOO_FILE"] == str(state)
    assert "Ignore=" in entry["MESSAGE"] and o.unit in entry["MESSAGE"]
    assert entry["MESSAGE"] in unit_property(WATCHD, "StatusText")
    o.wait_for_answer("two")

    # What a person changes goes live as ever, once, and is not followed by the loop.
    cursor = journal_cursor()
    (o.home / "sub").mkdir()
    with Journal(WATCHD, after=journal_cursor()) as journal:
        (o.home / "sub/x.py").write_text("code")
        journal.wait(rf"^{o.id}: live in", timeout=LIVE)
    o.wait_for_answer("two")  # so it has written
    written = state.read_text()
    other.save("two")
    other.save("three")
    assert o.runs(cursor) == 1 and state.read_text() == written

    # Somebody looks after it: the line is gone.
    o.hook.write_text("")
    with Journal(o.unit, after=journal_cursor()) as journal:
        toolooctl("restart", o.id)
        wait_until(lambda: "paused" not in unit_property(WATCHD, "StatusText"), journal.entry, "the pause is over", LIVE)


def test_who_saves_fast_is_not_paused(own):
    """Each save comes right after the reload before it, more often than a loop may."""
    o = own().install().start()
    cursor = journal_cursor()
    with Journal(WATCHD, after=cursor) as journal:
        for i in range(12):
            replace(o.file, f"save {i}")
            if i % 3 == 0:
                journal.wait(rf"^{o.id}: live in", timeout=LIVE)
    o.wait_for_answer("save 11")
    assert not [line for line in journal_lines(WATCHD, after=cursor) if "paused" in line]


def test_limits_are_told_and_the_rest_goes_on(own, tmp_path):
    """More files than --max-files=: one line for that service, and the other one is followed as ever."""
    conf = USER_UNITS / f"{WATCHD}.d" / "60-test.conf"
    conf.parent.mkdir(parents=True, exist_ok=True)
    conf.write_text("[Service]\nEnvironment=TOOLOO_MAX_FILES=20\n")
    try:
        o = own().install()
        for i in range(30):
            (o.home / f"f{i}.py").write_text("x")
        other = own("own-two", PORT + 1).install()
        with Journal(WATCHD, after=journal_cursor()) as journal:
            systemctl("start", o.unit, other.unit)
            line = journal.wait(r"^own-one: cannot watch ", timeout=LIVE)["MESSAGE"]
        assert "more than 20 files" in line and "Ignore=" in line
        other.wait_for_answer("one")
        other.save("two")
        assert line in unit_property(WATCHD, "StatusText")
    finally:
        conf.unlink()
        systemctl("daemon-reload")


def test_stopping_the_targets(own):
    """tooloo-dev.target is for the fleet's sources alone; toolooctl stop ends all."""
    o = own().install().start()
    systemctl("start", "tooloo-dev.target")
    systemctl("stop", "tooloo-dev.target")
    assert unit_property(WATCHD, "ActiveState") == "active"
    o.save("two")
    o.wait_for_answer("two")
    toolooctl("stop", timeout=120)
    assert unit_property(WATCHD, "ActiveState") == "inactive"


def test_the_timeline_names_the_file(own):
    systemctl("start", "tooloo-metricsd.service")
    o = own().install().start()

    def find():
        query = urllib.parse.urlencode({"service": o.id})
        events = get_json(CONTROL["metricsd"], f"/api/v1/metrics/timeline?{query}")["events"]
        return next((e for e in events if e["kind"] == "restart" and e["invocationId"] == now), None)

    with Updates() as updates:
        o.save("two")
        o.wait_for_answer("two")
        now = unit_property(o.unit, "InvocationID")  # an earlier test's service had the same name
        event = wait_until(find, lambda deadline: updates.next(), "the restart in the timeline", LIVE)
    assert event["cause"] == "reload" and event["detail"]["file"] == str(o.file)
