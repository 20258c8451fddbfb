# SPDX-License-Identifier: MIT
"""Each limit at its edge: the last value that is allowed and the first that is not. The route table's own (rows, segments,
parameters, body_max) and ids, numbers and names are at theirs in the unit tests."""
import re
import socket
from pathlib import Path
from urllib.parse import unquote

import pytest

from conftest import BUILD, Service, http_request, one_line, run, unit_property

COUNT = "/api/v1/skeleton/count"
COUNT_MAX = 1024  # body_max of that route in modules/_skeleton


def tooloo_service():
    text = Path(unit_property("tooloo-training.service", "FragmentPath")).read_text()
    return re.search(r"^ExecStart=(\S+)", text, re.M)[1]


# --- Options ---

OPTIONS = {
    "--trial-timeout": (10, 60000), "--prove-after": (100, 600000), "--head-timeout": (10, 3600000),
    "--body-timeout": (10, 3600000), "--idle-timeout": (10, 3600000), "--send-timeout": (10, 3600000),
    "--drain-timeout": (0, 3600000),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_option_range(option):
    """--version behind it ends the program, so the option has been read and taken by then."""
    low, high = OPTIONS[option]
    for value in low, high:
        run(tooloo_service(), f"{option}={value}", "--version")
    for value in (low - 1, high + 1, 10 ** 30, "", "x", f"{low}x", f" {low}", f"+{high}", "1e3", "0x10"):
        done = run(tooloo_service(), f"{option}={value}", "--version", ok=False)
        assert done.returncode == 2
        assert f"{option}={value}" in one_line(done) and f"{low}..{high}" in one_line(done)


@pytest.mark.parametrize(("id", "good"), [
    ("a" * 32, True), ("a" * 33, False), ("a", True), ("", False), ("A", False), ("1a", False), ("a_b", False), ("../a", False),
])
def test_id(id, good):
    """A good one fails for want of a runtime directory, a bad one because of its name."""
    done = run("env", "-u", "RUNTIME_DIRECTORY", tooloo_service(), "--", id, ok=False)
    assert done.returncode == (78 if good else 2)
    assert ("$RUNTIME_DIRECTORY" if good else "service id") in one_line(done)


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--nonsense", "a"], ["--trial-timeout"]])
def test_wrong_usage(arguments):
    done = run(tooloo_service(), *arguments, ok=False)
    assert done.returncode == 2 and done.stdout == "" and one_line(done)


# --- Requests ---


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory):
    """The module to copy from: it reads JSON, takes a parameter and has a body limit of its own."""
    it = Service("skeleton", tmp_path_factory.mktemp("skeleton"))
    try:
        it.write_units("", {})
        it.install(BUILD / "src/modules/_skeleton/skeleton.example")
        it.start()
        yield it
    finally:
        it.remove()


def post(service, body, path=COUNT):
    status, _, answer = http_request(service.port, path, "POST", body)
    return status, answer.decode()


def nested(depth):
    """An object of that depth; scalars count as one more."""
    return b'{"by":1,"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_json_depth(skeleton):
    assert post(skeleton, nested(32))[0] == 200
    status, answer = post(skeleton, nested(33))
    assert status == 400 and "BODY_NOT_JSON" in answer


