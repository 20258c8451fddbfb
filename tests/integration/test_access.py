# SPDX-License-Identifier: MIT
"""Who is let in: the user at the other end of the connection, the Host that a request names, the page it comes from. On every
port of the fleet; a refusal is 403 whatever was asked, and nothing is done."""
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import (BUILD, PATIENCE, PORTS, USER_UNITS, Journal, get_json, http_request, installed_ports, journal_cursor,
                      journal_lines, main_pid, run, systemctl, toolooctl, unit_property, wait_until)
from test_websocket import WebSocket

STRANGERS = ("tooloo-test-a", "tooloo-test-b")
REFUSED_SECONDS = 2  # how long a refused connection may be kept
MARGIN = 3.0

HANDSHAKE = ("GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n")


def handshake(path="/ws", host="localhost", more=""):
    return HANDSHAKE.format(path=path, host=host, more=more)


def request(line, host="localhost", more="", body=""):
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}{more}\r\n{body}"


# What a client may ask, so that the answers can be compared.
QUESTIONS = {
    "health": request("GET /health"), "no such path": request("GET /no/such/path"), "wrong method": request("DELETE /health"),
    "POST": request("POST /api/v1/status", body="{}"), "no Host": "GET /health HTTP/1.0\r\n\r\n", "nonsense": "\x16\x03\x01\n",
    "handshake": handshake(), "foreign Host": request("GET /health", host="evil.example"),
    "half a request": "GET /health HT",
}

# Reads [host, port, data] from its input, a line each, and says how each ends: the answer, and after how many seconds.
CLIENT = r"""
import json, socket, sys, time
for line in sys.stdin:
    host, port, data = json.loads(line)
    started, answer = time.monotonic(), b""
    with socket.create_connection((host, port), timeout=30) as s:
        try:
            s.sendall(data.encode("latin-1"))
            while piece := s.recv(65536):
                answer += piece
        except ConnectionResetError:
            answer += b"(reset)"
    print(json.dumps([answer.decode("latin-1"), time.monotonic() - started]), flush=True)
"""


class User:
    def __init__(self, name):
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid = name, entry.pw_uid, entry.pw_gid

    def command(self, *command):
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups", *map(str, command)]

    def ask_all(self, questions):
        """The raw answers to (host, port, data), each on a connection of its own, and how long each took."""
        text = "".join(json.dumps(q) + "\n" for q in questions)
        done = subprocess.run(self.command(sys.executable, "-c", CLIENT), input=text, text=True, stdout=subprocess.PIPE,
                              timeout=10 * PATIENCE, check=True, cwd="/")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ask(self, port, data=QUESTIONS["health"], host="127.0.0.1"):
        return self.ask_all([(host, port, data)])[0][0]

    def curl(self, *arguments):
        done = run(*self.command("curl", "-sS", "-m", "10", "-w", "\n%{http_code}", *arguments), cwd="/")
        body, status = done.stdout.rsplit("\n", 1)
        return int(status), body


@pytest.fixture(scope="module")
def ports(fleet):
    """Of the whole fleet and its control plane, all running."""
    return installed_ports()


