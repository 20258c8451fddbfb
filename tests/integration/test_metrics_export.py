# SPDX-License-Identifier: MIT
"""GET /metrics: OpenMetrics by a strict parser, classic text by promtool, both by a real Prometheus; and that what stands there
is true. The collectors' own account."""
import collections
import http.client
import json
import os
import re
import resource
import socket
import subprocess
import time
import urllib.parse

import pytest
from conftest import (CONTROL, PATIENCE, PORTS, Journal, Lines, get_json, http_request, journal_cursor, kill, main_pid, run,
                      systemctl, wait_until)
from openmetrics import read
from test_metricsd import NEVER_MS, Updates, all_healthy, by_id, is_status, metricsd

PORT = CONTROL["metricsd"]
UNIT = "tooloo-metricsd.service"
OPENMETRICS = "application/openmetrics-text"
OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SERIES_MAX = 40  # of a service, exclusive
START_SECONDS = 60  # for Prometheus
SCRAPE_SECONDS = 2  # from one to the next, and for each
COLLECTORS = {"units", "probe", "resources", "reload", "journal", "providers", "history"}


def scrape(accept=OPENMETRICS):
    status, headers, body = http_request(PORT, "/metrics", headers={"Accept": accept} if accept else {})
    assert status == 200
    return headers["Content-Type"], body.decode()


def figures():
    return read(scrape()[1])


def value(families, family, **labels):
    """Of the one series that has these labels."""
    found = [s for s in families[family] if labels.items() <= s.labels.items()]
    assert len(found) == 1, (family, labels, found)
    return found[0].value


def service_value(family, id, **labels):
    return value(figures(), family, service=id, **labels)


# --- Form ---


def test_openmetrics_is_openmetrics(fleet):
    content_type, text = scrape()
    assert content_type == OPENMETRICS_TYPE
    families = read(text)
    units = dict(re.findall(r"^# UNIT (\S+) (\S+)$", text, re.M))
    assert units["systemd_unit_cpu_seconds"] == "seconds" and units["systemd_unit_memory_bytes"] == "bytes"
    assert {"systemd_unit_state", "systemd_service_restart", "systemd_unit_cpu_seconds", "systemd_unit_memory_bytes",
            "tooloo_probe_duration_seconds", "tooloo_reload", "tooloo_remediations", "tooloo_alerts_active",
            "process_cpu_seconds", "process_resident_memory_bytes", "tooloo_self_cpu_ratio"} <= set(families)


def test_a_service_has_few_series(fleet):
    count = collections.Counter()
    for samples in figures().values():
        for sample in samples:
            if "service" in sample.labels:
                count[sample.labels["service"]] += 1
                assert sample.labels["name"] == f"tooloo-{sample.labels['service']}.service"
    assert set(PORTS) <= set(count) and max(count.values()) < SERIES_MAX, count


def test_promtool_takes_the_classic_text(fleet):
    content_type, text = scrape(None)
    assert content_type == CLASSIC_TYPE
    assert "# EOF" not in text and "# UNIT" not in text
    done = run("sh", "-c", f"curl -sf http://127.0.0.1:{PORT}/metrics | promtool check metrics")
    assert done.stdout + done.stderr == ""
    # And it says no to what is none: the line above could not fail else.
    assert run("sh", "-c", "echo 'x{' | promtool check metrics", ok=False)


@pytest.mark.parametrize("accept, wanted", [
    (None, CLASSIC_TYPE),
    ("*/*", CLASSIC_TYPE),
    ("text/html,application/xhtml+xml,*/*;q=0.8", CLASSIC_TYPE),
    ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS_TYPE),
    ("application/openmetrics-text;q=0.3,text/plain;q=0.4", CLASSIC_TYPE),
    ("application/openmetrics-text;q=0", CLASSIC_TYPE),
])
def test_the_client_has_the_choice(fleet, accept, wanted):
    content_type, text = scrape(accept)
    assert content_type == wanted and text.endswith("# EOF\n") == (wanted == OPENMETRICS_TYPE)


def test_other_methods(fleet):
    status, headers, body = http_request(PORT, "/metrics", method="HEAD")
    assert (status, body) == (200, b"") and headers["Vary"] == "Accept"
    assert http_request(PORT, "/metrics", method="POST", body=b"x")[0] == 405


def test_both_forms_say_the_same(fleet):
    classic = {line.rsplit(" ", 1)[0] for line in scrape(None)[1].splitlines() if not line.startswith("#")}
    opened = {line.rsplit(" ", 1)[0] for line in scrape()[1].splitlines() if not line.startswith("#")}
    assert classic == opened


# --- Truth ---


