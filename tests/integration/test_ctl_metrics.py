# SPDX-License-Identifier: MIT
"""The verbs of toolooctl that ask metricsd: alerts, history, timeline, errors. What they say of known answers, which somebody
gives in metricsd's place; test_ctl_metricsd.py tries them with metricsd itself."""
import contextlib
import datetime
import json
import os
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path

import pytest
from conftest import CHECKOUT, USER_UNITS, one_line, run, systemctl, toolooctl
from golden import golden
from test_ctl_output import ESCAPE, in_terminal

FAILED, USAGE, UNKNOWN = 1, 2, 5
UNIT = "tooloo-metricsd.service"
DROP_IN = USER_UNITS / f"{UNIT}.d/70-test.conf"
VERBS = ["alerts", "history", "timeline", "errors"]
RULES = "/api/v1/system/alerts/rules"
STATUS = "/api/v1/system/alerts/status"
METRICS = "/api/v1/metrics"
CONTROLS = "\x1b[31mred\x07\u009b1m\nnext"  # would steer the terminal

# One of each command, for what holds for all of them.
COMMANDS = [
    "alerts", "alerts list --all", "alerts rules", "alerts add 'memory > 1G'", "alerts rm x", "alerts trigger cpu 1",
    "alerts silence --for=1h --reason=x", "alerts silences", "alerts unsilence x", "history web memory", "timeline",
    "timeline web", "errors", "errors web cup",
]


def shell(command, **more):
    return run("sh", "-c", f"exec toolooctl {command}", **more)


def said(command, ok=True):
    """The JSON of a command."""
    return json.loads(shell(f"--json {command}", ok=ok).stdout)


# --- Somebody in metricsd's place ---


class StandIn:
    def __init__(self, folder):
        self.script = folder / "stand_in.py"
        self.answers = folder / "answers.json"
        shutil.copy(CHECKOUT / "tests/lib/stand_in.py", self.script)
        self.set({})

    def set(self, answers):
        new = self.answers.with_suffix(".new")
        new.write_text(json.dumps(answers))
        new.rename(self.answers)


