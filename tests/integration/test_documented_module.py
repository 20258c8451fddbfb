# SPDX-License-Identifier: MIT
"""A module written outside the tree: what tooloo-dev installs, and the README's ten minutes, typed as printed. Nothing here
reads anything of the checkout but the README."""
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import (CHECKOUT, PATIENCE, USER_UNITS, Journal, Lines, get_json, http_request, journal_cursor, journal_lines,
                      main_pid, native_drop_ins, run, systemctl, toolooctl, wait_until)

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
import readme  # noqa: E402

HOME, PORT = Path.home(), 4200
FOLDER = HOME / "hello"
UNITS, DROP_INS = ["tooloo-hello.socket", "tooloo-hello.service"], USER_UNITS / "tooloo-hello.service.d"
HEADERS = ["macro.h", "http.h", "module-abi.h"]


@pytest.fixture(scope="module")
def commands():
    return readme.commands(CHECKOUT / "README.md", "Write a module in ten minutes")


def one(commands, *words):
    found = [c for c in commands if all(w in c for w in words)]
    assert len(found) == 1, f"{words}: {len(found)} commands in the README"
    return found[0]


def typed(command, **more):
    """As a person types it, but that curl is quiet and fails where the answer is an error."""
    return run("bash", "-c", command.replace("curl ", "curl --silent --show-error --fail ", 1), cwd=HOME, **more)


# --- What is installed ---


def pkg_config(*arguments):
    return run("pkg-config", *arguments, "tooloo").stdout.strip()