@pytest.fixture(scope="module")
def strangers():
    """Two users of this machine who have nothing to do with the services."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    for name in STRANGERS:
        run("useradd", "--system", "--no-create-home", name)
    yield [User(name) for name in STRANGERS]
    for name in STRANGERS:
        run("userdel", name)


@pytest.fixture
def stranger(strangers):
    return strangers[0]


def ask(port, data, host="127.0.0.1"):
    """The same as our own user."""
    answer = b""
    with socket.create_connection((host, port), timeout=PATIENCE) as s:
        s.sendall(data.encode("latin-1"))
        while piece := s.recv(65536):
            answer += piece
    return answer.decode("latin-1")


def status_of(answer):
    return int(re.match(r"HTTP/1\.1 (\d{3}) ", answer)[1]) if answer else None


def code_of(answer):
    return json.loads(answer.split("\r\n\r\n", 1)[1])["code"]


def refusal(answer, code, id=None):
    head, body = answer.split("\r\n\r\n", 1)
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in head.split("\r\n")[1:])}
    error = json.loads(body)
    assert status_of(answer) == 403, answer
    assert headers["content-type"] == "application/json" and int(headers["content-length"]) == len(body)
    assert error.keys() == {"ok", "error", "code", "service", "timestamp"}
    assert error["ok"] is False and error["code"] == code and "Allow" in error["error"]
    assert id is None or error["service"] == id
    return head + re.sub(r'"timestamp":"[^"]*"', "", body)


def errors_of(port):
    """How often it has answered with what error; metricsd asks meanwhile, too, but nothing wrong."""
    return get_json(port)["metrics"]["errorsByCode"]


# --- The user ---


def test_another_user(ports, stranger):
    """Gets the same answer whatever the question is, by both addresses."""
    questions = [(host, port, data) for port in ports.values() for host in ("127.0.0.1", "::1")
                 for data in QUESTIONS.values()]
    before = {id: errors_of(port) for id, port in ports.items()}
    answers = iter(stranger.ask_all(questions))
    for id, port in ports.items():
        said = {refusal(next(answers)[0], "FORBIDDEN_USER", id) for _ in range(2 * len(QUESTIONS))}
        assert len(said) == 1
        assert errors_of(port) == before[id], "nothing of it was looked at"


def test_another_user_by_curl(ports, stranger):
    for port in ports.values():
        status, body = stranger.curl(f"http://localhost:{port}/health")
        assert status == 403 and json.loads(body)["code"] == "FORBIDDEN_USER"
    port = ports["training"]
    assert stranger.curl("--head", f"http://localhost:{port}/health")[0] == 403
    assert stranger.curl("--data-binary", "@/usr/bin/python3", f"http://localhost:{port}/health")[0] == 403


def test_own_user_and_every_way_to_connect(ports):
    """A client bound to the loopback device, and one that speaks IPv4 through an IPv6 socket, are found as well."""
    for port in ports.values():
        assert http_request(port)[0] == http_request(port, host="::1")[0] == 200
        run("curl", "-sSf", "-m", "10", "--interface", "lo", f"http://127.0.0.1:{port}/health")
        assert status_of(ask(port, QUESTIONS["health"], "::ffff:127.0.0.1")) == 200


class Foreign:
    """A service of another user than root, without systemd, on a socket."""

    def __init__(self, user, folder):
        (folder / "modules").mkdir(parents=True)
        (folder / "modules/echo.so").write_bytes((BUILD / "tests/fixtures/modules/echo-a.so").read_bytes())
        for name in "run", "state":
            (folder / name).mkdir()
            os.chown(folder / name, user.uid, user.gid)
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        start = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
                 "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); os.execv(sys.argv[2], sys.argv[2:])")
        service = Path(re.search(r"^ExecStart=(\S+)", Path(unit_property("tooloo-training.service", "FragmentPath"))
                                 .read_text(), re.M)[1])
        self.process = subprocess.Popen(
            user.command(sys.executable, "-c", start, listener.fileno(), service, f"--modules={folder}/modules", "echo"),
            pass_fds=[listener.fileno()], cwd="/", stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], "RUNTIME_DIRECTORY": str(folder / "run"),
                 "STATE_DIRECTORY": str(folder / "state")})
        listener.close()


def test_service_of_a_plain_user(strangers, tmp_path):
    """Answers that user and root, nobody else."""
    for parent in tmp_path.parents:
        if parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    tmp_path.chmod(0o755)
    it = Foreign(strangers[0], tmp_path / "foreign")
    try:
        assert status_of(strangers[0].ask(it.port)) == 200
        assert http_request(it.port)[0] == 200
        refusal(strangers[1].ask(it.port), "FORBIDDEN_USER")
    finally:
        it.process.terminate()
        assert it.process.wait(PATIENCE) == 0


ASK_AND_DIE = ("import os, socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2]))); "
               "s.sendall(sys.argv[3].encode()); os._exit(0)")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_peer_that_is_gone(ports, host):
    """Its socket belongs to nobody any more, and the kernel shows that as uid 0: that is not root's question."""
    for id, port in ports.items():
        unit = f"tooloo-{id}.service"
        before, cursor, pid = errors_of(port), journal_cursor(), main_pid(unit)
        os.kill(pid, signal.SIGSTOP)
        try:
            run(sys.executable, "-c", ASK_AND_DIE, host, port, QUESTIONS["no such path"])
        finally:
            os.kill(pid, signal.SIGCONT)
        assert errors_of(port) == before  # whoever comes later is answered later
        if host == "127.0.0.1":  # the second time may fall into the silence after the first line
            with Journal(unit, after=cursor) as journal:
                journal.wait("^Refused a connection whose process is gone")


