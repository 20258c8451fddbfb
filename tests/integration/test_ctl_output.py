# SPDX-License-Identifier: MIT
"""What toolooctl shows: the table and the JSON that are made from one description, on terminals of all widths, in pipes;
health from metricsd; what --help, the man page and the completions promise."""
import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time

import pytest
from conftest import (BUILD, CHECKOUT, PATIENCE, PORTS, USER_UNITS, Journal, Lines, journal_cursor, journal_lines, kill,
                      main_pid, one_line, run, status_json, systemctl, toolooctl, unit_property)
from golden import golden

NOT_ACTIVE, STATUS_UNKNOWN, UNKNOWN = 3, 4, 5
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
COLUMNS = ["SERVICE", "STATE", "HEALTH", "RESPONSE", "PORT", "PID", "UPTIME", "RESTARTS", "MEMORY", "GEN", "CATEGORY", "PROBLEM"]


def in_terminal(*arguments, width, ok=True, whole=False, **variables):
    """What toolooctl writes to a terminal that is so wide; with whole also what it writes to stderr, and its exit status."""
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "SYSTEMD_COLORS", "COLUMNS")}
    env |= {"TERM": "xterm", "LANG": "C.UTF-8"} | variables
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    with subprocess.Popen(["toolooctl", *arguments], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
                          env=env) as process:
        os.close(slave)
        written = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end open any more
            while data := os.read(master, 1 << 16):
                written += data
        errors = process.stderr.read()
    os.close(master)
    assert (process.returncode == 0) == ok or ok is None, (process.returncode, errors)
    text = written.decode().replace("\r\n", "\n")
    return (text, errors.decode(), process.returncode) if whole else text


def status(*arguments, **more):
    """What it shows, whether or not all is active: the tests stop metricsd where they stand in for it."""
    return toolooctl("status", *arguments, ok=None, **more).stdout


def rows(text):
    """The cells of each service in a table that was not cut, by id and heading."""
    lines = re.sub(r"\b(\d+(?:d|h|min)) (\d+(?:h|min|s))\b", r"\1_\2", text).splitlines()  # an uptime is one cell
    names = lines[0].split()
    cells = [line.split(None, len(names) - 1) for line in lines[1:] if re.match(r"[a-z][a-z0-9-]* +\w", line)]
    return {c[0]: dict(zip(names, c + [""] * len(names))) for c in cells}


@contextlib.contextmanager
def metrics(*answers):
    """Somebody who answers in metricsd's place."""
    with Lines(BUILD / "tests/fixtures/metrics-bus", *answers) as it:
        assert it.next(time.monotonic() + PATIENCE) == "ready"
        yield


@pytest.fixture
def without_metricsd(fleet):
    """So that its name on the bus is free."""
    there = any(s["id"] == "metricsd" for s in json.loads(toolooctl("list", "--json").stdout)["services"])
    if there:
        toolooctl("stop", "metricsd")
    yield
    if there:
        toolooctl("start", "metricsd")


# --- What metricsd knows of the present run, in place of three questions a service to systemd ---


def shown(id):
    row = rows(status())[id]
    return row["PID"], row["RESTARTS"]


def run_of(id, **other):
    """What metricsd would say of a service that runs, but for what is given."""
    told = {"invocation": unit_property(f"tooloo-{id}.service", "InvocationID"), "pid": main_pid(f"tooloo-{id}.service"),
            "restarts": 0, "since": unit_property(f"tooloo-{id}.service", "ActiveEnterTimestampMonotonic")} | other
    return [id, *(str(told[key]) for key in ("invocation", "pid", "restarts", "since"))]


def test_the_table_says_what_systemd_says(fleet):
    with Journal("tooloo-cup.service", after=journal_cursor()) as journal:
        kill("tooloo-cup.service")
        journal.wait("^Started ")
    table = rows(status())  # at once: metricsd may know of it or not
    assert {id: int(row["PID"]) for id, row in table.items() if id in PORTS} == {
        id: main_pid(f"tooloo-{id}.service") for id in PORTS}
    assert table["cup"]["RESTARTS"] == unit_property("tooloo-cup.service", "NRestarts")
    systemctl("reset-failed", "tooloo-cup.service")  # no signal tells of that
    assert shown("cup")[1] == "0"


