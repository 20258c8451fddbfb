# SPDX-License-Identifier: MIT
"""toolooctl import: a Procfile or a compose file becomes services."""
import json
import textwrap

import pytest
from conftest import USER_UNITS, http_request, one_line, systemctl, toolooctl, unit_property
from test_ctl_services import FAILED, SERVER, USAGE, fails, listed, port_of, project, take_away, unit_file, written  # noqa: F401


def write(path, text):
    path.write_text(textwrap.dedent(text))
    return path


PROCFILE = """\
    # What foreman starts.
    web: PATHS=/ python3 server.py $PORT

    worker: sleep 1000
    clock: python3 -c 'import os, time; print(os.environ["SECRET"], flush=True); time.sleep(1000)'
    release: ./migrate --all
    api: python3 server.py ${PORT}
"""


def test_procfile(project):  # noqa: F811
    write(project / "Procfile", PROCFILE)
    write(project / ".env", "SECRET=it is\n")
    done = toolooctl("import", "Procfile")
    assert done.stderr == ""
    web = project.name.replace("_", "-") + "-web"  # the fleet has a "web" of its own
    assert {web, "worker", "clock", "api"} <= listed()
    assert "Procfile:6: release: it runs once before a deployment, which is no service: run './migrate --all' by hand" in done.stdout
    assert f"Procfile:2: web: is called {web}" in done.stdout
    for id in web, "api":
        assert http_request(port_of(id), "/")[2].decode() == f"{project}\0{port_of(id)}"
    for id in "worker", "clock":
        assert unit_property(f"tooloo-{id}.service", "ActiveState") == "active" and port_of(id) is None
    assert "ExecStart=/usr/bin/sleep 1000\n" in unit_file("worker").read_text()


def test_a_service_without_a_port_is_one(project):  # noqa: F811
    write(project / "Procfile", "worker: sleep 1000\n")
    assert "worker runs" in toolooctl("import", "Procfile").stdout
    assert "worker" in listed()
    toolooctl("stop", "worker")
    toolooctl("start", "worker")
    toolooctl("remove", "worker", "--yes")


COMPOSE = """\
    version: "3.9"
    x-common: &common
      environment: &env
        COMMON: "1"
    services:
      front:
        <<: *common
        build: .
        command: python3 server.py front ${WORD:-default} $$HOME
        ports: ["4711:4711"]
        depends_on:
          back: {condition: service_healthy}
        healthcheck:
          test: ["CMD", "curl", "-f", "http://localhost:4711/health"]
        restart: unless-stopped
        volumes:
          - ./data:/app/data
          - cache:/cache
        labels: [a=b]
      back:
        image: python:3
        working_dir: /app
        entrypoint: [python3]
        command: ["server.py", "two words"]
        environment:
          - PORT=4712
          - PASSED
        env_file: back.env
        ports:
          - target: 4712
            published: 8012
      db:
        image: postgres:16
        environment: {POSTGRES_PASSWORD: x}
    volumes:
      cache:
"""


def test_compose(project, monkeypatch):  # noqa: F811
    (project / "data").mkdir()
    write(project / "back.env", "FROM_FILE=yes\n")
    write(project / "compose.yaml", COMPOSE)
    monkeypatch.setenv("PASSED", "on")
    done = toolooctl("import", "compose.yaml", ok=False)
    assert done.returncode == FAILED and one_line(done) == "toolooctl: compose.yaml:32: db was not made"
    assert {"front", "back"} <= listed() and "db" not in listed()
    assert http_request(4711, "/")[2].decode().split("\0") == [str(project), "front", "default", "$HOME"]
    assert http_request(4712, "/")[2].decode().split("\0") == [str(project), "two words"]
    front, back = unit_file("front").read_text(), unit_file("back").read_text()
    assert "Environment=COMMON=1\n" in front and "HealthPath=/health\n" in front and f"ReadWritePaths={project}/data\n" in front
    assert f"EnvironmentFile={project}/back.env\n" in back and "Environment=PASSED=on\n" in back
    assert "tooloo-back.service" in unit_property("tooloo-front.service", "After").split()
    notes = [line for line in done.stdout.splitlines() if line.startswith("compose.yaml:")]
    for words in ("8: front: nothing is built", "12: front: it starts after back, and does not wait for service_healthy",
                  "17: front: ./data is not mounted at /app/data", "18: front: a volume is nothing here",
                  "19: front: labels is nothing", "21: back: the image python:3 is not used", "/app is not here",
                  "nothing forwards port 8012", "the image postgres:16 cannot run here", "35: volumes is nothing"):
        assert [n for n in notes if words in n], f"{words!r} is not among\n" + "\n".join(notes)


def test_dry_run(project):  # noqa: F811
    write(project / "Procfile", PROCFILE)
    before = written()
    shown = toolooctl("import", "Procfile", "--dry-run").stdout
    assert written() == before
    assert shown.count("\nExecStart=") == 4 and "Procfile:6: release:" in shown


def test_again_changes_nothing(project):  # noqa: F811
    write(project / "Procfile", "one: sleep 1000\ntwo: sleep 1000\n")
    toolooctl("import", "Procfile")
    before = written()
    done = toolooctl("import", "Procfile", ok=False)
    assert done.returncode == FAILED and "there is a service 'one' already" in done.stderr and written() == before


def test_one_that_fails_does_not_stop_the_others(project):  # noqa: F811
    write(project / "Procfile", "one: no-such-program\ntwo: false\nthree: sleep 1000\n")
    done = toolooctl("import", "Procfile", ok=False)
    assert done.returncode == FAILED
    assert "Procfile:1: one was not made" in done.stderr and "two was added and fails" in done.stderr
    assert unit_property("tooloo-three.service", "ActiveState") == "active"


@pytest.mark.parametrize("name, text, words", [
    ("Procfile", "web python3\n", "Procfile:1: not of the form 'NAME: COMMAND'"),
    ("Procfile", "a: x\na: y\n", "Procfile:2: 'a' is there already, in line 1"),
    ("Procfile", "".join(f"a{n}: true\n" for n in range(101)), "Procfile:101: more than 100 services"),
    ("compose.yaml", "services: [\n", "it is no YAML"),
    ("compose.yaml", "a: 1\n", "it has no map 'services'"),
    ("compose.yaml", "services: [a]\n", "it has no map 'services'"),
    ("compose.yaml", "services:\n  a: 1\n", "compose.yaml:2: a service is a name with a map"),
    ("compose.yaml", "services: &a\n  b: *a\n", "levels deep"),
    ("compose.yaml", "x: &0 [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"x{n}: &{n} [{','.join([f'*{n - 1}'] * 10)}]\n" for n in range(1, 9)) + "services: {}\n", "more than 10000 values"),
])
def test_file_that_is_none(project, name, text, words):  # noqa: F811
    (project / name).write_text(text)
    assert words in fails(FAILED, "import", name)


def test_limits_of_the_file(project):  # noqa: F811
    (project / "Procfile").write_text("#" * 256 * 1024)
    assert toolooctl("import", "Procfile").stdout == ""
    (project / "Procfile").write_text("#" * (256 * 1024 + 1))
    assert "File too large" in fails(FAILED, "import", "Procfile")
    (project / "Procfile").write_bytes(b"a: true\0")
    assert "cannot read Procfile" in fails(FAILED, "import", "Procfile")
    assert "No such file" in fails(FAILED, "import", "nowhere/Procfile")
    assert "is neither named Procfile" in fails(USAGE, "import", "package.json")