def test_refused_connections_cost_nothing(echo, stranger):
    """They are not kept, count nowhere, keep nobody out and do not fill the journal."""
    cursor, n = journal_cursor(), 300
    hold = ("import socket, sys, time; started = time.monotonic(); "
            "all = [socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=30) for _ in range(int(sys.argv[2]))]; "
            "print('connected', flush=True); "
            "[s.sendall(b'GET / HTTP/1.1\\r\\n') for s in all[-3:]]; "
            "ends = [s.recv(1) for s in all[:-3]]; "
            "print(time.monotonic() - started, flush=True)")
    process = subprocess.Popen(stranger.command(sys.executable, "-c", hold, echo.port, n), stdout=subprocess.PIPE, text=True,
                               cwd="/")
    assert process.stdout.readline() == "connected\n"
    done = run("busctl", "--user", "get-property", "ai.tooloo.Service.echo", "/ai/tooloo/Service", "ai.tooloo.Service1",
               "Connections")
    assert int(done.stdout.split()[1]) <= 2  # metricsd may have one
    assert http_request(echo.port)[0] == 200
    descriptors = len(os.listdir(f"/proc/{echo.pid()}/fd"))
    assert descriptors < 64 + 40, "no more than 64 are told at once"
    assert float(process.stdout.readline()) < REFUSED_SECONDS + MARGIN
    assert process.wait(PATIENCE) == 0
    lines = [line for line in echo.journal(cursor) if line.startswith("Refused")]
    assert 1 <= len(lines) <= 2 and f"uid {stranger.uid}," in lines[0] and "FORBIDDEN_USER" in lines[0]


def test_refused_connection_that_goes_on_sending(echo, stranger):
    drip = ("import socket, sys, time, select; s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=30); "
            "started = time.monotonic()\n"
            "try:\n"
            "    while time.monotonic() - started < 30:\n"
            "        s.sendall(b'a'); select.select([], [], [], 0.1)\n"
            "except OSError: pass\n"
            "print(time.monotonic() - started)")
    done = run(*stranger.command(sys.executable, "-c", drip, echo.port), cwd="/")
    assert float(done.stdout) < REFUSED_SECONDS + MARGIN


# --- The settings ---


def write_settings(service, text, kind="service"):
    folder = USER_UNITS / f"tooloo-{service.id}.{kind}.d"
    folder.mkdir(exist_ok=True)
    (folder / "70-access.conf").write_text(text)
    systemctl("daemon-reload")


def test_allow_users(service, strangers):
    """A name, a number; the first question of one who is listed may even be what starts the service."""
    it = service("echo", "echo-a", start=False)
    write_settings(it, f"[X-Tooloo]\nAllowUsers=no-such-user nobody\nAllowUsers={strangers[0].name}\n")
    cursor = journal_cursor()
    systemctl("start", it.socket)
    assert status_of(strangers[0].ask(it.port)) == 200
    refusal(strangers[1].ask(it.port), "FORBIDDEN_USER")
    assert status_of(strangers[0].ask(it.port, request("POST /counter"))) == 200
    assert http_request(it.port)[0] == 200
    warnings = [line for line in it.journal(cursor) if "AllowUsers=" in line and "left out" in line]
    assert len(warnings) == 2 and "no-such-user: there is no such user" in warnings[0] and "nobody" in warnings[1]
    write_settings(it, f"[X-Tooloo]\nAllowUsers={strangers[1].uid}\n")
    systemctl("restart", it.unit)
    assert status_of(strangers[1].ask(it.port)) == 200
    refusal(strangers[0].ask(it.port), "FORBIDDEN_USER")


