# SPDX-License-Identifier: MIT
"""What alerts do beyond restarts: they tell the desktop, webhooks and Alertmanager, and ask services to switch or to scale."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import (BUILD, CHECKOUT, CONTROL, PATIENCE, PORTS, USER_UNITS, Journal, Lines, get_json, http_request,
                      journal_cursor, journal_lines, main_pid, port_is_free, run, systemctl, unit_property, wait_for_file,
                      wait_until)
from test_alerts import UNIT, Alerts
from test_metricsd import Updates, is_status, stop_service

PORT = CONTROL["metricsd"]
DAEMON = BUILD / "tests/fixtures/notification-daemon"
SINK = CHECKOUT / "tests/lib/sink.py"
NAME = "org.freedesktop.Notifications"


class Actions(Alerts):
    """metricsd with the first wait after a failed try, and the repetition, made short."""

    def begin(self):
        super().begin()
        self.options(retry=20, repeat=3600000)

    def options(self, **ms):
        text = self.drop_in.read_text()
        for name, value in ms.items():
            text = re.sub(rf" --webhook-{name}-ms=\d+", "", text)
            text = re.sub(r"^(ExecStart=/.*)$", rf"\1 --webhook-{name}-ms={value}", text, flags=re.M)
        self.drop_in.write_text(text)
        systemctl("daemon-reload")
        self.restart()

    def add(self, id="told", service="echo", **fields):
        """A rule that fires as soon as metricsd knows the service's memory."""
        rule = {"id": id, "service": service, "metric": "service.memory", "operator": ">", "threshold": 1,
                "severity": "warning", "action": "notify"} | fields
        return self.ok("POST", "rules", rule)["id"]

    def calm(self, id="told", **fields):
        """The same rule, which holds no more."""
        return self.add(id, threshold=1e15, **fields)

    def webhook(self, url, id="told", **params):
        return self.add(id, actionParams={"webhook": url} | params)

    def notices(self, id="told"):
        """The newest alert of the rule, and its notice."""
        status = self.status()
        for alert in status["active"] + status["history"]:
            for notice in alert["notices"]:
                if notice["rule"] == id:
                    return alert, notice
        return None

    def notice_over(self, journal, pattern):
        """Waits for the line about the end of a notice."""
        return journal.wait(rf"\bnotice\b.*{pattern}")


@pytest.fixture
def actions(fleet):
    it = Actions()
    it.begin()
    yield it
    it.end()


@pytest.fixture
def echo(actions, service):
    it = service("echo", "echo-a")
    with Updates() as updates:
        updates.wait(is_status("echo", "healthy"))
    return it


@pytest.fixture
def journal(actions):
    with Journal(UNIT, after=journal_cursor()) as it:
        yield it


def healthy():
    assert get_json(PORT)["ok"] is True


# --- The desktop ---


class Daemon(Lines):
    def __init__(self, *arguments):
        super().__init__(DAEMON, *arguments)
        assert self.next(time.monotonic() + PATIENCE) == "ready"

    def notification(self):
        line = self.next(time.monotonic() + PATIENCE)
        assert line, "no notification"
        return json.loads(line)


def test_an_alert_is_one_bubble_from_begin_to_end(actions, echo, journal):
    with Daemon("7") as daemon:
        actions.add(severity="critical", description="More than <b>one</b> byte & so on")
        first = daemon.notification()
        actions.notice_over(journal, "is done")
        assert actions.notices()[1]["success"] is True
        actions.calm(severity="critical")
        last = daemon.notification()
        actions.notice_over(journal, "of the end is done")
    assert re.fullmatch(r"echo: service\.memory is [0-9.e+]+ bytes", first["summary"])
    assert (first["id"], first["replaces"], first["application"], first["timeout"]) == (7, 0, "TooLoo", -1)
    assert first["hints"] == {"urgency": 2, "category": "x-tooloo.alert"} and first["icon"] == "dialog-error"
    assert first["body"].splitlines()[:2] == ["More than &lt;b&gt;one&lt;/b&gt; byte &amp; so on", "Rule told"]
    assert (last["id"], last["replaces"]) == (7, 7) and last["summary"] == "echo: service.memory is well again"
    assert last["hints"]["urgency"] == 0 and "It lasted" in last["body"]


@pytest.mark.parametrize("severity, urgency", [("info", 0), ("warning", 1)])
def test_urgency_is_the_severity(actions, echo, severity, urgency):
    with Daemon() as daemon:
        actions.add(severity=severity)
        assert daemon.notification()["hints"]["urgency"] == urgency


