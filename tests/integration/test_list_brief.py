# SPDX-License-Identifier: MIT
"""toolooctl status and list read unit files where JSON asks systemd: both must say the same, whatever stands in the files."""
import json
import re

import pytest
from conftest import USER_UNITS, systemctl, toolooctl, unit_property


ROW = re.compile(r"(?P<id>\S+) +(?P<port>\S+) (?P<category>\S+) +(?P<enabled>yes|no) +(?P<name>.*?) +(?P<routes>-|/\S*) +(?P<file>\S+)$")


def by_files():
    """What the table says of each service, by id."""
    rows = [ROW.match(line) for line in toolooctl("list").stdout.splitlines()[1:]]
    return {row["id"]: row for row in rows}


def by_systemd():
    return {s["id"]: s for s in json.loads(toolooctl("list", "--json").stdout)["services"]}


def compare():
    files, asked = by_files(), by_systemd()
    assert list(files) == list(asked)
    for id, row in files.items():
        s = asked[id]
        assert row["port"] == ("-" if s["port"] is None else str(s["port"])), id
        assert row["category"] == s["category"] and row["name"] == s["name"] and row["file"] == s["unitFile"], id
        assert row["routes"] == (",".join(s["routes"]) or "-"), id
        assert row["enabled"] == ("yes" if s["enabled"] else "no"), id
    return asked


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    systemctl("daemon-reload")
    return path


def test_the_fleet(fleet):
    assert len(compare()) >= len(fleet)


@pytest.mark.parametrize("name, text", [
    ("{unit}.d/10-own.conf", "[Service]\nSlice=tooloo-core.slice\n[X-Tooloo]\nRoutes=/more\n"),
    ("{socket}.d/10-own.conf", "[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n"),
    ("{unit}.d/10-own.conf", "[Service]\nSlice=app.slice\n"),
    ("{unit}.d/10-own.conf", "[X-Tooloo]\nRoutes=\n"),
    ("{unit}.d/10-own.conf", "[Unit]\nDescription=Another name\n"),
    ("tooloo-.service.d/10-other.conf", "[X-Tooloo]\nOnChange=none\n"),
])
def test_drop_ins(foreign, name, text):
    it = foreign("brief", "/bin/sleep infinity", "/brief")
    compare()
    path = write(USER_UNITS / name.format(unit=it.unit, socket=it.socket), text.format(port=it.port + 1))
    try:
        compare()
    finally:
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
        systemctl("daemon-reload")


def test_masked_stopped_and_without_a_socket(foreign, fleet):
    foreign("stopped", "/bin/sleep infinity", "/stopped", start=False)
    foreign("bare", "/bin/sleep infinity", "/bare", socket_unit=False)
    systemctl("stop", "tooloo-cup.socket", "tooloo-cup.service")
    systemctl("mask", "tooloo-cup.service", "tooloo-cup.socket")
    try:
        assert compare()["cup"]["port"] == fleet["cup"]
    finally:
        systemctl("unmask", "tooloo-cup.service", "tooloo-cup.socket")
        toolooctl("start", "cup")
    assert unit_property("tooloo-cup.service", "ActiveState") == "active"
    compare()
