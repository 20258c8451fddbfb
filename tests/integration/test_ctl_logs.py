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
from conftest import (PATIENCE, USER_UNITS, Journal, Lines, Watch, journal_cursor, message_of, nudge_journal, one_line,
                      run, systemctl, toolooctl)

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
        journal_cursor()  # what systemd says of that is in the journal

    def say(self, message, priority=6):
        data = message if isinstance(message, bytes) else message.encode()
        cursor = journal_cursor()
        with Journal(self.unit, after=cursor) as journal:
            with open(self.fifo, "wb", buffering=0) as fifo:
                fifo.write(json.dumps([list(data), priority]).encode() + b"\n")
            while (entry := journal.entry(time.monotonic() + PATIENCE)) is not None:
                if entry.get("_SYSTEMD_USER_UNIT") == self.unit and message_of(entry) == data.decode(errors="replace"):
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
    journal_cursor()
    shown = messages("talk", "other")
    wanted = [r"talk  Starting tooloo-talk\.service", r"talk  Started tooloo-talk\.service",
              r"other Started tooloo-other\.service", r"talk  first$", r"other second$", r"talk  third$", r"other Stopped tooloo-other\.service"]
    places = [next(i for i, line in enumerate(shown) if re.match(pattern, line)) for pattern in wanted]
    assert places == sorted(places), shown
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
    (["logs", "--until=someday"], "--until does not understand 'someday'"), (["logs", "--since=now", "--until=-1h"], "--since is later"),
    (["logs", "-f", "--until=now"], "--until does not go with --follow"), (["logs", "-p", "8"], "--priority takes emerg, alert"),
    (["logs", "-p", "err.."], "not 'err..'"), (["logs", "-p", "..err"], "not '..err'"), (["logs", "-p", "error"], "not 'error'"),
    (["logs", "--grep=a("], "--grep does not understand 'a(' at its character 3: missing closing parenthesis"),
    (["logs", "web", "--generation=0"], "--generation takes 'current', 'previous' or a number from 1 to 1000000000, not '0'"),
    (["logs", "web", "--generation=1000000001"], "not '1000000001'"), (["logs", "web", "--generation=last"], "not 'last'"),
    (["logs", "--since=someday"], "--since does not understand 'someday'"), (["logs", "--since"], "--since needs a value"),
    (["status", "-f"], "--follow does not go with 'status'"), (["list", "-n", "3"], "--lines does not go with 'list'"),
    (["start", "--since=now"], "--since does not go with 'start'"), (["logs", "--changed"], "--changed does not go with 'logs'"),
])
def test_wrong_usage(arguments, words):
    done = toolooctl(*arguments, ok=False)
    assert done.returncode == USAGE and words in one_line(done)


def test_until(talk):
    talk.say("one")
    between = datetime.now()
    talk.say("two")
    for form in between.isoformat(), between.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%fZ"):
        assert messages("talk", f"--until={form}")[-1] == "talk one"
        assert messages("talk", f"--until={form}", "-n", "1") == ["talk one"]
        assert messages("talk", f"--since={form}", f"--until={form}") == ["-- No entries --"]
    assert messages("talk", "--until=2000-01-01", "-n", "3") == ["-- No entries --"]


@pytest.mark.parametrize("asked, shown", [
    ("err", "0123"), ("3", "0123"), ("emerg", "0"), ("0", "0"), ("debug", "01234567"), ("err..warning", "34"),
    ("warning..err", "34"), ("4..4", "4"), ("6..debug", "67"),
])
def test_priority(talk, asked, shown):
    then = datetime.now().isoformat()
    for priority in range(8):
        talk.say(f"of {priority}", priority)
    assert messages("talk", "-p", asked, f"--since={then}") == [f"talk of {n}" for n in shown]
    assert messages("talk", f"--priority={asked}", "-n", "1") == [f"talk of {shown[-1]}"]


def test_grep(talk):
    for word in "Apple", "pear 17", "apple and pear", "caf\u00e9":
        talk.say(word)
    assert messages("talk", "--grep=apple") == ["talk Apple", "talk apple and pear"]  # in any case
    assert messages("talk", "-g", "Apple") == ["talk Apple"]  # in that case
    assert messages("talk", r"--grep=^pear\s\d+$") == ["talk pear 17"]
    assert messages("talk", "--grep=pear|apple", "-n", "2") == ["talk pear 17", "talk apple and pear"]
    assert messages("talk", "--grep=apple", "-n", "9") == ["talk Apple", "talk apple and pear"]
    assert messages("talk", "--grep=caf\u00e9") == ["talk caf\u00e9"]
    assert messages("talk", "--grep=plum") == ["-- No entries --"]


