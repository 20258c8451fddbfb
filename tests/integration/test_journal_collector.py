# SPDX-License-Identifier: MIT
"""metricsd and the journal: errors are counted and grouped, once each whatever happens, and what is lost is said."""
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import (BUILD, CHECKOUT, CONTROL, USER_UNITS, Journal, get_json, http_request, journal_cursor, kill, main_pid, run,
                      state_directory, systemctl, unit_property, wait_until)

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
from load import Load  # noqa: E402
from updates import Updates  # noqa: E402

PORT = CONTROL["metricsd"]
UNIT = "tooloo-metricsd.service"
INTERVAL_MS = 100  # of metricsd in these tests; each tick is an event to wait for
WHO = "cup"        # whose errors they are; it need not run
PACE = 10000       # lines a second that metricsd has to keep up with

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may set up journald")


# --- What logs ---


class Sender:
    """Writes lines to journald as services do, by its native protocol; it waits when journald is behind."""

    def __init__(self, unit=f"tooloo-{WHO}.service"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.connect("/run/systemd/journal/socket")
        self.unit = unit

    def line(self, message, priority=3, **fields):
        """As the user manager's lines about a unit: who they are about is known without a process of that unit."""
        data = b""
        for name, value in {"MESSAGE": message, "PRIORITY": priority, "USER_UNIT": self.unit, **fields}.items():
            value = value if isinstance(value, bytes) else str(value).encode()
            data += name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"
        self.socket.sendall(data)

    def stream(self, lines, pace=None, message="request %d failed"):
        """So many lines with a number each, at that pace (lines a second)."""
        begun = time.monotonic()
        for n in range(lines):
            if pace and n % 100 == 0 and (ahead := n / pace - (time.monotonic() - begun)) > 0:
                threading.Event().wait(ahead)  # the pace is what is tested
            self.line(message % n)
        return lines / (time.monotonic() - begun)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@contextlib.contextmanager
def in_background(target):
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    yield thread
    thread.join()


# --- What metricsd says of it ---


def post(path, body):
    status, _, answer = http_request(PORT, path, method="POST", body=json.dumps(body),
                                     headers={"Content-Type": "application/json"})
    return status, answer


def errors(**query):
    return get_json(PORT, "/api/v1/metrics/errors?" + "&".join(f"{name}={value}" for name, value in query.items()))


def error(message, service=WHO):
    """The group of that masked message; None when there is none."""
    return next((e for e in errors(service=service, limit=500)["errors"] if e["message"] == message), None)


def count(message, service=WHO):
    group = error(message, service)
    return group["count"] if group else 0


def wait_for(condition, what, timeout=60):
    """Asks again at each of metricsd's ticks."""
    with Updates(PORT, timeout) as updates:
        return wait_until(condition, lambda deadline: updates.next(), what, timeout)


def known(id):
    """Until metricsd has it in its list."""
    with Updates(PORT) as updates:
        updates.until(lambda data: any(s["id"] == id for s in data["services"]))


def in_journal(message):
    """How many such lines it holds."""
    pattern = "^" + message.replace("*", "[0-9]+") + "$"
    return len(run("journalctl", "--quiet", "-o", "cat", f"USER_UNIT=tooloo-{WHO}.service", "-g", pattern).stdout.splitlines())


def wait_for_count(message, wanted, **more):
    """Neither fewer nor, a tick later, more."""
    try:
        wait_for(lambda: count(message) >= wanted, f"{wanted} times {message!r}", **more)
    except AssertionError as missing:
        raise AssertionError(f"{missing}: {count(message)}, of which the journal has {in_journal(message)}; "
                             f"{errors(service=WHO)['why']}") from missing
    assert count(message) == wanted
    with Updates(PORT) as updates:
        updates.next()
        updates.next()
    assert count(message) == wanted


def monitor_events(cause):
    events = get_json(PORT, "/api/v1/metrics/timeline?kind=monitor&limit=500")["events"]
    return [e for e in events if e["cause"] == cause]


def last_figures(n=3):
    """The newest averages of journal.errors that have been kept."""
    return [p[1] for p in get_json(PORT, f"/api/v1/metrics/history?service={WHO}&metric=journal.errors"
                                         f"&from=-{n}s&to=now&step=1s")["points"]]


# --- Settings ---


def with_interval(milliseconds=INTERVAL_MS):
    command = re.search(r"^ExecStart=(.*)$", Path(unit_property(UNIT, "FragmentPath")).read_text(), re.M)[1]
    return f"ExecStart=\nExecStart={command} --interval-ms={milliseconds}\n"


class Metricsd:
    """metricsd alone, with settings of its own in a drop-in."""

    drop_in = USER_UNITS / f"{UNIT}.d/60-test.conf"

    def set(self, settings="", restart=True):
        self.drop_in.parent.mkdir(parents=True, exist_ok=True)
        self.drop_in.write_text(f"[Service]\n{with_interval()}{settings}[Unit]\nStartLimitIntervalSec=0\n")
        systemctl("daemon-reload")
        if restart:
            systemctl("restart", UNIT)

    def kill(self):
        """kill -9; it runs again when this returns."""
        with Journal(UNIT, after=journal_cursor()) as journal:
            kill(UNIT)
            journal.wait(r"^Started")


@pytest.fixture(scope="module")
def metricsd():
    it = Metricsd()
    systemctl("stop", "tooloo-metricsd.socket", UNIT)
    for file in state_directory("metricsd").glob("metrics.db*"):  # what earlier runs have counted
        file.unlink()
    it.set()
    yield it
    systemctl("stop", "tooloo-metricsd.socket", UNIT)
    it.drop_in.unlink()
    systemctl("daemon-reload")


class Journald:
    drop_in = Path("/etc/systemd/journald.conf.d/60-test.conf")

    def set(self, *settings):
        self.drop_in.parent.mkdir(parents=True, exist_ok=True)
        self.drop_in.write_text("[Journal]\n" + "".join(f"{s}\n" for s in settings))
        self.restart()

    def restart(self):
        run("systemctl", "reset-failed", "systemd-journald.service")  # so many in so short a time would be too many
        run("systemctl", "restart", "systemd-journald.service")


@pytest.fixture
def journald():
    """Sets up journald: journald("RateLimitIntervalSec=0"). As before after the test."""
    it = Journald()
    yield it.set
    it.drop_in.unlink(missing_ok=True)
    it.restart()


@pytest.fixture
def sender():
    with Sender() as it:
        yield it


# --- Errors of services ---


class TestErrors:
    def test_of_a_service(self, metricsd, foreign):
        """What a program writes to its stderr, with systemd's own lines about it."""
        it = foreign("grumbler", "/bin/sh -c 'echo \"<3>no file /tmp/a1.sock\"; echo \"<6>fine\"; echo \"<3>no file /tmp/b22.sock\";"
                     " echo \"<2>broken\" >&2; exec sleep infinity'", "/grumbler", socket_unit=False, Type="exec")
        known(it.id)
        wait_for(lambda: count("broken", it.id) == 1 and count("no file /tmp/*", it.id) == 2, "its three errors")
        listed = errors(service=it.id)
        assert len(listed["errors"]) == 2
        assert listed["complete"] is True and listed["why"] is None
        group = error("no file /tmp/*", it.id)
        assert group["sample"] == "no file /tmp/b22.sock"
        assert group["priority"] == 3 and group["new"] is True
        assert re.fullmatch(r"[0-9a-f]{16}", group["fingerprint"])
        done = run("journalctl", "--cursor", group["cursor"], "-n1", "-o", "cat")
        assert done.stdout.strip() == group["sample"]

    def test_the_first_words_of_a_service_that_has_just_come(self, metricsd, foreign):
        """They are there before metricsd has read anew which services there are."""
        for n in range(5):
            it = foreign(f"newcomer{n}", "/bin/sleep infinity", f"/newcomer{n}", socket_unit=False, start=False)
            with Sender(it.unit) as sender:
                sender.line("first words")
            run("journalctl", "--rotate", ok=None)  # else journald leaves 250 ms before it says that there is something to read
            known(it.id)
            wait_for(lambda: count("first words", it.id) == 1, "what it said")

    def test_groups(self, metricsd, sender):
        """By what differs in MESSAGE_ID=, CODE_FUNC= and in the message but for its numbers; each service for itself."""
        ids = "0123456789abcdef" * 2, "fedcba9876543210" * 2
        for n in range(5):
            sender.line(f"grouped {n}", CODE_FUNC="read_it")
            sender.line(f"grouped {n}", CODE_FUNC="write_it")
            sender.line(f"grouped {n}", MESSAGE_ID=ids[n % 2])
        sender.line("grouped 7", priority=4, CODE_FUNC="read_it")  # a warning is none
        with Sender("tooloo-meta.service") as other:
            other.line("grouped 1", CODE_FUNC="read_it")
        wait_for(lambda: count("grouped *", "meta") == 1, "the last of them")
        groups = [e for e in errors(service=WHO, limit=500)["errors"] if e["message"] == "grouped *"]
        assert {(e["codeFunc"], e["messageId"], e["count"]) for e in groups} == {
            ("read_it", None, 5), ("write_it", None, 5), (None, ids[0], 3), (None, ids[1], 2)}
        assert len({e["fingerprint"] for e in groups}) == 4
        assert [e["service"] for e in errors(service="meta")["errors"] if e["message"] == "grouped *"] == ["meta"]

    def test_hostile_lines(self, metricsd, sender):
        """Binary, endless, empty: each is an error like any other, and the answer is JSON."""
        sender.line(b"\xff\xfe\x00\x01binary \x1b[31mred")
        sender.line("endless " + "x" * 65536)
        sender.line("")
        sender.line("many fields", **{f"TOOLOO_F{n}": "y" * 600 for n in range(100)})
        sender.line("the last of the hostile")
        wait_for(lambda: count("the last of the hostile") == 1, "the last of them")
        by_sample = {e["sample"]: e for e in errors(service=WHO, limit=500)["errors"]}
        assert "??  binary  [31mred" in by_sample
        assert "many fields" in by_sample
        assert "" in by_sample
        endless = next(s for s in by_sample if s.startswith("endless"))
        assert endless.endswith("xxx...") and len(endless) == 500

    def test_new_since_the_last_start(self, metricsd, echo):
        """What the generation before has logged already is not new."""
        known(echo.id)
        with Sender(echo.unit) as sender:
            sender.line("of old")
            wait_for(lambda: count("of old", echo.id) == 1, "the first error")
            assert error("of old", echo.id)["new"] is True
            systemctl("restart", echo.unit)
            sender.line("of late")
            wait_for(lambda: count("of late", echo.id) == 1, "the second error")
            assert error("of old", echo.id)["new"] is False
            assert error("of late", echo.id)["new"] is True
            echo.reload("echo-b")
            sender.line("of old")
            sender.line("of today")
            wait_for(lambda: count("of today", echo.id) == 1, "the third error")
            assert {m: error(m, echo.id)["new"] for m in ("of old", "of late", "of today")} == {
                "of old": False, "of late": False, "of today": True}
            assert count("of old", echo.id) == 2

    def test_limits(self, metricsd):
        for query, field in ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"), ("service=nobody", "service"):
            status, _, body = http_request(PORT, f"/api/v1/metrics/errors?{query}")
            assert status == 400 and field.encode() in body, (query, body)
        assert len(errors(limit=1)["errors"]) == 1

    def test_too_many_different(self, metricsd, sender):
        """They are counted, and that not all are listed is said. Digits would be masked."""
        metricsd.set()
        letters = "ghijklmnopqrstuvwxyz"
        for a in letters:
            for b in letters:
                sender.line(f"kind {a}{b} of many")
        wait_for(lambda: "not all are listed" in (errors(service=WHO)["why"] or ""), "that not all are listed")
        assert errors(service=WHO)["complete"] is False
        assert errors(service="meta")["complete"] is True  # it is about the other alone
        wait_for(lambda: monitor_events("errors-unlisted"), "the event")

    def test_an_alert_watches_them(self, metricsd):
        """Errors of the last minute; the alert has the lines that led to it, of that service alone, the newest last."""
        rule = {"id": "too-many-errors", "metric": "journal.errors", "operator": ">=", "threshold": 4, "severity": "warning",
                "action": "notify", "service": "product"}
        assert post("/api/v1/system/alerts/rules", rule)[0] == 200
        try:
            with Sender("tooloo-product.service") as of_it, Sender("tooloo-meta.service") as other:
                for n in range(4):
                    if n == 3:  # the next makes the alert, which takes what is there
                        of_it.line("and all is well", priority=6)
                    other.line(f"of no concern {n}")
                    of_it.line(f"alarming {n}")
            alert = wait_for(lambda: next((a for a in get_json(PORT, "/api/v1/system/alerts/status")["active"]
                                           if a["metric"] == "journal.errors"), None), "the alert")
            assert alert["service"] == "product" and alert["value"] == 4
            lines = [line.split(" ", 1)[1] for line in alert["journal"]]
            assert lines[-5:] == ["alarming 0", "alarming 1", "alarming 2", "and all is well", "alarming 3"]
            assert not any("of no concern" in line for line in lines)
        finally:
            assert http_request(PORT, "/api/v1/system/alerts/rules/too-many-errors", method="DELETE")[0] == 200

    def test_notices_are_visible(self, metricsd):
        """It says whether this user can see that lines were dropped, and what to do if not."""
        files = list(Path("/var/log/journal").glob("*/system.journal")) + list(Path("/run/log/journal").glob("*/system.journal"))
        visible = any(os.access(f, os.R_OK) for f in files)
        answer = errors()
        assert answer["seesDropped"] is visible
        assert answer["hint"] is None if visible else "systemd-journal" in answer["hint"]


# --- Each line once ---


class TestOnce:
    def test_killed_in_mid_stream(self, metricsd, sender):
        """kill -9, again and again, while lines come: none counts twice, none is left out."""
        lines = 4000  # under journald's limit, which a session without root cannot lift
        with in_background(lambda: sender.stream(lines, pace=2000, message="killed %d times")):
            for _ in range(4):
                metricsd.kill()
        wait_for_count("killed * times", lines)
        metricsd.kill()
        wait_for_count("killed * times", lines)
        assert errors(service=WHO)["why"] is None or "not all are listed" in errors(service=WHO)["why"]

    def test_looked_for_while_it_is_written(self):
        """A line that journald has counted, but not yet linked to its fields, is seen without another."""
        run(BUILD / "tests/fixtures/journal-tail", "10")

    def test_while_it_was_away(self, metricsd, sender):
        systemctl("stop", "tooloo-metricsd.socket", UNIT)
        sender.stream(100, message="away %d times")
        run("journalctl", "--sync", ok=None)
        systemctl("start", UNIT)
        wait_for_count("away * times", 100)

    def rotate_while(self, sender, lines, message, keep, each=lambda: None):
        """journald begins a new file again and again while lines come, and all but the newest so many are removed."""
        with in_background(lambda: sender.stream(lines, pace=5000, message=message)) as thread:
            while thread.is_alive():
                run("journalctl", "--rotate", f"--vacuum-files={keep}")
                each()
        sender.line(f"the last of {message}")
        wait_for(lambda: count(f"the last of {message}") == 1, "the last line")

    @as_root
    def test_rotated_and_vacuumed(self, metricsd, sender, journald):
        journald("RateLimitIntervalSec=0", "SystemMaxUse=64M")
        metricsd.set()
        losses = len(monitor_events("lines-lost"))
        with Updates(PORT) as updates:  # who is more than 20 files behind would lose some
            self.rotate_while(sender, 10000, "rotated %d times", keep=20, each=updates.next)
        assert count("rotated * times") == 10000
        assert len(monitor_events("lines-lost")) == losses

    @as_root
    def test_vacuumed_while_it_is_read(self, metricsd, sender, journald):
        """What it has open is gone from one moment to the next, before all of it was read: it lives on, and says so."""
        journald("RateLimitIntervalSec=0", "SystemMaxUse=64M")
        metricsd.set()
        pid = main_pid(UNIT)
        losses = len(monitor_events("lines-lost"))
        self.rotate_while(sender, 10000, "vacuumed %d times", keep=1)
        assert main_pid(UNIT) == pid
        wait_for(lambda: count("vacuumed * times") == 10000 or len(monitor_events("lines-lost")) > losses,
                 "all of them, or that some were lost")


# --- Loss ---


class TestLoss:
    @as_root
    def test_place_is_gone(self, metricsd, sender, journald):
        """The journal was vacuumed while metricsd was away: nobody knows what was in it."""

        def told():
            return [e for e in monitor_events("lines-lost") if "no longer holds" in e["text"]]

        before = len(told())
        sender.line("before it went")
        wait_for(lambda: count("before it went") == 1, "the line that is read last")
        systemctl("stop", "tooloo-metricsd.socket", UNIT)
        sender.line("nobody sees this")
        run("journalctl", "--sync", "--rotate")
        run("journalctl", "--vacuum-files=1")
        sender.line("after it went")
        run("journalctl", "--sync")
        systemctl("start", UNIT)
        wait_for(lambda: count("after it went") == 1, "the line after it")
        answer = errors(service=WHO)
        assert answer["complete"] is False and "no longer holds" in answer["why"]
        assert count("nobody sees this") == 0
        wait_for(lambda: len(told()) > before, "the event")
        systemctl("restart", UNIT)  # it is not said again, nor forgotten
        wait_for(lambda: errors(service=WHO)["complete"] is False, "that it is still known")
        sender.line("and so on")
        wait_for(lambda: count("and so on") == 1, "the next line")
        assert len(told()) == before + 1

    @as_root
    def test_journald_drops(self, metricsd, sender, journald):
        """Its limit is on all services of a user together; "no errors" is then "nobody knows" for each of them."""
        journald("RateLimitIntervalSec=1s", "RateLimitBurst=200")
        metricsd.set()
        before = len(monitor_events("lines-lost"))

        def log_from_another_unit():
            run("systemd-run", "--user", "--wait", "--quiet", "sh", "-c", "for i in $(seq 3000); do echo fine; done")
            return len(monitor_events("lines-lost")) > before

        # journald tells it with the first line that it takes again.
        wait_for(log_from_another_unit, "the notice of dropped messages")
        newest = monitor_events("lines-lost")[0]
        assert re.search(r"has dropped \d+ messages", newest["text"])
        assert newest["service"] is None
        answer = errors(service=WHO)
        assert answer["complete"] is False and "dropped" in answer["why"]
        wait_for(lambda: last_figures()[-1] is None, "a gap in the figures")

    def test_journal_cannot_be_read(self, metricsd, sender):
        """None is then none that anybody knows of; and it goes on where it was once it can be read again."""
        sender.line("seen before")
        wait_for(lambda: count("seen before") == 1, "the line before")
        try:
            metricsd.set("InaccessiblePaths=/var/log/journal\n")
            sender.line("not seen yet")
            wait_for(lambda: "no file of the journal" in (errors()["why"] or ""), "that it cannot be read")
            assert errors()["complete"] is False
            wait_for(lambda: monitor_events("lines-lost"), "the event")
            collector = next(c for c in get_json(PORT, "/api/v1/metrics/collectors")["collectors"]
                             if c["name"] == "journal")
            assert collector["ok"] is False and "no file" in collector["error"]
            wait_for(lambda: last_figures()[-1] is None, "a gap in the figures")
        finally:
            metricsd.set()
        wait_for_count("not seen yet", 1)


# --- Much of it ---


@as_root
class TestFlood:
    def flood(self, seconds, text):
        """That many lines while the dashboard and /health are asked."""
        lines, statuses = PACE * seconds, set()
        command = [BUILD / "tests/fixtures/journal-load", f"tooloo-{WHO}.service", str(lines), str(PACE), text]
        with Load(PORT, connections=2, rate=20, path="/health") as load, \
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sending:
            while sending.poll() is None:
                statuses.add(http_request(PORT, "/api/v1/metrics/dashboard")[0])
            print(f"{sending.stdout.read().strip()} lines/s")
        assert sending.returncode == 0
        wait_for_count(f"{text} *", lines, timeout=120)
        assert statuses == {200}
        assert (load.figures.failed, load.figures.dropped, load.figures.refused) == (0, 0, 0), str(load.figures)
        assert load.figures.ok > 0

    def test_none_is_lost(self, metricsd, journald):
        journald("RateLimitIntervalSec=0", "SystemMaxUse=64M")
        self.flood(3, "flood")

    @pytest.mark.long
    def test_none_is_lost_in_a_minute(self, metricsd, journald):
        journald("RateLimitIntervalSec=0", "SystemMaxUse=64M")
        self.flood(60, "long flood")
