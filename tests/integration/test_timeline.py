# SPDX-License-Identifier: MIT
"""What metricsd remembers: the history of figures, and the timeline of what happened with its cause. And the states that unit
and HTTP do not agree on, each by its name."""
import errno
import json
import os
import re
import signal
import socket
import sys
import time
import urllib.parse
from pathlib import Path

import pytest
from conftest import (CONTROL, USER_UNITS, get_json, http_request, journal_cursor, journal_lines, kill, run, state_directory,
                      systemctl, toolooctl, unit_property)
from test_metricsd import Updates, by_id

PORT = CONTROL["metricsd"]
UNIT = "tooloo-metricsd.service"
PROBE_MS = 200
TIMEOUT_MS = 500


def query(path, **parameters):
    return f"/api/v1/metrics/{path}?{urllib.parse.urlencode(parameters)}"


def timeline(**parameters):
    return get_json(PORT, query("timeline", **parameters))["events"]


def history(**parameters):
    return get_json(PORT, query("history", **parameters))


def service_of(data, id):
    return by_id(data["services"]).get(id, {})


def is_condition(id, condition):
    return lambda data: service_of(data, id).get("condition") == condition


def newest(id, kind):
    return next(iter(timeline(service=id, kind=kind, limit=1)), None)


@pytest.fixture(scope="module", autouse=True)
def quick(fleet):
    """metricsd with short times."""
    drop_in = USER_UNITS / f"{UNIT}.d/60-test.conf"
    command = re.search(r"^ExecStart=(.*)$", Path(unit_property(UNIT, "FragmentPath")).read_text(), re.M)[1]
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(f"[Service]\nExecStart=\nExecStart={command} --interval-ms={PROBE_MS} --timeout-ms={TIMEOUT_MS}\n")
    systemctl("daemon-reload")
    systemctl("restart", UNIT)
    yield
    drop_in.unlink()
    systemctl("daemon-reload")
    systemctl("restart", UNIT)


@pytest.fixture
def updates(quick):
    with Updates() as it:
        it.wait(lambda data: all(s["condition"] == "ok" for s in data["services"]))
        yield it


# --- Restarts and their causes ---


def run_of(id):
    return unit_property(f"tooloo-{id}.service", "InvocationID")


def restarted(updates, id, was):
    """The restart event of the run that comes after `was`."""
    updates.wait(lambda data: run_of(id) != was and (newest(id, "restart") or {}).get("invocationId") == run_of(id))
    event = newest(id, "restart")
    assert event["service"] == id
    return event


def test_a_crash_is_a_restart_with_that_cause(updates):
    was = run_of("cup")
    kill("tooloo-cup.service")
    event = restarted(updates, "cup", was)
    assert event["cause"] == "crash"
    assert event["detail"]["result"] == "signal" and event["detail"]["automatic"] is True
    assert event["detail"]["downMs"] > 0
    assert "its process ended by itself (signal)" in event["text"]


@pytest.mark.parametrize("command", [("toolooctl", "restart", "cup"), ("systemctl", "--user", "restart", "tooloo-cup.service")])
def test_a_restart_that_was_asked_for(updates, command):
    was = run_of("cup")
    run(*command)
    event = restarted(updates, "cup", was)
    assert event["cause"] == "person" and event["detail"]["automatic"] is False


def test_a_watchdog_that_was_not_petted(updates, service):
    it = service("echo", "echo-a", WatchdogSec="2s")
    updates.wait(is_condition("echo", "ok"))
    was = run_of("echo")
    assert (pid := it.pid()) > 0
    os.kill(pid, signal.SIGSTOP)
    event = restarted(updates, "echo", was)
    assert event["cause"] == "watchdog" and event["detail"]["result"] == "watchdog"


def test_stop_and_start_are_no_restart(updates):
    before = newest("cup", "restart")
    toolooctl("stop", "cup")
    updates.wait(is_condition("cup", "stopped"))
    toolooctl("start", "cup")
    updates.wait(is_condition("cup", "ok"))
    assert newest("cup", "restart") == before
    states = [e["cause"] for e in timeline(service="cup", kind="state", limit=10)]
    states = states[:states.index("stopped") + 1]
    assert states[0] == "ok" and states[-1] == "stopped", states
    event = next(e for e in timeline(service="cup", kind="state") if e["cause"] == "stopped")
    assert event["detail"]["to"] == "stopped" and event["text"].startswith("stopped, was ")


def test_what_ran_anew_while_metricsd_did_not_run(updates):
    systemctl("stop", UNIT)
    was = run_of("cup")
    toolooctl("restart", "cup")
    assert run_of("cup") != was
    systemctl("start", UNIT)
    with Updates() as others:
        others.wait(is_condition("cup", "ok"))
    event = newest("cup", "restart")
    assert event["cause"] == "unknown" and event["invocationId"] == run_of("cup")
    # The others did not run anew, and nothing is said of them.
    assert (newest("coach", "restart") or {"cause": None})["cause"] != "unknown"