def test_follow_only_what_is_wanted(talk):
    talk.say("old apple", 3)
    with follow("talk", "--grep=apple", "-p", "err") as lines:
        assert next_line(lines).endswith(" talk old apple")
        talk.say("apple", 6)
        talk.say("pear", 3)
        talk.say("apple again", 2)
        assert next_line(lines).endswith(" talk apple again")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may hide the library")
def test_grep_without_its_library(talk):
    library = run("sh", "-c", "ldconfig -p | sed -n 's/.*libpcre2-8.so.0 .*=> //p' | head -n 1").stdout.strip()
    done = run("unshare", "--mount", "sh", "-c", f"mount --bind /dev/null {library} && exec toolooctl logs talk --grep=x", ok=False)
    assert done.returncode == FAILED and "install PCRE2" in one_line(done)


def test_generations_of_a_module(echo):
    """Each from its own first entry on; those of a run count from 1."""
    echo.install("echo-b")
    toolooctl("reload", echo.id)
    echo.install("echo-a")
    toolooctl("reload", echo.id)

    def of(generation):
        return "\n".join(messages(echo.id, f"--generation={generation}"))

    assert f"Starting {echo.unit}" in of(1) and "generation 2 serves" not in of(1)
    assert "Reloaded: generation 2 serves" in of(2).splitlines()[0] and "generation 3" not in of(2)
    assert "Reloaded: generation 3 serves" in of(3).splitlines()[0]
    assert of("current") == of(3) and of("previous") == of(2)
    toolooctl("restart", echo.id)
    assert f"Starting {echo.unit}" in of("current").splitlines()[0] and "Reloaded" not in of(1)
    assert of(1) == of("current") and "generation 3 serves" in of("previous").splitlines()[0]
    assert f"Stopped {echo.unit}" in of("previous")
    done = toolooctl("logs", echo.id, "--generation=2", ok=False)
    assert done.returncode == FAILED
    assert one_line(done).endswith(f"{echo.id}: no generation 2 since the last start; the newest is 1")
    done = toolooctl("logs", echo.id, "--generation=previous", "-f", ok=False)
    assert done.returncode == USAGE and "it has ended" in one_line(done)


def test_generations_of_a_program(talk):
    """One each time that it is started."""
    talk.say("first run")
    done = toolooctl("logs", "talk", "--generation=previous", ok=None)
    toolooctl("restart", "talk")
    talk.say("second run")
    assert messages("talk", "--generation=current")[-1] == "talk second run"
    assert "talk first run" not in messages("talk", "--generation=1")
    assert "talk first run" in messages("talk", "--generation=previous")
    assert "talk second run" not in messages("talk", "--generation=previous")
    assert done.returncode in (0, FAILED)


def test_no_generation_of_what_never_ran(service):
    it = service(f"idle{os.getpid()}", None, start=False)
    done = toolooctl("logs", it.id, "--generation=current", ok=False)
    assert done.returncode == FAILED and "the journal knows of no start" in one_line(done)


@pytest.mark.parametrize("arguments", [
    [], ["-p", "err..warning"], ["-p", "3"], ["--grep=it's"], ["--grep=^Line \\d$", "-n", "3"], ["-n", "4"], ["--generation=current"],
    ["--until=now"], ["--since=-1h", "-p", "info", "--grep=line"],
])
def test_the_command_shows_the_same(talker, arguments):
    one, other = talker("talk"), talker("other")
    for n in range(6):
        one.say(f"Line {n}", n)
    one.say("it's a line with $(quotes) and \\d")
    other.say("not asked for")
    services = ["talk"] if arguments else ["talk", "other"]
    command = toolooctl("logs", *services, "--json", "--cmd", *arguments).stdout
    assert command.startswith("journalctl --user-unit=tooloo-talk.service ") and command.endswith("--output=json\n")
    shown = run("bash", "-c", command).stdout.splitlines()
    shown = shown[::-1] if "--reverse" in command else shown
    cursors = [json.loads(line)["__CURSOR"] for line in shown]
    assert cursors == [e["cursor"] for e in entries(*services, *arguments)] and cursors


def test_the_command_follows(talk):
    talk.say("old")
    command = toolooctl("logs", "talk", "-f", "-n", "1", "--cmd").stdout
    assert command.endswith(" --lines=1 --follow\n")
    with Lines("bash", "-c", "exec " + command) as lines:
        assert next_line(lines).endswith(": old")
        talk.say("new")
        nudge_journal()  # journalctl may have looked while that was being written
        assert next_line(lines).endswith(": new")


