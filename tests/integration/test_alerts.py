# SPDX-License-Identifier: MIT
"""The alert engine of metricsd: rules that last, actions that are really carried out, and those that are not."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest
from conftest import (CONTROL, PORTS, USER_UNITS, Journal, get_json, http_request, journal_cursor, kill, main_pid, run,
                      status_json, systemctl, systemd_version, toolooctl, unit_property, wait_for_unit)
from test_metricsd import Updates, is_status
from test_proxy import wait_for_condition
from test_timeline import fill

PORT = CONTROL["metricsd"]
UNIT = "tooloo-metricsd.service"
PROBE_MS = 200  # a twenty-fifth of the usual, so that a test need not wait for long

# As documented, but for the time limits. It is the same at metricsd's own port.
ADD_RULE = """\
curl -sS -m 10 -X POST http://127.0.0.1:3000/api/v1/system/alerts/rules \\
  -H 'Content-Type: application/json' \\
  -d '{
    "metric": "service.responseTime",
    "operator": ">",
    "threshold": 5000,
    "severity": "warning",
    "action": "restart-service",
    "actionParams": {"serviceId": "training"},
    "description": "Restart training if response time > 5s"
  }'
"""
TRIGGER = """\
curl -sS -m 40 -X POST http://127.0.0.1:3000/api/v1/system/alerts/trigger \\
  -H 'Content-Type: application/json' \\
  -d '{"metric":"service.responseTime","value":6000}'
"""
RULE = {"metric": "service.responseTime", "operator": ">", "threshold": 5000, "severity": "warning",
        "action": "restart-service"}
DEFAULTS = {"default-response-time", "default-offline", "default-provider-success", "default-reload-failed"}


class Alerts:
    """metricsd's side of it, from a state directory that nobody has used before."""

    def __init__(self):
        root = ".config" if systemd_version() < 254 else ".local/state"
        self.directory = USER_UNITS.home() / root / "tooloo-metricsd"
        self.drop_in = USER_UNITS / f"{UNIT}.d/60-test.conf"

    def begin(self, options=""):
        command = re.search(r"^ExecStart=(.*)", open(unit_property(UNIT, "FragmentPath"), encoding="utf8").read(), re.M)[1]
        self.drop_in.parent.mkdir(parents=True, exist_ok=True)
        command += f" --interval-ms={PROBE_MS} --timeout-ms=500 {options}"
        self.drop_in.write_text(f"[Service]\nExecStart=\nExecStart={command}\n")
        systemctl("daemon-reload")
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.start()

    def end(self):
        self.drop_in.unlink()
        systemctl("daemon-reload")
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.start()

    def stop(self):
        systemctl("stop", UNIT)

    def start(self):
        systemctl("reset-failed", UNIT)
        systemctl("start", UNIT)

    def restart(self):
        self.stop()
        self.start()

    def send(self, method, path, body=None):
        """Status and body; what is no str goes as JSON."""
        data = body if body is None or isinstance(body, str) else json.dumps(body)
        status, _, answer = http_request(PORT, f"/api/v1/system/alerts/{path}", method, data,
                                         {"Content-Type": "application/json"}, timeout=40)
        return status, json.loads(answer)

    def ok(self, method, path, body=None):
        status, answer = self.send(method, path, body)
        assert status == 200 and answer.get("ok", True), answer
        return answer

    def rules(self):
        answer = self.ok("GET", "rules")
        assert answer["total"] == len(answer["rules"])
        return {rule["id"]: rule for rule in answer["rules"]}

    def definitions(self):
        """Without what goes on while nobody changes them."""
        return {id: {k: v for k, v in rule.items() if k not in ("state", "efficacy")} for id, rule in self.rules().items()}

    def add(self, **fields):
        return self.ok("POST", "rules", RULE | fields)["id"]

    def trigger(self, service=None, value=6000, **more):
        body = {"metric": "service.responseTime", "value": value} | ({"service": service} if service else {}) | more
        return self.ok("POST", "trigger", body)["alert"]

    def status(self):
        return self.ok("GET", "status?limit=200")

    def of(self, service):
        """The alerts on a service, newest first."""
        status = self.status()
        return [a for a in status["active"] + status["history"] if a["service"] == service]

    def events(self, **query):
        """What the timeline has, oldest first."""
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return get_json(PORT, f"/api/v1/metrics/timeline?limit=500&{text}")["events"][::-1]

    def remediations(self, service):
        """[(cause, code)] of what was decided about it."""
        return [(e["cause"], e["detail"].get("code")) for e in self.events(service=service, kind="remediation")
                if e["service"] == service]

    @contextlib.contextmanager
    def database(self):
        with contextlib.closing(sqlite3.connect(self.directory / "metrics.db")) as connection, connection:
            yield connection


@pytest.fixture
def alerts(fleet):
    it = Alerts()
    it.begin()
    yield it
    it.end()


