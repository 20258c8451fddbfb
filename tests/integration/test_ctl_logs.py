# SPDX-License-Identifier: MIT
"""toolooctl logs: whose lines, in which order, from when on, and how it ends."""
import json
import os
import re
import signal
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest
from conftest import PATIENCE, USER_UNITS, Journal, Lines, Watch, journal_cursor, one_line, run, systemctl, toolooctl

FAILED, USAGE, UNKNOWN = 1, 2, 5
IN_OPEN = 0x20
ENTRY = r"[A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d "

# Sends what it is told to the journal, in the journal's own protocol: a message may have any bytes in it.
TALKER = """
import json, socket, struct, sys
journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
journal.connect("/run/systemd/journal/socket")
for line in open(sys.argv[1], "r+b", buffering=0):
    message, priority = json.loads(line)
    data = bytes(message)
    journal.send(b"MESSAGE\\n" + struct.pack("<Q", len(data)) + data + b"\\nPRIORITY=%d\\n" % priority)
"""


class Talker:
    """A service that logs what the test wants. Each line is in the journal when say() returns."""

    def __init__(self, id, folder):
        self.id, self.unit = id, f"tooloo-{id}.service"
        self.fifo = folder / f"{id}.fifo"
        os.mkfifo(self.fifo)
        script = folder / f"{id}.py"
        script.write_text(TALKER)
        USER_UNITS.mkdir(parents=True, exist_ok=True)
        (USER_UNITS / self.unit).write_text(
            f"[Unit]\nDescription=Talker {id}\n[Service]\nType=exec\nExecStart=python3 {script} {self.fifo}\n"
            f"Slice=tooloo-extended.slice\nPrivateTmp=no\n[X-Tooloo]\nPort=39{len(id):02}\n")
        drop_in = USER_UNITS / f"{self.unit}.d"
        drop_in.mkdir(exist_ok=True)
        (drop_in / "60-test.conf").write_text("[Service]\nPrivateTmp=no\n")
        systemctl("daemon-reload")
        toolooctl("start", id)

    def say(self, message, priority=6):
        data = message if isinstance(message, bytes) else message.encode()
        cursor = journal_cursor()
        with Journal(self.unit, after=cursor) as journal:
            with open(self.fifo, "wb", buffering=0) as fifo:
                fifo.write(json.dumps([list(data), priority]).encode() + b"\n")
            while (entry := journal.entry(time.monotonic() + PATIENCE)) is not None:
                if entry.get("_SYSTEMD_USER_UNIT") == self.unit:
                    return
        raise AssertionError(f"{message!r} is not in the journal")

    def remove(self):
        systemctl("stop", self.unit, ok=None)
        for path in USER_UNITS.glob(f"{self.unit}*"):
            run("rm", "-r", path)
        systemctl("daemon-reload")


@pytest.fixture
def talker(tmp_path):
    """Without metricsd: a talker answers nobody, so that would take it for wedged and restart it after 15 s."""
    toolooctl("stop", "metricsd")
    made = []

    def make(id):
        made.append(Talker(id, tmp_path))
        return made[-1]

    yield make
    for it in made:
        it.remove()


@pytest.fixture
def talk(talker):
    return talker("talk")


def messages(*arguments, **more):
    """What toolooctl logs shows, without the times."""
    lines = toolooctl("logs", *arguments, **more).stdout.splitlines()
    return [re.sub(f"^{ENTRY}", "", line) for line in lines]


def entries(*arguments, **more):
    return [json.loads(line) for line in toolooctl("logs", "--json", *arguments, **more).stdout.splitlines()]


def follow(*arguments):
    """It follows once its first line is there: what is logged later is not missed."""
    return Lines("toolooctl", "logs", "-f", *arguments)


def journal_directory():
    return next(path for top in ("/var/log/journal", "/run/log/journal") for path in Path(top).glob("*/*.journal")).parent


def next_line(lines):
    line = lines.next(time.monotonic() + PATIENCE)
    assert line is not None, "nothing more came"
    return line


# --- Whose lines ---


def test_program_and_manager_in_order_of_time(talker):
    one, other = talker("talk"), talker("other")
    one.say("first")
    other.say("second")
    one.say("third")
    toolooctl("stop", "other")
    shown = messages("talk", "other")
    wanted = [r"talk  Starting tooloo-talk\.service", r"talk  Started tooloo-talk\.service",
              r"other Started tooloo-other\.service", r"talk  first$", r"other second$", r"talk  third$", r"other Stopped tooloo-other\.service"]
    places = [next(i for i, line in enumerate(shown) if re.match(pattern, line)) for pattern in wanted]
    assert places == sorted(places)
    times = [e["time"] for e in entries("talk", "other")]
    assert times == sorted(times)
    assert {e["id"] for e in entries("other")} == {"other"} and "first" not in str(messages("other"))