def test_a_run_of_metricsd_is_taken(without_metricsd):
    with metrics("--runs", *run_of("cup", pid=os.getpid())):
        assert shown("cup") == (str(os.getpid()), "0")


@pytest.mark.parametrize("other", [{"invocation": "0" * 32}, {"invocation": ""}, {"invocation": "../cup"}, {"restarts": 1},
                                   {"pid": 0}])
def test_a_run_that_may_be_over_is_not_taken(without_metricsd, other):
    with metrics("--runs", *run_of("cup", **{"pid": os.getpid()} | other)):
        assert shown("cup") == (str(main_pid("tooloo-cup.service")), unit_property("tooloo-cup.service", "NRestarts"))


@pytest.mark.parametrize("answer", ["--silent", "--nonsense"])
def test_without_runs_systemd_is_asked(without_metricsd, answer):
    with metrics(answer):
        assert shown("cup")[0] == str(main_pid("tooloo-cup.service"))


# --- The table ---


def test_in_a_pipe_everything_is_there_and_nothing_is_cut(without_metricsd):
    problem = "far too long to fit " * 20
    with metrics("cup", "degraded", "1.25", problem.strip()):
        text = toolooctl("status", "web", "cup", env=os.environ | {"COLUMNS": "40"}).stdout
    assert text.splitlines()[0].split() == COLUMNS
    assert text.splitlines()[2].endswith(" " + problem.strip())
    assert "\x1b" not in text


@pytest.mark.parametrize("width, variables, category", [
    (80, {}, False), (100, {}, False), (140, {}, True), (200, {}, True), (200, {"COLUMNS": "80"}, False),
    (80, {"LC_ALL": "C"}, False),
])
def test_fits_the_terminal(without_metricsd, width, variables, category):
    with metrics("cup", "degraded", "12.345", "the answer is not one: " + "x" * 300):
        text = ESCAPE.sub("", in_terminal("status", width=width, ok=None, **variables))
    lines = text.splitlines()
    width = int(variables.get("COLUMNS", width))
    assert max(map(len, lines)) <= width
    names = lines[0].split()
    assert ("CATEGORY" in names) == category
    assert names[0] == "SERVICE" and names[-1] == "PROBLEM" and {"STATE", "HEALTH", "PORT", "UPTIME", "RESTARTS", "MEMORY",
                                                                  "GEN"} <= set(names)
    cup = next(line for line in lines if line.startswith("cup "))
    assert cup.rstrip().endswith("..." if "LC_ALL" in variables else "…") and re.search(r" the a\w*", cup)
    assert re.search(r"\ncup +running +degraded +", text)
    assert "\nHint: 'toolooctl status SERVICE' shows the whole of a problem.\n" in text


def test_too_narrow_a_terminal_still_has_what_matters(fleet):
    names = in_terminal("status", width=20, ok=None).splitlines()[0].split()
    assert names == [name for name in COLUMNS if name not in ("RESPONSE", "PID", "CATEGORY")]


def test_a_wide_terminal_has_every_column(fleet):
    text = in_terminal("status", width=200, ok=None)
    assert text.splitlines()[0].split() == COLUMNS and "Hint" not in text