@pytest.fixture
def watched(alerts, service):
    """Makes a service, as the fixture `service` does, that metricsd has heard of when this returns."""
    def make(id, *arguments, **more):
        it = service(id, *arguments, **more)
        with Updates() as updates:
            updates.wait(is_status(id, "healthy"))
        return it
    return make


def shell(command, port):
    command = command.replace(":3000/", f":{port}/")
    return json.loads(subprocess.run(command, shell=True, check=True, capture_output=True, timeout=60).stdout)


# --- What is documented ---


@pytest.mark.parametrize("port", [PORTS["web"], PORT])
def test_the_documented_commands(alerts, port):
    before = main_pid("tooloo-training.service")
    if port == PORTS["web"]:
        wait_for_condition("metricsd", "running")  # web hears of it from systemd
    answer = shell(ADD_RULE, port)
    assert answer["ok"] is True and answer["id"] == "service.responseTime-training-restart-service"

    after = journal_cursor()
    alert = shell(TRIGGER, port)["alert"]
    assert alert["remediationAttempted"] is True and alert["remediationSuccess"] is True, alert
    assert main_pid("tooloo-training.service") not in (0, before)
    assert alert["service"] == "training" and answer["id"] in alert["rules"] and alert["decidedBy"] == answer["id"]
    assert alert["status"] == "resolved" and alert["severity"] == "warning" and alert["value"] == 6000
    assert re.fullmatch("[0-9a-f]{32}", alert["invocationId"])
    assert alert["invocationId"] != unit_property("tooloo-training.service", "InvocationID")
    assert any("Training Server" in line for line in alert["journal"]), alert["journal"]
    stamps = [line.split()[0] for line in alert["journal"]]
    assert stamps == sorted(stamps) and len(stamps) <= 20
    assert alert["firstCursor"] and alert["lastCursor"] and alert["helped"] is True
    first = run("journalctl", "-n1", "-o", "cat", "--cursor", alert["firstCursor"]).stdout.strip()
    assert first and first in alert["journal"][0]
    with Journal(UNIT, after=after) as journal:
        assert journal.wait("restart of training begins")["TOOLOO_EVENT"] == "remediation"
        done = journal.wait("the restart is done, and training is healthy")
        assert done["TOOLOO_ALERT"] == alert["id"] and done["TOOLOO_RULE"] == answer["id"]

    # Typed once more it is the same rule.
    assert shell(ADD_RULE, port)["id"] == answer["id"]
    assert len(alerts.rules()) == len(DEFAULTS) + 1
    assert alerts.status()["history"][0]["id"] == alert["id"]


def test_the_default_rules_can_be_changed_and_deleted(alerts):
    rules = alerts.rules()
    assert set(rules) == DEFAULTS
    assert rules["default-provider-success"]["state"] == "no data yet"
    assert rules["default-provider-success"]["threshold"] == 0.7
    # What was read can be changed and sent back as it is.
    alerts.ok("POST", "rules", rules["default-offline"] | {"for": "1min"})
    alerts.ok("DELETE", "rules/default-response-time")
    assert alerts.send("DELETE", "rules/default-response-time")[0] == 404
    alerts.restart()
    rules = alerts.rules()
    assert set(rules) == DEFAULTS - {"default-response-time"}
    assert rules["default-offline"]["for"] == 60000


def test_a_trigger_that_no_rule_matches(alerts):
    assert alerts.ok("POST", "trigger", {"metric": "service.responseTime", "value": 5000}) == {
        "ok": True, "message": "No rules triggered"}
    assert alerts.status()["totalActive"] == 0


def test_without_a_service_nothing_is_restarted(alerts, fleet):
    pids = {id: main_pid(f"tooloo-{id}.service") for id in fleet}
    alert = alerts.trigger()
    assert alert["service"] is None and alert["rules"] == ["default-response-time"]
    assert alert["remediationAttempted"] is False and alert["remediationSuccess"] is False
    assert alert["remediationRefused"] == "no service to act on: neither the rule nor the request names one"
    assert alerts.status()["active"][0]["id"] == alert["id"]
    assert {id: main_pid(f"tooloo-{id}.service") for id in fleet} == pids


def test_dry_run(alerts):
    before = main_pid("tooloo-meta.service")
    alert = alerts.trigger("meta", dryRun=True)
    assert alert["wouldDo"] == "restart meta" and alert["remediationAttempted"] is False
    assert "wouldDo" not in alerts.trigger("metricsd", dryRun=True)
    assert main_pid("tooloo-meta.service") == before
    assert alerts.status()["totalActive"] == alerts.status()["totalHistory"] == 0