def test_socket_units_are_part_of_it(echo):
    units = {e["unit"] for e in entries("echo")}
    assert units == {echo.unit, echo.socket}


def test_without_a_name_all_and_the_watcher(talk, fleet):
    talk.say("here I am")
    ids = {e["id"] for e in entries("-n", "2000")}
    assert ids >= {"talk", "web", "cup"} and ids - {"watchd"} <= {
        s["id"] for s in json.loads(toolooctl("list", "--json").stdout)["services"]}
    for name in "watchd", "tooloo-watchd", "tooloo-watchd.service":
        assert {e["id"] for e in entries(name)} <= {"watchd"}
        assert {e["id"] for e in entries(name, "talk", "-n", "500")} >= {"talk"}


def test_unknown_service(talk):
    for names in ["tallk"], ["talk", "tallk"], ["watchd", "tallk"]:
        done = toolooctl("logs", *names, ok=False)
        assert done.returncode == UNKNOWN and done.stdout == ""
        assert "unknown service 'tallk'. Did you mean 'talk'?" in one_line(done)


def test_nothing_logged(talk):
    assert toolooctl("logs", "talk", "--since=now").stdout == "-- No entries --\n"
    assert toolooctl("logs", "talk", "--since=now", "--json").stdout == ""
    assert toolooctl("logs", "talk", "--since=now", "--quiet").stdout == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hide the journal")
def test_no_journal_to_read(fleet):
    hide = "for d in /run/log/journal /var/log/journal; do [ ! -d $d ] || mount -t tmpfs none $d || exit 9; done; exec toolooctl "
    done = run("unshare", "--mount", "sh", "-c", hide + "logs web", ok=False)
    assert done.returncode == FAILED and "there is no journal: see 'systemctl status systemd-journald'" in one_line(done)
    assert "(there is no journal" in run("unshare", "--mount", "sh", "-c", hide + "status web").stdout


# --- How much of it ---


def test_lines(talk):
    for n in range(12):
        talk.say(f"line {n}")
    assert messages("talk", "-n", "3") == ["talk line 9", "talk line 10", "talk line 11"]
    assert messages("talk", "--lines=1") == ["talk line 11"]
    assert messages("talk", "-n", "0") == ["-- No entries --"]
    everything = messages("talk")
    assert len(everything) > 12 and everything[-12] == "talk line 0"
    assert messages("talk", "-n", "all") == messages("talk", "-n", "1000000") == everything


@pytest.mark.parametrize("form", [
    lambda t: t.isoformat(), lambda t: t.isoformat(" "), lambda t: t.strftime("%H:%M:%S.%f"),
    lambda t: t.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
])
def test_since(talk, form):
    talk.say("before")
    then = datetime.now()
    talk.say("after")
    talk.say("later")
    assert messages("talk", f"--since={form(then)}") == ["talk after", "talk later"]
    assert messages("talk", f"--since={form(then)}", "-n", "1") == ["talk later"]
    assert messages("talk", f"--since={form(then)}", "-n", "10") == ["talk after", "talk later"]


def test_since_a_span(talk):
    talk.say("just now")
    assert messages("talk", "--since=-1h")[-1] == messages("talk", "--since", "5min ago")[-1] == "talk just now"
    assert messages("talk", "--since=-0s") == ["-- No entries --"]


@pytest.mark.parametrize("arguments, words", [
    (["logs", "-n", "many"], "--lines takes a number from 0 to 1000000 or 'all', not 'many'"),
    (["logs", "-n", "1000001"], "--lines takes"), (["logs", "-n", "-1"], "--lines takes"), (["logs", "-n"], "-n needs a value"),
    (["logs", "--since=someday"], "--since does not understand 'someday'"), (["logs", "--since"], "--since needs a value"),
    (["status", "-f"], "--follow does not go with 'status'"), (["list", "-n", "3"], "--lines does not go with 'list'"),
    (["start", "--since=now"], "--since does not go with 'start'"), (["logs", "--changed"], "--changed does not go with 'logs'"),
])
def test_wrong_usage(arguments, words):
    done = toolooctl(*arguments, ok=False)
    assert done.returncode == USAGE and words in one_line(done)


# --- What a line looks like ---


def test_json(talk):
    talk.say("hello", priority=4)
    entry = entries("talk", "-n", "1")[0]
    assert set(entry) == {"time", "id", "unit", "priority", "pid", "message", "cursor"}
    assert (entry["id"], entry["unit"], entry["priority"], entry["message"]) == ("talk", talk.unit, 4, "hello")
    assert entry["pid"] == int(systemctl("show", "--value", "-p", "MainPID", talk.unit).stdout)
    assert abs(datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp() - time.time()) < PATIENCE
    assert run("journalctl", f"--cursor={entry['cursor']}", "-n1", "-o", "cat").stdout == "hello\n"