@contextlib.contextmanager
def drop_in(text):
    """metricsd's service with that on top."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(text)
    systemctl("daemon-reload")
    try:
        yield
    finally:
        DROP_IN.unlink()
        systemctl("daemon-reload")


@pytest.fixture(scope="module")
def stand_in_service(fleet, tmp_path_factory):
    it = StandIn(tmp_path_factory.mktemp("stand-in"))
    command = f"/usr/bin/python3 {it.script} {it.answers}"
    with drop_in(f"[Service]\nType=exec\nWatchdogSec=0\nExecStart=\nExecStart={command}\n"):
        toolooctl("restart", "metricsd")
        yield it
    toolooctl("restart", "metricsd")


@pytest.fixture
def stand_in(stand_in_service):
    stand_in_service.set({})
    yield stand_in_service
    stand_in_service.set({})


def iso(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


BEGIN = 1_700_000_000  # 2023-11-14T22:13:20Z


def points(values, step=60):
    return [[(BEGIN + i * step) * 1000] + ([v, v, v] if v is None or isinstance(v, (int, float)) else list(v))
            for i, v in enumerate(values)]


def history(values, metric="service.memory", unit="bytes", step=60):
    return {f"GET {METRICS}/history": [200, {
        "service": "web", "metric": metric, "unit": unit, "from": iso(BEGIN), "to": iso(BEGIN + step * len(values)),
        "step": step * 1000, "points": points(values, step)}]}


# --- What holds for all of them ---


def test_other_verbs_do_not_wait_for_curl(fleet):
    """It is most of what a program with it links."""
    assert "libcurl" not in run("ldd", shutil.which("toolooctl")).stdout
    program = Path(shutil.which("toolooctl")).resolve().parents[1] / "lib/tooloo/toolooctl-metrics"
    assert "libcurl" in run("ldd", program).stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help(fleet, verb):
    texts = {toolooctl(*arguments).stdout for arguments in
             ([verb, "--help"], [verb, "-h"], ["--help", verb], [verb, "--help", "--json"])}
    text, = texts
    assert text.startswith(f"Usage: toolooctl {verb} ")
    assert max(map(len, text.splitlines())) <= 80
    assert toolooctl(verb, "--version").stdout == toolooctl("--version").stdout
    assert re.search(rf"^  {verb} ", toolooctl("--help").stdout, re.M)


def test_help_of_all_fits_80_columns(fleet):
    assert max(map(len, toolooctl("--help").stdout.splitlines())) <= 80


@pytest.mark.parametrize("command, words", [
    ("alerts lst", "unknown command 'alerts lst'"),
    ("alerts list web", "'alerts list' takes no name"),
    ("alerts --dry-run", "--dry-run does not go with 'alerts list'"),
    ("alerts rules --all", "--all does not go with 'alerts rules'"),
    ("alerts add", "a rule needs a condition"),
    ("alerts add --metric=cpu --operator='>'", "a rule needs a condition"),
    ("alerts add 'cpu > 5' --metric=cpu", "either a condition or --metric"),
    ("alerts add 'cpu > much'", "a number is expected"),
    ("alerts add 'cpu 5'", "one of > < >= <= == != is expected"),
    ("alerts add '> 5'", "a metric such as memory is expected"),
    ("alerts add --metric=memory --operator='>' --threshold=5s", "--threshold takes a number, or one with B, K, M, G or T"),
    ("alerts add 'memory > 5M' --margin=1%", "--margin takes a number, or one with B, K, M, G or T, not '1%'"),
    ("alerts add 'cpu > 5' --param=key", "--param takes NAME=VALUE, not 'key'"),
    ("alerts add 'cpu > 5' --param==value", "--param takes NAME=VALUE, not '=value'"),
    ("alerts rm", "'alerts rm' takes the ID of a rule"),
    ("alerts trigger cpu", "'alerts trigger' takes METRIC VALUE [SERVICE]"),
    ("alerts trigger cpu 1 web cup", "'alerts trigger' takes METRIC VALUE [SERVICE]"),
    ("alerts trigger restarts 1s", "VALUE is a number, not '1s'"),
    ("alerts silence --for=1h", "'silence' needs --for and --reason"),
    ("alerts silence --reason=x", "'silence' needs --for and --reason"),
    ("alerts silence web cup --for=1h --reason=x", "'alerts silence' takes one SERVICE at most"),
    ("alerts unsilence", "'alerts unsilence' takes the ID of a silence"),
    ("alerts --bogus", "unknown option '--bogus'"),
    ("alerts add --metric", "--metric needs a value"),
    ("history", "'history' takes SERVICE METRIC"),
    ("history web", "'history' takes SERVICE METRIC"),
    ("history web memory cpu", "'history' takes SERVICE METRIC"),
    ("history web memory --follow", "--follow does not go with 'history'"),
    ("history web memory --since=soon", "--since does not understand 'soon'"),
    ("history web memory --until=soon", "--until does not understand 'soon'"),
    ("history web memory --since=now", "--since must be before --until"),
    ("history web memory --since=-1h --until=-2h", "--since is later than --until"),
    ("history web memory -n 5", "--lines does not go with 'history'"),
    ("timeline -n 0", "--lines takes a number from 1 to 500, not '0'"),
    ("timeline -n 501", "--lines takes a number from 1 to 500, not '501'"),
    ("timeline -n all", "--lines takes a number from 1 to 500, not 'all'"),
    ("errors --since=-1h", "--since does not go with 'errors'"),
])
def test_wrong_usage(fleet, command, words):
    done = shell(command, ok=False)
    assert done.returncode == USAGE and done.stdout == ""
    verb = command.split()[0]
    assert words in one_line(done) and done.stderr.endswith(f"; see 'toolooctl {verb} --help'\n")


@pytest.mark.parametrize("command, name", [
    ("history wep memory", "wep"), ("timeline web wep", "wep"), ("errors wep", "wep"), ("alerts trigger cpu 1 wep", "wep"),
    ("alerts silence wep --for=1h --reason=x", "wep"), ("alerts add 'cpu > 1' --service=wep", "wep"),
])
def test_unknown_service(stand_in, command, name):
    done = shell(command, ok=False)
    assert done.returncode == UNKNOWN and done.stdout == ""
    assert one_line(done) == f"toolooctl: unknown service '{name}'. Did you mean 'web'?"


def test_names_of_units_are_taken(stand_in):
    asked = {said(f"errors {name}")["target"] for name in ("web", "tooloo-web", "tooloo-web.service", "tooloo-web.socket")}
    assert asked == {f"{METRICS}/errors?service=web&limit=100"}


@pytest.mark.parametrize("status, body, words", [
    (400, {"ok": False, "error": "metric: one of those is expected", "code": "INVALID_FIELD"},
     "toolooctl: metric: one of those is expected"),
    (404, {"ok": False, "error": "there is no rule 'x'", "code": "NOT_FOUND"}, "toolooctl: there is no rule 'x'"),
    (503, "<h1>later</h1>", "toolooctl: metricsd answers HTTP 503; see 'toolooctl logs metricsd'"),
    (500, {"error": 7}, "toolooctl: metricsd answers HTTP 500; see"),
    (200, "not JSON", "toolooctl: metricsd answers HTTP 200 without JSON; see"),
    (200, "[1]", "toolooctl: metricsd answers HTTP 200 without JSON; see"),
    (200, "", "toolooctl: metricsd answers HTTP 200 without JSON; see"),
    (400, {"error": CONTROLS}, "toolooctl:  [31mred  1m next"),
    (0, None, "toolooctl: metricsd does not answer at port 3010 ("),
])
def test_answers_that_are_none(stand_in, status, body, words):
    answer = [status, body]
    stand_in.set({f"GET {STATUS}": answer, f"GET {RULES}": answer, f"POST {RULES}": answer, f"DELETE {RULES}/x": answer,
                  "POST /api/v1/system/alerts/trigger": answer, "POST /api/v1/system/alerts/silences": answer,
                  "GET /api/v1/system/alerts/silences": answer, "DELETE /api/v1/system/alerts/silences/x": answer,
                  f"GET {METRICS}/history": answer, f"GET {METRICS}/timeline": answer, f"GET {METRICS}/errors": answer})
    for command in COMMANDS:
        for json_too in "", " --json":
            done = shell(command + json_too, ok=False)
            assert done.returncode == FAILED and done.stdout == "" and one_line(done).startswith(words), command


def test_answers_of_another_shape_are_no_crash(stand_in):
    odd = [{}, {"active": 7, "history": {}, "rules": [7, None, {}], "silences": [[]], "events": [None, {"at": 7}],
                "errors": ["x", {"count": "many", "lastSeen": "soon"}], "alert": {}, "points": [[1, 2]], "step": "long"}]
    for body in odd:
        stand_in.set({f"{method} {path}": [200, body] for method, path in
                      [("GET", STATUS), ("GET", RULES), ("POST", RULES), ("POST", "/api/v1/system/alerts/trigger"),
                       ("GET", "/api/v1/system/alerts/silences"), ("POST", "/api/v1/system/alerts/silences"),
                       ("GET", f"{METRICS}/history"), ("GET", f"{METRICS}/timeline"), ("GET", f"{METRICS}/errors")]})
        for command in COMMANDS:
            assert shell(command, ok=None).returncode in (0, FAILED), command
            assert shell(f"{command} --quiet", ok=None).stdout == ""
    assert "cannot show the history: Bad message" in one_line(shell("history web memory", ok=False))


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "errors web cup"])  # two answers, of which one is made
def test_json_is_what_metricsd_answers(stand_in, command):
    command += " --since=08:00 --until=08:01" if command.startswith("history") else ""
    assert said(command)["ok"] is True
    assert shell(f"--json -q {command}").stdout == shell(f"{command} --json").stdout


def test_no_proxy_is_asked(stand_in):
    env = os.environ | {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    assert said("timeline")["target"] == json.loads(toolooctl("timeline", "--json", env=env).stdout)["target"]


def test_reader_that_has_gone(stand_in):
    """No crash, no word, no failure: it has seen enough."""
    stand_in.set(history([7] * 10000) | {f"GET {METRICS}/timeline": [200, {"events": [
        {"id": i, "at": iso(BEGIN + i), "kind": "state", "text": "x" * 300} for i in range(10000)], "total": 10000}]})
    for command in "history web memory", "history web memory --json", "timeline", "timeline --json":
        with subprocess.Popen(["toolooctl", *command.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.read(1)
            process.stdout.close()
            assert process.stderr.read() == b"" and process.wait() == 0


def test_full_disk(stand_in):
    stand_in.set(history([7]))
    for command in "history web memory", "timeline --json", "alerts rules", "errors --help":
        done = run("sh", "-c", f"exec toolooctl {command} >/dev/full", ok=False)
        assert done.returncode == 1 and "cannot write the output: No space left" in one_line(done)


# --- What they show ---


def answers():
    """Something for each table, longer than a narrow terminal is wide."""
    long = "long enough for no terminal " * 10
    alert = {"id": "1", "metric": "service.memory", "value": 263507968, "service": "web", "rules": ["big"], "decidedBy": "big",
             "severity": "critical", "action": "restart-service", "timestamp": iso(BEGIN), "status": "active",
             "remediation": "refused", "remediationRefused": long, "remediationAttempts": 0, "silenced": False,
             "precededBy": {"kind": "reload", "at": iso(BEGIN - 12), "secondsBefore": 12, "service": "web", "text": "x"}}
    over = alert | {"id": "0", "severity": "info", "service": None, "group": ["web", "cup"], "resolvedAt": iso(BEGIN + 60),
                    "remediation": "done", "remediationAttempts": 2, "helped": True, "precededBy": None}
    rule = {"id": "big", "metric": "service.memory", "operator": ">", "threshold": 209715200, "severity": "critical",
            "action": "restart-service", "description": long, "for": 30000, "cooldown": 300000, "enabled": True, "state": "firing",
            "dryRun": True, "efficacy": [{"service": "web", "action": "restart-service", "tries": 5, "helped": 1, "off": True}]}
    event = {"id": 5, "at": iso(BEGIN), "service": "web", "kind": "restart", "cause": "crash", "text": long}
    error = {"fingerprint": "00ff", "service": "web", "message": long, "count": 1234567, "firstSeen": iso(BEGIN),
             "lastSeen": iso(BEGIN + 60), "new": True}
    return {
        f"GET {STATUS}": [200, {"active": [alert], "history": [over], "totalActive": 1, "totalHistory": 1}],
        f"GET {RULES}": [200, {"rules": [rule], "total": 1}],
        "POST /api/v1/system/alerts/trigger": [200, {"ok": True, "alert": alert}],
        "GET /api/v1/system/alerts/silences": [200, {"silences": [
            {"id": "silence-1", "service": "web", "until": iso(BEGIN), "reason": long},
            {"id": "silence-2", "rule": "big", "until": iso(BEGIN), "reason": "x"}]}],
        f"GET {METRICS}/timeline": [200, {"events": [
            event | {"id": 6, "at": iso(BEGIN + 1), "service": None, "kind": "monitor", "cause": None}, event], "total": 2}],
        f"GET {METRICS}/errors": [200, {"errors": [error, error | {"service": "cup", "new": False}], "complete": False,
                                        "why": "3 lines were lost"}],
    }


TABLES = {
    "alerts --all": ["SINCE", "SEVERITY", "SERVICE", "WHAT", "RULE", "BEFORE", "ENDED", "DONE"],
    "alerts rules": ["RULE", "CONDITION", "FOR", "SERVICE", "SEVERITY", "ACTION", "STATE", "DESCRIPTION"],
    "alerts silences": ["SILENCE", "SERVICE", "RULE", "UNTIL", "REASON"],
    "timeline": ["TIME", "SERVICE", "WHAT", "TEXT"],
    "errors": ["COUNT", "SERVICE", "LAST", "SEEN", "FIRST", "SEEN", "NEW", "MESSAGE"],
}
UTC = {"TZ": "UTC"}


@pytest.mark.parametrize("command, names", TABLES.items())
def test_tables(stand_in, command, names):
    stand_in.set(answers())
    for width, variables in (40, {}), (80, {}), (200, {}), (200, {"COLUMNS": "80"}), (80, {"LC_ALL": "C"}):
        lines = in_terminal(*command.split(), width=width, **variables).splitlines()
        longest = max(len(ESCAPE.sub("", line)) for line in lines)
        if width > 40:  # what cannot be cut stays whole where there is no room at all
            assert longest <= int(variables.get("COLUMNS", width))
        shown = ESCAPE.sub("", lines[0]).split()
        assert [n for n in dict.fromkeys(names) if n in shown] == list(dict.fromkeys(shown)) and shown[0] == names[0]
    whole = shell(command).stdout
    assert whole.splitlines()[0].split() == names and "long enough for no terminal " * 9 in whole
    assert "\x1b" not in whole


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("command", TABLES)
def test_tables_are_as_somebody_looked_at_them(stand_in, command, width):
    stand_in.set(answers())
    text = in_terminal(*command.split(), width=width, NO_COLOR="1", **UTC)
    golden(f"{command.replace(' --', '-').replace(' ', '-')}-{width}.txt", text, (r"Nov 14 22:", "Nov 14 HH:"))


@pytest.mark.parametrize("command", TABLES)
def test_json_is_as_somebody_looked_at_it(stand_in, command):
    stand_in.set(answers())
    golden(f"{command.replace(' --', '-').replace(' ', '-')}.json", shell(f"{command} --json").stdout)


@pytest.mark.parametrize("width", [80, 200])
def test_history_is_as_somebody_looked_at_it(stand_in, width):
    """As a table: the plot is gnuplot's, and another one with each version."""
    stand_in.set(history([20 * MIB, 21 * MIB]))
    golden(f"history-{width}.txt", in_terminal("history", "web", "memory", "--table", width=width, NO_COLOR="1", **UTC))