def test_dry_runs_of_changes(alerts):
    before = alerts.definitions()
    new = alerts.ok("POST", "rules?dryRun=true", RULE)
    assert new["dryRun"] is True and new["replaces"] is None and new["id"] == "service.responseTime-restart-service"
    assert new["rule"]["margin"] == 500
    same = alerts.ok("POST", "rules?dryRun=true", RULE | {"id": "default-offline"})
    assert same["replaces"] == "default-offline"
    silence = {"service": "meta", "until": "1h", "reason": "r"}
    assert alerts.ok("POST", "silences?dryRun=true", silence)["silence"]["service"] == "meta"
    assert alerts.ok("DELETE", "rules/default-offline?dryRun=true")["rule"]["id"] == "default-offline"
    assert alerts.ok("GET", "silences")["silences"] == []
    id = alerts.ok("POST", "silences?dryRun=false", silence)["id"]
    assert alerts.ok("DELETE", f"silences/{id}?dryRun=true")["silence"]["reason"] == "r"
    assert len(alerts.ok("GET", "silences")["silences"]) == 1 and alerts.definitions() == before
    # Checked as if it were meant.
    assert alerts.send("POST", "rules?dryRun=true", RULE | {"metric": "service.speed"})[0] == 400
    assert alerts.send("POST", "silences?dryRun=true", {"until": "1h"})[0] == 400
    assert alerts.send("DELETE", "rules/nobody?dryRun=true")[0] == 404
    assert alerts.send("DELETE", "silences/nobody?dryRun=true")[0] == 404
    for method, path in ("POST", "rules"), ("POST", "silences"), ("DELETE", "rules/default-offline"):
        status, answer = alerts.send(method, f"{path}?dryRun=yes", RULE)
        assert status == 400 and answer["error"].startswith("dryRun: true or false is expected"), answer
    assert alerts.definitions() == before


def test_reload_service(alerts):
    before = main_pid("tooloo-meta.service"), status_json("meta")["meta"]["generation"]
    alerts.add(action="reload-service", service="meta", severity="critical")
    alert = alerts.trigger()
    assert alert["remediationSuccess"] is True and alert["action"] == "reload-service", alert
    assert (main_pid("tooloo-meta.service"), status_json("meta")["meta"]["generation"]) == (before[0], before[1] + 1)


# --- What is wrong changes nothing ---


BAD_RULES = [
    ("", 400, "a JSON object is expected as body"),
    ("{", 400, "the body is not JSON"),
    ("[]", 400, "the body must be a JSON object"),
    ({}, 400, "metric: is missing"),
    (RULE | {"metric": "service.speed"}, 400, "metric: one of service.responseTime, "),
    (RULE | {"operator": "=>"}, 400, "operator: one of >, <, >=, <=, ==, != is expected"),
    (RULE | {"threshold": "5000"}, 400, "threshold: a number is expected"),
    (RULE | {"severity": "fatal"}, 400, "severity: one of info, warning, critical is expected"),
    (RULE | {"action": "rm"}, 400, "action: one of restart-service, "),
    (RULE | {"actionParams": {"serviceId": "trainer"}}, 400, "actionParams.serviceId: the id of a service is expected"),
    (RULE | {"service": "trainer"}, 400, "service: the id of a service is expected"),
    (RULE | {"for": "soon"}, 400, "for: a duration of at most 1d is expected"),
    (RULE | {"cooldown": -1}, 400, "cooldown: a duration of at most 1d is expected"),
    (RULE | {"id": "a b"}, 400, "id: 1 to 64 of"),
    (RULE | {"id": "x" * 65}, 400, "id: 1 to 64 of"),
    (RULE | {"description": "x" * 501}, 400, "description: at most 500 bytes are expected, not 501"),
    (RULE | {"enabled": "yes"}, 400, "enabled: true or false is expected"),
    (RULE | {"cooldwon": 1}, 400, "cooldwon: is no field of a rule"),
    (json.dumps(RULE).replace("5000", "NaN"), 400, "threshold: a number is expected, neither infinite nor NaN"),
    (json.dumps(RULE).replace("5000", "-Infinity"), 400, "threshold: a number is expected, neither infinite nor NaN"),
    (json.dumps(RULE).replace("5000", "1e400"), 400, "threshold: a number is expected, neither infinite nor NaN"),
    (json.dumps(RULE).replace("5000", "9" * 400), 400, ("threshold: a number is expected, one so large",
                                                                 "the body is not JSON: number expected")),  # json-c 0.18
    (RULE | {"threshold": [[[[5000]]]]}, 400, "threshold: a number is expected"),
    (json.dumps(RULE)[:-1] + ', "metric": "service.cpu"}', 400, "metric: is there twice"),
    (json.dumps(RULE)[:-1] + ', "actionParams": {"serviceId": "meta", "serviceId": "web"}}', 400, "serviceId: is there twice"),
    ('{"actionParams":' * 40 + "1" + "}" * 40, 400, "the body is not JSON: nesting too deep"),
    (RULE | {"actionParams": {"serviceId": {"a": {"b": {"c": {}}}}}}, 400, "actionParams.serviceId: a string is expected"),
    (RULE | {"margin": -1}, 400, "margin: a number of at least 0 is expected"),
    (RULE | {"margin": 5001}, 400, "margin: less is expected"),
    (RULE | {"dryRun": "no"}, 400, "dryRun: true or false is expected"),
    (RULE | {"a\nb": 1}, 400, "a?b: is no field of a rule"),
    (RULE | {"action": "scale-up", "actionParams": {"max": 33}}, 400, "actionParams.max: a whole number"),
    (RULE | {"action": "notify", "actionParams": {"webhook": "ftp://x"}}, 400, "actionParams.webhook: a URL"),
    (RULE | {"description": "x" * 20000}, 413, ""),
]