def test_reload_reads_the_settings_again(echo, stranger):
    refusal(stranger.ask(echo.port), "FORBIDDEN_USER")
    write_settings(echo, f"[X-Tooloo]\nAllowUsers={stranger.name}\n")
    systemctl("reload", echo.unit)
    wait_until(lambda: status_of(stranger.ask(echo.port)) == 200, lambda deadline: deadline > time.monotonic() or None,
               "the settings to be known")


def test_settings_that_cannot_be_read(echo, stranger):
    """The strict default holds then, and a line says so."""
    write_settings(echo, f"[X-Tooloo]\nAllowUsers={stranger.name}\n")
    drop_in, cursor = USER_UNITS / "tooloo-echo.service.d/70-access.conf", journal_cursor()
    drop_in.write_bytes(b"\0")  # after systemd has read it
    systemctl("restart", echo.unit)
    with Journal(echo.unit, after=cursor) as journal:
        journal.wait("^Cannot read .*70-access.conf, so what the unit says of who may connect does not hold")
    refusal(stranger.ask(echo.port), "FORBIDDEN_USER")
    assert http_request(echo.port)[0] == 200


def test_true_users_in_a_sandbox(service, strangers):
    """In a user namespace of its own the service could not tell users apart, but with systemd's netlink socket."""
    it = service("echo", "echo-a", start=False, PrivateUsers="yes")
    write_settings(it, f"[X-Tooloo]\nAllowUsers={strangers[0].name}\n")
    it.start()
    assert http_request(it.port)[0] == 200
    assert status_of(strangers[0].ask(it.port)) == 200
    refusal(strangers[1].ask(it.port), "FORBIDDEN_USER")
    # Without that one, only its own user.
    write_settings(it, f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{it.port}\n", "socket")
    it.stop()
    it.start()
    assert http_request(it.port)[0] == 200
    refusal(strangers[0].ask(it.port), "FORBIDDEN_USER")


def test_nobody_is_let_in_when_nobody_can_be_known(service):
    it = service("echo", "echo-a", start=False, RestrictAddressFamilies="~AF_NETLINK")
    write_settings(it, f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{it.port}\n", "socket")
    cursor = journal_cursor()
    it.start()
    with Journal(it.unit, after=cursor) as journal:
        journal.wait(r"^Every connection will be refused, .*ListenNetlink=inet-diag 0")
    assert http_request(it.port)[0] == 403
    # With the socket unit's it need not open any.
    (USER_UNITS / "tooloo-echo.socket.d/70-access.conf").unlink()
    systemctl("daemon-reload")
    it.stop()
    it.start()
    assert http_request(it.port)[0] == 200


def test_the_extra_socket_lasts(echo, stranger):
    """Through restarts, a stop and a start; and it starts nothing by itself."""
    assert "inet-diag 0 (Netlink)" in unit_property(echo.socket, "Listen")
    cursor = journal_cursor()
    for _ in range(3):
        assert http_request(echo.port)[0] == 200
        refusal(stranger.ask(echo.port), "FORBIDDEN_USER")
        systemctl("restart", echo.unit)
    toolooctl("restart", "echo")
    assert http_request(echo.port)[0] == 200
    systemctl("stop", echo.unit)
    assert unit_property(echo.unit, "ActiveState") == "inactive" and unit_property(echo.socket, "SubState") == "listening"
    echo.stop()
    assert unit_property(echo.socket, "ActiveState") == unit_property(echo.unit, "ActiveState") == "inactive"
    echo.start()
    assert http_request(echo.port)[0] == 200
    refusal(stranger.ask(echo.port), "FORBIDDEN_USER")
    assert not [line for line in journal_lines(echo.socket, cursor) + echo.journal(cursor) if "failed" in line.lower()]


# --- The Host ---

FOREIGN_HOSTS = ["evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example",
                 "0.0.0.0:{port}", "192.168.0.1", "[::ffff:127.0.0.1]", "", "a" * 3000]
OWN_HOSTS = ["localhost", "LOCALHOST:{port}", "localhost.", "{id}.localhost:1", "127.0.0.1:{port}", "127.1.2.3", "[::1]:{port}"]


def test_foreign_host(ports):
    for id, port in ports.items():
        for host in FOREIGN_HOSTS:
            host = host.format(port=port)
            for data in (request("GET /health", host), request("POST /no/such/path", host, body="{}"),
                         request("OPTIONS /health", host), request("GET /health", host, "Upgrade: websocket\r\n")):
                refusal(ask(port, data), "FORBIDDEN_HOST", id)
            if len(host) < 100:
                refusal(ask(port, request(f"GET http://{host}/health")), "FORBIDDEN_HOST", id)
        assert status_of(ask(port, request("GET http://localhost/health"))) == 200
        assert status_of(ask(port, "GET /health HTTP/1.0\r\n\r\n")) == 200
        for host in OWN_HOSTS:
            assert status_of(ask(port, request("GET /health", host.format(id=id, port=port)))) == 200


def test_allow_hosts(service):
    it = service("echo", "echo-a", start=False)
    write_settings(it, "[X-Tooloo]\nAllowHosts=proxy.example\nAllowHosts=https://not-a-host\nAllowHosts=box.example:8443\n")
    cursor = journal_cursor()
    it.start()
    for host, status in (("PROXY.example:1", 200), ("box.example:8443", 200), ("box.example", 403), ("not-a-host", 403),
                         ("localhost", 200)):
        assert status_of(ask(it.port, request("GET /echo", host))) == status, host
    WebSocket(it.port, "/ws/raw").close()
    assert status_of(ask(it.port, handshake("/ws/raw", "box.example", "Connection: close\r\n"))) == 403
    assert [line for line in it.journal(cursor) if re.search(r"70-access.conf:3: AllowHosts=https://not-a-host: expected", line)]


# --- The page ---


@pytest.fixture
def foreign_port():
    """Of a server on this machine that is none of the fleet's."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_page_of_another_origin(ports, foreign_port):
    origins = ["http://evil.example", "https://evil.example", f"http://evil.example:{PORTS['web']}", "null", "file://", "",
               f"http://localhost:{foreign_port}", "http://localhost", "http://localhost:3000@evil.example",
               "http://localhost:3000, http://evil.example"]
    for id, port in ports.items():
        for origin in origins:
            more = f"Origin: {origin}\r\n"
            for method in "POST", "PUT", "PATCH", "DELETE":
                refusal(ask(port, request(f"{method} /health", more=more, body="{}")), "FORBIDDEN_ORIGIN", id)
            refusal(ask(port, request("GET /ws", more=more + "Upgrade: websocket\r\n")), "FORBIDDEN_ORIGIN", id)
            answer = ask(port, request("GET /health", more=more))  # which the browser does not show to the page
            assert status_of(answer) == 200 and "access-control" not in answer.lower()
        refusal(ask(port, request("POST /health", more="Sec-Fetch-Site: cross-site\r\n")), "FORBIDDEN_ORIGIN", id)
        twice = f"Origin: http://localhost:{port}\r\n" * 2
        refusal(ask(port, request("POST /health", more=twice)), "FORBIDDEN_ORIGIN", id)


def test_page_of_the_fleet(ports):
    """Any page of ours may use any service of ours; what has no origin, such as curl, may too."""
    for port in ports.values():
        for origin in (f"http://localhost:{port}", f"http://127.0.0.1:{PORTS['web']}", f"http://[::1]:{PORTS['analytics']}",
                       f"https://app.localhost:{PORTS['web']}"):
            assert status_of(ask(port, request("POST /health", more=f"Origin: {origin}\r\n", body="{}"))) == 405, origin
        assert status_of(ask(port, request("POST /health", body="{}"))) == 405
        assert status_of(ask(port, request("POST /health", more="Sec-Fetch-Site: same-site\r\n"))) == 405


def test_nothing_is_changed(echo, foreign_port):
    before = echo.get("/counter")["count"]
    for origin in "http://evil.example", f"http://127.0.0.1:{foreign_port}":
        more = f"Origin: {origin}\r\n"
        refusal(ask(echo.port, request("POST /counter", more=more, body="{}")), "FORBIDDEN_ORIGIN")
        refusal(ask(echo.port, request("POST /counter", more=more + "Expect: 100-continue\r\n", body="{}")), "FORBIDDEN_ORIGIN")
        refusal(ask(echo.port, request("POST /counter", more=more, body="a" * 3_000_000)), "FORBIDDEN_ORIGIN")
    assert echo.get("/counter")["count"] == before
    assert status_of(ask(echo.port, request("POST /counter", more=f"Origin: http://localhost:{PORTS['web']}\r\n"))) == 200
    assert echo.get("/counter")["count"] == before + 1


def test_connection_goes_on(echo):
    """A request that is refused for its page ends nothing but itself."""
    refused = request("POST /echo", more="Origin: http://evil.example\r\n", body="hello").replace("Connection: close\r\n", "")
    answers = ask(echo.port, refused + request("GET /echo"))
    assert [int(s) for s in re.findall(r"HTTP/1\.1 (\d{3}) ", answers)] == [403, 200]


@pytest.mark.parametrize("path", ["/ws", "/ws/raw", "/no/such/path"])
def test_websocket_of_another_page(echo, foreign_port, path):
    for more in ("Origin: http://evil.example\r\n", f"Origin: http://localhost:{foreign_port}\r\n", "Origin: null\r\n",
                 f"Origin: http://localhost:{echo.port}\r\nOrigin: http://evil.example\r\n",
                 "Sec-Fetch-Site: cross-site\r\n", "X-Long: " + "a" * 5000 + "\r\nOrigin: http://evil.example\r\n"):
        data = handshake(path, more=more + "Connection: close\r\n")
        refusal(ask(echo.port, data), "FORBIDDEN_ORIGIN", "echo")
    refusal(ask(echo.port, handshake(path, "evil.example", "Connection: close\r\n")), "FORBIDDEN_HOST", "echo")


def test_websocket_of_the_fleet(echo):
    """The first question about a port that is not our own, before the list of them is known."""
    for headers in ([f"Origin: http://localhost:{PORTS['web']}"], [f"Origin: http://127.0.0.1:{echo.port}"], [],
                    ["Sec-Fetch-Site: same-origin", f"Origin: http://[::1]:{PORTS['cup']}"]):
        ws = WebSocket(echo.port, "/ws/raw", headers)
        assert ws.status == 101 and ws.echoes()
        ws.close()


def test_allow_origins(service):
    """A listed page may ask, and its browser is told so; others see no such thing."""
    it = service("echo", "echo-a", start=False)
    write_settings(it, "[X-Tooloo]\nAllowOrigins=https://app.example http://app.example:8080\nAllowOrigins=app.example\n")
    cursor = journal_cursor()
    it.start()

    def headers(method, origin, path="/counter", more=None):
        status, got, _ = http_request(it.port, path, method, headers={**({"Origin": origin} if origin else {}), **(more or {})})
        return status, {k.lower(): v for k, v in got.items() if k.lower().startswith("access-control") or k.lower() == "vary"}

    for origin in "https://app.example", "http://app.example:8080":
        opened = {"vary": "Origin", "access-control-allow-origin": origin}
        assert headers("POST", origin) == (200, opened)
        assert headers("GET", origin) == (200, opened)
        assert headers("GET", origin, "/no/such/path") == (404, opened)
        assert headers("OPTIONS", origin) == (204, opened)
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-a"}
        assert headers("OPTIONS", origin, more=preflight) == (204, {
            **opened, "access-control-allow-methods": "GET, HEAD, POST, OPTIONS",
            "access-control-allow-headers": "content-type,x-a", "access-control-max-age": "600"})
    assert headers("POST", "https://evil.example") == (403, {"vary": "Origin"})
    assert headers("OPTIONS", "https://evil.example", more=preflight) == (204, {"vary": "Origin"})
    assert headers("GET", None) == (200, {"vary": "Origin"})
    ws = WebSocket(it.port, "/ws/raw", ["Origin: https://app.example"])
    assert ws.status == 101 and ws.echoes()
    ws.close()
    assert [line for line in it.journal(cursor) if re.search(r"70-access.conf:3: AllowOrigins=app.example: expected", line)]


# --- What is not known yet ---


@pytest.fixture
def silent_systemd(echo):
    """The user manager answers nobody during the test, so the list of the fleet's ports cannot be read."""
    pid = int(run("systemctl", "show", "--value", "--property=MainPID", f"user@{os.getuid()}.service").stdout)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


WAIT_SECONDS = 3


def test_list_of_ports_that_does_not_come(echo, silent_systemd):
    """Who asks from a page that may be the fleet's waits, but not for ever; others are served meanwhile, and who could not be
    judged does nothing."""
    origin = f"Origin: http://localhost:{PORTS['web']}\r\n"
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) as s, \
            socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) as ws:
        s.sendall(request("POST /counter", more=origin, body="a" * 100_000).encode())
        ws.sendall(handshake("/ws", more=origin).encode())
        while time.monotonic() < started + 1:
            assert status_of(ask(echo.port, QUESTIONS["health"])) == 200
            assert status_of(ask(echo.port, request("POST /echo", body="hello"))) == 200
        for it in s, ws:
            answer = it.recv(65536).decode()
            assert status_of(answer) == 503 and code_of(answer) == "ACCESS_UNKNOWN"
    assert WAIT_SECONDS - 0.1 <= time.monotonic() - started < WAIT_SECONDS + MARGIN
    assert get_json(echo.port, "/counter")["count"] == 0