def test_history_json_is_as_somebody_looked_at_it(stand_in):
    stand_in.set(history([20 * MIB, 21 * MIB]))
    golden("history.json", shell("history web memory --json").stdout)


@pytest.mark.parametrize("command", ["alerts", "alerts rules", "errors"])
def test_colors(stand_in, command):
    stand_in.set(answers())
    assert "\x1b[3" in in_terminal(*command.split(), width=200)
    assert "\x1b" not in in_terminal(*command.split(), width=200, NO_COLOR="1")
    assert "\x1b" not in in_terminal(*command.split(), width=200, TERM="dumb")


def test_what_the_tables_say(stand_in):
    stand_in.set(answers())
    env = os.environ | UTC
    active, over = [line for line in shell("alerts --all", env=env).stdout.splitlines() if line.startswith("Nov")]
    assert re.match(r"Nov 14 22:13:20 critical +web +memory 251.3M > 200.0M +big +reload 12s before - +nothing done: long ", active)
    assert re.match(r"Nov 14 22:13:20 info +2 services +memory 251.3M > 200.0M +big +- +Nov 14 22:14:20 "
                    r"restart-service done, 2 tries, helped$", over)
    assert "\n\nOver:\nNov 14" in shell("alerts list --all", env=env).stdout
    assert "ENDED" not in shell("alerts", env=env).stdout
    rules = shell("alerts rules").stdout.splitlines()[1]
    assert re.match(r"big +memory > 200.0M 30s all +critical restart-service firing, dry run, off for web long ", rules)
    silences = shell("alerts silences", env=env).stdout.splitlines()
    assert re.match(r"silence-1 web +all +Nov 14 22:13:20 long ", silences[1])
    assert silences[2].split() == ["silence-2", "all", "big", "Nov", "14", "22:13:20", "x"]
    events = shell("timeline", env=env).stdout.splitlines()
    assert re.match(r"Nov 14 22:13:20 web +restart \(crash\) long ", events[1])  # in order of time
    assert re.match(r"Nov 14 22:13:21 - +monitor +long ", events[2])
    done = shell("errors", env=env)
    new, old = done.stdout.splitlines()[1:]
    assert re.match(r"1234567 web +Nov 14 22:14:20 Nov 14 22:13:20 new long ", new)
    assert re.match(r"1234567 cup +Nov 14 22:14:20 Nov 14 22:13:20 - +long ", old)
    assert one_line(done) == "toolooctl: the counts are not complete: 3 lines were lost"


