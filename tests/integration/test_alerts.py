# SPDX-License-Identifier: MIT
"""The alert engine of metricsd: rules that last, actions that are really carried out, and those that are not."""
import json
import os
import re
import shutil
import signal
import subprocess

import pytest
from conftest import (CONTROL, PORTS, USER_UNITS, Journal, http_request, journal_cursor, main_pid, run, status_json,
                      systemctl, systemd_version, toolooctl, unit_property, wait_for_unit)
from test_metricsd import Updates, is_status

PORT = CONTROL["metricsd"]
UNIT = "tooloo-metricsd.service"
STATE = "alert-rules.json"
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


class Alerts:
    """metricsd's side of it, from a state directory that nobody has used before."""

    def __init__(self):
        root = ".config" if systemd_version() < 254 else ".local/state"
        self.directory = USER_UNITS.home() / root / "tooloo-metricsd"
        self.drop_in = USER_UNITS / f"{UNIT}.d/60-test.conf"

    def begin(self):
        command = re.search(r"^ExecStart=(.*)", open(unit_property(UNIT, "FragmentPath"), encoding="utf8").read(), re.M)[1]
        self.drop_in.parent.mkdir(parents=True, exist_ok=True)
        self.drop_in.write_text(f"[Service]\nExecStart=\nExecStart={command} --interval-ms={PROBE_MS} --timeout-ms=500\n")
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

    def files(self):
        return sorted(p.name for p in self.directory.iterdir())


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
    with Journal(UNIT, after=after) as journal:
        assert journal.wait("restart of training begins")["TOOLOO_EVENT"] == "remediation"
        done = journal.wait("the restart is done, and training is healthy")
        assert done["TOOLOO_ALERT"] == alert["id"] and done["TOOLOO_RULE"] == answer["id"]

    # Typed once more it is the same rule.
    assert shell(ADD_RULE, port)["id"] == answer["id"]
    assert len(alerts.rules()) == 4
    assert alerts.status()["history"][0]["id"] == alert["id"]


def test_the_default_rules_can_be_changed_and_deleted(alerts):
    rules = alerts.rules()
    assert set(rules) == {"default-response-time", "default-offline", "default-provider-success"}
    assert rules["default-provider-success"]["state"] == "no data yet"
    assert rules["default-provider-success"]["threshold"] == 0.7
    # What was read can be changed and sent back as it is.
    alerts.ok("POST", "rules", rules["default-offline"] | {"for": "1min"})
    alerts.ok("DELETE", "rules/default-response-time")
    assert alerts.send("DELETE", "rules/default-response-time")[0] == 404
    alerts.restart()
    rules = alerts.rules()
    assert set(rules) == {"default-offline", "default-provider-success"}
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


def test_reload_service(alerts):
    before = main_pid("tooloo-meta.service"), status_json("meta")["meta"]["generation"]
    alerts.add(action="reload-service", service="meta", severity="critical")
    alert = alerts.trigger()
    assert alert["remediationSuccess"] is True and alert["action"] == "reload-service", alert
    assert (main_pid("tooloo-meta.service"), status_json("meta")["meta"]["generation"]) == (before[0], before[1] + 1)


def test_actions_that_are_not_there_yet_are_refused(alerts):
    for action in "notify", "switch-provider", "scale-up":
        alerts.add(action=action, id=action, service="meta", severity="critical")
        alert = alerts.trigger("meta")
        assert alert["remediationRefused"] == f"{action} is not available yet" and not alert["remediationAttempted"]
        alerts.ok("DELETE", f"rules/{action}")


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
    (RULE | {"description": "x" * 20000}, 413, ""),
]


def test_bad_requests(alerts):
    before = alerts.rules(), (alerts.directory / STATE).read_bytes()
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
    assert (alerts.rules(), (alerts.directory / STATE).read_bytes()) == before
    assert alerts.ok("GET", "silences")["silences"] == []
    assert alerts.status()["totalActive"] == alerts.status()["totalHistory"] == 0


def test_at_most_200_rules(alerts):
    for i in range(200 - len(alerts.rules())):
        alerts.add(id=f"r{i}", threshold=i + 10000)
    status, answer = alerts.send("POST", "rules", RULE | {"id": "one-more"})
    assert status == 409 and "200" in answer["error"]
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
    assert alerts.files() == [STATE]


def test_a_torn_file_is_set_aside(alerts):
    alerts.add(id="mine")
    alerts.stop()
    whole = (alerts.directory / STATE).read_bytes()
    (alerts.directory / STATE).write_bytes(whole[: len(whole) // 2])
    with Journal(UNIT, after=journal_cursor()) as journal:
        alerts.start()
        message = journal.wait("cannot be used")["MESSAGE"]
    assert set(alerts.rules()) == {"default-response-time", "default-offline", "default-provider-success"}
    aside, = [name for name in alerts.files() if name != STATE]
    assert str(alerts.directory / aside) in message
    assert (alerts.directory / aside).read_bytes() == whole[: len(whole) // 2]


@pytest.fixture
def small_disk(alerts):
    """The state directory on a file system of 64 KiB."""
    alerts.stop()
    run("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", alerts.directory)
    alerts.start()
    yield alerts
    alerts.stop()
    run("umount", alerts.directory)
    alerts.start()


def check_unchanged(alerts, expected, message):
    """None of these can be stored, so none is in force."""
    alerts.ok("GET", "rules")
    for method, path, body in [("POST", "rules", RULE | {"id": "another"}),
                               ("POST", "rules", RULE | {"id": "mine", "threshold": 9998}),
                               ("DELETE", "rules/mine", None),
                               ("POST", "silences", {"until": "1h", "reason": "r"})]:
        status, answer = alerts.send(method, path, body)
        assert status == expected and message in answer["error"] and "nothing was changed" in answer["error"], answer
    assert alerts.rules()["mine"]["threshold"] == 9999 and "another" not in alerts.rules()
    assert alerts.ok("GET", "silences")["silences"] == []


def test_a_full_disk(small_disk):
    small_disk.add(id="mine", threshold=9999)
    filler = small_disk.directory / "filler"
    with open(filler, "wb", buffering=0) as f, pytest.raises(OSError, match="No space left"):
        while True:
            f.write(bytes(4096))
    check_unchanged(small_disk, 507, "No space left on device")
    assert small_disk.files() == [STATE, "filler"]
    small_disk.restart()
    assert small_disk.rules()["mine"]["threshold"] == 9999
    filler.unlink()
    small_disk.add(id="mine", threshold=9998)


def test_a_read_only_disk(small_disk):
    small_disk.add(id="mine", threshold=9999)
    run("mount", "-o", "remount,ro", small_disk.directory)
    check_unchanged(small_disk, 500, "Read-only file system")
    run("mount", "-o", "remount,rw", small_disk.directory)
    small_disk.add(id="mine", threshold=9998)


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
    assert alert["status"] == "resolved" and alert["remediationAttempts"] == 1
    assert alerts.rules()["wedged"]["state"] == "ok"


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
