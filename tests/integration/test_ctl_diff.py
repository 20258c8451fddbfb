# SPDX-License-Identifier: MIT
"""toolooctl diff: what runs against what lies on disk."""
import json
import os
import re
import shutil

import pytest
from conftest import USER_UNITS, foreign, one_line, systemctl, toolooctl  # noqa: F401
from golden import golden
from test_ctl_output import in_terminal

SAME, DIFFERENT, TROUBLE, NOT_ACTIVE, UNKNOWN = 0, 1, 2, 3, 5


def diff(id, status):
    """What --json says; the text has been looked at, too."""
    done = toolooctl("diff", id, "--json", ok=None)
    said = json.loads(done.stdout)
    assert done.returncode == status and said["id"] == id and said["same"] == (status == SAME), said
    text = toolooctl("diff", id, ok=None)
    assert text.returncode == status
    assert text.stdout.startswith(f"{id}: what runs {'is' if said['same'] else 'is not'} what lies on disk\n")
    for difference in said["differences"]:
        assert f"   Differs: {difference['text']}\n" in text.stdout
    assert said["command"] is None or text.stdout.endswith(f"\n      Mend: {said['command']}\n")
    return said


def kinds(said):
    return {d["kind"] for d in said["differences"]}


# --- A module ---


def test_the_same(fleet):
    said = diff("cup", SAME)
    assert said["differences"] == [] and said["command"] is None and said["newerFiles"] == 0
    assert said["running"]["generation"] == 1 and said["running"]["bytes"] == said["onDisk"]["bytes"] > 0
    assert said["onDisk"]["file"].endswith("/cup.so") and said["running"]["rejected"] is None
    assert toolooctl("diff", "cup", "--quiet").stdout == ""


def test_another_module(echo):
    diff("echo", SAME)
    echo.install("echo-b")
    said = diff("echo", DIFFERENT)
    assert kinds(said) == {"module"} and said["command"] == "toolooctl reload echo"
    assert said["differences"][0]["file"] == str(echo.file) and said["running"]["generation"] == 1
    masks = [(r"/[^\s\"]+/", "DIR/"), (r"\b\d+\.\d[KM]\b|\b\d+[KM]\b", "SIZE"), (r'"bytes":\d+', '"bytes":N'), (r"echo-\d+-\d+", "COPY")]
    for width in 80, 200:
        golden(f"diff-module-{width}.txt", in_terminal("diff", "echo", width=width, ok=None, NO_COLOR="1"), *masks)
    golden("diff-module.json", toolooctl("diff", "echo", "--json", ok=None).stdout, *masks)
    echo.reload()
    said = diff("echo", SAME)
    assert said["running"]["generation"] == 2


def test_touched_and_the_same(echo):
    """The content counts, as when the host reloads."""
    echo.install("echo-a")
    diff("echo", SAME)


def test_rejected_module(service):
    it = service("faulty", "faulty-good")
    it.reload("faulty-init-fails", ok=False)
    said = diff("faulty", DIFFERENT)
    assert kinds(said) == {"module"} and said["running"]["rejected"]
    assert re.search(r"^ +Rejected: .", toolooctl("diff", "faulty", ok=None).stdout, re.M)


def test_module_gone(echo):
    echo.file.unlink()
    said = diff("echo", DIFFERENT)
    assert "removed" in said["differences"][0]["text"] and said["onDisk"] is None


def test_unit_file_of_a_module(echo):
    path = USER_UNITS / f"{echo.unit}"
    path.write_text(path.read_text() + "\n")
    said = diff("echo", DIFFERENT)
    assert kinds(said) == {"unit-file", "daemon-reload"}
    assert said["command"] == "systemctl --user daemon-reload && toolooctl restart echo"
    systemctl("daemon-reload")
    said = diff("echo", DIFFERENT)
    assert kinds(said) == {"unit-file"} and said["command"] == "toolooctl restart echo"
    toolooctl("restart", "echo")
    diff("echo", SAME)


# --- A program of one's own ---


@pytest.fixture
def program(foreign, tmp_path):  # noqa: F811
    """One with a folder that is watched."""
    folder = tmp_path / "src"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/app.js").write_text("old\n")
    (folder / "deep/.hidden").write_text("old\n")
    it = foreign("own", "/bin/sleep infinity", "", socket_unit=False, start=False)
    path = USER_UNITS / it.unit
    path.write_text(path.read_text() + f"Watch={folder}\nIgnore=*.log\nOnChange=restart\n")
    systemctl("daemon-reload")
    it.start()
    it.folder = folder
    return it


def test_own_service(fleet, program):
    said = diff("own", SAME)
    assert said["running"]["generation"] is None and said["running"]["started"] and said["onDisk"] is None
    app = program.folder / "deep/app.js"
    app.write_text("new\n")
    (program.folder / "deep/.hidden").write_text("new\n")
    (program.folder / "x.log").write_text("new\n")
    said = diff("own", DIFFERENT)
    assert [(d["kind"], d["file"]) for d in said["differences"]] == [("watched", str(app))] and said["newerFiles"] == 1
    assert said["command"] == "toolooctl restart own"
    toolooctl("restart", "own")
    diff("own", SAME)


@pytest.mark.parametrize("n", [20, 21])
def test_many_files(fleet, program, n):
    for i in range(n):
        (program.folder / f"{i}.js").write_text("new\n")
    said = diff("own", DIFFERENT)
    assert len(said["differences"]) == 20 and said["newerFiles"] == n
    assert ("Differs: 1 more files" in toolooctl("diff", "own", ok=None).stdout) == (n == 21)


def test_program_was_replaced(fleet, foreign, tmp_path):  # noqa: F811
    copy = tmp_path / "sleep"
    shutil.copy("/bin/sleep", copy)
    it = foreign("own", f"{copy} infinity", "", socket_unit=False)
    if not os.path.exists(f"/proc/{it.pid()}/exe"):
        pytest.skip("this user may not see which program a process in a user namespace of its own runs")
    diff("own", SAME)
    new = tmp_path / "new"
    shutil.copy("/bin/sleep", new)
    new.rename(copy)
    said = diff("own", DIFFERENT)
    assert kinds(said) == {"program"} and said["differences"][0]["text"] == f"its program was replaced: {copy}"
    copy.unlink()
    assert diff("own", DIFFERENT)["differences"][0]["text"] == f"its program was removed: {copy}"


# --- Nothing to compare, wrong usage, no bus ---


def test_not_running(fleet, service):
    service("echo", "echo-a", start=False)
    for arguments in ["echo"], ["echo", "--json"]:
        done = toolooctl("diff", *arguments, ok=False)
        assert done.returncode == NOT_ACTIVE and done.stdout == ""
        assert one_line(done) == ("toolooctl: echo does not run (stopped), so there is nothing to compare; 'toolooctl start echo' "
                                  "starts what lies on disk")


@pytest.mark.parametrize("arguments, status, words", [
    (["nowhere"], UNKNOWN, "unknown service 'nowhere'"),
    ([], TROUBLE, "'diff' takes SERVICE"),
    (["cup", "web"], TROUBLE, "'diff' takes SERVICE"),
])
def test_usage(fleet, arguments, status, words):
    done = toolooctl("diff", *arguments, ok=False)
    assert done.returncode == status and words in one_line(done)


def test_no_bus(tmp_path):
    env = os.environ | {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus"}
    done = toolooctl("diff", "cup", ok=False, env=env)
    assert done.returncode == TROUBLE and "bus" in one_line(done)