def test_another_notification_service_knows_no_bubble_of_the_one_before(actions, echo, journal):
    with Daemon() as daemon:
        actions.add()
        assert daemon.notification()["id"] == 1
        actions.notice_over(journal, "is done")
    with Daemon("5") as daemon:
        actions.calm()
        assert daemon.notification()["replaces"] == 0


def test_nobody_shows_notifications(actions, echo, journal):
    assert NAME not in run("busctl", "--user", "list", "--acquired").stdout
    actions.add()
    said = actions.notice_over(journal, "failed")["MESSAGE"]
    alert, notice = actions.notices()
    assert notice["success"] is False and notice["attempts"] == 1
    assert notice["error"].startswith(f"nobody on the user bus shows notifications ({NAME})") and notice["error"] in said
    # It is said once, however often the value comes.
    for _ in range(3):
        with Updates() as updates:
            updates.wait(lambda data: True)
            updates.wait(lambda data: True)
    assert actions.notices()[1]["attempts"] == 1 and alert["status"] == "active"
    healthy()


@pytest.mark.parametrize("how, error", [
    ("--refuse", "the desktop's notification service refuses: there are too many already"),
    ("--silent", "the desktop's notification service does not answer"),
])
def test_a_notification_service_that_does_not_do_it(actions, echo, journal, how, error):
    with Daemon(how) as daemon:
        actions.add()
        daemon.notification()
        actions.notice_over(journal, "failed")
    assert actions.notices()[1]["error"] == error
    healthy()