def test_a_start_of_the_whole_fleet_is_one_thing(updates):
    before = timeline(limit=1)[0]["id"]
    toolooctl("stop")
    toolooctl("start")
    with Updates() as others:
        others.wait(lambda data: all(s["condition"] == "ok" for s in data["services"]))
    events = [e for e in timeline(limit=500) if e["id"] > before]
    assert not [e for e in events if e["cause"] == "unknown"]
    started, = (e for e in events if e["kind"] == "monitor" and e["cause"] == "started")
    assert started["service"] is None and "most have run anew" in started["text"]


# --- What unit and HTTP do not agree on ---


def test_active_but_dead_to_http_is_wedged(updates, service):
    it = service("echo", "echo-a", WatchdogSec="0")
    updates.wait(is_condition("echo", "ok"))
    os.kill(it.pid(), signal.SIGSTOP)
    try:
        data = updates.wait(is_condition("echo", "wedged"))[-1]["data"]
        shown = service_of(data, "echo")
        assert shown["unitState"] == "active" and shown["status"] == "degraded"
        assert f"PID {it.pid()}" in shown["explanation"] and "no answer within 0.5 s" in shown["explanation"]
    finally:
        os.kill(it.pid(), signal.SIGCONT)
    data = updates.wait(is_condition("echo", "ok"))[-1]["data"]
    assert "explanation" not in service_of(data, "echo")
    causes = [e["cause"] for e in timeline(service="echo", kind="state", limit=2)]
    assert causes == ["ok", "wedged"]


def test_failed_with_a_stranger_on_its_port_names_him(updates, service):
    it = service("echo", "echo-a")
    updates.wait(is_condition("echo", "ok"))
    it.stop()
    updates.wait(is_condition("echo", "stopped"))
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", it.port))
        stranger.listen()
        it.start(ok=False)
        data = updates.wait(is_condition("echo", "port-taken"))[-1]["data"]
        assert f"taken by PID {os.getpid()}" in service_of(data, "echo")["explanation"]
        assert f"taken by PID {os.getpid()}" in newest("echo", "state")["text"]
    it.start()
    updates.wait(is_condition("echo", "ok"))


SILENT = """\
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    log_message = lambda *_: None
http.server.HTTPServer(("127.0.0.1", %d), Handler).serve_forever()
"""


def test_activating_but_answering_lacks_its_ready(updates, foreign, tmp_path):
    it = foreign("silent", "/bin/true", "/silent", socket_unit=False, start=False, Type="notify", TimeoutStartSec="60")
    script = Path(os.environ["XDG_RUNTIME_DIR"]) / "silent.py"
    script.write_text(SILENT % it.port)
    unit = USER_UNITS / it.unit
    unit.write_text(unit.read_text().replace("/bin/true", f"{sys.executable} {script}"))
    systemctl("daemon-reload")
    systemctl("start", "--no-block", it.unit)
    data = updates.wait(is_condition("silent", "no-ready"))[-1]["data"]
    shown = service_of(data, "silent")
    assert shown["unitState"] == "activating" and "READY=1" in shown["explanation"]
    systemctl("stop", it.unit)
    updates.wait(is_condition("silent", "stopped"))


# --- History ---