def test_nothing_to_show(stand_in):
    stand_in.set({f"GET {STATUS}": [200, {"active": [], "history": []}], f"GET {RULES}": [200, {"rules": []}],
                  "GET /api/v1/system/alerts/silences": [200, {"silences": []}], f"GET {METRICS}/timeline": [200, {"events": []}],
                  f"GET {METRICS}/errors": [200, {"errors": [], "complete": True, "why": None}]})
    for command, words in {"alerts --all": "No active alerts.", "alerts rules": "There are no rules.", "errors": "No errors.",
                           "alerts silences": "Nothing is silenced.", "timeline": "Nothing happened."}.items():
        done = shell(command)
        assert done.stdout == f"{words}\n" and done.stderr == ""


def test_what_is_shown_does_not_steer_the_terminal(stand_in):
    def poison(value):
        if isinstance(value, dict):
            return {k: poison(v) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v) for v in value]
        return CONTROLS if isinstance(value, str) and not re.match(r"\d{4}-", value) else value

    stand_in.set({k: poison(v) for k, v in (answers() | history([7, 8])).items()})
    for command in [*TABLES, "alerts trigger cpu 1", "history web memory --table"]:
        text = shell(command).stdout
        assert text and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), command
    text = ESCAPE.sub("", in_terminal("history", "web", "memory", width=80, NO_COLOR="1"))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text) and "[31mred" in text