def test_bad_requests(alerts):
    before = alerts.definitions()
    for body, expected, message in BAD_RULES:
        status, answer = alerts.send("POST", "rules", body)
        assert status == expected and answer["ok"] is False and answer["error"].startswith(message), (body, answer)
    for body, message in [
            ({"value": 1}, "metric: is missing"),
            ({"metric": "service.cpu"}, "value: is missing"),
            ({"metric": "service.cpu", "value": "1"}, "value: a number is expected"),
            ({"metric": "service.cpu", "value": 1, "service": "trainer"}, "service: the id of a service is expected"),
            ({"metric": "service.cpu", "value": 1, "dryRun": 1}, "dryRun: true or false is expected"),
            ({"metric": "service.cpu", "value": 1, "dryrun": True}, "dryrun: is no field of a trigger"),
    ]:
        status, answer = alerts.send("POST", "trigger", body)
        assert status == 400 and answer["error"].startswith(message), (body, answer)
    for body, message in [
            ({"reason": "r"}, "until: is missing"),
            ({"until": "1h"}, "reason: is missing"),
            ({"until": "31d", "reason": "r"}, "until: a date"),
            ({"until": "2020-01-01T00:00:00Z", "reason": "r"}, "until: a date"),
            ({"until": "1h", "reason": "r", "rule": "nobody"}, "rule: the id of a rule"),
            ({"until": "1h", "reason": "r", "service": "nobody"}, "service: the id of a service"),
    ]:
        status, answer = alerts.send("POST", "silences", body)
        assert status == 400 and answer["error"].startswith(message), (body, answer)
    for limit in "0", "201", "-1", "x", "":
        assert alerts.send("GET", f"status?limit={limit}")[0] == 400, limit
    assert alerts.send("DELETE", "rules/nobody")[0] == 404
    assert alerts.send("DELETE", "silences/nobody")[0] == 404
    assert alerts.send("PUT", "rules", RULE)[0] == 405
    assert alerts.definitions() == before
    alerts.restart()
    assert alerts.definitions() == before
    assert alerts.ok("GET", "silences")["silences"] == []
    assert alerts.status()["totalActive"] == alerts.status()["totalHistory"] == 0


def test_huge_numbers_are_numbers(alerts):
    id = alerts.add(threshold=1e308)
    assert alerts.rules()[id]["threshold"] == 1e308
    alerts.restart()
    assert alerts.rules()[id]["threshold"] == 1e308


def test_ten_thousand_rules(alerts):
    room = 200 - len(alerts.rules())  # there are some by default
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    answers = {}
    for i in range(10000):
        connection.request("POST", "/api/v1/system/alerts/rules", json.dumps(RULE | {"id": f"r{i}", "threshold": i + 10000}))
        answer = connection.getresponse()
        body = json.loads(answer.read())
        answers[answer.status] = answers.get(answer.status, 0) + 1
    connection.close()
    assert answers == {200: room, 409: 10000 - room} and "there are 200 rules, which is the most" in body["error"]
    assert len(alerts.rules()) == 200
    alerts.ok("DELETE", "rules/r0")
    alerts.add(id="one-more")
    assert len(alerts.rules()) == 200


# --- What lasts ---


def test_a_rule_outlives_kill_9(alerts):
    pid = main_pid(UNIT)
    fd = os.pidfd_open(pid)
    alerts.add(id="mine", threshold=9999.5, **{"for": "30s"})
    signal.pidfd_send_signal(fd, signal.SIGKILL)
    os.close(fd)
    rule = alerts.rules()["mine"]  # the request waits for the next process
    assert rule["threshold"] == 9999.5 and rule["for"] == 30000
    assert main_pid(UNIT) not in (0, pid)