@pytest.mark.parametrize("terminal, variables, colored", [
    (True, {}, True),
    (True, {"NO_COLOR": "1"}, False),
    (True, {"NO_COLOR": ""}, True),
    (True, {"TERM": "dumb"}, False),
    (True, {"SYSTEMD_COLORS": "0"}, False),
    (True, {"SYSTEMD_COLORS": "1", "NO_COLOR": "1"}, True),
    (False, {}, False),
    (False, {"SYSTEMD_COLORS": "yes"}, True),
    (False, {"SYSTEMD_COLORS": "perhaps"}, False),
])
def test_colors(without_metricsd, terminal, variables, colored):
    with metrics("web", "healthy", "1", ""):
        for arguments in ["status", "web", "cup"], ["status", "web"]:
            if terminal:
                text = in_terminal(*arguments, width=200, **variables)
            else:
                text = toolooctl(*arguments, env=os.environ | variables).stdout
            assert ("\x1b[32m" in text) == ("\x1b" in text) == colored
            assert not colored or "\x1b[32mhealthy\x1b[0m" in text
            assert "healthy" in text  # the word says it, too


def test_table_says_what_json_says(without_metricsd):
    with metrics("web", "healthy", "1.26", "", "cup", "degraded", "-1", "HTTP 500"):
        table = rows(status())
        services = status_json()
    assert list(table) == sorted(services, key=lambda id: (services[id]["category"] == "control", list(services).index(id)))
    for id, row in table.items():
        s = services[id]

        def text(key, form="{}"):
            return "-" if s[key] is None else form.format(s[key])

        assert row["STATE"] == s["state"] and row["HEALTH"] == text("health") and row["PORT"] == text("port")
        assert row["RESPONSE"] == text("responseTime", "{:.1f}ms")
        assert row["PID"] == text("pid") and row["RESTARTS"] == text("restarts") and row["GEN"] == text("generation")
        assert row["CATEGORY"] == s["category"] and row["PROBLEM"] == (s["problem"] or "")
    assert table["web"]["RESPONSE"] == "1.3ms" and table["cup"]["PROBLEM"] == "HTTP 500"


def test_older_generations_are_counted(echo):
    echo.reload("echo-b")
    row = rows(toolooctl("status", "echo", "web", ok=None).stdout)["echo"]
    assert row["GEN"].split("+")[0] == "2" and echo.status()["generation"] == 2


def test_what_a_service_says_does_not_steer_the_terminal(without_metricsd):
    with metrics("web", "degraded", "1", "\x1b[2Jgone\nforged line\u009b31m"):
        for text in toolooctl("status", "web", "cup").stdout, toolooctl("status", "web").stdout:
            assert "\x1b" not in text and "\u009b" not in text and "gone forged line" in text
        assert status_json("web")["web"]["problem"] == "\x1b[2Jgone\nforged line\u009b31m"  # JSON escapes it


def test_full_disk(fleet):
    for arguments in "status", "status --json", "list", "logs -n 5":
        done = run("sh", "-c", f"exec toolooctl {arguments} >/dev/full", ok=False)
        assert done.returncode == 1 and "cannot write the output: No space left" in one_line(done)


# --- Health ---


def test_health_as_metricsd_says(without_metricsd):
    with metrics("web", "healthy", "1.5", "", "cup", "offline", "-1", "connection refused", "budget", "unknown", "-1", "",
                 "meta", "healthy", "1200", "answers only after 1.2 s", "nobody", "healthy", "1", ""):
        services = status_json()
        one = toolooctl("status", "web").stdout
        assert "metricsd does not watch it" in toolooctl("status", "coach").stdout
    assert (services["web"]["health"], services["web"]["responseTime"]) == ("healthy", 1.5)
    assert services["web"]["problem"] is None
    assert (services["meta"]["health"], services["meta"]["problem"]) == ("healthy", None)  # one probe is no verdict
    assert (services["cup"]["health"], services["cup"]["responseTime"]) == ("offline", None)
    assert services["cup"]["problem"] == "connection refused"
    assert (services["budget"]["health"], services["budget"]["responseTime"]) == ("unknown", None)
    assert services["coach"]["health"] is None and services["coach"]["responseTime"] is None
    assert re.search(r"^ +Health: healthy, answered in 1\.5 ms$", one, re.M)