# --- The plot ---


def plot(*arguments, width=80, **variables):
    return in_terminal("history", "web", "memory", *arguments, width=width, **(UTC | variables))


MIB = 1024 * 1024


def test_plot_has_the_extremes(stand_in):
    values = [20 * MIB] * 60
    values[30] = (25 * MIB, 16 * MIB, 44 * MIB)
    stand_in.set(history(values))
    text = plot()
    assert text.splitlines()[0] == "web service.memory in MiB"
    assert "\nleast 16.0M at Nov 14 22:43:20\nmost  44.0M at Nov 14 22:43:20\nlast  20.0M at Nov 14 23:12:20\n" in text
    assert "no data" not in text and "\x1b" not in text and "\f" not in text
    rows = [line for line in text.splitlines() if re.match(r" +[\d.]* *[|+*]", line)]
    labels = [float(m[1]) for line in rows if (m := re.match(r" *([\d.]+) [|+*]", line))]
    assert max(labels) <= 46 and min(labels) >= 14
    # The peak is a bar half-way, from near the top to near the bottom.
    bars = [line.index("|", 10) for line in rows if "|" in line[10:]]
    assert len(set(bars)) == 1 and 38 <= bars[0] <= 46 and len(bars) >= len(rows) * 2 / 3


def test_gaps_stay_gaps(stand_in):
    stand_in.set(history([20 * MIB] * 20 + [None] * 20 + [20 * MIB] * 20))
    text = plot()
    assert "\nno data in 20 of 60 steps\n" in text
    line = next(line for line in text.splitlines() if "*****" in line)
    before, gap, after = re.search(r"(\*+)( +)(\*+)", line).groups()
    assert min(map(len, (before, gap, after))) > 15 and "*" not in gap
    table = shell("history web memory").stdout.splitlines()
    assert len(table) == 61 and sum(line.split()[3:] == ["-"] * 3 for line in table[1:]) == 20