def test_rules_that_cannot_be_used_are_set_aside(alerts):
    alerts.add(id="mine")
    alerts.stop()
    with alerts.database() as db:
        (whole,), = db.execute("SELECT text FROM text WHERE name = 'alert-book'")
        torn = whole[: len(whole) // 2]
        db.execute("UPDATE text SET text = ? WHERE name = 'alert-book'", (torn,))
    with Journal(UNIT, after=journal_cursor()) as journal:
        alerts.start()
        message = journal.wait("cannot be used")["MESSAGE"]
    assert set(alerts.rules()) == DEFAULTS
    alerts.stop()
    with alerts.database() as db:
        (name, text), = db.execute("SELECT name, text FROM text WHERE name LIKE 'alert-book.unusable-%'")
    assert name in message and text == torn
    alerts.start()


@pytest.fixture
def small_disk(alerts):
    """The state directory on a file system of 2 MiB."""
    alerts.stop()
    run("mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", alerts.directory)
    alerts.start()
    yield alerts
    alerts.stop()
    run("umount", alerts.directory)
    alerts.start()


def test_a_full_disk(small_disk):
    alerts = small_disk
    alerts.add(id="mine", threshold=9999)
    filler = alerts.directory / "filler"
    fill(filler)
    with Updates() as updates:
        updates.wait(lambda data: data["monitor"]["problems"])
    # None of these can be stored, so none is in force.
    for method, path, body in [("POST", "rules", RULE | {"id": "another"}),
                               ("POST", "rules", RULE | {"id": "mine", "threshold": 9998}),
                               ("DELETE", "rules/mine", None),
                               ("POST", "silences", {"until": "1h", "reason": "r"})]:
        status, answer = alerts.send(method, path, body)
        assert status == 507 and "No space left on device" in answer["error"], answer
        assert "nothing was changed" in answer["error"]
    assert alerts.rules()["mine"]["threshold"] == 9999 and "another" not in alerts.rules()
    assert alerts.ok("GET", "silences")["silences"] == []
    # Alerts and actions go on, and are stored once there is room.
    before = main_pid("tooloo-meta.service")
    alert = alerts.trigger("meta")
    assert alert["remediationSuccess"] is True and main_pid("tooloo-meta.service") not in (0, before)
    with Updates() as updates:
        filler.unlink()
        updates.wait(lambda data: not data["monitor"]["problems"])
        updates.wait(lambda data: True)  # the alert is stored at a tick: one that began with room
        updates.wait(lambda data: True)
    alerts.add(id="mine", threshold=9998)
    kill(UNIT)
    assert alerts.rules()["mine"]["threshold"] == 9998
    assert [a["id"] for a in alerts.of("meta")] == [alert["id"]]


def test_an_active_alert_outlives_kill_9(alerts, watched):
    echo = watched("echo", "echo-a")
    watch_offline(alerts, "offline", "echo")
    with Journal(UNIT, after=journal_cursor()) as journal:
        echo.stop()
        journal.wait("restart is refused: echo was stopped on purpose")
    before, = alerts.of("echo")
    kill(UNIT)
    with Updates() as updates:
        updates.wait(is_status("echo", "offline"))
        updates.wait(lambda data: True)
    after, = alerts.of("echo")
    assert after == before and after["status"] == "active"
    assert [e["detail"]["alert"] for e in alerts.events(service="echo", kind="alert")] == [before["id"]]
    assert alerts.remediations("echo")[-1:] == [("refused", "stopped")]
    assert alerts.remediations("echo").count(("refused", "stopped")) == 1
    with Journal(UNIT, after=journal_cursor()) as journal:
        echo.start()
        journal.wait("of echo is over")
    over, = alerts.of("echo")
    assert over["id"] == before["id"] and over["status"] == "resolved"
    assert [e["cause"] for e in alerts.events(service="echo", kind="alert")] == ["begun", "resolved"]


def test_an_action_that_was_under_way_has_failed(alerts, foreign):
    """systemd is told to restart it, and before it proves its health metricsd is gone."""
    deaf = foreign("deaf", "/bin/sleep infinity", "/deaf")
    with Updates() as updates:
        updates.wait(is_status("deaf", "degraded"))
        with Journal(UNIT, after=journal_cursor()) as journal:
            alerts.add(id="deaf", metric="service.health", operator="<", threshold=1, service="deaf")
            journal.wait("restart of deaf begins")
    kill(UNIT)
    alert, = alerts.of("deaf")
    assert alert["status"] == "active" and alert["remediation"] == "failed" and alert["helped"] is False
    assert alert["remediationError"] == "metricsd ended meanwhile" and alert["remediationAttempts"] == 1
    efficacy, = alerts.rules()["deaf"]["efficacy"]
    assert efficacy == {"service": "deaf", "action": "restart-service", "tries": 1, "helped": 0, "off": False}
    assert deaf.property("ActiveState") == "active"


def test_silences(alerts):
    before = main_pid("tooloo-meta.service")
    silence = alerts.ok("POST", "silences", {"service": "meta", "until": "1h", "reason": "it moves"})["id"]
    alerts.restart()
    listed, = alerts.ok("GET", "silences")["silences"]
    assert listed["id"] == silence and listed["reason"] == "it moves"
    alert = alerts.trigger("meta")
    assert alert["silenced"] is True and alert["silencedBy"] == silence and alert["status"] == "active"
    assert alert["remediationAttempted"] is False and "it moves" in alert["remediationRefused"]
    assert alerts.trigger("coach", dryRun=True)["silenced"] is False
    assert main_pid("tooloo-meta.service") == before
    alerts.ok("DELETE", f"silences/{silence}")
    assert alerts.trigger("meta")["remediationSuccess"] is True
    assert main_pid("tooloo-meta.service") != before


# --- What it does of itself, and what it leaves alone ---


def test_a_wedged_service_is_repaired(alerts, watched):
    echo = watched("echo", "echo-a", WatchdogSec="0")  # else systemd notices it, too
    before = echo.pid()
    run_before = echo.property("InvocationID")
    echo.reload("echo-b")
    alerts.add(id="wedged", metric="service.health", operator="<", threshold=1, service="echo", severity="critical",
               **{"for": "300ms"})
    after = journal_cursor()
    os.kill(before, signal.SIGSTOP)
    # The last two in either order: a probe may be quicker than the news of the job's end.
    for message in "restart of echo begins", "the restart is done, and echo is healthy", "of echo is over":
        with Journal(UNIT, after=after) as journal:
            journal.wait(message)
    assert echo.pid() not in (0, before) and echo.get()["ok"] is True
    alert, = alerts.of("echo")
    assert alert["rules"] == ["wedged"] and alert["metric"] == "service.health" and alert["source"] == "observed"
    assert alert["remediationAttempted"] is True and alert["remediationSuccess"] is True, alert
    assert alert["status"] == "resolved" and alert["remediationAttempts"] == 1 and alert["helped"] is True
    # What goes with it: the run that was wedged, its last lines, and what came just before.
    assert alert["invocationId"] == run_before and alert["journal"] and len(alert["journal"]) <= 20
    last = run("journalctl", "-n1", "-o", "cat", "--cursor", alert["lastCursor"]).stdout.strip()
    assert last and last in alert["journal"][-1]
    assert alert["precededBy"]["kind"] == "reload" and alert["precededBy"]["service"] == "echo"
    assert 0 < alert["precededBy"]["secondsBefore"] < 600
    rule = alerts.rules()["wedged"]
    assert rule["state"] == "ok"
    assert rule["efficacy"] == [{"service": "echo", "action": "restart-service", "tries": 1, "helped": 1, "off": False}]
    # All of it can be read in the timeline.
    assert [e["cause"] for e in alerts.events(service="echo", kind="alert")] == ["begun", "resolved"]
    assert alerts.remediations("echo") == [("begun", None), ("done", None)]
    begun = alerts.events(service="echo", kind="alert")[0]
    assert begun["detail"]["alert"] == alert["id"] and begun["detail"]["rule"] == "wedged" and begun["cursor"]
    assert [e["cause"] for e in alerts.events(service="echo", kind="restart")] == ["metricsd"]


def test_what_stays_wedged_gets_three_tries(alerts, foreign):
    """It listens, and never answers."""
    alerts.end()
    alerts.begin("--action-ms=3000")
    deaf = foreign("deaf", "/bin/sleep infinity", "/deaf")
    with Updates() as updates, Journal(UNIT, after=journal_cursor()) as journal:
        updates.wait(is_status("deaf", "degraded"))
        alerts.add(id="deaf", metric="service.health", operator="<", threshold=1, service="deaf", cooldown=0)
        journal.wait("restart is refused: 3 actions on deaf in 30 min did not settle it: it needs a person")
    pid = deaf.pid()
    alert, = alerts.of("deaf")
    assert alert["remediationAttempts"] == 3 and alert["remediationCode"] == "needs-a-person" and alert["status"] == "active"
    assert alert["remediationError"] == "deaf is not healthy within 3s" and alert["helped"] is False
    decided = [d for d in alerts.remediations("deaf") if d[1] != "changing"]  # systemd may be at it when it is asked
    assert decided == [("begun", None), ("failed", None)] * 3 + [("refused", "needs-a-person")]
    refusal = alerts.events(service="deaf", kind="remediation")[-1]
    # But for when the first of them will be long enough ago, which is told anew.
    said, kept = (re.sub(r" \(no further action before .*\)", "", text)
                  for text in (alert["remediationRefused"], refusal["detail"]["reason"]))
    assert said == kept and alert["id"] == refusal["detail"]["alert"]
    assert deaf.pid() == pid != 0


def test_what_has_not_helped_switches_itself_off(alerts, watched):
    """As if it had been tried five times already."""
    watched("echo", "echo-a")
    alerts.add(id="vain", metric="service.memory", operator=">", threshold=1, service="echo", cooldown="1h", enabled=False)
    alerts.stop()
    with alerts.database() as db:
        (text,), = db.execute("SELECT text FROM text WHERE name = 'alert-book'")
        book = json.loads(text)
        book["efficacy"] = [{"service": "echo", "rule": "vain", "tries": 5, "helped": 2}]
        next(r for r in book["rules"] if r["id"] == "vain")["enabled"] = True
        db.execute("UPDATE text SET text = ? WHERE name = 'alert-book'", (json.dumps(book),))
    with Journal(UNIT, after=journal_cursor()) as journal:
        alerts.start()
        journal.wait("switched itself off: helped 2 of 5 times; put the rule again to switch it on")
        assert alerts.rules()["vain"]["efficacy"][0]["off"] is True
        assert alerts.remediations("echo") == [("refused", "switched-off")]
        alerts.add(id="vain", metric="service.memory", operator=">", threshold=1, service="echo", cooldown="1h")
        journal.wait("restart of echo begins")
    assert alerts.rules()["vain"]["efficacy"][0]["tries"] == 1


def test_much_of_the_fleet_is_one_alert_and_no_action(alerts, fleet):
    wedged = list(fleet)[:6]
    pids = {id: main_pid(f"tooloo-{id}.service") for id in wedged}
    alerts.ok("DELETE", "rules/default-offline")
    alerts.add(id="wedged", metric="service.health", operator="<", threshold=1, severity="critical", **{"for": "3s"})
    with Journal(UNIT, after=journal_cursor()) as journal:
        try:
            for id in wedged:
                os.kill(pids[id], signal.SIGSTOP)
            journal.wait("6 services at once are not healthy .*: the alert begins")
            with Updates() as updates:
                for _ in range(5):
                    data = updates.wait(lambda data: True)[-1]["data"]
                    alert, = data["alerts"]
                    assert sorted(alert["group"]) == sorted(wedged) and alert["service"] is None, alert
        finally:
            for id in wedged:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pids[id], signal.SIGCONT)
        assert alert["metric"] == "service.health" and alert["severity"] == "critical" and alert["action"] == "none"
        assert alert["remediationRefused"].startswith("6 of 13 services are not healthy: ")
        journal.wait("on service.health is over")
    # On a busy machine the watchdog of systemd may have had enough of one meanwhile; metricsd has not acted.
    assert not [e for e in alerts.events(kind="restart") if e["cause"] == "metricsd"]
    # Nor is there another alert than what became part of this one: not all six may have been found out in the same moment.
    assert all(a["id"] == alert["id"] or a.get("foldedInto") == alert["id"] for a in alerts.status()["history"])
    assert {e["cause"] for e in alerts.events(kind="remediation")} == {"refused"}
    refusal, = (e for e in alerts.events(kind="remediation") if e["service"] is None)
    assert refusal["detail"]["code"] == "fleet-unhealthy", refusal
    assert refusal["detail"]["reason"] == alert["remediationRefused"]


