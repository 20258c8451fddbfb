# SPDX-License-Identifier: MIT
"""The WebSocket of metricsd with clients that read, that are behind, and that do not read at all; and that a change of state
does not wait for the next tick."""
import json
import re
import time

from conftest import CONTROL, PORTS, Journal, http_request, journal_cursor, kill, systemctl, wait_until
from test_metricsd import CLOSE, NEVER_MS, TEXT, Updates, all_healthy, by_id, dashboard, is_status, metricsd

PORT = CONTROL["metricsd"]
UNIT = "tooloo-metricsd.service"
KILLS = 20
CROWD = 100
CLOSE_BEHIND = 1008


def figure(name):
    text = http_request(PORT, "/metrics")[2].decode()
    return float(re.search(rf"^{name} (\S+)$", text, re.M)[1])


def skipped():
    return figure("tooloo_self_dashboard_updates_skipped_total")


def waiting():
    return figure("tooloo_self_dashboard_waiting_bytes")


def test_each_of_20_kills_is_told_at_once(metricsd):
    """No tick tells it: there is none."""
    metricsd(f"--interval-ms={NEVER_MS}")
    victims = sorted(PORTS)[:10]  # no more than two crashes each, for systemd gives up at five
    with Updates() as updates:
        updates.wait(all_healthy)
        for i in range(KILLS):
            id = victims[i % len(victims)]
            kill(f"tooloo-{id}.service")
            updates.wait(is_status(id, "offline"))
            updates.wait(is_status(id, "healthy"))
    for id in victims:
        systemctl("reset-failed", f"tooloo-{id}.service")


def test_who_is_behind_holds_nobody_up_and_is_told_the_newest(metricsd):
    metricsd("--interval-ms=20")
    size = len(json.dumps(dashboard()))
    with Updates(receive_buffer=4096) as behind, Updates() as reader:
        reader.wait(all_healthy)
        # Nothing of it is read; what the kernel takes at first is some dozen updates.
        # The reader has each: none of what it was sent stands twice. What it takes here may have come before it was asked for,
        # and metricsd has two seconds of patience with the other one: so both are waited for together.
        before, seen = skipped(), []
        wait_until(lambda: len(seen) >= 20 and skipped() - before >= 10,
                   lambda _: seen.append(reader.next()["timestamp"]) or True, "updates that give way to newer ones")
        assert len(set(seen)) == len(seen)
        assert waiting() < 4 * size
        now = reader.next()["timestamp"]
        # What comes now is what it was behind by, and then the newest.
        said = []
        while not said or said[-1]["timestamp"] < now:
            said.append(behind.next())
        stamps = [u["timestamp"] for u in said]
        assert stamps == sorted(stamps) and all_healthy(said[-1]["data"])
        # From now on it keeps up, and none is lost on it.
        wait_until(lambda: waiting() < 2 * size, lambda _: (reader.next(), behind.next()), "a client that keeps up")


def test_who_reads_nothing_at_all_is_cut_off(metricsd):
    metricsd("--interval-ms=20")
    cursor = journal_cursor()
    with Updates(receive_buffer=4096) as deaf, Updates() as reader, Journal(UNIT, after=cursor) as journal:
        said = []

        def is_cut_off():
            while entry := journal.entry(time.monotonic() + 0.01):
                said.append(entry.get("MESSAGE", ""))
            return any("does not read what it is sent" in line for line in said)

        wait_until(is_cut_off, lambda _: reader.next(), "a client that is cut off")
        # It finds out when it reads at last.
        while (got := deaf.frame())[0] == TEXT:
            pass
        assert got[0] == CLOSE and int.from_bytes(got[1][:2], "big") == CLOSE_BEHIND
        deaf.send(CLOSE, got[1][:2])
        wait_until(lambda: figure("tooloo_self_dashboard_clients") == 1, lambda _: reader.next(), "one client")
    assert len([line for line in said if "does not read" in line]) == 1


def test_all_are_told_the_same(metricsd):
    metricsd(f"--interval-ms={NEVER_MS}")
    crowd = [Updates() for _ in range(CROWD)]
    try:
        for updates in crowd:
            updates.wait(all_healthy)
        systemctl("stop", "tooloo-cup.service", "tooloo-cup.socket")
        told = [updates.wait(lambda data: by_id(data["services"])["cup"]["unitState"] == "inactive")[-1] for updates in crowd]
        assert all(t == told[0] for t in told)
    finally:
        for updates in crowd:
            updates.__exit__()
        systemctl("start", "tooloo-cup.socket", "tooloo-cup.service")