def test_states_and_restarts(metricsd):
    metricsd(f"--interval-ms={NEVER_MS}")
    with Updates() as updates:
        updates.wait(all_healthy)
        now = figures()
        assert value(now, "tooloo_services", status="healthy") == len(PORTS)
        restarts = value(now, "systemd_service_restart", service="cup")
        states = {s.labels["state"]: s.value for s in now["systemd_unit_state"] if s.labels["service"] == "cup"}
        assert states == {"active": 1, "reloading": 0, "inactive": 0, "failed": 0, "activating": 0, "deactivating": 0}
        kill("tooloo-cup.service")
        updates.wait(lambda data: by_id(data["services"])["cup"]["restarts"] == restarts + 1)
        updates.wait(is_status("cup", "healthy"))
        assert service_value("systemd_service_restart", "cup") == restarts + 1
        systemctl("stop", "tooloo-cup.socket", "tooloo-cup.service")
        updates.wait(lambda data: by_id(data["services"])["cup"]["unitState"] == "inactive")
        now = figures()
        assert value(now, "systemd_unit_state", service="cup", state="inactive") == 1
        assert value(now, "systemd_unit_state", service="cup", state="active") == 0
        assert value(now, "tooloo_service_health", service="cup") == 0
        assert value(now, "tooloo_services", status="offline") == 1
        # What is not known of it is not there, and what was counted is not lost.
        assert not [s for s in now["systemd_unit_memory_bytes"] if s.labels["service"] == "cup"]
        assert value(now, "systemd_service_restart", service="cup") == restarts + 1
        systemctl("start", "tooloo-cup.socket", "tooloo-cup.service")
        updates.wait(is_status("cup", "healthy"))


def test_each_probe_is_in_the_histogram(metricsd):
    metricsd("--interval-ms=50")
    with Updates() as updates:
        updates.wait(all_healthy)
        wait_until(lambda: service_value("tooloo_probe_duration_seconds", "cup", le="+Inf") >= 20, lambda _: updates.next(),
                   "20 probes")
        now = figures()
        buckets = [(float(s.labels["le"]), s.value) for s in now["tooloo_probe_duration_seconds"]
                   if s.labels["service"] == "cup" and "le" in s.labels]
        assert buckets == sorted(buckets) and [b for _, b in buckets] == sorted(b for _, b in buckets)
        time = [s.value for s in now["tooloo_probe_duration_seconds"]
                if s.labels["service"] == "cup" and s.name.endswith("_sum")][0]
        assert 0 < time < 60 and value(now, "tooloo_probe_failures", service="cup") == 0
        assert not [s for s in now["tooloo_probe_duration_seconds"] if s.labels["service"] == "metricsd"]
        cpu = value(now, "systemd_unit_cpu_seconds", service="cup")
        wait_until(lambda: service_value("systemd_unit_cpu_seconds", "cup") > cpu, lambda _: updates.next(), "more CPU time")


def test_reloads_are_counted_by_how_they_went(metricsd, service):
    metricsd("--interval-ms=100")
    it = service("faulty", "faulty-good")

    def counts():
        return tuple(service_value("tooloo_reload", "faulty", result=r) for r in ("reloaded", "rejected", "rolled-back"))

    with Updates() as updates:
        def wait_for(wanted):
            wait_until(lambda: counts() == wanted, lambda _: updates.next(), f"reloads {wanted}, not {counts()}")

        updates.wait(is_status("faulty", "healthy"))
        wait_for((0, 0, 0))
        it.reload()
        it.reload()
        wait_for((2, 0, 0))
        for _ in range(2):
            it.reload("faulty-init-fails", ok=False)
        wait_for((2, 2, 0))
        # Nothing new is no reload.
        run("toolooctl", "reload", "--changed", f"--modules={it.modules}")
        it.install("faulty-good")
        it.reload()
        wait_for((3, 2, 0))
        # What a service counted in another run is not counted again, nor forgotten.
        systemctl("restart", it.unit)
        updates.wait(is_status("faulty", "healthy"))
        it.reload()
        wait_for((4, 2, 0))
        # A metricsd that has just begun has seen none.
        systemctl("restart", UNIT)
    with Updates() as updates:
        updates.wait(is_status("faulty", "healthy"))
        it.reload()
        wait_until(lambda: counts() == (1, 0, 0), lambda _: updates.next(), "the reload since")


