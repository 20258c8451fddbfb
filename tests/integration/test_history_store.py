# SPDX-License-Identifier: MIT
"""What the history store promises when its process is killed at any moment, and when the disk is full."""
import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest
from conftest import BUILD, SANITIZER_REPORT, run

WRITER = BUILD / "tests/fixtures/history-writer"
BEGIN = 1764000000 // 3600 * 3600
INTERVAL = 20  # seconds, of a clock that is not the machine's: an hour is 180 ticks
COUNT = 100000  # ticks, if nobody killed it
ENVIRONMENT = os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}  # who is killed cannot look for leaks


class Writer:
    """What one process has said."""

    def __init__(self, directory, first, count, *die):
        self.next = first  # the tick that it may have kept without saying so
        self.command = [WRITER, "write", directory, first, count, INTERVAL, *die]
        self.ticks, self.seals, self.lost, self.cursor = [], 0, 0, None

    def take(self, line):
        word, _, rest = line.strip().partition(" ")
        if word == "tick":
            self.ticks.append(int(rest))
            self.next = int(rest) + INTERVAL
        elif word == "none":
            self.next = int(rest) + INTERVAL
        elif word == "cursor":
            self.cursor = None if rest == "none" else int(rest)
        elif word == "sealed":
            self.seals += 1
        else:
            assert word in ("lost", "unsealed"), line
            self.lost += 1

    def run(self, kill_after=None):
        """To its end, or so many lines long; whether it was killed. A line that it has not finished was not said."""
        with subprocess.Popen([str(c) for c in self.command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
                              text=True) as process:
            lines = 0
            for line in process.stdout:
                if not line.endswith("\n"):
                    break
                self.take(line)
                lines += 1
                if lines == kill_after:
                    process.kill()  # it goes on meanwhile, so this can be anywhere
            said = process.stderr.read()
        assert not SANITIZER_REPORT.search(said), said
        assert said == "" and process.returncode in (0, -signal.SIGKILL), (process.returncode, said)
        return process.returncode != 0


def next_first(known, number, random_):
    """Where the clock stands when the next process begins: later; or, now and then, set back by hours, to seconds that no tick
    has yet."""
    newest = max(known, default=BEGIN)
    if number % 12 == 11:
        return max(BEGIN, newest - random_.randrange(1, 4) * 3600) // INTERVAL * INTERVAL + 1 + number % (INTERVAL - 1)
    return (newest // INTERVAL + random_.choice([1, 1, 1, 200])) * INTERVAL


def integrity(directory):
    with sqlite3.connect(directory / "metrics.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        ticks = db.execute("SELECT count(*) FROM tick").fetchone()[0]
        hours = db.execute("SELECT count(*) FROM hour").fetchone()[0]
    db.close()
    return ticks, hours


def read_back(directory, until):
    """Second -> samples; hour -> samples; every value is checked."""
    seconds, hours = {}, {}
    lines = run(WRITER, "read", directory, BEGIN, until, env=ENVIRONMENT, timeout=300).stdout.splitlines()
    assert lines.pop() == "ok"
    for line in lines:
        words = line.split()
        if words[0] == "hour":
            hours[int(words[1])] = int(words[2])
            continue
        second = int(words[0])
        seconds[second] = int(words[1])
        assert float(words[2]) == second % 9973 + 0.5, line
    return seconds, hours


def test_300_kills_lose_nothing_and_count_nothing_twice(tmp_path):
    random_ = random.Random(4)
    known, in_flight = set(), set()
    kills = {"any": 0, "seal": 0}
    seals, began, last = 0, time.monotonic(), None
    while sum(kills.values()) < 300:
        number = sum(kills.values())
        first = next_first(known, number, random_)
        how = "seal" if number % 3 == 2 else "any"
        if how == "seal":  # some of these writes are the ticks' turn to go, some a checkpoint's
            die = [random_.randrange(1, 90), *random_.choice([[], ["half"]])]
            writer = Writer(tmp_path, first, COUNT, *die)
            killed = writer.run()
        else:
            writer = Writer(tmp_path, first, COUNT)
            killed = writer.run(kill_after=random_.randrange(1, 200))
        assert killed
        kills[how] += 1
        seals += writer.seals
        # The document that is written with each tick is as old as the newest one that was kept, or as the one in flight.
        assert last is None or writer.cursor in last, (writer.cursor, last)
        known.update(writer.ticks)
        in_flight.add(writer.next)
        last = {writer.ticks[-1] if writer.ticks else writer.cursor, writer.next}
        if number % 30 == 0:
            integrity(tmp_path)
    took = time.monotonic() - began

    ticks, hours_sealed = integrity(tmp_path)
    assert [f.name for f in tmp_path.iterdir() if "damaged" in f.name] == []
    seconds, hours = read_back(tmp_path, max(known) + 3600)
    assert len(known) > 5000 and hours_sealed > 50 and max(known) - min(known) < 29 * 86400
    assert known - seconds.keys() == set(), "acknowledged, and not there"
    assert {s: n for s, n in seconds.items() if n != 1} == {}, "counted twice"
    assert seconds.keys() - known <= in_flight
    assert sum(hours.values()) == len(seconds)
    print(f"{kills['any']} kills at any moment, {kills['seal']} at a write of a seal, in {took:.0f} s: {len(known)} ticks "
          f"acknowledged, {len(seconds)} there, {hours_sealed} hours sealed, {ticks} ticks not yet; {seals} seals seen")


# --- A full disk ---


class SmallDisk:
    """A file system of its own in memory, in a namespace that a process holds open until it is done with."""

    def __init__(self, directory, size):
        script = f'mount -t tmpfs -o size={size} none "$0" && echo ready && exec cat'
        self.holder = subprocess.Popen(["unshare", "--map-root-user", "--mount", "sh", "-c", script, directory],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self.directory = directory
        self.seen_from_here = f"/proc/{self.holder.pid}/root{directory}"

    def within(self, *command):
        return ["nsenter", "--user", "--mount", "--preserve-credentials", f"--target={self.holder.pid}", *command]

    def fill(self):
        """To the last byte; how many that were."""
        written = 0
        with open(f"{self.seen_from_here}/ballast", "ab", buffering=0) as f:
            for size in 65536, 4096, 1:
                try:
                    while True:
                        written += f.write(bytes(size))
                except OSError as e:
                    assert e.errno == errno.ENOSPC
        return written

    def make_room(self):
        os.unlink(f"{self.seen_from_here}/ballast")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.holder.communicate("")


class SlowWriter(Writer):
    """One that is followed line by line."""

    def __enter__(self):
        self.process = subprocess.Popen([str(c) for c in self.command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=ENVIRONMENT, text=True)
        return self

    def until(self, condition):
        while not condition():
            line = self.process.stdout.readline()
            assert line.endswith("\n"), self.process.stderr.read()
            self.take(line)

    def end(self):
        """What it has said on stderr, line by line."""
        self.process.kill()
        for line in self.process.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                self.take(line)
        return self.process.stderr.read().splitlines()

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.mark.parametrize("new", [False, True])
def test_a_start_on_a_full_disk(tmp_path, new):
    """With a database of before, and without."""
    with SmallDisk(tmp_path, "8m") as disk:
        first = SlowWriter(tmp_path, BEGIN, COUNT)
        second = SlowWriter(tmp_path, BEGIN + 86400, COUNT)
        for writer in first, second:
            writer.command = disk.within(*writer.command)
        with first:
            first.until(lambda: new or first.seals >= 2)
            first.end()
        if new:
            for file in os.listdir(disk.seen_from_here):
                os.unlink(f"{disk.seen_from_here}/{file}")
        disk.fill()
        with second:
            second.until(lambda: second.lost >= 20)
            assert second.ticks == []
            disk.make_room()
            second.until(lambda: len(second.ticks) >= 200)
            said = second.end()
        assert len(said) == 2 and "No space left on device" in said[0] and "is being kept again" in said[1], said
        assert second.cursor == (None if new else first.ticks[-1])


def test_a_full_disk_stops_history_until_there_is_room(tmp_path):
    disk_directory, copy = tmp_path / "disk", tmp_path / "copy"
    disk_directory.mkdir()
    copy.mkdir()
    with SmallDisk(disk_directory, "8m") as disk:
        writer = SlowWriter(disk_directory, BEGIN, COUNT)
        writer.command = disk.within(*writer.command)
        with writer:
            writer.until(lambda: writer.seals >= 2)
            for _ in range(3):
                before = writer.lost
                disk.fill()
                writer.until(lambda: writer.lost >= before + 100)
                disk.make_room()
                kept, seals = len(writer.ticks), writer.seals
                writer.until(lambda: len(writer.ticks) > kept + 10 and writer.seals > seals)
            said = writer.end()
        for line in said:
            assert not SANITIZER_REPORT.search(line), said
        stops = [line for line in said if "No space left on device; make room there" in line]
        goes_on = [line for line in said if "is being kept again" in line]
        assert len(said) == len(stops) + len(goes_on), said
        # One line a change: a tick may still fit in what is left after another did not, but not a hundred times.
        assert 3 <= len(stops) <= 30 and len(goes_on) in (len(stops), len(stops) - 1), said
        for file in os.listdir(disk.seen_from_here):
            shutil.copy(f"{disk.seen_from_here}/{file}", copy)
    assert not [f for f in os.listdir(copy) if "damaged" in f]
    integrity(copy)
    seconds, hours = read_back(copy, max(writer.ticks) + 3600)
    assert set(writer.ticks) - seconds.keys() == set()
    assert set(seconds.values()) == {1} and sum(hours.values()) == len(seconds)
    print(f"{writer.lost} writes failed for want of room; {len(writer.ticks)} ticks before, between and after are all there")