def test_health_is_not_guessed_without_metricsd(without_metricsd):
    said = json.loads(status("--json"))
    for s in said["services"]:
        assert s["health"] is None and s["responseTime"] is None
    assert said["problems"] == []
    assert {row["HEALTH"] for row in rows(status()).values()} == {"-"}
    assert "Health: - (metricsd does not run)" in toolooctl("status", "web").stdout


@pytest.mark.parametrize("fault, words", [("--silent", "no answer in time"), ("--nonsense", "not understood")])
def test_metricsd_that_does_not_answer_is_said(without_metricsd, fault, words):
    with metrics(fault):
        begun = time.monotonic()
        text = status()
        assert time.monotonic() - begun < 5  # its time-out is 0.5 s, and it is asked beside all others
        problems = json.loads(status("--json"))["problems"]
        one = toolooctl("status", "web").stdout
    assert re.search(rf"^Problem: metricsd does not say .*{words}", text, re.M)
    assert len(problems) == 1 and words in problems[0]
    assert re.search(rf"^ +Health: metricsd does not say .*{words}", one, re.M)
    assert {row["HEALTH"] for row in rows(text).values()} == {"-"} and "13 of 13 services run." in text


def test_what_does_not_run_is_explained_by_systemd(without_metricsd, service):
    """Not by the connection that metricsd was refused."""
    service("faulty", "faulty-init-fails", start=False).start(ok=False)
    with metrics("faulty", "offline", "-1", "connection refused"):
        s = status_json("faulty")["faulty"]
    assert s["health"] == "offline" and s["problem"] and "connection refused" not in s["problem"]


# --- The control plane ---


@pytest.fixture
def control(service, fleet):
    return service("echo", "echo-a", Slice="tooloo-control.slice")


def test_control_plane_stands_apart(control):
    text = toolooctl("status").stdout
    main, rest = text.split("\n\nControl plane:\n")
    assert set(rows(main)) == set(PORTS)
    assert re.search(rf"^echo +running .* {control.port} .* control", rest, re.M)
    assert text.endswith("\n\n13 of 13 services run.\n")
    # The columns of both groups stand below each other.
    end = main.index("PORT") + len("PORT")
    assert all(line[:end].split()[-1].isdigit() for line in [*main.splitlines()[1:], *rest.split("\n\n")[0].splitlines()])
    said = json.loads(toolooctl("status", "--json").stdout)
    assert said["fleet"] == {"total": 13, "active": 13}
    assert next(s for s in said["services"] if s["id"] == "echo")["category"] == "control"
    assert toolooctl("start").stdout == "13 of 13 services are active.\n"


def test_control_plane_that_is_down_is_not_active(control):
    control.stop()
    done = toolooctl("status", ok=False)
    assert done.returncode == NOT_ACTIVE and done.stdout.endswith("\n13 of 13 services run.\n")
    toolooctl("stop", "cup")
    try:
        assert toolooctl("status", ok=False).stdout.endswith("\n12 of 13 services run.\n")
    finally:
        toolooctl("start", "cup")


def test_control_plane_alone_is_not_counted(control, service):
    service("faulty", "faulty-good", Slice="tooloo-control.slice")
    text = toolooctl("status", "echo", "faulty").stdout
    assert "services run" not in text and set(rows(text)) == {"echo", "faulty"}


def test_the_whole_fleet_is_the_control_plane_too(control):
    before = control.property("InvocationID")
    toolooctl("restart")
    assert control.property("InvocationID") != before
    toolooctl("stop")
    assert control.property("ActiveState") == "inactive"
    toolooctl("start")


# --- What is wrong with the list itself ---


def test_problems_of_the_registry_are_shown(fleet, service):
    one = service("echo", "echo-a", start=False)
    other = service("faulty", "faulty-good", start=False)
    for suffix in "service", "socket":
        path = USER_UNITS / f"tooloo-faulty.{suffix}"
        path.write_text(path.read_text().replace(str(other.port), str(one.port)))
    for it in one, other:
        (USER_UNITS / f"{it.unit}.d").mkdir(exist_ok=True)
        (USER_UNITS / f"{it.unit}.d/70-routes.conf").write_text("[X-Tooloo]\nRoutes=/api/v1/both\n")
    systemctl("daemon-reload")
    problems = json.loads(status("--json"))["problems"]
    assert any(str(one.port) in p for p in problems) and any("/api/v1/both" in p for p in problems)
    text = status()
    for problem in problems:
        assert f"\nProblem: {problem}\n" in text
    assert rows(text.split("\n\n")[0]).keys() >= {"echo", "faulty"}


