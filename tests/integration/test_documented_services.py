# SPDX-License-Identifier: MIT
"""What the README shows of services of one's own, typed as printed into one shell, and the examples that come with TooLoo."""
import shutil
import socket
import sys
import threading
from pathlib import Path

import pytest
from conftest import (CHECKOUT, USER_UNITS, Journal, get_json, http_request, journal_cursor, kill, main_pid, run, toolooctl,
                      unit_property, wait_until)

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
import readme  # noqa: E402

SECTION = "A service of your own"
EXAMPLES = {"node": ("Node", 4000), "python": ("Python", 4001)}


def commands(language):
    """The three that the README has for it."""
    shown = readme.commands(CHECKOUT / "README.md", SECTION)
    return shown[0:3] if language == "node" else shown[3:6]


@pytest.fixture(scope="module", params=EXAMPLES)
def shown(request):
    """Language, greeting, port, and what the three commands printed; taken away at the end."""
    language = request.param
    home = Path.home() / f"hello-{language}"
    shutil.rmtree(home, ignore_errors=True)
    script = "set -e\n" + "\n".join(commands(language)).replace("curl ", "curl --silent --show-error --fail ")
    cursor = journal_cursor()
    done = run("bash", "-c", script, cwd=CHECKOUT)
    with Journal("tooloo-watchd.service", after=cursor) as journal:  # what is edited before that is nobody's news
        journal.wait(rf"^hello-{language}: watching \d+ file")
    yield language, *EXAMPLES[language], done
    toolooctl("remove", f"hello-{language}", "--yes")
    shutil.rmtree(home)
    assert not list(USER_UNITS.glob(f"tooloo-hello-{language}*"))


def test_every_command_is_tried_here():
    assert len(readme.commands(CHECKOUT / "README.md", SECTION)) == 6


def test_three_commands(shown):
    language, name, port, done = shown
    assert done.stderr == ""
    assert done.stdout.endswith(f"\nHello from {name}\n") and f"http://127.0.0.1:{port}/" in done.stdout
    assert get_json(port) == {"status": "healthy"}


def greets(port, name):
    return http_request(port, "/")[2].decode() == f"{name}\n"


def test_an_edit_goes_live_and_one_that_is_broken_does_not(shown):
    """No request fails meanwhile, and each is answered by the old program or the new one."""
    language, name, port, _ = shown
    source = Path.home() / f"hello-{language}" / ("server.js" if language == "node" else "server.py")
    good, answers, over = source.read_text(), [], threading.Event()

    def ask():
        while not over.is_set():
            answers.append(http_request(port, "/")[:3:2])

    def save(text, unit, pattern):
        cursor = journal_cursor()
        source.write_text(text)
        with Journal(unit, after=cursor) as journal:
            return journal.wait(pattern)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        reload = f"tooloo-reload@hello-{language}.service"
        save(good.replace("Hello", "Bonjour"), reload, r"^(Finished|Deactivated|.*Succeeded)")
        assert greets(port, f"Bonjour from {name}")
        save("this is no program\n", reload, r"Failed")
        assert greets(port, f"Bonjour from {name}")
        save(good, reload, r"^(Finished|Deactivated|.*Succeeded)")
        assert greets(port, f"Hello from {name}")
    finally:
        over.set()
        asking.join()
    assert set(answers) == {(200, f"{word} from {name}\n".encode()) for word in ("Hello", "Bonjour")}


def test_it_is_supervised(shown):
    language, name, port, _ = shown
    unit, cursor = f"tooloo-hello-{language}.service", journal_cursor()
    dead = kill(unit)
    assert http_request(port, "/")[2].decode() == f"Hello from {name}\n"
    with Journal(unit, after=cursor) as journal:
        wait_until(lambda: main_pid(unit) not in (0, dead), journal.entry, "a new process")


def test_no_request_is_lost_in_restarts(shown):
    language, name, port, _ = shown
    answers, over = [], threading.Event()

    def ask():
        while not over.is_set():
            answers.append(http_request(port, "/")[2])

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(3):
            toolooctl("restart", f"hello-{language}")
    finally:
        over.set()
        asking.join()
    assert len(answers) >= 3 and set(answers) == {f"Hello from {name}\n".encode()}


def test_an_idle_connection_does_not_hold_up_the_end(shown):
    language, name, port, _ = shown
    unit = f"tooloo-hello-{language}.service"
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in s.recv(4096)
        before = main_pid(unit)
        toolooctl("restart", f"hello-{language}", timeout=20)
        assert main_pid(unit) != before and unit_property(unit, "Result") == "success"
