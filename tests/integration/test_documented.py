# SPDX-License-Identifier: MIT
"""What the README shows of the dashboard, the orchestrator and the alerts, typed as printed into a shell."""
import json
import re
import sys

import pytest
from conftest import CHECKOUT, CONTROL, main_pid, run
from test_metricsd import Updates

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
import readme  # noqa: E402

SECTION = "One port, a dashboard, and repair"


def typed(command):
    """What the shell's command printed, as JSON."""
    assert command.startswith("curl "), command
    done = run("bash", "-c", command.replace("curl ", "curl --silent --show-error --max-time 60 ", 1))
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def commands(fleet):
    return readme.commands(CHECKOUT / "README.md", SECTION)


def one(commands, *words):
    found = [c for c in commands if all(w in c for w in words)]
    assert len(found) == 1, f"{words}: {len(found)} commands in the README"
    return found[0]


def test_every_command_is_tried_here(commands):
    assert len(commands) == 11


def test_dashboard(commands):
    board = typed(one(commands, "/dashboard"))
    assert board["stats"]["serviceHealth"]["total"] == 13


def test_processes(commands):
    answer = typed(one(commands, "/processes"))
    assert answer["ok"] is True
    assert main_pid("tooloo-training.service") in [p["pid"] for p in answer["processes"]]


def test_restart(commands):
    before = main_pid("tooloo-training.service")
    assert typed(one(commands, "/service/training/restart"))["ok"] is True
    assert main_pid("tooloo-training.service") not in (0, before)


def test_rule_and_trigger(commands):
    rule = typed(one(commands, "/alerts/rules"))
    assert rule["ok"] is True and rule["id"]
    before = main_pid("tooloo-training.service")
    alert = typed(one(commands, "/alerts/trigger"))["alert"]
    assert (alert["service"], alert["remediationAttempted"], alert["remediationSuccess"]) == ("training", True, True)
    assert main_pid("tooloo-training.service") not in (0, before)
    status = typed(one(commands, "/alerts/status"))
    assert alert["id"] in [a["id"] for a in status["active"] + status["history"]]


def shown(command):
    """What a command of toolooctl printed."""
    assert command.startswith("toolooctl "), command
    return run("bash", "-c", command).stdout


def test_status_of_alerts(commands):
    answer = typed(one(commands, "/alerts/status"))
    assert set(answer) >= {"active", "history", "totalActive", "totalHistory"}


def test_timeline(commands):
    run("toolooctl", "restart", "training")
    assert "restart" in shown(one(commands, "toolooctl timeline"))


def test_errors(commands):
    assert isinstance(json.loads(shown(one(commands, "toolooctl errors")))["errors"], list)


def test_history(commands):
    command = one(commands, "toolooctl history")
    with Updates(CONTROL["metricsd"]) as updates:
        updates.wait(lambda data: re.search(r"\dM\b", shown(command)))


def test_alerts(commands):
    typed(one(commands, "/alerts/rules"))
    alert = typed(one(commands, "/alerts/trigger"))["alert"]
    assert alert["service"] == "training" and "training" in shown(one(commands, "toolooctl alerts"))


def test_metrics(commands):
    done = run("bash", "-c", one(commands, "3010/metrics").replace("curl ", "curl --silent --show-error --fail ", 1))
    assert 'systemd_unit_state{name="tooloo-training.service"' in done.stdout