def test_figures_are_kept_and_where_there_are_none_is_a_gap(updates):
    begin = int(time.time()) + 1
    updates.wait(lambda data: time.time() > begin + 2)

    def iso(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    answer = history(service="cup", metric="service.responseTime", **{"from": iso(begin), "to": iso(begin + 2)}, step="1s")
    assert (answer["service"], answer["metric"], answer["unit"]) == ("cup", "service.responseTime", "ms")
    assert answer["step"] == 1000 and len(answer["points"]) == 2
    points = {t // 1000: rest for t, *rest in answer["points"]}
    for second in begin, begin + 1:
        average, least, most = points[second]
        assert 0 < least <= average <= most < TIMEOUT_MS
    memory = history(service="cup", metric="service.memory", **{"from": iso(begin), "to": iso(begin + 2)}, step="1s")
    assert memory["unit"] == "bytes" and all(value > 100000 for _, value, *_ in memory["points"])
    health = history(service="cup", metric="service.health", **{"from": iso(begin), "to": iso(begin + 2)}, step="1s")
    assert {value for _, value, *_ in health["points"]} == {1}
    long_ago = history(service="cup", metric="service.health", **{"from": "-30d", "to": "-29d"})
    assert len(long_ago["points"]) - 24 * 3600 * 1000 // long_ago["step"] in (0, 1)
    assert all(t % long_ago["step"] == 0 for t, *_ in long_ago["points"])
    assert {tuple(rest) for _, *rest in long_ago["points"]} == {(None, None, None)}


def test_history_survives_a_kill(updates):
    updates.next()
    before = history(service="cup", metric="service.health", step="5s")
    kill(UNIT)
    with Updates() as others:
        others.wait(is_condition("cup", "ok"))
    after = {t: rest for t, *rest in history(service="cup", metric="service.health", step="5s")["points"]}
    kept = [(t, rest) for t, *rest in before["points"] if rest[0] is not None and t in after]
    assert kept and all(after[t][0] is not None for t, _ in kept)


@pytest.mark.parametrize("path, field", [
    ("history?metric=service.health", "service"),
    ("history?service=nobody&metric=service.health", "service"),
    ("history?service=cup", "metric"),
    ("history?service=cup&metric=service.charm", "metric"),
    ("history?service=cup&metric=service.health&from=yesterday", "from"),
    ("history?service=cup&metric=service.health&from=-99999999999h", "from"),
    ("history?service=cup&metric=service.health&from=-1h&to=-2h", "from"),
    ("history?service=cup&metric=service.health&step=0", "step"),
    ("history?service=cup&metric=service.health&step=1500", "step"),
    ("history?service=cup&metric=service.health&step=18446744073709551615", "step"),
    ("history?service=cup&metric=service.health&from=-30d&step=1s", "step"),
    ("timeline?service=nobody", "service"),
    ("timeline?kind=party", "kind"),
    ("timeline?limit=0", "limit"),
    ("timeline?limit=501", "limit"),
    ("timeline?to=soon", "to"),
])
def test_bad_questions_name_the_field(fleet, path, field):
    status, _, body = http_request(PORT, f"/api/v1/metrics/{path}")
    answer = json.loads(body)
    assert status == 400 and answer["error"].startswith(f"{field}: "), answer


def test_timeline_is_newest_first_and_limited(updates):
    for _ in range(3):
        was = run_of("cup")
        toolooctl("restart", "cup")
        restarted(updates, "cup", was)
    events = timeline(service="cup", limit=5)
    assert len(events) == 5
    assert [e["id"] for e in events] == sorted((e["id"] for e in events), reverse=True)
    assert all(e["service"] in ("cup", None) for e in events)
    assert {e["kind"] for e in timeline(kind="restart")} == {"restart"}
    at = events[2]["at"]
    assert all(e["at"] < at for e in timeline(service="cup", to=at))
    assert timeline(service="cup", **{"from": at})[-1]["at"] >= at


def test_no_provider_is_made_up(fleet):
    answer = get_json(PORT, "/api/v1/metrics/providers")
    assert answer["providers"] == [] and answer["hint"]


# --- A full disk ---


@pytest.fixture
def small_disk(quick):
    """metricsd's state on a disk of 2 MiB. Gives the file that takes what is left of it."""
    directory = state_directory("metricsd")
    systemctl("stop", UNIT)
    run("mount", "-t", "tmpfs", "-o", "size=2M,mode=0700", "tmpfs", directory)
    systemctl("start", UNIT)
    yield directory / "filler"
    systemctl("stop", UNIT)
    run("umount", directory)
    systemctl("start", UNIT)


def fill(path):
    with path.open("ab", buffering=0) as file:
        for size in 65536, 4096, 1:
            try:
                while True:
                    file.write(b"x" * size)
            except OSError as e:
                assert e.errno == errno.ENOSPC


def samples(id):
    points = history(service=id, metric="service.health", step="1s", **{"from": "-5min"})["points"]
    return sum(average is not None for _, average, *_ in points)


def test_a_full_disk_stops_the_history_alone(small_disk):
    cursor = journal_cursor()
    with Updates() as updates:
        updates.wait(is_condition("cup", "ok"))
        fill(small_disk)
        data = updates.wait(lambda data: data["monitor"]["problems"])[-1]["data"]
        problem, = data["monitor"]["problems"]
        assert "history" in problem and "No space left" in problem
        before = samples("cup")
        # Health goes on to be followed, and repair too.
        toolooctl("stop", "cup")
        updates.wait(is_condition("cup", "stopped"))
        toolooctl("start", "cup")
        updates.wait(is_condition("cup", "ok"))
        answer = get_json(PORT, "/api/v1/system/alerts/trigger", method="POST", headers={"Content-Type": "application/json"},
                          body=json.dumps({"metric": "service.responseTime", "value": 6000, "service": "cup"}))
        assert answer["alert"]["remediationSuccess"] is True, answer
        assert samples("cup") <= before  # a second in which it had begun may have become one too old
        said = [line for line in journal_lines(UNIT, cursor) if "No history is kept" in line]
        assert len(said) == 1, said
        small_disk.unlink()
        updates.wait(lambda data: not data["monitor"]["problems"])
        updates.wait(lambda data: samples("cup") > before)