def test_the_bus_starts_the_notification_service(actions, echo, tmp_path):
    folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "dbus-1/services"
    made, output = folder / f"{NAME}.service", tmp_path / "notifications"
    folder.mkdir(parents=True, exist_ok=True)
    script = tmp_path / "start"
    script.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec {DAEMON} >{output}\n")
    script.chmod(0o755)
    made.write_text(f"[D-BUS Service]\nName={NAME}\nExec={script}\n")
    run("busctl", "--user", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")
    try:
        actions.add()
        wait_for_file(output, lambda path: path.exists() and "service.memory" in path.read_text())
    finally:
        made.unlink()
        run("busctl", "--user", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ReloadConfig")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


# --- Webhooks ---


class Sink(Lines):
    def __init__(self, *arguments, scheme="http"):
        super().__init__(sys.executable, SINK, *arguments)
        self.port = int(self.next(time.monotonic() + PATIENCE).split()[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}/hook"

    def event(self):
        line = self.next(time.monotonic() + PATIENCE)
        assert line, "nothing came"
        return json.loads(line)

    def request(self):
        event = self.event()
        event["json"] = json.loads(event["body"])
        return event


@pytest.fixture
def sink():
    made = []

    def make(*arguments, **more):
        made.append(Sink(*arguments, **more))
        return made[-1]

    yield make
    for it in made:
        it.__exit__()


def test_begin_and_end_are_sent(actions, echo, journal, sink):
    receiver = sink("204")
    actions.webhook(receiver.url)
    begin = receiver.request()
    assert (begin["method"], begin["path"], begin["headers"]["Content-Type"]) == ("POST", "/hook", "application/json")
    assert begin["headers"]["User-Agent"].startswith("tooloo-metricsd/")
    assert (begin["json"]["type"], begin["json"]["status"]) == ("alert", "active")
    actions.notice_over(journal, "is done")
    alert, notice = actions.notices()
    assert notice["success"] is True and begin["json"]["alert"]["id"] == alert["id"]
    assert begin["json"]["alert"]["service"] == "echo" and begin["json"]["alert"]["metric"] == "service.memory"
    actions.calm(actionParams={"webhook": receiver.url})
    end = receiver.request()
    assert end["json"]["status"] == "resolved" and end["json"]["alert"]["id"] == alert["id"]
    assert end["json"]["alert"]["resolvedAt"] >= end["json"]["alert"]["timestamp"]


def test_a_trigger_waits_for_the_webhook(actions, echo, sink):
    receiver = sink("200")
    actions.calm(actionParams={"webhook": receiver.url})
    alert = actions.ok("POST", "trigger", {"metric": "service.memory", "value": 2e15, "service": "echo"})["alert"]
    assert alert["remediationSuccess"] is True and alert["notices"][0]["rule"] == "told", alert
    assert [receiver.request()["json"]["status"] for _ in range(2)] == ["active", "resolved"]


def test_both_at_once(actions, echo, sink):
    receiver = sink("200")
    with Daemon() as daemon:
        actions.webhook(receiver.url, desktop=True)
        assert daemon.notification() and receiver.request()


def test_it_is_tried_again(actions, echo, journal, sink):
    receiver = sink("500", "503", "200")
    actions.webhook(receiver.url)
    requests = [receiver.request() for _ in range(3)]
    assert len({r["body"] for r in requests}) == 1
    actions.notice_over(journal, "is done")
    assert actions.notices()[1]["success"] is True and actions.notices()[1]["attempts"] == 1
    # Nothing more of that; what comes next is the end.
    actions.calm(actionParams={"webhook": receiver.url})
    end = receiver.request()
    assert (end["n"], end["json"]["status"]) == (4, "resolved")


def test_five_tries_and_no_more(actions, echo, journal, sink):
    receiver = sink("500", "500", "500", "500", "500", "200")
    actions.webhook(receiver.url)
    for n in range(5):
        assert receiver.request()["n"] == n + 1
    said = actions.notice_over(journal, "failed")
    error = actions.notices()[1]["error"]
    assert error == f"http://127.0.0.1:{receiver.port} answered 500: answer 5 (5 tries)" and error in said["MESSAGE"]
    assert said["TOOLOO_EVENT"] == "remediation-failed"
    actions.webhook(receiver.url, id="another")
    assert (receiver.request()["n"]) == 6


def test_the_receiver_says_when(actions, echo, journal, sink):
    receiver = sink("429+1", "503+1", "200")
    actions.webhook(receiver.url)
    at = [receiver.request()["at"] for _ in range(3)]
    assert at[1] - at[0] > 0.9 and at[2] - at[1] > 0.9  # metricsd itself would have waited for 80 ms at most
    actions.notice_over(journal, "is done")


def test_the_receiver_says_too_late(actions, echo, journal, sink):
    receiver = sink("429+3600", "200")
    actions.webhook(receiver.url)
    receiver.request()
    actions.notice_over(journal, "failed")
    assert actions.notices()[1]["error"].endswith("answered 429: answer 1 (not delivered within 5 min)")


@pytest.mark.parametrize("answer", ["400", "404", "410", "302=/elsewhere"])
def test_final_answers(actions, echo, journal, sink, answer):
    receiver = sink(answer)
    actions.webhook(receiver.url)
    receiver.request()
    actions.notice_over(journal, "failed")
    assert actions.notices()[1]["error"] == f"http://127.0.0.1:{receiver.port} answered {answer[:3]}: answer 1"
    actions.webhook(f"{receiver.url}/next", id="next")
    last = receiver.request()
    assert (last["n"], last["path"]) == (2, "/hook/next")


def test_a_receiver_that_hangs(actions, echo, journal, sink):
    receiver = sink("hang", "200")
    actions.webhook(receiver.url)
    receiver.request()
    came = [receiver.event(), receiver.event()]  # two threads say it
    assert {"closed": 1} in came and [e["n"] for e in came if "n" in e] == [2]
    actions.notice_over(journal, "is done")


def test_the_end_does_not_overtake_the_begin(actions, echo, journal, sink):
    receiver = sink("429+1", "200")
    actions.webhook(receiver.url)
    receiver.request()
    actions.calm(actionParams={"webhook": receiver.url})
    assert [receiver.request()["json"]["status"] for _ in range(2)] == ["active", "resolved"]


def test_nobody_listens(actions, echo, journal, sink):
    receiver = sink("200")
    receiver.__exit__()
    actions.webhook(receiver.url)
    actions.notice_over(journal, "failed")
    error = actions.notices()[1]["error"]
    assert error.startswith(f"http://127.0.0.1:{receiver.port} cannot be told: ") and error.endswith(" (5 tries)"), error


def test_a_receiver_that_is_killed_disturbs_nobody(actions, echo, journal, sink):
    receiver = sink("hang")
    pid = main_pid(UNIT)
    actions.webhook(receiver.url)
    receiver.request()
    healthy()
    receiver.process.kill()  # SIGKILL
    said = actions.notice_over(journal, "failed")["MESSAGE"]
    assert "(5 tries)" in said
    healthy()
    assert main_pid(UNIT) == pid and len(actions.status()["active"]) == 1


def test_a_hundred_at_once_are_bounded(actions, echo, journal, sink):
    receiver = sink("hang")
    for n in range(100):
        actions.webhook(f"{receiver.url}/{n}", id=f"told-{n}")
    with Updates() as updates:
        updates.wait(lambda data: actions.notices("told-99"))
    alert = actions.notices("told-99")[0]
    states = [n["state"] for n in alert["notices"]]
    assert len(states) == 100 and states.count("under-way") == 32, states
    assert {n.get("code") for n in alert["notices"] if n["state"] == "refused"} == {"busy"}
    healthy()
    seen = {receiver.request()["path"] for _ in range(32)}
    assert len(seen) == 32
    receiver.process.kill()
    # Those that are over make room for the others; in the end each has had its tries.
    with Updates() as updates:
        updates.wait(lambda data: all(n["state"] == "failed" for n in actions.notices("told-99")[0]["notices"]))
    healthy()


def test_a_service_that_was_stopped_is_not_started_by_a_webhook(actions, echo, journal):
    with Updates() as updates:
        stop_service("cup", updates)
    try:
        actions.webhook(f"http://localhost:{PORTS['cup']}/hook")
        actions.notice_over(journal, "failed")
        assert "not connected, for it would start cup, which does not run" in actions.notices()[1]["error"]
        assert unit_property("tooloo-cup.service", "ActiveState") == "inactive"
    finally:
        systemctl("start", "tooloo-cup.service")


def test_metricsd_ends_with_messages_that_wait(actions, echo, journal, sink):
    receiver = sink("429+60")
    actions.webhook(receiver.url)
    receiver.request()
    actions.webhook(f"{receiver.url}/2", id="second")
    receiver.request()
    actions.stop()
    journal.wait("2 messages of webhooks were not delivered before the end")
    assert unit_property(UNIT, "Result") == "success"
    actions.start()


def test_a_credential_is_sent(actions, echo, journal, sink, tmp_path):
    receiver = sink("200")
    secret = tmp_path / "secret"
    secret.write_text("Bearer top-secret\n")
    actions.webhook(receiver.url, credential="hook")
    actions.notice_over(journal, "failed")
    assert actions.notices()[1]["error"].startswith("the credential hook cannot be read: No such file")
    actions.calm(actionParams={"webhook": receiver.url, "credential": "hook"})
    drop_in = actions.drop_in.with_name("61-credential.conf")
    drop_in.write_text(f"[Service]\nLoadCredential=hook:{secret}\n")
    systemctl("daemon-reload")
    try:
        actions.restart()
        actions.webhook(receiver.url, id="second", credential="hook")
        assert receiver.request()["headers"]["Authorization"] == "Bearer top-secret"
        assert "top-secret" not in json.dumps(actions.status())
    finally:
        drop_in.unlink()
        systemctl("daemon-reload")


@pytest.fixture
def certificate(tmp_path):
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem",
        "-out", tmp_path / "cert.pem")
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_https(actions, echo, journal, sink, certificate):
    receiver = sink("--tls", *map(str, certificate), "200", scheme="https")
    actions.webhook(receiver.url)
    actions.notice_over(journal, "failed")
    error = actions.notices()[1]["error"]
    assert "certificate" in error and "tries" not in error, error
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    if not os.access(trusted, os.W_OK):
        pytest.skip(f"{trusted} is not this user's to write")
    before = trusted.read_bytes()
    try:
        trusted.write_bytes(before + certificate[0].read_bytes())
        actions.webhook(receiver.url, id="second")
        assert receiver.request()["json"]["status"] == "active"
    finally:
        trusted.write_bytes(before)


# --- Alertmanager ---


RFC3339 = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"


def check_postable_alerts(body):
    """Its OpenAPI description, api/v2: postableAlerts."""
    assert isinstance(body, list) and body
    for alert in body:
        assert set(alert) <= {"labels", "annotations", "startsAt", "endsAt", "generatorURL"} and "labels" in alert
        for name in "labels", "annotations":
            for key, value in alert.get(name, {}).items():
                assert re.fullmatch(LABEL, key) and isinstance(value, str) and value, alert
        assert alert["labels"]["alertname"] and alert["annotations"]["summary"] and alert["annotations"]["description"]
        for name in {"startsAt", "endsAt"} & set(alert):
            assert re.fullmatch(RFC3339, alert[name]), alert
        assert alert.get("endsAt", "9") >= alert["startsAt"]
        assert re.fullmatch(r"https?://[^/]+/\S*", alert["generatorURL"])
    return body


def test_the_format_of_alertmanager(actions, echo, journal, sink):
    receiver = sink("200")
    params = {"webhook": f"http://127.0.0.1:{receiver.port}", "format": "alertmanager"}
    actions.add(actionParams=params, severity="critical")
    begin = receiver.request()
    assert begin["path"] == "/api/v2/alerts"
    alert, = check_postable_alerts(begin["json"])
    assert "endsAt" not in alert and alert["generatorURL"] == f"http://localhost:{PORT}/control-room"
    assert alert["labels"] == {"alertname": "service.memory", "service": "echo", "severity": "critical",
                               "instance": os.uname().nodename}
    actions.calm(actionParams=params, severity="critical")
    end, = check_postable_alerts(receiver.request()["json"])
    assert end["labels"] == alert["labels"] and end["startsAt"] == alert["startsAt"] and end["endsAt"]


def test_alertmanager_is_told_again(actions, echo, journal, sink):
    actions.options(repeat=300)
    receiver = sink("200")
    params = {"webhook": receiver.url, "format": "alertmanager"}
    actions.add(actionParams=params, description="What people read")
    actions.add("again", service="meta", actionParams=params)
    both = 0
    while both < 3:
        body = check_postable_alerts(receiver.request()["json"])
        assert all("endsAt" not in alert for alert in body)
        assert all(alert["annotations"]["description"].startswith("What people read\n") for alert in body
                   if alert["labels"]["service"] == "echo")
        both += sorted(alert["labels"]["service"] for alert in body) == ["echo", "meta"]
    # And by the metricsd after this one, too.
    actions.restart()
    while len(check_postable_alerts(receiver.request()["json"])) < 2:
        pass
    actions.calm(actionParams=params)
    while "endsAt" not in receiver.request()["json"][0]:
        pass
    after = check_postable_alerts(receiver.request()["json"])
    assert [alert["labels"]["service"] for alert in after] == ["meta"]


def test_an_alertmanager_that_is_gone_is_one_line(actions, echo, journal, sink):
    actions.options(repeat=100)
    receiver = sink("200", "500")
    actions.add(actionParams={"webhook": receiver.url, "format": "alertmanager"})
    while receiver.request()["n"] < 6:
        pass
    after = journal_cursor()
    while receiver.request()["n"] < 12:
        pass
    journal.wait("Active alerts cannot be told again: .* answered 500: answer 2$")
    assert not [line for line in journal_lines(UNIT, after) if "told again" in line]


@pytest.fixture
def alertmanager(tmp_path):
    """A real one."""
    port = next(p for p in range(19093, 19193) if port_is_free(p))
    config = tmp_path / "alertmanager.yml"
    config.write_text("route:\n  receiver: none\nreceivers:\n- name: none\n")
    with Lines("prometheus-alertmanager", f"--config.file={config}", f"--storage.path={tmp_path}/data", "--cluster.listen-address=",
               f"--web.listen-address=127.0.0.1:{port}", stderr=subprocess.STDOUT) as it:
        while (line := it.next(time.monotonic() + PATIENCE)) is not None:
            if "Listening on" in line:
                break
        assert line is not None, "Alertmanager does not listen"
        yield port


def test_a_real_alertmanager_takes_it(actions, echo, journal, alertmanager):
    params = {"webhook": f"http://127.0.0.1:{alertmanager}", "format": "alertmanager"}
    actions.add(actionParams=params)
    actions.notice_over(journal, "is done")
    alert, = json.loads(http_request(alertmanager, "/api/v2/alerts")[2])
    assert alert["labels"]["service"] == "echo" and alert["status"]["state"] in ("active", "unprocessed")
    actions.calm(actionParams=params)
    actions.notice_over(journal, "of the end is done")
    assert json.loads(http_request(alertmanager, "/api/v2/alerts")[2]) == []


# --- What services are asked ---


def trigger(actions, **body):
    return actions.ok("POST", "trigger", {"metric": "service.memory", "value": 2e15, "service": "echo"} | body)["alert"]


def test_a_service_that_cannot_switch_yet(actions, echo):
    actions.calm(action="switch-provider", actionParams={"provider": "ollama"})
    alert = trigger(actions)
    assert alert["remediationAttempted"] is True and alert["remediationSuccess"] is False
    assert re.match(r"budget answered 404: .", alert["remediationError"]), alert


def test_a_service_that_was_stopped_is_not_asked(actions, echo):
    actions.calm(action="switch-provider", actionParams={"provider": "ollama"})
    with Updates() as updates:
        stop_service("budget", updates)
    try:
        error = trigger(actions)["remediationError"]
        assert re.fullmatch("budget is [a-z]+, and is not asked: a connection would start it", error)
        assert unit_property("tooloo-budget.service", "ActiveState") == "inactive"
    finally:
        systemctl("start", "tooloo-budget.service")


def test_a_service_that_cannot_scale(actions, echo):
    actions.calm(action="scale-up", actionParams={"max": 2})
    with Updates() as updates:  # orchestrator reads the list of services by itself
        wait_until(lambda: any(p["id"] == "echo" for p in
                               get_json(CONTROL["orchestrator"], "/api/v1/system/processes")["processes"]),
                   lambda _: updates.next(), "that orchestrator knows echo")
    alert = trigger(actions)
    assert alert["remediationAttempted"] is True and alert["remediationSuccess"] is False
    assert re.match(r"orchestrator answered 409: echo cannot scale: ", alert["remediationError"]), alert


@pytest.fixture
def instead(tmp_path, foreign):
    """Puts a sink in a service's place: instead("orchestrator", routes, *answers) has its routes."""
    made = []

    def make(id, routes, *answers):
        drop_in = USER_UNITS / f"tooloo-{id}.service.d/60-test.conf"
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text("[X-Tooloo]\nRoutes=\n")
        made.append(drop_in)
        script = tmp_path / "start"
        it = foreign("instead", script, " ".join(routes), socket_unit=False, start=False)
        program = shutil.copy(SINK, tmp_path)  # the checkout may lie where the service sees nothing
        arguments = shlex.join([sys.executable, program, "--port", str(it.port), *answers])
        script.write_text(f"#!/bin/sh\nexec {arguments} >{tmp_path}/requests\n")
        script.chmod(0o755)
        (tmp_path / "requests").touch()
        (USER_UNITS / it.unit).write_text((USER_UNITS / it.unit).read_text().replace(
            "[Service]\n", f"[Service]\nReadWritePaths={tmp_path}\n"))
        systemctl("daemon-reload")
        it.start()
        wait_for_file(tmp_path / "requests", lambda path: "ready" in path.read_text())
        with Updates() as updates:
            updates.wait(lambda data: any(s["id"] == "instead" and s["unitState"] == "active" for s in data["services"]))
        return tmp_path / "requests"

    yield make
    for drop_in in made:
        drop_in.unlink()
    systemctl("daemon-reload")


def requests_in(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


@pytest.mark.parametrize("answer, error", [
    ('{"ok":true,"provider":"ollama"}', None),
    ('{"ok":false,"error":"ollama is not there"}', "instead answered 200: ollama is not there"),
])
def test_a_service_that_can_switch(actions, echo, instead, answer, error):
    requests = instead("budget", ["/api/v1/budget", "/api/v1/providers"], f"200:{answer}")
    actions.calm(action="switch-provider", actionParams={"provider": "ollama"})
    alert = trigger(actions)
    assert alert["remediationAttempted"] is True and alert.get("remediationError") == error, alert
    assert [(r["method"], r["path"], r["body"]) for r in requests_in(requests) if "switch" in r["path"]][-1] == (
        "POST", "/api/v1/providers/switch", '{"provider":"ollama"}')


PROCESSES = json.dumps({"ok": True, "processes": [{"id": "meta"}, {"id": "echo", "instances": 2}]})


@pytest.mark.parametrize("max, error", [(3, None), (2, "echo has 2 instances, and the rule's actionParams.max is 2")])
def test_an_orchestrator_that_can_scale(actions, echo, instead, max, error):
    requests = instead("orchestrator", ["/api/v1/system/processes", "/api/v1/system/service"], f"200:{PROCESSES}")
    actions.calm(action="scale-up", actionParams={"max": max})
    alert = trigger(actions)
    assert alert.get("remediationError") == error, alert
    asked = [(r["method"], r["path"], r["body"]) for r in requests_in(requests) if "system" in r["path"]]
    expected = [("GET", "/api/v1/system/processes", "")]
    assert asked == expected + ([] if error else [("POST", "/api/v1/system/service/echo/scale", '{"instances":3}')])