@pytest.mark.parametrize("width, variables, columns", [(30, {}, 30), (40, {}, 40), (80, {}, 80), (200, {}, 200),
                                                       (200, {"COLUMNS": "40"}, 40), (80, {"LC_ALL": "C"}, 80)])
def test_plot_fits_the_terminal(stand_in, width, variables, columns):
    stand_in.set(history([i * MIB for i in range(60)], metric="service." + "x" * 100))
    text = plot(width=width, **variables)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= max(columns, 36)  # the heading's shortest
    assert max(len(line.rstrip()) for line in text.splitlines() if "*" in line[12:]) > columns * 3 / 4
    assert re.search(r"^[ \d.]+ [|+]-\+", text, re.M)


def test_steps_are_as_many_as_there_are_columns(stand_in):
    """What is asked for, which the stand-in sends back; a table of it is then no table."""
    def asked(text):
        return urllib.parse.parse_qs(json.loads(text)["target"].split("?")[1])

    given = asked(shell("history web memory --json --since=2026-01-31T08:00:00Z --until=2026-01-31T09:00:00Z --step=5s").stdout)
    assert given == {"service": ["web"], "metric": ["service.memory"], "from": ["2026-01-31T08:00:00.000Z"],
                     "to": ["2026-01-31T09:00:00.000Z"], "step": ["5s"]}
    assert "step" not in asked(shell("history web journal.errors --json").stdout)
    usual = asked(shell("history web journal.errors --json").stdout)
    assert usual["metric"] == ["journal.errors"]
    span = [datetime.datetime.fromisoformat(usual[name][0].rstrip("Z")) for name in ("from", "to")]
    assert span[1] - span[0] == datetime.timedelta(hours=1)


