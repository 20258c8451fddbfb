# SPDX-License-Identifier: MIT
"""The verbs of toolooctl that ask metricsd, with metricsd itself: that they understand each other."""
import datetime
import json
import re
import shutil
import time
from pathlib import Path

import pytest
from conftest import (foreign, kill, main_pid, one_line, state_directory, systemctl, toolooctl, unit_property)
from test_ctl_metrics import COMMANDS, FAILED, MIB, UNIT, drop_in, said, shell
from test_ctl_output import in_terminal
from test_metricsd import Updates, by_id

# --- metricsd that does not run ---


@pytest.mark.parametrize("socket", [False, True])
def test_metricsd_that_was_stopped_is_not_started(fleet, socket):
    """Its socket would do so, and listens still where the service alone was stopped."""
    units = [UNIT] if socket else [UNIT, "tooloo-metricsd.socket"]
    systemctl("stop", *units)
    try:
        for command in COMMANDS:
            done = shell(command, ok=False)
            assert done.returncode == FAILED and done.stdout == ""
            word = "waiting" if socket else "stopped"
            assert one_line(done) == (f"toolooctl: metricsd does not run ({word}), and only it knows; "
                                      "'toolooctl start metricsd' starts it")
        assert unit_property(UNIT, "ActiveState") == "inactive"
        assert unit_property("tooloo-metricsd.socket", "ActiveState") == ("active" if socket else "inactive")
    finally:
        toolooctl("start", "metricsd")


def test_metricsd_that_failed_is_not_started(fleet):
    toolooctl("stop", "metricsd")
    with drop_in("[Service]\nRestart=no\nExecStart=\nExecStart=/bin/false\n"):
        systemctl("start", UNIT, ok=False)
        assert unit_property(UNIT, "ActiveState") == "failed"
        for command in COMMANDS:
            done = shell(command, ok=False)
            assert done.returncode == FAILED and "metricsd has failed; 'toolooctl status metricsd'" in one_line(done)
        assert unit_property(UNIT, "ActiveState") == "failed"
    toolooctl("start", "metricsd")


# --- With metricsd itself ---


@pytest.fixture
def metricsd(fleet):
    """metricsd, with what it remembers forgotten, and quick."""
    text = Path(unit_property(UNIT, "FragmentPath")).read_text()
    command = re.search(r"^ExecStart=(.*)", text, re.M)[1]
    with drop_in(f"[Service]\nExecStart=\nExecStart={command} --interval-ms=200 --timeout-ms=500\n"):
        toolooctl("stop", "metricsd")
        shutil.rmtree(state_directory("metricsd"), ignore_errors=True)
        toolooctl("start", "metricsd")
        with Updates() as updates:
            updates.wait(lambda data: all(s["healthy"] for s in data["services"]))
            yield updates
    toolooctl("restart", "metricsd")


def test_rules_come_and_go(metricsd):
    before = set(rule["id"] for rule in said("alerts rules")["rules"])
    assert shell("alerts add 'memory > 200M' --id=big --service=web --for=1min --description='web grows'").stdout \
        == "rule big is stored\n"
    rule = next(rule for rule in said("alerts rules")["rules"] if rule["id"] == "big")
    assert (rule["metric"], rule["operator"], rule["threshold"], rule["service"], rule["for"], rule["action"]) == (
        "service.memory", ">", 200 * MIB, "web", 60000, "notify")
    line = next(line for line in shell("alerts rules").stdout.splitlines() if line.startswith("big "))
    assert re.match(r"big +memory > 200.0M +1min web +warning +notify +(ok|no data yet) +web grows", line)
    assert shell("alerts rm big").stdout == "rule big is removed\n"
    assert set(rule["id"] for rule in said("alerts rules")["rules"]) == before
    done = shell("alerts rm big", ok=False)
    assert done.returncode == FAILED and one_line(done) == "toolooctl: there is no rule 'big'"
    for wrong, field in ("'speed > 1'", "metric: "), ("'memory => 1'", "operator: "), ("'cpu > 1' --for=soon", "for: "), \
            ("'cpu > 1' --action=shout", "action: "), ("'cpu > 1' --severity=loud", "severity: "), ("'cpu > 1' --id='a b'", "id: "):
        done = shell(f"alerts add {wrong}", ok=False)
        assert done.returncode == FAILED and one_line(done).startswith(f"toolooctl: {field}"), wrong