def test_a_service_waits_for_what_it_needs(alerts, watched):
    echo = watched("echo", "echo-a", WatchdogSec="0")
    free = watched("free", "free", WatchdogSec="0")
    (USER_UNITS / f"{free.unit}.d/61-needs.conf").write_text(f"[Unit]\nAfter={echo.unit}\n")
    with Updates() as updates:
        systemctl("daemon-reload")
        silence = alerts.ok("POST", "silences", {"service": "echo", "until": "1h", "reason": "to see what follows"})["id"]
        for id in "echo", "free":
            alerts.add(id=id, metric="service.health", operator="<", threshold=1, service=id, cooldown=0, **{"for": "300ms"})
        with Journal(UNIT, after=journal_cursor()) as journal:
            os.kill(echo.pid(), signal.SIGSTOP)
            updates.wait(is_status("echo", "degraded"))
            os.kill(free.pid(), signal.SIGSTOP)
            journal.wait("free .*: restart is refused: free needs echo, which is not well itself")
            assert alerts.of("free")[0]["suppressedBy"] == "echo"
            alerts.ok("DELETE", f"silences/{silence}")
            journal.wait("the restart is done, and echo is healthy")
            journal.wait("the restart is done, and free is healthy")
    assert "suppressedBy" not in alerts.of("free")[0]
    told = [d for d in alerts.remediations("free") if d[1] != "busy"]  # echo's may still be at it
    assert told == [("refused", "suppressed"), ("begun", None), ("done", None)]