def test_alerts_and_remediations(metricsd):
    metricsd(f"--interval-ms={NEVER_MS}")
    rule = {"id": "export-test", "metric": "service.cpu", "operator": ">", "threshold": 1e9, "severity": "info",
            "action": "restart-service", "description": "for a test", "service": "cup"}
    assert http_request(PORT, "/api/v1/system/alerts/rules", "POST", json.dumps(rule))[0] == 200
    try:
        def done():
            return value(figures(), "tooloo_remediations", action="restart-service", outcome="done")

        assert done() == 0 and value(figures(), "tooloo_alerts_active", severity="info") == 0
        trigger = {"metric": "service.cpu", "value": 2e9, "service": "cup"}
        answer = json.loads(http_request(PORT, "/api/v1/system/alerts/trigger", "POST", json.dumps(trigger), timeout=60)[2])
        assert answer["alert"]["remediationSuccess"] is True
        assert done() == 1
    finally:
        assert http_request(PORT, "/api/v1/system/alerts/rules/export-test", "DELETE")[0] == 200


def test_lines_of_the_journal_are_counted_by_level(metricsd, foreign):
    metricsd("--interval-ms=100")
    lines = "".join(f"<{level}>line {i}\\n" for level in (3, 4, 4, 6, 6, 6) for i in range(5))
    it = foreign("talker", f"/bin/sh -c 'printf \"{lines}\"; exec sleep infinity'", "/talker", socket_unit=False,
                 start=False)
    wanted = {"emerg": 0, "alert": 0, "crit": 0, "err": 5, "warning": 10, "notice": 0, "debug": 0}

    def counts():
        return {s.labels["level"]: s.value for s in figures()["tooloo_journal_entries"] if s.labels["service"] == "talker"}

    with Updates() as updates:
        updates.wait(lambda data: "talker" in by_id(data["services"]))
        it.start()
        wait_until(lambda: counts().items() >= wanted.items(), lambda _: updates.next(), f"{wanted}")
        assert set(counts()) == set(wanted) | {"info"} and counts()["info"] >= 15  # systemd's own are of that level


def test_history_says_what_it_holds(metricsd):
    metricsd("--interval-ms=100")
    with Updates() as updates:
        updates.wait(all_healthy)
        ticks = value(figures(), "tooloo_history_ticks")
        # The figures are some seconds old, for they have to be counted.
        wait_until(lambda: value(figures(), "tooloo_history_ticks") > ticks, lambda _: updates.next(), "more ticks")
    now, told = figures(), get_json(PORT, "/api/v1/metrics/collectors")["history"]
    assert value(now, "tooloo_history_success") == 1 and value(now, "tooloo_history_ticks_lost") == 0
    assert value(now, "tooloo_history_file_bytes") > 4096
    assert told["ok"] is True and told["problem"] is None and told["fileBytes"] > 4096


# --- What it costs ---


def collectors():
    return get_json(PORT, "/api/v1/metrics/collectors")


def test_collectors_say_how_they_do(metricsd):
    metricsd("--interval-ms=100")
    with Updates() as updates:
        updates.wait(all_healthy)
        before = by_name(collectors())
        for _ in range(5):
            updates.next()
    after = collectors()
    assert set(by_name(after)) >= COLLECTORS
    for name, c in by_name(after).items():
        assert c["ok"] is True and c["error"] is None and c["failures"] == 0, c
        assert c["runs"] >= before[name]["runs"] and c["cpuMs"] >= before[name]["cpuMs"] >= 0
    for name in "probe", "resources":
        assert by_name(after)[name]["runs"] > before[name]["runs"] and by_name(after)[name]["cpuMs"] > before[name]["cpuMs"]
        assert by_name(after)[name]["lastSuccess"] > before[name]["lastSuccess"]
    assert after["self"]["cpuPercent"] > 0 and after["self"]["memory"] > 1 << 20
    now = figures()
    for name in COLLECTORS:
        assert value(now, "tooloo_collector_success", collector=name) == 1
        assert value(now, "tooloo_collector_cpu_seconds", collector=name) > 0


def by_name(answer):
    return {c["name"]: c for c in answer["collectors"]}


def test_what_it_says_of_itself_is_what_the_kernel_says(fleet):
    pid = main_pid(UNIT)

    def ticks():
        return [int(t) for t in open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[11:13]]

    hertz = os.sysconf("SC_CLK_TCK")
    least = sum(ticks()) / hertz
    now = figures()
    most = sum(ticks()) / hertz
    # The kernel rounds each of the two down to a tick.
    assert least - 2 / hertz <= value(now, "process_cpu_seconds") <= most + 2 / hertz
    pages = int(open(f"/proc/{pid}/statm").read().split()[1])
    assert value(now, "process_resident_memory_bytes") == pytest.approx(pages * resource.getpagesize(), rel=0.1)
    assert value(now, "process_open_fds") == pytest.approx(len(os.listdir(f"/proc/{pid}/fd")), abs=2)