# --- list ---


def test_list(fleet, echo):
    services = {s["id"]: s for s in json.loads(toolooctl("list", "--json").stdout)["services"]}
    assert set(services) >= set(PORTS) | {"echo"}
    for id, port in PORTS.items():
        s = services[id]
        assert (s["port"], s["unit"], s["socket"], s["enabled"]) == (port, f"tooloo-{id}.service", f"tooloo-{id}.socket", True)
        assert s["unitFile"].endswith(f"/tooloo-{id}.service") and os.path.exists(s["unitFile"])
    assert services["coach"]["routes"] == ["/api/v1/auto-coach"] and services["coach"]["needs"] == ["training"]
    assert services["echo"]["enabled"] is False and services["echo"]["routes"] == []
    table = toolooctl("list").stdout
    assert table.splitlines()[0].split() == ["SERVICE", "PORT", "CATEGORY", "ENABLED", "NAME", "ROUTES", "UNIT", "FILE"]
    for id, s in services.items():
        line = next(line for line in table.splitlines() if line.startswith(f"{id} "))
        assert line.split()[1:4] == [str(s["port"]), s["category"], "yes" if s["enabled"] else "no"]
        assert line.endswith(f" {','.join(s['routes']) or '-'} {s['unitFile']}".rstrip()) or s["unitFile"] in line
        assert s["name"] in line and (",".join(s["routes"]) or "-") in line


def test_list_needs_nothing_to_run(fleet):
    toolooctl("stop", "cup")
    try:
        assert json.loads(toolooctl("list", "--json", "cup").stdout)["services"][0]["enabled"] is True
        systemctl("mask", "--runtime", "tooloo-cup.service")
        assert json.loads(toolooctl("list", "--json", "cup").stdout)["services"][0]["enabled"] is False
    finally:
        systemctl("unmask", "--runtime", "tooloo-cup.service")
        toolooctl("start", "cup")


def test_list_fits_the_terminal(fleet):
    text = in_terminal("list", width=80)
    assert max(map(len, text.splitlines())) <= 80 and "…" in text and "UNIT FILE" not in text


def test_list_of_names(fleet):
    done = toolooctl("list", "--json", "cup", "tooloo-web.service", "cup", "nowhere", ok=False)
    assert [s["id"] for s in json.loads(done.stdout)["services"]] == ["cup", "web"]
    assert done.returncode == UNKNOWN and "unknown service 'nowhere'" in one_line(done)
    assert toolooctl("list", "--quiet").stdout == ""


# --- Names ---


def test_a_name_given_twice_counts_once(fleet):
    assert [s["id"] for s in json.loads(toolooctl("status", "--json", "cup", "web", "tooloo-cup", "cup").stdout)["services"]] \
        == ["cup", "web"]
    cursor = journal_cursor()
    toolooctl("restart", "cup", "tooloo-cup.service", "tooloo-cup.socket")
    assert sum(line.startswith("Started tooloo-cup.service") for line in journal_lines("tooloo-cup.service", cursor)) == 1
    assert toolooctl("reload", "cup", "cup").stdout == "cup: generation 2\n"
    toolooctl("stop", "cup", "web", "cup")
    assert status_json("cup")["cup"]["state"] == status_json("web")["web"]["state"] == "stopped"
    toolooctl("start", "web", "cup", "tooloo-web")
    assert toolooctl("status", "web", "cup").stdout.endswith("\n2 of 2 services run.\n")


# --- As somebody looked at it ---