def test_a_rule_that_is_a_dry_run_does_nothing(alerts, watched):
    echo = watched("echo", "echo-a")
    pid = echo.pid()
    with Journal(UNIT, after=journal_cursor()) as journal:
        alerts.add(id="dry", metric="service.memory", operator=">", threshold=1, service="echo", dryRun=True)
        journal.wait("restart is refused: it would begin now, but dry is a dry run")
    alert, = alerts.of("echo")
    assert alert["wouldDo"] == "restart echo" and alert["dryRun"] is True and alert["remediationAttempted"] is False
    assert alerts.remediations("echo") == [("refused", "dry-run")]
    assert echo.pid() == pid


def test_a_reload_that_fails_is_an_alert(alerts, watched):
    faulty = watched("faulty", "faulty-good", options="--prove-after=100")
    alerts.add(id="rejected", metric="reload.failed", operator="==", threshold=1, action="notify")
    with Journal(UNIT, after=journal_cursor()) as journal:
        faulty.reload("faulty-no-symbol", ok=False)
        journal.wait("faulty reload.failed is 1")
        alert, = alerts.of("faulty")
        assert alert["rules"] == ["rejected"] and alert["status"] == "active"
        faulty.reload("faulty-good")
        journal.wait("on reload.failed of faulty is over")
    assert alerts.rules()["rejected"]["state"] == "ok"