def test_a_lack_of_descriptors_is_no_fault_of_a_service(metricsd):
    """A probe that cannot be made says nothing of the service: the collector fails, and recovers."""
    metricsd("--interval-ms=100")
    pid = main_pid(UNIT)
    connection = http.client.HTTPConnection("127.0.0.1", PORT)

    def ask():
        connection.request("GET", "/api/v1/metrics/collectors")
        return by_name(json.loads(connection.getresponse().read()))["probe"]

    with Updates() as updates, Journal(UNIT, after=journal_cursor()) as journal:
        updates.wait(all_healthy)
        assert ask()["failures"] == 0
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
        try:
            systemctl("restart", "tooloo-cup.service")
            wait_until(lambda: ask()["failures"] > 3, lambda _: updates.next(), "probes that fail")
            # One line for all of them; another whose connection has just ended may be the first.
            journal.wait(r"probe: \w+ cannot be probed: Too many open files")
            # The others have their connections: their probes are runs that succeed.
            runs, failures = (ask()[n] for n in ("runs", "failures"))
            wait_until(lambda: ask()["runs"] - runs > ask()["failures"] - failures, lambda _: updates.next(), "probes of others")
            cup = by_id(updates.next()["data"]["services"])["cup"]
            assert cup["status"] == "offline" and cup["error"] == "started, has not answered yet"
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
        updates.wait(is_status("cup", "healthy"))
        wait_until(lambda: ask()["ok"], lambda _: updates.next(), "a probe that works")
    connection.close()


# --- A real Prometheus ---


class Prometheus:
    """Scrapes metricsd every second."""

    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = folder / "prometheus.yml"
        config.write_text(f"global: {{scrape_interval: {SCRAPE_SECONDS}s, scrape_timeout: {SCRAPE_SECONDS}s}}\n"
                          f"scrape_configs: [{{job_name: tooloo, static_configs: [{{targets: ['localhost:{PORT}']}}]}}]\n")
        self.log = Lines("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                         f"--web.listen-address=127.0.0.1:{self.port}", stderr=subprocess.STDOUT)

    def __enter__(self):
        deadline, said = time.monotonic() + START_SECONDS, []
        while not said or "Server is ready to receive web requests" not in said[-1]:
            line = self.log.next(deadline)
            if line is None:
                self.log.__exit__()
                raise AssertionError("Prometheus does not start:\n" + "\n".join(said))
            said.append(line)
        return self

    def __exit__(self, *_):
        self.log.__exit__()

    def get(self, path, **parameters):
        answer = get_json(self.port, f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert answer["status"] == "success", answer
        return answer["data"]

    def values(self, query):
        """[[time, value]...] of the one series that the query has, [] for none."""
        result = self.get("query", query=query)["result"]
        assert len(result) <= 1, result
        return [(float(t), float(v)) for t, v in result[0]["values"]] if result else []


def check_scrapes(metricsd, folder, wanted):
    """So many of its scrapes one after the other, and nothing missing in between."""
    metricsd("--interval-ms=500")
    with Prometheus(folder) as prometheus, Updates() as updates:
        up = wait_until(lambda: len(seen := prometheus.values('up{job="tooloo"}[10m]')) >= wanted and seen,
                        lambda _: updates.next(), f"{wanted} scrapes", timeout=wanted * 2 * SCRAPE_SECONDS + PATIENCE)
        assert {v for _, v in up} == {1}, prometheus.get("targets")["activeTargets"]
        # Twice the time from one to the next is one that did not take place.
        assert max(b - a for (a, _), (b, _) in zip(up, up[1:])) < 2 * SCRAPE_SECONDS, [t for t, _ in up]
        # It has read all of each, as what it is.
        assert min(v for _, v in prometheus.values('scrape_samples_scraped{job="tooloo"}[10m]')) > 13 * 20
        told = prometheus.get("metadata", metric="systemd_unit_cpu_seconds")["systemd_unit_cpu_seconds"]
        assert [(m["type"], m["unit"]) for m in told] == [("counter", "seconds")]
        cpu = prometheus.values("process_cpu_seconds_total[10m]")
        assert len(cpu) >= wanted and [v for _, v in cpu] == sorted(v for _, v in cpu)
        assert prometheus.get("query", query='sum(systemd_unit_state{state="active"})')["result"][0]["value"][1] >= "13"


def test_prometheus_scrapes_it(metricsd, tmp_path):
    check_scrapes(metricsd, tmp_path, 10)


@pytest.mark.long
def test_prometheus_scrapes_it_for_a_minute(metricsd, tmp_path):
    check_scrapes(metricsd, tmp_path, 60)