def test_headers_and_nothing_else():
    folder = Path(pkg_config("--variable=includedir")) / "tooloo"
    assert sorted(p.name for p in folder.iterdir()) == sorted(HEADERS)


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("header", HEADERS)
def test_each_header_compiles_alone(compiler, header, tmp_path):
    if not shutil.which(compiler):
        pytest.skip(f"there is no {compiler} here")
    source = tmp_path / "alone.c"
    source.write_text(f"#include <tooloo/{header}>\n#include <tooloo/{header}>\nint main(void) {{ return 0; }}\n")
    run(compiler, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", *pkg_config("--cflags").split(), source)


def test_pkg_config_tells_the_places():
    assert run("toolooctl", "--version").stdout.split()[1] == pkg_config("--modversion")
    assert (Path(pkg_config("--variable=modulesdir")) / "training.so").is_file()
    assert (Path(pkg_config("--variable=userunitdir")) / "tooloo-training.service").is_file()
    assert (Path(pkg_config("--variable=pkglibdir")) / "tooloo-service").is_file()
    assert "-ljson-c" in pkg_config("--libs") and "systemd" not in pkg_config("--libs")


def test_make_names_only_what_is_an_id(tmp_path):
    shutil.copytree("/usr/share/doc/tooloo-dev/examples/skeleton", tmp_path / "copy")
    before = sorted(p.name for p in (tmp_path / "copy").iterdir())
    done = run("make", "rename", "ID=Not/one", cwd=tmp_path / "copy", ok=False)
    assert "ID=Not/one: small letters" in done.stderr
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == before


# --- The ten minutes ---


@pytest.fixture(scope="module")
def hello(fleet, commands):
    """What the first commands printed; at the end it is as if it had never been."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    DROP_INS.mkdir(parents=True)
    for path in native_drop_ins():
        if "sanitizer" in path.name:  # a host built with sanitizers needs it
            shutil.copy(path, DROP_INS)
    cursor = journal_cursor()
    done = typed("set -e\n" + "\n".join(commands[:3]))
    with Journal("tooloo-watchd.service", after=cursor) as journal:  # what is edited before that is nobody's news
        journal.wait(r"^hello: watching \d+ file")
    yield done
    systemctl("stop", *UNITS, ok=None)
    for name in UNITS:
        (USER_UNITS / name).unlink(missing_ok=True)
        (USER_UNITS / "tooloo.target.wants" / name).unlink(missing_ok=True)
    shutil.rmtree(DROP_INS)
    systemctl("daemon-reload")
    shutil.rmtree(FOLDER)


def answer(commands):
    """Of the command that the README has twice, before the change and after it."""
    found = [c for c in commands if "/greeting/" in c]
    assert len(found) == 2 and found[0] == found[1]
    return typed(found[0]).stdout


def edit(command, outcome):
    """Types a command that changes the source, and waits for what the watcher says came of it."""
    cursor = journal_cursor()
    with Journal("tooloo-watchd.service", after=cursor) as journal:
        typed(command)
        return journal.wait(outcome)


def test_every_command_is_tried_here(commands):
    assert len(commands) == 9


def web_has_it():
    routes, services = get_json(3000, "/api/v1/system/routes")["routes"], get_json(3000, "/system/status")["status"]["services"]
    return any(r["service"] == "hello" for r in routes) and \
        any((s["id"], s["condition"]) == ("hello", "running") for s in services)


def test_it_builds_and_runs(hello, commands):
    assert "warning" not in hello.stdout + hello.stderr
    assert answer(commands) == '{"ok":true,"hello":"you","generation":1}'
    toolooctl("wait", "hello", "--timeout=30s")  # metricsd and web hear of it from systemd
    wait_until(web_has_it, lambda deadline: True, "web's route to hello")
    assert re.search(r"^hello +running +healthy .* 4200 ", toolooctl("status").stdout, re.M)
    assert http_request(3000, "/api/v1/hello/count")[0] == 200, "through web, by Routes="


def test_a_saved_change_is_live_under_an_open_connection(hello, commands):
    before = main_pid("tooloo-hello.service")
    stream = ["bash", "-c", "exec " + one(commands, "curl -N").replace("curl ", "curl --silent --show-error ", 1)]
    with Lines(*stream, stderr=subprocess.STDOUT) as lines:
        read_event(lines, "0")
        edit(one(commands, "sed -i"), r"^hello: live in")
        assert answer(commands) == '{"ok":true,"bonjour":"you","generation":2}'
        assert typed(one(commands, '"by"')).stdout == '{"ok":true,"count":2}'
        read_event(lines, "2")
        assert lines.process.poll() is None
    assert main_pid("tooloo-hello.service") == before


def read_event(lines, data):
    deadline, seen = time.monotonic() + PATIENCE, []
    while (line := lines.next(deadline)) is not None:
        seen.append(line)
        if line == f"data: {data}":
            return
    raise AssertionError(f"no event {data!r}, but {seen}")


def test_what_does_not_compile_changes_nothing(hello, commands):
    source = FOLDER / "hello.c"
    good = source.read_text()
    before = answer(commands)
    cursor = journal_cursor()
    edit("echo 'this is no C' >> ~/hello/hello.c", r"^hello: the change is not live")
    assert answer(commands) == before
    assert "the last change of its files is not live" in toolooctl("status", "hello").stdout
    assert any("hello.c" in line and "error:" in line for line in journal_lines("tooloo-hello.service", cursor))
    with Journal("tooloo-watchd.service", after=journal_cursor()) as journal:
        source.write_text(good)
        journal.wait(r"^hello: live in")
    toolooctl("diff", "hello")  # succeeds where nothing differs


def test_the_state_survives(hello, commands):
    count = http_request(PORT, "/api/v1/hello/count")[2]
    toolooctl("reload", "hello")
    assert http_request(PORT, "/api/v1/hello/count")[2] == count


def test_a_start_builds_what_is_older_than_the_headers(hello, commands):
    """As after an upgrade."""
    module = FOLDER / "hello.so"
    before, old = answer(commands), module.stat().st_mtime_ns
    os.utime(module, (0, 0))
    toolooctl("restart", "hello")
    assert module.stat().st_mtime_ns > old
    assert answer(commands) == re.sub(r"\d+}", "1}", before)


def test_doctor_finds_nothing_wrong_with_it(hello):
    assert "hello" not in toolooctl("doctor", ok=None).stdout


def test_it_is_taken_away_again(hello, commands):
    typed(one(commands, "disable"))
    assert not [f for name in UNITS for f in USER_UNITS.rglob(name)]
    assert (FOLDER / "hello.c").is_file(), "the source stays"
    assert "hello" not in toolooctl("list").stdout