def test_an_action_that_fails_says_why(alerts, watched):
    echo = watched("echo", "echo-a")
    shutil.rmtree(echo.state_directory(), ignore_errors=True)
    echo.file.unlink()
    alert = alerts.trigger("echo")
    assert alert["remediationAttempted"] is True and alert["remediationSuccess"] is False
    assert alert["remediationError"].startswith("did not restart: "), alert
    assert alert["status"] == "active"


def watch_offline(alerts, id, service):
    """A rule that would restart it at once."""
    alerts.add(id=id, metric="service.health", operator="<", threshold=1, service=service, cooldown=0)


def test_a_service_that_was_stopped_stays_stopped(alerts, watched):
    echo = watched("echo", "echo-a")
    watch_offline(alerts, "offline", "echo")
    with Journal(UNIT, after=journal_cursor()) as journal:
        echo.stop()
        journal.wait("restart is refused: echo was stopped on purpose")
    alert = alerts.trigger("echo")
    assert "was stopped on purpose" in alert["remediationRefused"] and not alert["remediationAttempted"]
    assert all(not a["remediationAttempted"] for a in alerts.of("echo"))
    assert echo.property("ActiveState") == "inactive" and unit_property(echo.socket, "ActiveState") == "inactive"


def test_a_crash_is_left_to_systemd(alerts, watched):
    echo = watched("echo", "echo-a")
    watch_offline(alerts, "offline", "echo")
    with Journal(echo.unit, after=journal_cursor()) as journal:
        os.kill(echo.pid(), signal.SIGKILL)
        journal.wait("^Started ")
    assert echo.get()["ok"] is True
    assert echo.property("NRestarts") == "1"
    seen = alerts.of("echo")
    assert any("systemd is starting, stopping or restarting echo" in a["remediationRefused"] for a in seen), seen
    assert all(not a["remediationAttempted"] for a in seen)


def test_a_crash_loop_is_left_to_systemd(alerts, foreign):
    loop = foreign("loop", "/bin/sh -c 'sleep 0.3; exit 1'", "/loop", start=False)
    with Updates() as updates, Journal(UNIT, after=journal_cursor()) as journal:
        updates.wait(lambda data: any(s["id"] == "loop" for s in data["services"]))
        alerts.add(id="crashes", metric="service.restarts", operator=">", threshold=0, service="loop", cooldown=0)
        watch_offline(alerts, "offline", "loop")
        toolooctl("start", "loop", ok=None)
        journal.wait("loop service.restarts .*: restart is refused")
        journal.wait("restart is refused: systemd has given loop up")
    assert loop.property("ActiveState") == "failed" and int(loop.property("NRestarts")) >= 3
    decided = alerts.remediations("loop")
    assert decided and all(cause == "refused" for cause, _ in decided), decided
    # "stopped" it was before, and "asleep" once its socket listened.
    assert {code for _, code in decided} <= {"stopped", "asleep", "crashed", "changing", "failed"} and ("refused", "failed") in decided
    assert all(not a["remediationAttempted"] for a in alerts.of("loop"))


def test_a_failed_service_needs_a_person(alerts, watched):
    echo = watched("echo", "echo-a")
    watch_offline(alerts, "offline", "echo")
    echo.stop()
    shutil.rmtree(echo.state_directory(), ignore_errors=True)
    echo.file.unlink()
    with Journal(UNIT, after=journal_cursor()) as journal:
        echo.start(ok=False)
        journal.wait("restart is refused: systemd has given echo up")
    wait_for_unit(echo.unit, "failed")
    assert "needs a person" in alerts.trigger("echo")["remediationRefused"]


def test_the_fourth_action_in_half_an_hour_is_refused(alerts):
    for _ in range(3):
        assert alerts.trigger("coach")["remediationSuccess"] is True
    before = main_pid("tooloo-coach.service")
    assert "3 actions on coach in 30 min did not settle it: it needs a person" in alerts.trigger("coach")["remediationRefused"]
    alerts.restart()  # it does not forget
    assert "needs a person" in alerts.trigger("coach")["remediationRefused"]
    assert main_pid("tooloo-coach.service") == before
    assert alerts.trigger("meta")["remediationSuccess"] is True


def test_metricsd_does_not_restart_itself(alerts):
    before = main_pid(UNIT)
    assert "cannot see to a restart of itself" in alerts.trigger("metricsd")["remediationRefused"]
    assert main_pid(UNIT) == before


def test_the_dashboard_shows_what_is_active(alerts):
    alert = alerts.trigger()
    dashboard = json.loads(http_request(PORT, "/api/v1/metrics/dashboard")[2])
    assert [a["id"] for a in dashboard["alerts"]] == [alert["id"]]


def test_the_reason_reaches_the_journal(alerts):
    with Journal(UNIT, after=journal_cursor()) as journal:
        alert = alerts.trigger()
        entry = journal.wait("restart is refused: no service to act on")
    assert entry["TOOLOO_EVENT"] == "remediation-refused" and entry["TOOLOO_ALERT"] == alert["id"]
    assert toolooctl("status", "metricsd").returncode == 0