@pytest.mark.parametrize("arguments, terminal", [([], False), (["--table"], True)])
def test_table_in_place_of_the_plot(stand_in, arguments, terminal):
    stand_in.set(history([20 * MIB, (1.5 * MIB, MIB, 2 * MIB), None]))
    text = plot(*arguments) if terminal else toolooctl("history", "web", "memory", env=os.environ | UTC).stdout
    assert [line.split() for line in text.splitlines()] == [
        ["TIME", "AVERAGE", "LEAST", "MOST"], ["Nov", "14", "22:13:20", "20.0M", "20.0M", "20.0M"],
        ["Nov", "14", "22:14:20", "1.5M", "1.0M", "2.0M"], ["Nov", "14", "22:15:20", "-", "-", "-"]]


def test_without_gnuplot_there_is_a_table(stand_in):
    stand_in.set(history([20 * MIB]))
    script = f"PATH=/nonexistent exec {shutil.which('toolooctl')} history web memory"
    both = run("script", "-qec", script, "/dev/null").stdout.replace("\r\n", "\n")
    assert both.splitlines()[0] == "toolooctl: no plot without gnuplot; install the package gnuplot-nox. The figures:"
    assert both.splitlines()[1].split() == ["TIME", "AVERAGE", "LEAST", "MOST"]


def test_settings_of_gnuplot_are_not_read(stand_in, tmp_path):
    """Nor is a name anything to it: what it gets is numbers."""
    (tmp_path / ".gnuplot").write_text(f"system 'touch {tmp_path}/read'\n")
    stand_in.set(history([20 * MIB] * 3, metric=f"service.`touch {tmp_path}/run`'\";system 'touch {tmp_path}/run'",
                         unit=f"'; system 'touch {tmp_path}/run"))
    text = plot(HOME=str(tmp_path), GNUTERM="png")
    assert "least" in text and sorted(p.name for p in tmp_path.iterdir()) == [".gnuplot"]


def test_nothing_recorded(stand_in):
    stand_in.set(history([None] * 5))
    words = r"Nothing was recorded of service.memory of web from \w+ \d+ [\d:]+ to \w+ \d+ [\d:]+\.\n"
    assert re.fullmatch(words, shell("history web memory").stdout)
    assert re.fullmatch(words, plot())


# --- What they ask ---


def body_of(command):
    answer = said(command)
    return answer["method"], urllib.parse.unquote(answer["target"]), answer["body"]


def test_rules_are_asked_for_as_written(stand_in):
    plain = {"metric": "service.memory", "operator": ">", "threshold": 209715200, "severity": "warning", "action": "notify"}
    for condition in "'memory > 200M'", "memory '>' 200M", "--metric=memory --operator='>' --threshold=200M":
        assert body_of(f"alerts add {condition}") == ("POST", RULES, plain)
    all_of_it = ("alerts add 'cpu >= 80%' --service tooloo-web.service --severity critical --action scale-up --for 30s "
                 "--cooldown 5min --margin 7.5 --id 'my rule' --description 'what it is for' --param max=4 --param where=here "
                 "--param on=true --param a=b=c --no-action --dry-run")
    assert body_of(all_of_it) == ("POST", f"{RULES}?dryRun=true", {
        "metric": "service.cpu", "operator": ">=", "threshold": 80, "severity": "critical", "action": "scale-up", "for": "30s",
        "cooldown": "5min", "id": "my rule", "description": "what it is for", "dryRun": True, "margin": 7.5,
        "actionParams": {"max": 4, "where": "here", "on": True, "a": "b=c"}, "service": "web"})
    assert body_of("alerts add 'provider.successRate < 70%'")[2]["threshold"] == 0.7
    assert shell("alerts add 'cpu > 1'").stdout == "rule x is stored\n"
    assert shell("alerts add 'cpu > 1' --dry-run").stdout == "rule x would be stored\n"