def without_figures(text):
    """The table of "status" with a letter for what is another figure each time, and takes other room then."""
    table, *rest = text.split("\n\n")
    names, *lines = table.splitlines()
    masked = [names.split()]
    for line in lines:
        line = re.sub(r"(no|disk| )+[a-z]*…$", " …", re.sub(r"\d+(d|h|min) \d+(h|min|s)", "N", line))
        cells = line.split(None, len(masked[0]) - 1)
        masked.append(["N" if name in ("PID", "UPTIME", "RESTARTS", "MEMORY", "GEN") and cell != "-" else cell
                       for name, cell in zip(masked[0], cells)])
    return "\n\n".join(["\n".join(" ".join(row) for row in masked), *rest])


@pytest.mark.parametrize("width", [80, 200])
def test_list_is_as_somebody_looked_at_it(fleet, width):
    golden(f"list-{width}.txt", in_terminal("list", width=width, NO_COLOR="1"))


def test_list_json_is_as_somebody_looked_at_it(fleet):
    golden("list.json", json.dumps(json.loads(toolooctl("list", "--json").stdout), indent=1) + "\n", (r"/home/\w+|/root", "HOME"))


@pytest.mark.parametrize("width", [80, 200])
def test_status_is_as_somebody_looked_at_it(without_metricsd, width):
    """Of a service that was stopped, one that is well, and one that is not."""
    toolooctl("stop", "cup")
    try:
        with metrics("cup", "offline", "-1", "", "web", "healthy", "1.25", "", "meta", "degraded", "3", "answers 500: " + "no disk " * 30):
            text = in_terminal("status", "cup", "web", "meta", width=width, ok=None, NO_COLOR="1")
    finally:
        toolooctl("start", "cup")
    golden(f"status-{width}.txt", without_figures(text))


def test_help_is_as_somebody_looked_at_it():
    """That of all verbs names them; each has a file."""
    text = toolooctl("--help").stdout
    golden("help.txt", text)
    for verb in re.findall(r"^  ([a-z]+)(?: |$)", text, re.M):
        golden(f"help-{verb}.txt", toolooctl(verb, "--help").stdout)


# --- What is promised ---


def promised():
    """Verbs and options of --help, and of each verb's own."""
    text = toolooctl("--help").stdout
    verbs = set(re.findall(r"^  ([a-z]+)(?: |$)", text, re.M))
    text += "".join(toolooctl(verb, "--help").stdout for verb in verbs)
    options = set(re.findall(r"^ +(?:-\w, +)?(--[a-z-]+)", text, re.M)) | set(re.findall(r"^ +(-\w), --", text, re.M))
    assert verbs >= {"start", "list", "logs", "dev"} and options >= {"--json", "--since", "-f", "-n", "--build", "-q"}
    return verbs, options


def test_man_page_says_what_help_says():
    text = (CHECKOUT / "ctl/toolooctl.1").read_text()
    verbs, options = promised()
    assert {v for v in verbs if not re.search(rf"^\.It Cm {v}\b", text, re.M)} == set()
    listed = set()
    for line in re.findall(r"^\.It Fl (.*)$", text, re.M):
        listed |= {f"-{name}" for name in re.findall(r"(?:^|, |Fl )(-?[\w-]+)", line)}
    assert options == listed - {"-changed"}


def test_commands_of_alerts_are_in_man_page_and_completions():
    commands = set(re.findall(r"^  ([a-z]+) ", toolooctl("alerts", "--help").stdout, re.M))
    assert commands >= {"list", "add", "rm", "unsilence"}
    text = (CHECKOUT / "ctl/toolooctl.1").read_text()
    assert {c for c in commands if not re.search(rf"^\.It Cm alerts (Op Cm )?{c}\b", text, re.M)} == set()
    for file in "toolooctl.bash", "_toolooctl":
        text = (CHECKOUT / "ctl/completions" / file).read_text()
        assert {c for c in commands if not re.search(rf"\b{c}\b", text)} == set()