def test_further_lines_of_a_message_are_indented(talk):
    talk.say("one\n  two\n\nthree\n\n")
    done = toolooctl("logs", "talk", "-n", "1").stdout.splitlines()
    margin = " " * len("Nov 23 01:33:03 talk ")
    assert done[0].endswith(" talk one") and [line.rstrip() for line in done[1:]] == [margin + "  two", "", margin + "three"]
    assert entries("talk", "-n", "1")[0]["message"] == "one\n  two\n\nthree"


def test_a_message_does_not_steer_the_terminal(talk):
    talk.say(b"\x1b[2J\x07bell \xff\xfe caf\xc3\xa9 \xc2\x9b1m")
    assert messages("talk", "-n", "1") == ["talk  [2J bell \ufffd\ufffd caf\u00e9  1m"]
    assert entries("talk", "-n", "1")[0]["message"] == " [2J bell \ufffd\ufffd caf\u00e9  1m"


def test_priorities_and_ids_have_colors(talker):
    one, other = talker("talk"), talker("other")
    colored = os.environ | {"SYSTEMD_COLORS": "1"}
    red, yellow, bold, grey = "\x1b[0;1;31m", "\x1b[0;1;33m", "\x1b[0;1;39m", "\x1b[0;38;5;245m"
    for priority, color in (2, red), (3, red), (4, yellow), (5, bold), (7, grey):
        one.say(f"priority {priority}", priority)
        assert toolooctl("logs", "talk", "-n", "1", env=colored).stdout.endswith(f" {color}priority {priority}\x1b[0m\n")
        assert "\x1b" not in toolooctl("logs", "talk", "-n", "1").stdout
    one.say("as usual")
    other.say("as usual")
    shown = toolooctl("logs", "talk", "other", "-n", "2", env=colored).stdout
    ids = re.findall(r"(\x1b\[\d+m)(talk|other) *\x1b\[0m as usual$", shown, re.M)
    assert [id for _, id in ids] == ["talk", "other"] and ids[0][0] != ids[1][0]
    assert ids[0][0] in toolooctl("logs", "talk", "-n", "1", env=colored).stdout  # the same alone


# --- Following ---


def test_follow(talk, fleet):
    for n in range(12):
        talk.say(f"old {n}")
    with follow("talk") as lines:
        assert [next_line(lines)[16:] for _ in range(10)] == [f"talk old {n}" for n in range(2, 12)]
        talk.say("new")
        assert next_line(lines).endswith(" talk new")
        toolooctl("stop", "talk")
        while "Stopped tooloo-talk.service" not in next_line(lines):
            pass


def test_follow_json_from_a_time(talk):
    talk.say("before")
    then = datetime.now()
    for n in range(12):  # more than the 10 that are shown without a time
        talk.say(f"after {n}")
    with follow("talk", "--json", f"--since={then.isoformat()}") as lines:
        assert [json.loads(next_line(lines))["message"] for _ in range(12)] == [f"after {n}" for n in range(12)]
        talk.say("new")
        assert json.loads(next_line(lines))["message"] == "new"


def test_follow_what_has_logged_nothing_yet(service):
    """Without an entry there is no place in the journal to go on from."""
    it = service(f"new{os.getpid()}", None, start=False)
    assert toolooctl("logs", it.id).stdout == "-- No entries --\n"
    with Watch(journal_directory(), mask=IN_OPEN) as watch, follow(it.id) as lines:
        assert watch.next(time.monotonic() + PATIENCE)  # it has opened the journal
        systemctl("start", it.socket)
        assert f"Listening on {it.socket}" in next_line(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(talk, number):
    """As if it had not been caught, so that a shell's loop around it ends, too; but never within a line."""
    talk.say("x" * 30000)
    with follow("talk", "-n", "1") as lines:
        next_line(lines)
        lines.process.send_signal(number)
        assert lines.next(time.monotonic() + PATIENCE) is None
        assert lines.process.wait(PATIENCE) == -number and lines.buffer == b""


def test_follow_ends_when_nobody_reads(talk):
    """At once, not only at the next line."""
    talk.say("hello")
    with subprocess.Popen(["toolooctl", "logs", "-f", "-n", "1", "talk"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        assert process.stdout.readline().endswith(b" talk hello\n")
        process.stdout.close()
        try:
            assert process.wait(PATIENCE) == 0 and process.stderr.read() == b""
        finally:
            process.kill()


def test_a_closed_pipe_is_no_error(talk):
    for n in range(20):  # more than a pipe holds
        talk.say(f"{n} " + "x" * 20000)
    for arguments in "logs talk", "logs talk --json", "logs -f -n 1000 talk":
        done = run("bash", "-c", f"toolooctl {arguments} | head -n 1; exit ${{PIPESTATUS[0]}}")
        assert done.stderr == "" and len(done.stdout.splitlines()) == 1