def test_margin_and_rules_without_an_action(metricsd):
    shell("alerts add 'memory > 200M' --id=big --margin=20M --no-action")
    rule = next(rule for rule in said("alerts rules")["rules"] if rule["id"] == "big")
    assert rule["margin"] == 20 * MIB and rule["dryRun"] is True
    assert ", dry run" in shell("alerts rules").stdout


def test_dry_run_changes_nothing(metricsd):
    rules = said("alerts rules")["rules"]
    assert shell("alerts add 'memory > 200M' --id=big --dry-run").stdout == "rule big would be stored\n"
    assert shell("alerts rm default-offline --dry-run").stdout == "rule default-offline would be removed\n"
    assert shell("alerts silence --for=1h --reason=x --dry-run").stdout == "the silence would be stored\n"
    assert said("alerts silences")["silences"] == [] and [r["id"] for r in said("alerts rules")["rules"]] == [r["id"] for r in rules]
    assert shell("alerts add 'speed > 1' --dry-run", ok=False).returncode == FAILED
    assert shell("alerts rm nowhere --dry-run", ok=False).returncode == FAILED


def test_trigger_says_what_was_decided(metricsd):
    pid = main_pid("tooloo-cup.service")
    assert shell("alerts trigger responseTime 1s cup").stdout == "No rules triggered\n"
    text = shell("alerts trigger responseTime 6s cup --dry-run").stdout
    assert text.startswith("responseTime 6s of cup, warning by default-response-time: ") and "restart cup" in text
    text = shell("alerts trigger responseTime 6s").stdout
    assert text.startswith("responseTime 6s, warning by default-response-time: nothing done: no service")
    assert main_pid("tooloo-cup.service") == pid
    assert shell("alerts trigger responseTime 6s cup").stdout.startswith(
        "responseTime 6s of cup, warning by default-response-time: restart-service done")
    assert main_pid("tooloo-cup.service") not in (0, pid)
    alerts = shell("alerts --all").stdout
    assert re.search(r"^\w+ \d+ [\d:]+ warning +cup +responseTime 6s > 5s +default-response-time .*restart-service done", alerts, re.M)


def test_silences_come_and_go(metricsd):
    text = shell("alerts silence cup --for=2h --reason='it moves' --rule=default-offline").stdout
    id = re.fullmatch(r"(\S+) lasts until \w+ \d+ [\d:]+\n", text)[1]
    silence, = said("alerts silences")["silences"]
    assert (silence["id"], silence["service"], silence["rule"], silence["reason"]) == (id, "cup", "default-offline", "it moves")
    assert id in shell("alerts silences").stdout and "it moves" in shell("alerts silences").stdout
    assert shell(f"alerts unsilence {id}").stdout == f"silence {id} is removed\n"
    assert shell("alerts silences").stdout == "Nothing is silenced.\n"
    done = shell("alerts silence --for=forever --reason=x", ok=False)
    assert done.returncode == FAILED and one_line(done).startswith("toolooctl: until: ")
    done = shell("alerts silence --for=1h --reason=x --rule=nowhere", ok=False)
    assert done.returncode == FAILED and one_line(done).startswith("toolooctl: rule: ")


METRIC_NAMES = ["responseTime", "health", "restarts", "memory", "cpu", "errorRate", "requests", "errors", "generation",
                "journal.errors"]