def test_the_others_are_asked_for_as_written(stand_in):
    alerts = "/api/v1/system/alerts"
    assert body_of("alerts trigger responseTime 6s web --dry-run") == (
        "POST", f"{alerts}/trigger", {"metric": "service.responseTime", "value": 6000, "service": "web", "dryRun": True})
    assert body_of("alerts trigger budget.percent 80") == ("POST", f"{alerts}/trigger", {"metric": "budget.percent", "value": 80})
    assert body_of("alerts trigger health -- -1")[2]["value"] == -1
    assert body_of("alerts silence web --for=2h --reason='it moves' --rule=big") == (
        "POST", f"{alerts}/silences", {"service": "web", "rule": "big", "until": "2h", "reason": "it moves"})
    assert body_of("alerts silence --for=2h --reason=x --dry-run")[1:] == (
        f"{alerts}/silences?dryRun=true", {"until": "2h", "reason": "x"})
    assert body_of("alerts unsilence silence-1") == ("DELETE", f"{alerts}/silences/silence-1", None)
    assert body_of("alerts rm 'a b/../c?d' --dry-run") == ("DELETE", f"{RULES}/a b/../c?d?dryRun=true", None)
    assert "/a%20b%2F..%2Fc%3Fd?dryRun" in said("alerts rm 'a b/../c?d' --dry-run")["target"]
    assert shell("alerts rm a b").stdout == "rule a is removed\nrule b is removed\n"
    assert shell("alerts unsilence a --dry-run").stdout == "silence a would be removed\n"
    assert shell("alerts rm a b --quiet").stdout == ""
    assert body_of("alerts")[1] == f"{STATUS}?limit=200"
    given = "timeline web --since=2026-01-31T08:00:00Z --until=2026-01-31T09:00:00.5+01:00 --kind=restart,reload -n 7"
    assert body_of(given)[1] == (f"{METRICS}/timeline?service=web&kind=restart,reload&from=2026-01-31T08:00:00.000Z"
                                 "&to=2026-01-31T08:00:00.500Z&limit=7")
    assert body_of("errors -n 500")[1] == f"{METRICS}/errors?limit=500"


def test_options_before_the_verb(stand_in):
    assert json.loads(toolooctl("--json", "-n", "5", "timeline", "web").stdout)["target"].endswith("service=web&limit=5")
    assert toolooctl("-q", "alerts", "rules").stdout == ""


def test_one_of_several_that_cannot_go_holds_up_no_other(stand_in):
    stand_in.set({f"DELETE {RULES}/b": [404, {"ok": False, "error": "there is no rule 'b'", "code": "NOT_FOUND"}]})
    done = shell("alerts rm a b c", ok=False)
    assert done.returncode == FAILED and done.stdout == "rule a is removed\nrule c is removed\n"
    assert one_line(done) == "toolooctl: there is no rule 'b'"


def test_an_action_that_failed_is_a_failure(stand_in):
    alert = {"metric": "service.cpu", "value": 9, "service": "web", "severity": "info", "decidedBy": "r", "action": "notify",
             "remediation": "failed", "remediationError": "nobody there"}
    stand_in.set({"POST /api/v1/system/alerts/trigger": [200, {"ok": True, "alert": alert}]})
    done = shell("alerts trigger cpu 9 web", ok=False)
    assert (done.returncode, done.stdout) == (FAILED, "")
    assert one_line(done) == "toolooctl: cpu 9% of web, info by r: notify failed: nobody there"
    done = shell("alerts trigger cpu 9 web --json", ok=False)
    assert done.returncode == FAILED and json.loads(done.stdout)["alert"] == alert and one_line(done)
