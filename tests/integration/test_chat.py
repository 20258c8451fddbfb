# SPDX-License-Identifier: MIT
"""web's chat transcripts: what was answered with ok is there afterwards, whatever happens to the process."""
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import (PATIENCE, PORTS, get_json, http_request, journal_cursor, journal_lines, kill, main_pid, state_directory,
                      toolooctl)

WEB = PORTS["web"]
UNIT = "tooloo-web.service"
CONTENT_MAX, ID_MAX, LIMIT_MAX, BODY_MAX = 32768, 128, 1000, 256 * 1024
SESSION_MESSAGES = 1000


@pytest.fixture
def chat(fleet):
    """An empty store; what the machine had is there again after the test."""
    file = state_directory("web") / "chat.jsonl"
    kept = file.read_bytes() if file.exists() else None
    file.unlink(missing_ok=True)
    yield file
    file.unlink(missing_ok=True)
    if kept is not None:
        file.write_bytes(kept)


def post(body, path="/api/v1/chat/append"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    status, _, answer = http_request(WEB, path, method="POST", body=data, headers={"Content-Type": "application/json"})
    return status, json.loads(answer)


def append(session, content, role="user", **more):
    status, answer = post({"sessionId": session, "role": role, "content": content, **more})
    assert status == 200 and answer["ok"] is True, answer
    return answer


def transcripts(query=""):
    answer = get_json(WEB, "/api/v1/chat/transcripts" + query)
    assert answer["ok"] is True
    return answer["transcripts"]


def contents(query=""):
    return [m["content"] for m in transcripts(query)]


def test_what_is_appended_is_read_back(chat):
    assert transcripts() == [] and get_json(WEB, "/api/v1/chat/sessions")["sessions"] == []
    answer = append("s1", "Hello, wörld \U0001f600\n\"quoted\"", userId="ann")
    assert answer["sessionId"] == "s1" and answer["messages"] == 1
    append("s1", "Hi", role="assistant")
    append("s2", "Else", userId=None)
    first, second = transcripts("?sessionId=s1")
    assert first == {"sessionId": "s1", "role": "user", "content": "Hello, wörld \U0001f600\n\"quoted\"", "userId": "ann",
                     "timestamp": answer["timestamp"]}
    assert (second["role"], second["content"], second["userId"]) == ("assistant", "Hi", None)
    assert contents() == [first["content"], "Hi", "Else"]
    assert contents("?sessionId=nobody") == []
    sessions = get_json(WEB, "/api/v1/chat/sessions")
    assert sessions["total"] == 2
    assert [(s["sessionId"], s["messages"], s["userId"]) for s in sessions["sessions"]] == [("s2", 1, None), ("s1", 2, "ann")]
    assert sessions["sessions"][1]["startedAt"] == first["timestamp"]
    assert sessions["sessions"][1]["lastMessageAt"] == second["timestamp"]
    assert len(get_json(WEB, "/api/v1/chat/sessions?limit=1")["sessions"]) == 1


def test_limit_gives_the_newest(chat):
    for n in range(60):
        append("s", str(n))
    assert contents("?sessionId=s") == [str(n) for n in range(10, 60)]  # 50 unless asked for
    assert contents("?sessionId=s&limit=3") == ["57", "58", "59"]
    assert len(contents(f"?limit={LIMIT_MAX}")) == 60


@pytest.mark.parametrize("query", ["limit=0", f"limit={LIMIT_MAX + 1}", "limit=x", "limit=", "limit=-1", "limit=1.5",
                                   "limit=99999999999999999999", "sessionId=", "sessionId=a%20b", "sessionId=%00",
                                   f"sessionId={'x' * (ID_MAX + 1)}"])
def test_wrong_queries(chat, query):
    status, _, body = http_request(WEB, f"/api/v1/chat/transcripts?{query}")
    assert status == 400 and json.loads(body)["code"] == "INVALID_QUERY"
    assert json.loads(body)["error"].startswith(query.split("=")[0])


GOOD = {"sessionId": "s", "role": "user", "content": "x"}


@pytest.mark.parametrize("change, field", [
    ({"sessionId": None}, "sessionId"), ({"sessionId": ""}, "sessionId"), ({"sessionId": 7}, "sessionId"),
    ({"sessionId": "a b"}, "sessionId"), ({"sessionId": "a\0b"}, "sessionId"), ({"sessionId": "ä"}, "sessionId"),
    ({"sessionId": "x" * (ID_MAX + 1)}, "sessionId"),
    ({"role": None}, "role"), ({"role": "robot"}, "role"), ({"role": "user\0"}, "role"),
    ({"content": None}, "content"), ({"content": ""}, "content"), ({"content": ["x"]}, "content"),
    ({"content": "x" * (CONTENT_MAX + 1)}, "content"), ({"content": "ä" * (CONTENT_MAX // 2) + "x"}, "content"),
    ({"userId": 7}, "userId"), ({"userId": ""}, "userId"), ({"userId": "x" * (ID_MAX + 1)}, "userId"),
])
def test_wrong_bodies_store_nothing(chat, change, field):
    status, answer = post(GOOD | change)
    assert status == 400 and answer["code"] == "INVALID_FIELD" and answer["error"].startswith(f"{field}: ")
    assert transcripts() == []


def test_limits_of_a_message(chat):
    """At each limit it is taken; the body that carries it has one, too."""
    append("s", "x" * CONTENT_MAX)
    append("s", "\x01" * CONTENT_MAX)  # six bytes each as JSON
    append("x" * ID_MAX, "y", userId="x" * ID_MAX)
    assert contents("?sessionId=s") == ["x" * CONTENT_MAX, "\x01" * CONTENT_MAX]
    padding = BODY_MAX - len(json.dumps(GOOD))
    assert post(json.dumps(GOOD).encode() + b" " * padding)[0] == 200
    assert post(json.dumps(GOOD).encode() + b" " * (padding + 1))[0] == 413
    for body in b"", b"nonsense", b"[]", b'{"sessionId":"s","role":"user","content":"\xff"}':
        assert post(body)[0] == 400
    assert len(contents()) == 4


def test_a_full_session_is_refused(chat):
    connection = http.client.HTTPConnection("127.0.0.1", WEB, timeout=PATIENCE)
    statuses = []
    for n in range(SESSION_MESSAGES + 1):
        connection.request("POST", "/api/v1/chat/append", json.dumps(GOOD | {"content": str(n)}))
        answer = connection.getresponse()
        body = json.loads(answer.read())
        statuses.append(answer.status)
    connection.close()
    assert statuses == [200] * SESSION_MESSAGES + [409]
    assert body["code"] == "SESSION_FULL" and "begin another" in body["error"]
    assert contents(f"?limit={LIMIT_MAX}")[-1] == str(SESSION_MESSAGES - 1)
    append("another", "x")


# --- The life of the process ---


def test_nothing_confirmed_is_lost_by_kill(chat):
    """Eight clients append without a pause while the process is killed."""
    confirmed, over = [], threading.Event()

    def write(client):
        n = 0
        while not over.is_set():
            n += 1
            try:
                if post(GOOD | {"sessionId": f"c{client}", "content": f"{client}-{n}"})[0] == 200:
                    confirmed.append(f"{client}-{n}")
            except (OSError, http.client.HTTPException):
                pass  # what was under way when the process died: nobody was told that it is stored

    with ThreadPoolExecutor(8) as pool:
        for client in range(8):
            pool.submit(write, client)
        try:
            pids = {main_pid(UNIT)}
            for _ in range(3):
                enough = len(confirmed) + 40
                while len(confirmed) < enough:
                    get_json(WEB)
                kill(UNIT)
                get_json(WEB)  # waits for the next process
                pids.add(main_pid(UNIT))
        finally:
            over.set()
    # By session, for together they may be more than one answer holds.
    stored = [text for client in range(8) for text in contents(f"?sessionId=c{client}&limit={LIMIT_MAX}")]
    assert len(pids) == 4 and len(confirmed) >= 120
    assert set(confirmed) <= set(stored) and len(stored) == len(set(stored))
    for client in range(8):  # each client's own, in its order
        assert sorted(mine := [int(c.split("-")[1]) for c in stored if c.startswith(f"{client}-")]) == mine
    toolooctl("restart", "web")  # three kills count against the start limit


def test_a_torn_line_is_cut_off_and_said(chat):
    append("s", "whole")
    kill(UNIT)
    with chat.open("a") as f:
        f.write('{"sessionId":"s","role":"user","conte')
    cursor = journal_cursor()
    assert contents() == ["whole"]
    assert any("chat.jsonl: the last line was incomplete (37 bytes) and was cut off" in line
               for line in journal_lines(UNIT, cursor))
    append("s", "next")
    toolooctl("restart", "web")
    assert contents() == ["whole", "next"]


def test_two_generations_append_at_once(chat):
    """A request that came before the reload is answered by the old generation, into the same file."""
    body = json.dumps(GOOD | {"content": "begun before"}).encode()
    append("s", "first")
    generation = get_json(WEB)["generation"]
    old = http.client.HTTPConnection("127.0.0.1", WEB, timeout=PATIENCE)
    old.putrequest("POST", "/api/v1/chat/append")
    old.putheader("Content-Length", str(len(body)))
    old.endheaders(body[:10])
    get_json(WEB)  # the server has seen that head before it answers this
    toolooctl("reload", "web")
    assert get_json(WEB)["generation"] == generation + 1
    append("s", "second")
    old.send(body[10:])
    answer = old.getresponse()
    assert answer.status == 200 and json.loads(answer.read())["messages"] == 3
    old.close()
    assert contents() == ["first", "second", "begun before"]
    append("s", "last")
    assert contents() == ["first", "second", "begun before", "last"]


def test_a_store_that_cannot_be_opened_is_said_and_mends_itself(chat):
    """A directory in its place: root, too, cannot write to that."""
    chat.mkdir()
    status, answer = post(GOOD)
    assert status == 503 and answer["code"] == "STORAGE_FAILED" and "directory" in answer["error"]
    assert get_json(WEB)["ok"] is True
    chat.rmdir()
    append("s", "x")
    assert contents() == ["x"]