def test_history_of_each_metric(metricsd):
    metricsd.wait(lambda data: said("history web generation --since=-5min")["points"][-1][1] == 1)
    for metric in METRIC_NAMES:
        answer = said(f"history web {metric} --since=-5min")
        assert answer["service"] == "web" and answer["metric"].endswith(metric), metric
        assert metric in shell("history --help").stdout
        assert shell(f"history web {metric}").returncode == 0
    done = shell("history web speed", ok=False)
    assert done.returncode == FAILED and one_line(done).startswith("toolooctl: metric: ")
    done = shell("history web memory --step=1x", ok=False)
    assert done.returncode == FAILED and one_line(done).startswith("toolooctl: step: ")


def test_plot_says_what_json_says(metricsd):
    # Whole steps that are over: what is asked twice, and by two programs, is then the same.
    until = datetime.datetime.fromtimestamp((time.time() // 10 + 1) * 10, datetime.timezone.utc)
    metricsd.wait(lambda data: any(at >= until.timestamp() * 1000 and avg for at, avg, *_ in
                                   said("history web memory --since=-5min --step=1s")["points"]))
    span = [f"--since={(until - datetime.timedelta(minutes=5)):%FT%TZ}", f"--until={until:%FT%TZ}", "--step=10s"]
    known = [p for p in json.loads(toolooctl("history", "web", "memory", "--json", *span).stdout)["points"] if p[1] is not None]
    text = in_terminal("history", "web", "memory", *span, width=80)
    least, most = (re.search(rf"^{word} +([\d.]+)M at", text, re.M)[1] for word in ("least", "most"))
    assert float(least) == pytest.approx(min(p[2] for p in known) / MIB, abs=0.06)
    assert float(most) == pytest.approx(max(p[3] for p in known) / MIB, abs=0.06)
    assert re.search(r"no data in \d+ of \d+ steps", text)  # what metricsd remembers is younger than 5 min


def test_a_service_without_data(metricsd):
    text = shell("history web memory --since=-2d --until=-1d").stdout
    assert text.startswith("Nothing was recorded of service.memory of web from ") and text.count("\n") == 1


def test_timeline(metricsd):
    kill("tooloo-cup.service")
    metricsd.wait(lambda data: any(e["kind"] == "restart" for e in said("timeline cup")["events"]))
    toolooctl("restart", "web")
    metricsd.wait(lambda data: any(e["kind"] == "restart" for e in said("timeline web")["events"]))
    lines = shell("timeline --kind=restart").stdout.splitlines()
    assert [line.split()[3:6] for line in lines[1:]] == [["cup", "restart", "(crash)"], ["web", "restart", "(person)"]]
    both = said("timeline web cup --kind=restart,state")
    ids = [e["id"] for e in both["events"]]
    assert len(set(ids)) == len(ids) == both["total"] and {e["service"] for e in both["events"]} == {"web", "cup"}
    assert {e["kind"] for e in both["events"]} == {"restart", "state"}
    assert [e["at"] for e in both["events"]] == sorted((e["at"] for e in both["events"]), reverse=True)
    assert said("timeline web cup -n 1")["events"] == both["events"][:1]
    assert len(shell("timeline web cup meta -n 2").stdout.splitlines()) == 3
    assert shell("timeline --since=-2d --until=-1d").stdout == "Nothing happened.\n"
    done = shell("timeline --kind=restart,party", ok=False)
    assert done.returncode == FAILED and one_line(done).startswith("toolooctl: kind: ")


def test_errors(metricsd, foreign):
    assert isinstance(said("errors")["complete"], bool)
    it = foreign("raw", "/bin/sh -c 'for i in 1 2 3; do echo \"<3>disk $i is full\"; done; exec sleep infinity'", "/raw",
                 socket_unit=False, start=False, Restart="no")
    metricsd.wait(lambda data: "raw" in by_id(data["services"]))
    it.start()
    metricsd.wait(lambda data: (errors := said("errors raw")["errors"]) and errors[0]["count"] == 3)
    row = shell("errors raw web").stdout.splitlines()[1].split()
    assert row[:2] == ["3", "raw"] and "full" in row