def test_instances_belong_to_their_service(talk, tmp_path):
    """As they are made while a service is swapped, or has replicas: their units come and go."""
    text = (USER_UNITS / talk.unit).read_text()
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "systemd/user"
    runtime.mkdir(parents=True, exist_ok=True)
    made = []

    def start(name, word):
        made.append(runtime / f"tooloo-talk@{name}.service")
        # It lives on, so that journald can see whose line that is.
        command = f"ExecStart=/bin/sh -c 'echo {word}; exec sleep infinity'\nRestart=no"
        made[-1].write_text(re.sub("^ExecStart=.*$", command, text, flags=re.M))
        systemctl("daemon-reload")
        with Journal(made[-1].name, after=journal_cursor()) as journal:
            systemctl("start", made[-1].name)
            journal.wait(f"^{word}$")

    try:
        start("2", "second")
        assert "talk  second" in [re.sub(" +", "  ", line) for line in messages("talk")]
        assert {e["unit"] for e in entries("talk")} == {talk.unit, "tooloo-talk@2.service"}
        talk.say("before")
        with follow("talk", "-n", "1") as lines:
            assert next_line(lines).endswith(" talk before")
            start("next", "on its way")
            while not (line := next_line(lines)).endswith(" talk on its way"):
                assert "tooloo-talk@next.service" in line or "Reloading" in line
            talk.say("and itself")
            while not (line := next_line(lines)).endswith(" talk and itself"):
                assert "tooloo-talk@next.service" in line
        command = toolooctl("logs", "talk", "--json", "--cmd").stdout
        shown = [json.loads(line)["__CURSOR"] for line in run("bash", "-c", command).stdout.splitlines()]
        assert shown == [e["cursor"] for e in entries("talk")]
    finally:
        for path in made:
            systemctl("stop", path.name, ok=None)
            path.unlink()
        systemctl("daemon-reload")


# --- A pager ---


def on_terminal(*command, **environment):
    """What a terminal of 80 columns and 5 lines gets to see."""
    env = {k: v for k, v in os.environ.items() if k not in ("PAGER", "SYSTEMD_PAGER", "NO_COLOR", "SYSTEMD_COLORS")}
    done = run("script", "--quiet", "--return", "--command", f"stty rows 5 cols 80; {' '.join(command)}", "/dev/null",
               env=env | {"TERM": "xterm-256color", "SHELL": "/bin/sh"} | environment, ok=None)
    return done.returncode, done.stdout.replace("\r", "")


@pytest.mark.parametrize("verb", ["status", "list", "logs talk"])
def test_pager(talk, verb):
    mark = "sed s/^/paged:/"
    status, shown = on_terminal("toolooctl", verb, SYSTEMD_PAGER=mark)
    assert shown and all(line.startswith("paged:") for line in shown.splitlines())
    assert on_terminal("toolooctl", verb, PAGER=mark)[1].startswith("paged:")
    for others in {"SYSTEMD_PAGER": "", "PAGER": mark}, {"SYSTEMD_PAGER": "cat"}, {"TERM": "dumb", "PAGER": mark}:
        assert "paged:" not in on_terminal("toolooctl", verb, **others)[1]
    assert "paged:" not in on_terminal("toolooctl", verb, "--no-pager", PAGER=mark)[1]
    assert "paged:" not in run("toolooctl", *verb.split(), env=os.environ | {"PAGER": mark}, ok=None).stdout
    assert on_terminal("toolooctl", verb, PAGER="true")[0] == status  # nobody reads it to the end


def test_pager_gets_what_less_is_to_do(talk):
    show = "env; cat >/dev/null; true"
    assert "\nLESS=FRSXMK\n" in on_terminal("toolooctl", "list", PAGER=f"'{show}'".strip("'"))[1]
    assert "\nLESS=R\n" in on_terminal("toolooctl", "list", PAGER=show, SYSTEMD_LESS="R")[1]
    assert "\x1b" in on_terminal("toolooctl", "logs", "talk", PAGER="cat -")[1]  # its colours are those of the terminal


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


def test_each_service_has_its_color(fleet):
    shown = toolooctl("logs", "-n", "2000", env=os.environ | {"SYSTEMD_COLORS": "256"}).stdout
    colors = {id: color for color, id in re.findall(r"^.{16}(\x1b\[38;5;\d+m)(\S+) *\x1b\[0m ", shown, re.M)}
    assert set(colors) >= set(fleet) and len(set(colors.values())) == len(colors)


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