def completed_by_bash(*words):
    script = f"""source {CHECKOUT}/ctl/completions/toolooctl.bash; compopt() {{ :; }}
        COMP_WORDS=(toolooctl "$@"); COMP_CWORD=$#; _toolooctl; printf '%s\\n' "${{COMPREPLY[@]}}" """
    return set(run("bash", "-c", script, "bash", *words).stdout.split())


def completed_by_fish(line):
    """Each candidate is followed by a tab and what it means."""
    script = f"source {CHECKOUT}/ctl/completions/toolooctl.fish; complete -C '{line}'"
    return {candidate.split("\t")[0] for candidate in run("fish", "--no-config", "-c", script).stdout.splitlines()}


def test_completions_have_each_verb_and_its_options(fleet):
    verbs = set(re.findall(r"^  ([a-z]+)(?: |$)", toolooctl("--help").stdout, re.M))
    assert completed_by_bash("") == verbs
    assert completed_by_fish("toolooctl ") == verbs
    for verb in verbs:
        options = set(re.findall(r"^ +(?:-\w, +)?(--[a-z-]+=?)", toolooctl(verb, "--help").stdout, re.M))
        assert options >= {"--quiet", "--help"}
        assert completed_by_bash(verb, "-") == options, verb
    assert completed_by_fish(f"toolooctl {verb} -") == options


@pytest.mark.parametrize("words, found", [
    (["l"], {"ledger", "list", "logs"}),
    (["status", "tra"], {"training"}),
    (["logs", "w"], {"web", "watchd"}),
    (["logs", "--s"], {"--since="}),
    (["list", "-"], {"--json", "--no-pager", "--quiet", "--help", "--version"}),
    (["logs", "-n", ""], set()),
    (["logs", "-p", "e"], {"emerg", "err"}),
    (["history", "we"], {"web"}),
    (["history", "web", "mem"], {"memory"}),
    (["timeline", "--k"], {"--kind="}),
    (["errors", "tra"], {"training"}),
    (["alerts", "u"], {"unsilence"}),
    (["alerts", "--al"], {"--all"}),
    (["alerts", "add", "--th"], {"--threshold="}),
    (["alerts", "rm", "default-off"], {"default-offline"}),
    (["alerts", "trigger", "c"], {"cpu"}),
    (["alerts", "trigger", "cpu", "5", "we"], {"web"}),
    (["alerts", "silence", "we"], {"web"}),
])
def test_bash_completion(fleet, words, found):
    assert completed_by_bash(*words) == found


@pytest.mark.parametrize("line, found", [
    ("toolooctl st", {"start", "status", "stop"}),
    ("toolooctl status tra", {"training"}),
    ("toolooctl logs w", {"web", "watchd"}),
    ("toolooctl logs --s", {"--since="}),
    ("toolooctl start -", {"--quiet", "--help", "--version"}),
    ("toolooctl list -", {"--json", "--no-pager", "--quiet", "--help", "--version"}),
    ("toolooctl history web mem", {"memory"}),
    ("toolooctl -q timeline --k", {"--kind="}),
    ("toolooctl alerts uns", {"unsilence"}),
])
def test_fish_completion(fleet, line, found):
    assert completed_by_fish(line) == found


def test_man_page_of_unit_files_has_each_setting():
    known = re.findall(r'streq\(key, "(\w+)"\)', (CHECKOUT / "src/shared/service-settings.c").read_text())
    text = (CHECKOUT / "units/tooloo.unit.5").read_text()
    section = text[text.index(".Sh THE X-TOOLOO SECTION"):text.index(".Sh WHAT HOLDS FOR ALL")]
    assert len(known) == 9 and sorted(re.findall(r"^\.It Va (\w+)=$", section, re.M)) == sorted(known)
    changes = re.findall(r'\[ON_CHANGE_\w+\] = "(\w+)"', (CHECKOUT / "src/shared/service-settings.c").read_text())
    assert re.findall(r"^\.It Cm (\w+)$", section, re.M) == changes