def test_list_of_ports_that_comes_late(echo):
    """What has waited is done, once."""
    pid = int(run("systemctl", "show", "--value", "--property=MainPID", f"user@{os.getuid()}.service").stdout)
    origin = f"Origin: http://localhost:{PORTS['web']}\r\n"
    os.kill(pid, signal.SIGSTOP)
    try:
        made = [socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE) for _ in range(20)]
        for i, s in enumerate(made):
            s.sendall(request("POST /counter", more=origin, body="a" * 20_000 * i).encode())
        assert status_of(ask(echo.port, QUESTIONS["health"])) == 200  # so they are in
    finally:
        os.kill(pid, signal.SIGCONT)
    assert {status_of(s.recv(65536).decode()) for s in made} == {200}
    assert get_json(echo.port, "/counter")["count"] == 20


def test_client_that_does_not_wait(echo, silent_systemd):
    origin = f"Origin: http://localhost:{PORTS['web']}\r\n"
    for data in request("POST /counter", more=origin, body="a" * 1000), handshake("/ws", more=origin):
        for _ in range(50):
            s = socket.create_connection(("127.0.0.1", echo.port), timeout=PATIENCE)
            s.sendall(data.encode())
            s.close()
    assert status_of(ask(echo.port, QUESTIONS["health"])) == 200
    wait_until(lambda: status_of(ask(echo.port, request("POST /counter", more=origin))) == 503,
               lambda deadline: deadline > time.monotonic() or None, "an answer")
    assert get_json(echo.port, "/counter")["count"] == 0