@pytest.mark.parametrize(("body", "status", "says"), [
    (b'{"by":1}', 200, '"count"'),
    (b' \r\n\t{"by":1} \n', 200, '"count"'),
    (b'{"by":1000}', 200, '"count"'),
    (b'{"by":1001}', 400, "1..1000"),
    (b'{"by":0}', 400, "1..1000"),
    (b'{"by":-1}', 400, "1..1000"),
    (b'{"by":1.5}', 400, "whole number"),
    (b'{"by":"1"}', 400, "whole number"),
    (b'{"by":null}', 400, "whole number"),
    (b'{"by":9223372036854775808}', 400, "1..1000"),
    (b"{}", 400, "by"),
    (b"", 400, "BODY_MISSING"),
    (b"[]", 400, "BODY_NOT_OBJECT"),
    (b"5", 400, "BODY_NOT_OBJECT"),
    (b"null", 400, "BODY_NOT_OBJECT"),
    (b'"a"', 400, "BODY_NOT_OBJECT"),
    (b'{"by":1', 400, "ends early"),
    (b'{"by":', 400, "ends early"),
    (b" ", 400, "ends early"),
    (b'{"by":1,}', 400, "BODY_NOT_JSON"),
    (b'{"by":1}{', 400, "BODY_NOT_JSON"),
    (b'{"by":1} x', 400, "BODY_NOT_JSON"),
    (b'{"by":1}\0', 400, "BODY_NOT_JSON"),
    (b'{"by":1}\0garbage', 400, "BODY_NOT_JSON"),
    (b'{"by":1,"x":"\xff"}', 400, "BODY_NOT_JSON"),
    (b'{"by":01}', 400, "BODY_NOT_JSON"),
    (b"by=1", 400, "BODY_NOT_JSON"),
    (b"\xef\xbb\xbf{}", 400, "BODY_NOT_JSON"),
])
def test_json(skeleton, body, status, says):
    """A body is one JSON object and nothing else; what is wrong is said, and nothing is changed."""
    before = skeleton.get(COUNT)["count"]
    got, answer = post(skeleton, body)
    assert got == status and says in answer
    assert (skeleton.get(COUNT)["count"] != before) == (status == 200)


def test_body_of_a_route(skeleton):
    fits = b'{"by":1,"x":"%s"}' % (b"a" * (COUNT_MAX - 15))
    assert len(fits) == COUNT_MAX and post(skeleton, fits)[0] == 200
    status, answer = post(skeleton, fits + b" ")
    assert status == 413 and str(COUNT_MAX) in answer


@pytest.mark.parametrize("name", ["a", "a" * 10000, "a%20b", "%E2%82%AC", "%22%5C", "%0A"],
                         ids=["one letter", "long", "space", "euro", "quotes", "newline"])
def test_parameter(skeleton, name):
    assert skeleton.get(f"/api/v1/skeleton/greeting/{name}")["hello"] == unquote(name)


def head_of(size):
    """A request whose head has that many bytes."""
    start, end = f"GET {COUNT} HTTP/1.1\r\nHost: localhost\r\nX-A: ".encode(), b"\r\n\r\n"
    return start + b"a" * (size - len(start) - len(end)) + end


def status_of(service, data):
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as s:
        try:
            s.sendall(data)
            return int(s.recv(1 << 16).split()[1])
        except ConnectionError:
            return None


def test_head(skeleton):
    """16 KiB for all that libmicrohttpd keeps of a connection, so a head of 12 KiB always fits and one of 16 never does."""
    assert status_of(skeleton, head_of(12 * 1024)) == 200
    assert status_of(skeleton, head_of(16 * 1024)) == 431


def test_connection_memory(skeleton):
    """A hundred connections, each with a head as large as there may be, held open: no more than what they were given."""
    pid = skeleton.pid()
    before = resident(pid)
    held = []
    for _ in range(100):
        s = socket.create_connection(("127.0.0.1", skeleton.port), timeout=30)
        s.sendall(head_of(12 * 1024))
        assert s.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        held.append(s)
    each = (resident(pid) - before) / len(held)
    for s in held:
        s.close()
    assert each < 24 * 1024 or "libasan" in Path(f"/proc/{pid}/maps").read_text()


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[1]) * 1024


# --- What a unit allows ---


def test_open_files(skeleton):
    """Room for the 8192 connections that a server takes; the user manager's own limit is 1024."""
    limits = Path(f"/proc/{skeleton.pid()}/limits").read_text()
    assert int(re.search(r"Max open files\s+(\d+)", limits)[1]) > 8192
