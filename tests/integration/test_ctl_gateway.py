# SPDX-License-Identifier: MIT
"""The verbs of toolooctl about models: provider, key, budget, ledger. What they write, and what they say of it. A directory of the
test's own stands for ~/.config and for where the ledger is, so that what is here is only what a test has made."""
import csv
import datetime
import io
import json
import os
import re
import shutil
import sqlite3
import time

import pytest
from conftest import CHECKOUT, PATIENCE, USER_UNITS, one_line, run, systemctl, toolooctl
from golden import golden
from terminal import Terminal
from test_ctl_output import ESCAPE, completed_by_bash, completed_by_fish, in_terminal

FAILED, USAGE, UNKNOWN = 1, 2, 5
KEY = "sk-canary-0123456789abcdef"
PRICES = {
    "gpt-4o-mini": {
        "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08,
        "max_tokens": 16384, "max_input_tokens": 128000, "max_output_tokens": 16384, "supports_function_calling": True,
        "supports_vision": True, "supports_response_schema": True},
    "gemini/gemini-1.5-flash": {
        "input_cost_per_token": 7.5e-08, "output_cost_per_token": 3e-07, "input_cost_per_token_above_128k_tokens": 1.5e-07,
        "max_tokens": 8192},
    "embedder": {"input_cost_per_token": 1e-08},
}


class Home:
    """Where providers, their keys and the ledger lie."""

    def __init__(self, folder):
        self.folder = folder
        self.providers = folder / "tooloo/providers"
        self.credentials = folder / "tooloo/credentials"
        self.ledger = folder / "tooloo-ledger"

    def files(self):
        """Everything in it, with content and mode; SQLite's own files beside the ledger come and go."""
        return {str(p.relative_to(self.folder)): (p.read_bytes() if p.is_file() else None, p.stat().st_mode & 0o777)
                for p in sorted(self.folder.rglob("*")) if not p.name.endswith(("-wal", "-shm"))}

    def provider(self, name):
        return json.loads((self.providers / f"{name}.json").read_text())


@pytest.fixture
def home(fleet, tmp_path, monkeypatch):
    it = Home(tmp_path / "home")
    it.ledger.mkdir(parents=True)  # systemd makes it, for the first service that has it
    monkeypatch.setenv("XDG_CONFIG_HOME", str(it.folder))
    monkeypatch.setenv("XDG_STATE_HOME", str(it.folder))
    return it


def add(name="mini", kind="openai", *more, key=KEY, ok=True):
    """Its key comes from a file, which is no argument that holds it."""
    file = os.path.join(os.environ["XDG_CONFIG_HOME"], "..", "key")
    with open(file, "w") as f:
        f.write(f"{key}\n")
    model = [] if any(m.startswith("--model") for m in more) else ["--model=gpt-4o-mini"]
    return toolooctl("provider", "add", name, f"--kind={kind}", *model, f"--key-file={file}", *more, ok=ok)


def said(*arguments):
    return json.loads(toolooctl(*arguments, "--json").stdout)


# --- provider add ---


def test_add_writes_two_files_that_only_this_user_reads(home):
    done = add("mini", "openai", "--price-input=0.15", "--price-output=0.60", "--price-cached=0.075", "--ability=tools",
               "--ability=json", "--max-concurrency=3")
    assert done.stdout == f"mini is added ({home.providers}/mini.json); 'toolooctl provider test mini' tries it\n"
    assert home.provider("mini") == {
        "kind": "openai", "baseUrl": "https://api.openai.com/v1", "credential": True, "maxConcurrency": 3, "maxQueue": 256,
        "timeouts": {"connectMs": 5000, "firstByteMs": 60000, "idleMs": 60000}, "enabled": True,
        "models": [{"name": "gpt-4o-mini", "abilities": ["tools", "json"],
                    "price": {"input": 0.15, "output": 0.6, "cachedInput": 0.075, "source": "given"}}]}
    assert {name: mode for name, (_, mode) in home.files().items() if name.startswith("tooloo/")} == {
        "tooloo/credentials": 0o700, "tooloo/credentials/mini": 0o600, "tooloo/providers": 0o700,
        "tooloo/providers/mini.json": 0o600}
    assert (home.credentials / "mini").read_text() == KEY


@pytest.mark.parametrize("kind, url", [("openai", "https://api.openai.com/v1"), ("anthropic", "https://api.anthropic.com"),
                                       ("ollama", "http://127.0.0.1:11434"),
                                       ("gemini", "https://generativelanguage.googleapis.com")])
def test_each_kind_is_where_its_vendor_is(home, kind, url):
    toolooctl("provider", "add", "it", f"--kind={kind}", "--model=m", "--no-key")
    assert home.provider("it")["baseUrl"] == url and not home.provider("it")["credential"]
    assert not home.credentials.exists()


def test_ollama_needs_no_key_and_a_model_may_have_another_name(home):
    toolooctl("provider", "add", "local", "--kind=ollama", "--model=small=llama3.2:3b", "--model=b",
              "--base-url=http://localhost:1234//")
    assert home.provider("local")["baseUrl"] == "http://localhost:1234"
    assert [(m["name"], m.get("upstream")) for m in home.provider("local")["models"]] == [("small", "llama3.2:3b"), ("b", None)]


def test_prices_from_a_file(home, tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(PRICES))
    add("mini", "openai", f"--prices={prices}", "--price-cached=0.07")
    model, = home.provider("mini")["models"]
    assert model == {"name": "gpt-4o-mini", "abilities": ["tools", "vision", "json"], "contextTokens": 128000,
                     "maxOutputTokens": 16384,
                     "price": {"input": 0.15, "output": 0.6, "cachedInput": 0.07, "source": "given"}}
    done = add("flash", "gemini", "--model=gemini-1.5-flash", f"--prices={prices}")
    assert "other prices for long prompts of gemini-1.5-flash" in one_line(done)
    assert home.provider("flash")["models"][0]["price"] == {"input": 0.075, "output": 0.3, "source": "prices.json"}
    before = home.files()
    for model, words in ("nobody", "has no model 'nobody'"), ("embedder", "it has no output_cost_per_token"):
        done = add("other", "openai", f"--model={model}", f"--prices={prices}", ok=False)
        assert done.returncode == FAILED and words in one_line(done)
    prices.write_text("{")
    assert "it ends too early" in one_line(add("other", "openai", f"--prices={prices}", ok=False))
    assert "No such file" in one_line(add("other", "openai", "--prices=/nowhere/prices.json", ok=False))
    assert home.files() == before


@pytest.mark.parametrize("arguments, words", [
    ("", "'provider add' takes the name"),
    ("a b --kind=openai --model=m --no-key", "'provider add' takes the name"),
    ("Mini --kind=openai --model=m --no-key", "'Mini' cannot be a provider's name"),
    ("../mini --kind=openai --model=m --no-key", "'../mini' cannot be a provider's name"),
    (f"{'m' * 33} --kind=openai --model=m --no-key", "cannot be a provider's name"),
    ("mini --model=m --no-key", "say what it speaks"),
    ("mini --kind=llama --model=m --no-key", "--kind takes openai, anthropic, ollama or gemini, not 'llama'"),
    ("mini --kind=openai --no-key", "a provider needs a model"),
    ("mini --kind=openai --model= --no-key", "--model does not take ''"),
    (f"mini --kind=openai --model={'m' * 129} --no-key", "1 to 128 printable"),
    ("mini --kind=openai --model=m= --no-key", "--model does not take 'm='"),
    ("mini --kind=openai --model=m --model=m --no-key", "--model gives 'm' twice"),
    ("mini --kind=openai --model=m --no-key --base-url=ftp://x", "--base-url does not take it: http://HOST"),
    ("mini --kind=openai --model=m --no-key --base-url=http://me:secret@x", "a name or password does not belong there"),
    ("mini --kind=openai --model=m --no-key --ability=smell", "--ability takes tools, vision, json or reasoning, not 'smell'"),
    ("mini --kind=openai --model=m --no-key --price-input=1", "a price needs --price-input and --price-output"),
    ("mini --kind=openai --model=m --no-key --price-input=1 --price-output=-1", "--price-output takes USD per million"),
    ("mini --kind=openai --model=m --no-key --price-input=1 --price-output=0.0000001", "with at most 6 decimals"),
    ("mini --kind=openai --model=m --no-key --price-input=100000.1 --price-output=1", "--price-input takes USD"),
    ("mini --kind=openai --model=m --no-key --max-concurrency=0", "--max-concurrency takes a number from 1 to 1024, not '0'"),
    ("mini --kind=openai --model=m --no-key --max-concurrency=1025", "--max-concurrency takes a number from 1 to 1024"),
    ("mini --kind=openai --model=m --no-key --key-file=x", "--key-file and --no-key do not go together"),
    ("mini --kind=openai --model=m", "nobody is here to be asked for its key"),
    ("mini --kind=openai --model=m --no-key --yes", "--yes does not go with 'provider add'"),
])
def test_bad_input_to_add_changes_nothing(home, arguments, words):
    before = home.files()
    done = toolooctl("provider", "add", *arguments.split(), ok=False)
    assert done.returncode == USAGE and words in one_line(done) and done.stdout == ""
    assert home.files() == before


def test_limits_of_add(home):
    many = [f"--model=m{i}" for i in range(256)]
    toolooctl("provider", "add", "m" * 32, "--kind=openai", *many, "--no-key", "--max-concurrency=1024",
              "--price-input=100000", "--price-output=0")
    assert len(home.provider("m" * 32)["models"]) == 256
    done = toolooctl("provider", "add", "mini", "--kind=openai", *many, "--model=more", "--no-key", ok=False)
    assert "at most 256 models" in one_line(done) and not (home.providers / "mini.json").exists()


def test_a_name_that_is_taken(home):
    add("mini", "openai")
    before = home.files()
    done = add("mini", "anthropic", key="another", ok=False)
    assert done.returncode == FAILED and "there is a provider 'mini' already" in one_line(done)
    assert home.files() == before


@pytest.mark.parametrize("key, words", [("", "holds no key"), ("two words", "is no key"), ("two\nlines", "is no key"),
                                        ("schlüssel", "is no key"), ("k" * 4097, "longer than 4096 bytes")])
def test_what_is_no_key(home, key, words):
    done = add("mini", "openai", key=key, ok=False)
    assert done.returncode == FAILED and words in one_line(done) and (not key or key not in done.stderr)
    assert not home.providers.exists() and not home.credentials.exists()


def test_a_key_from_standard_input(home):
    done = run("sh", "-c", f"printf '%s\\r\\n' {'k' * 4094} | toolooctl provider add mini --kind=openai --model=m --key-file=-")
    assert (home.credentials / "mini").read_text() == "k" * 4094 and "kkk" not in done.stdout + done.stderr


def ask(home, *keys):
    """What a person types when asked for the key of a new provider."""
    with Terminal("toolooctl", "provider", "add", "mini", "--kind=openai", "--model=m") as it:
        it.find("Key of mini (it is not shown):")
        it.type(*keys)
        it.end()
    assert KEY.encode() not in it.written
    return it


def test_a_key_is_asked_for_without_echo(home):
    it = ask(home, KEY, "enter")
    assert it.status == 0 and b"mini is added" in it.written
    assert (home.credentials / "mini").read_text() == KEY


def test_nothing_is_added_when_the_question_is_not_answered(home):
    before = home.files()
    assert ask(home, "enter").status == FAILED
    assert ask(home, KEY, "interrupt").status != 0
    assert home.files() == before


def test_dry_run_changes_nothing(home):
    before = home.files()
    done = toolooctl("provider", "add", "mini", "--kind=openai", "--model=m", "--dry-run")
    head, text = done.stdout.split("\n", 1)
    assert head == f"# {home.providers}/mini.json"
    text, tail = text.rsplit("# ", 1)
    assert json.loads(text)["credential"] and tail == f"{home.credentials}/mini: its key\n"
    assert not json.loads(toolooctl("provider", "add", "l", "--kind=ollama", "--model=m", "--dry-run").stdout.split("\n", 1)[1])[
        "credential"]
    assert home.files() == before


def test_a_key_over_an_open_network_is_warned_of(home):
    assert "without encryption" in one_line(add("mini", "openai", "--base-url=http://192.0.2.1/v1"))
    for i, host in enumerate(("127.0.0.1:9", "localhost", "[::1]:9")):
        assert add(f"here{i}", "openai", f"--base-url=http://{host}/v1").stderr == ""
    assert toolooctl("provider", "add", "open", "--kind=openai", "--model=m", "--base-url=http://192.0.2.1", "--no-key").stderr == ""


def test_a_directory_that_cannot_be_written_leaves_nothing(home):
    (home.folder / "tooloo").mkdir()
    home.providers.write_text("in the way")
    done = add("mini", "openai", ok=False)
    assert done.returncode == FAILED and f"cannot write {home.providers}/mini.json" in one_line(done)
    assert not (home.credentials / "mini").exists()


# --- provider edit, list, show, remove ---


def test_edit_changes_what_is_given(home):
    add("mini", "openai", "--model=a", "--model=b", "--price-input=1", "--price-output=2")
    before = home.provider("mini")
    toolooctl("provider", "edit", "mini", "--model=b", "--price-output=3", "--ability=vision")
    after = home.provider("mini")
    assert after["models"][1] == {"name": "b", "abilities": ["vision"], "price": {"input": 1, "output": 3, "source": "given"}}
    assert after["models"][0] == before["models"][0] and after["credential"]
    toolooctl("provider", "edit", "mini", "--model=c", "--max-concurrency=1")
    assert [m["name"] for m in home.provider("mini")["models"]] == ["a", "b", "c"] and home.provider("mini")["maxConcurrency"] == 1
    run("sh", "-c", "echo new-key | toolooctl provider edit mini --key-file=-")
    assert (home.credentials / "mini").read_text() == "new-key"
    toolooctl("provider", "edit", "mini", "--no-key")
    assert not home.provider("mini")["credential"] and not (home.credentials / "mini").exists()


@pytest.mark.parametrize("arguments, status, words", [
    ("mini", USAGE, "say what to change"),
    ("mini --kind=ollama", USAGE, "--kind does not go with 'provider edit'"),
    ("mini --price-input=x", USAGE, "--price-input takes USD"),
    ("minni --max-concurrency=1", UNKNOWN, "unknown provider 'minni'. Did you mean 'mini'?"),
    ("other --max-concurrency=1", UNKNOWN, "unknown provider 'other'; 'toolooctl provider' lists them"),
])
def test_bad_input_to_edit_changes_nothing(home, arguments, status, words):
    add("mini", "openai", "--price-input=1", "--price-output=2")
    before = home.files()
    done = toolooctl("provider", "edit", *arguments.split(), ok=False)
    assert done.returncode == status and words in one_line(done)
    assert home.files() == before


def populate(home):
    add("mini", "openai", "--price-input=0.15", "--price-output=0.60", "--price-cached=0.075", "--ability=tools", "--ability=json")
    add("claude", "anthropic", "--model=claude-3-5-haiku-latest", "--model=claude-3-opus-latest")
    toolooctl("provider", "edit", "claude", "--model=claude-3-5-haiku-latest", "--price-input=0.80", "--price-output=4",
              "--price-cache-write=1")
    toolooctl("provider", "add", "local", "--kind=ollama", "--model=small=llama3.2:3b", "--ability=tools")
    (home.credentials / "claude").unlink()


def test_list_and_show(home):
    assert toolooctl("provider").stdout == "There are no providers; 'toolooctl provider add --help' says how to add one.\n"
    assert said("provider", "list") == {"providers": []}
    populate(home)
    rows = {p["name"]: p for p in said("provider")["providers"]}
    assert list(rows) == ["claude", "local", "mini"]
    assert rows["claude"] == {"name": "claude", "kind": "anthropic", "enabled": True, "key": "missing", "priced": "some",
                              "models": ["claude-3-5-haiku-latest", "claude-3-opus-latest"],
                              "baseUrl": "https://api.anthropic.com", "problem": None}
    assert (rows["mini"]["key"], rows["mini"]["priced"]) == ("yes", "yes")
    assert (rows["local"]["key"], rows["local"]["priced"]) == ("none", "no")
    shown = said("provider", "show", "mini")
    assert shown == home.provider("mini") | {"name": "mini", "path": f"{home.providers}/mini.json", "key": "yes"}
    assert toolooctl("provider", "list", "-q").stdout == ""


def test_a_wrong_file_is_said_and_can_be_removed(home):
    populate(home)
    file = home.providers / "mini.json"
    file.write_text('{"kind":"openai","models":[{"name":"m","price":{"input":-1,"output":0}}]}')
    done = toolooctl("provider", "--json", ok=False)
    problem, = [p["problem"] for p in json.loads(done.stdout)["providers"] if p["problem"]]
    assert done.returncode == FAILED and problem.startswith("models[0].price.input: USD per million tokens are expected")
    for command in ("show", "mini"), ("edit", "mini", "--max-concurrency=2"), ("test", "mini"):
        done = toolooctl("provider", *command, ok=False)
        assert done.returncode == FAILED and one_line(done).startswith(f"toolooctl: {file}: models[0].price.input: ")
    toolooctl("provider", "remove", "mini", "--yes")
    assert not file.exists() and not (home.credentials / "mini").exists()
    toolooctl("provider", "list")


def test_remove(home):
    populate(home)
    before = home.files()
    done = toolooctl("provider", "remove", "mini", ok=False)
    assert done.returncode == USAGE and "nobody is here to be asked" in one_line(done)
    done = toolooctl("provider", "remove", "mono", "--yes", ok=False)
    assert done.returncode == UNKNOWN and one_line(done).endswith("unknown provider 'mono'. Did you mean 'mini'?")
    done = toolooctl("provider", "remove", "../providers/mini", "--yes", ok=False)
    assert done.returncode == UNKNOWN and one_line(done)
    assert home.files() == before
    for answer, gone in ("n", False), ("y", True):
        with Terminal("toolooctl", "provider", "remove", "mini") as it:
            it.find("[y/N]")
            it.type(answer, "enter")
            it.end()
        assert (it.status == 0) == gone == (not (home.providers / "mini.json").exists())
    assert not (home.credentials / "mini").exists() and (home.providers / "local.json").exists()


# --- provider test ---

DROP_IN = USER_UNITS / "tooloo-provider.service.d/70-test.conf"
GOOD = {"id": "x", "choices": [{"message": {"role": "assistant", "content": "OK"}}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 2}}


@pytest.fixture
def stand_in(home, tmp_path):
    """Sets what is answered in the provider service's place."""
    script, answers = tmp_path / "stand_in.py", tmp_path / "answers.json"
    shutil.copy(CHECKOUT / "tests/lib/stand_in.py", script)

    def set(*answer):
        answers.with_suffix(".new").write_text(json.dumps({"POST /v1/chat/completions": answer} if answer else {}))
        answers.with_suffix(".new").rename(answers)

    set()
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text(f"[Service]\nType=exec\nWatchdogSec=0\nExecStart=\nExecStart=/usr/bin/python3 {script} {answers}\n"
                       f"ReadWritePaths={tmp_path}\n")
    systemctl("daemon-reload")
    toolooctl("restart", "provider")
    yield set
    DROP_IN.unlink()
    systemctl("daemon-reload")
    toolooctl("restart", "provider")


def test_test_says_what_came_of_it(home, stand_in):
    populate(home)
    stand_in(200, GOOD, {"X-Tooloo-Provider": "mini", "X-Tooloo-Cost": "0.000003"})
    assert re.fullmatch(r"mini answers: gpt-4o-mini, \d+(ms|s), 12 tokens in, 2 out, 0.000003 USD\n",
                        toolooctl("provider", "test", "mini").stdout)
    it = said("provider", "test", "mini")
    assert it.pop("ms") > 0
    assert it == {"provider": "mini", "model": "gpt-4o-mini", "ok": True, "status": 200, "tokensIn": 12, "tokensOut": 2,
                  "cost": 0.000003, "problem": None}
    stand_in(200, GOOD, {"X-Tooloo-Provider": "local"})
    assert toolooctl("provider", "test", "local", "small").stdout.endswith("12 tokens in, 2 out, no price is known\n")


@pytest.mark.parametrize("answer, words", [
    ((429, {"error": {"message": "the budget of\nmini is spent"}}), "HTTP 429: the budget of mini is spent"),
    ((502, "no JSON"), "HTTP 502: the answer says no more"),
    ((200, {"ok": True}), "the answer is none of a model's"),
    ((200, GOOD, {"X-Tooloo-Provider": "local"}), "local answered in its place"),
    ((200, GOOD), "somebody answered in its place"),
    ((0, ""), "the service 'provider' does not answer"),
])
def test_test_says_why_not(home, stand_in, answer, words):
    populate(home)
    stand_in(*answer)
    done = toolooctl("provider", "test", "mini", ok=False)
    assert done.returncode == FAILED and one_line(done).startswith("toolooctl: mini: gpt-4o-mini: ") and words in done.stderr
    done = toolooctl("provider", "test", "mini", "--json", ok=False)
    it = json.loads(done.stdout)
    assert done.returncode == FAILED and not it["ok"] and words in it["problem"] and it["cost"] is None


def test_what_is_asked_is_that_provider_and_no_other(home, stand_in, tmp_path):
    populate(home)
    log = tmp_path / "seen"
    script = tmp_path / "stand_in.py"
    kept = f"        if body:  # metricsd's probes have none\n            open({str(log)!r}, 'wb').write(body)\n"
    script.write_text(script.read_text().replace("        answers = json", kept + "        answers = json"))
    toolooctl("restart", "provider")
    toolooctl("provider", "test", "local", "small", ok=False)
    body = json.loads(log.read_text())
    assert body["model"] == "local/small" and body["max_tokens"] == 16 and len(body["messages"]) == 1 and "stream" not in body


def test_test_starts_nothing(home):
    populate(home)
    done = toolooctl("provider", "test", "nobody", ok=False)
    assert done.returncode == UNKNOWN and "unknown provider 'nobody'" in one_line(done)
    done = toolooctl("provider", "test", "mini", "nothing", ok=False)
    assert done.returncode == UNKNOWN and "mini has no model 'nothing'" in one_line(done)
    toolooctl("stop", "provider")
    try:
        done = toolooctl("provider", "test", "mini", ok=False)
        assert done.returncode == FAILED and "'toolooctl start provider' starts it" in one_line(done)
        assert systemctl("is-active", "tooloo-provider.service", ok=False).stdout == "inactive\n"
    finally:
        toolooctl("start", "provider")


# --- Without a ledger ---


@pytest.mark.parametrize("place", [True, False])
def test_no_ledger_yet(home, place):
    """Neither is one made by looking."""
    if not place:
        home.ledger.rmdir()
    assert toolooctl("key").stdout == "There are no keys; 'toolooctl key create NAME' makes one.\n"
    assert said("key", "list") == {"keys": []} and said("budget") == {"limits": []}
    assert toolooctl("budget").stdout.startswith("Nothing was spent, and there are no limits; ")
    for command in ("export",), ("verify",), ("rebuild",):
        done = toolooctl("ledger", *command, ok=False)
        assert done.returncode == FAILED and "there is no ledger yet" in one_line(done)
    done = toolooctl("key", "revoke", "laptop", ok=False)
    assert done.returncode == UNKNOWN and one_line(done).endswith("unknown key 'laptop'; there is none yet")
    for words in ["budget", "--set=key:laptop=5/day"], ["budget", "--set=provider:mini=5/day"]:
        assert toolooctl(*words, ok=False).returncode == UNKNOWN
    assert home.files() == ({"tooloo-ledger": (None, home.ledger.stat().st_mode & 0o777)} if place else {})
    if not place:
        for words in ["key", "create", "laptop"], ["budget", "--set=total=5/day"]:
            assert "'toolooctl start provider' makes it" in one_line(toolooctl(*words, ok=False))


# --- Keys ---


def test_a_key_is_shown_once(home):
    done = toolooctl("key", "create", "laptop", "--user=ann", "--budget=5/day", "--budget=0.10/minute")
    text = done.stdout.strip()
    assert re.fullmatch(r"tlk_[A-Za-z0-9_-]{43}", text) and done.stderr == ""
    assert text.encode() not in b"".join(p.read_bytes() for p in home.ledger.iterdir())
    key, = said("key")["keys"]
    assert text not in json.dumps(key) and text not in toolooctl("key", "list").stdout
    assert (key["name"], key["user"], key["state"], key["revoked"]) == ("laptop", "ann", "good", None)
    assert abs(datetime.datetime.fromisoformat(key["created"].replace("Z", "+00:00")).timestamp() - time.time()) < 60
    assert {x["window"]: (x["scope"], x["subject"], x["hard"], x["settled"], x["remaining"]) for x in key["limits"]} == {
        "day": ("key", "laptop", 5, 0, 5), "minute": ("key", "laptop", 0.1, 0, 0.1)}
    again = said("key", "create", "server")
    assert again["name"] == "server" and again["user"] is None and again["key"] != text
    assert toolooctl("key", "create", "quiet", "-q").stdout.startswith("tlk_")


@pytest.mark.parametrize("arguments, words", [
    ("", "'key create' takes the name"), ("Laptop", "'Laptop' cannot be a key's name"), ("a b", "'key create' takes the name"),
    ("laptop --user=", "--user takes a name"), (f"laptop --user={'u' * 129}", "--user takes a name of 1 to 128 bytes"),
    ("laptop --budget=5", "--budget takes USD/WINDOW"), ("laptop --budget=0/day", "--budget takes USD/WINDOW"),
    ("laptop --budget=none/day", "--budget takes USD/WINDOW"), ("laptop --budget=5/week", "not '5/week'"),
    ("laptop --budget=5/day --budget=-1/month", "not '-1/month'"), ("laptop --yes", "--yes does not go with 'key'"),
])
def test_bad_input_to_key_create_changes_nothing(home, arguments, words):
    before = home.files()
    done = toolooctl("key", "create", *arguments.split(), ok=False)
    assert done.returncode == USAGE and words in one_line(done) and done.stdout == ""
    assert home.files() == before


def test_revoke(home):
    toolooctl("key", "create", "laptop", "--budget=5/day")
    toolooctl("key", "create", "server")
    done = toolooctl("key", "revoke", "labtop", ok=False)
    assert done.returncode == UNKNOWN and one_line(done).endswith("unknown key 'labtop'. Did you mean 'laptop'?")
    toolooctl("key", "revoke", "laptop")
    assert [(k["name"], k["state"], bool(k["revoked"])) for k in said("key")["keys"]] == [("laptop", "revoked", True),
                                                                                         ("server", "good", False)]
    toolooctl("key", "revoke", "laptop")
    before = said("budget")
    done = toolooctl("key", "create", "laptop", "--budget=7/day", ok=False)
    assert done.returncode == FAILED and "there is, or was, a key 'laptop' already" in one_line(done) and done.stdout == ""
    assert said("budget")["limits"] == before["limits"]


# --- Budgets ---


def limits():
    return {(x["scope"], x["subject"], x["window"]): (x["hard"], x["soft"]) for x in said("budget")["limits"]
            if x["hard"] or x["soft"]}


def test_limits_are_set_and_taken_away(home):
    toolooctl("key", "create", "laptop")
    populate(home)
    toolooctl("budget", "--set=total=100/month", "--set=provider:mini=0.000000001/minute", "--soft=key:laptop=4/day",
              "--set=user:ann b=c=2305843009.213693951/day")
    assert limits() == {("total", None, "month"): (100, None), ("provider", "mini", "minute"): (1e-9, None),
                        ("key", "laptop", "day"): (None, 4), ("user", "ann b=c", "day"): (2305843009.213693951, None)}
    toolooctl("budget", "--set=key:laptop=5/day", "--soft=total=80/month")
    assert limits()["key", "laptop", "day"] == (5, 4) and limits()["total", None, "month"] == (100, 80)
    toolooctl("budget", "--soft=key:laptop=none/day", "--set=user:ann b=c=none/day", "--set=provider:gone=none/day")
    assert limits() == {("total", None, "month"): (100, 80), ("provider", "mini", "minute"): (1e-9, None),
                        ("key", "laptop", "day"): (5, None)}


@pytest.mark.parametrize("arguments, status, words", [
    ("--set=total=5", USAGE, "not 'total=5'"), ("--set=total=0/day", USAGE, "a number above 0"),
    ("--set=total=0.0000000001/day", USAGE, "at most 9 decimals"), ("--set=total=2305843009.213693952/day", USAGE, "--set takes"),
    ("--set=all=1/day", USAGE, "--set takes total=USD/WINDOW"), ("--soft=key=1/day", USAGE, "--soft takes total=USD/WINDOW"),
    ("--set=key:labtop=1/day", UNKNOWN, "unknown key 'labtop'. Did you mean 'laptop'?"),
    ("--set=provider:mono=1/day", UNKNOWN, "unknown provider 'mono'. Did you mean 'mini'?"),
    ("--set=total=1/day --set=total=x/day", USAGE, "not 'total=x/day'"),
    ("--set=total=1/day --soft=key:nobody=1/day", UNKNOWN, "unknown key 'nobody'"),
    ("total=1/day", USAGE, "'budget' takes no names"),
])
def test_bad_limits_change_nothing(home, arguments, status, words):
    populate(home)
    toolooctl("key", "create", "laptop", "--budget=3/day")
    before = limits()
    done = toolooctl("budget", *arguments.split(), ok=False)
    assert done.returncode == status and words in one_line(done)
    assert limits() == before


# --- The ledger. Rows of calls are put into it here; services do so through src/ledger, which has its own tests. ---

CALLS = """
INSERT INTO price (id, provider, model, at, input, output, cached, cache_write, reasoning, source)
       VALUES (1, 'mini', 'gpt-4o-mini', 1, 150000, 600000, 75000, -1, -1, 'given');
INSERT INTO request (id, name, at, api, key, user, source, cache, stream, status, ended) VALUES
       (1, 'req-1', :first, 'openai', 1, 'ann', 'v1', 'none', 0, 200, :first + 900000),
       (2, 'req-2', :second, 'anthropic', NULL, 'he said "no", then left', 'chat', 'hit', 1, 200, :second + 1000);
INSERT INTO attempt (request, n, at, provider, model, price, status, error, text, ttft, total, tokens_in, tokens_out,
                     tokens_cached, tokens_cache_write, tokens_reasoning, reported, cost) VALUES
       (1, 1, :first, 'claude', 'opus', NULL, 500, 'http-500', 'broken,' || char(10) || '"twice"', 0, 100000, 0, 0, 0, 0, 0, 0, 0),
       (1, 2, :first + 100000, 'mini', 'gpt-4o-mini', 1, 200, NULL, NULL, 250000, 800123, 1000, 100, 400, 0, 0, 1, 180000);
"""
FIRST, SECOND = 1_700_000_000_000_000, 1_700_000_060_000_000


def ledger(home):
    return sqlite3.connect(home.ledger / "ledger.db", timeout=PATIENCE)


@pytest.fixture
def calls(home):
    """A ledger with a request that was tried twice and one that the cache answered."""
    toolooctl("key", "create", "laptop", "--budget=5/day")
    with ledger(home) as db:
        for statement in CALLS.split(";")[:-1]:
            db.execute(statement, {"first": FIRST, "second": SECOND} if ":" in statement else {})
    db.close()
    toolooctl("ledger", "rebuild")


def exported(*arguments):
    return [json.loads(line) for line in toolooctl("ledger", "export", *arguments).stdout.splitlines()]


def test_export(calls):
    failed, good, hit = exported()
    assert (failed["request"], failed["attempt"], failed["error"], failed["cost"]) == (1, 1, "http-500", 0)
    assert failed["errorText"] == 'broken,\n"twice"' and failed["firstByteMs"] is None and failed["priceInput"] is None
    assert good == {
        "request": 1, "requestId": "req-1", "time": "2023-11-14T22:13:20.000Z", "api": "openai", "key": "laptop", "user": "ann",
        "session": None, "intent": None, "parent": None, "source": "v1", "cache": "none", "stream": False, "answered": 200,
        "ended": "2023-11-14T22:13:20.900Z", "attempt": 2, "began": "2023-11-14T22:13:20.100Z", "provider": "mini",
        "model": "gpt-4o-mini", "status": 200, "error": None, "errorText": None, "firstByteMs": 250, "totalMs": 800.123,
        "tokensIn": 1000, "tokensOut": 100, "tokensCached": 400, "tokensCacheWrite": 0, "tokensReasoning": 0,
        "tokensReported": True, "cost": 0.00018, "priceInput": 0.15, "priceOutput": 0.6, "priceCached": 0.075,
        "priceCacheWrite": None, "priceReasoning": None, "priceFrom": "given"}
    assert (hit["request"], hit["cache"], hit["provider"], hit["cost"]) == (2, "hit", None, None)
    assert toolooctl("ledger", "export").stdout == toolooctl("ledger", "export", "--format=jsonl").stdout


def test_csv_says_what_json_says(calls):
    text = run("toolooctl", "ledger", "export", "--format=csv", encoding="utf-8").stdout
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    lines = exported()
    assert len(rows) == len(lines) == 3 and list(rows[0]) == list(lines[0])
    for row, line in zip(rows, lines):
        for name, value in line.items():
            if value is None:
                assert row[name] == "", name
            elif isinstance(value, bool):
                assert row[name] == str(value).lower(), name
            else:
                assert row[name] == value if isinstance(value, str) else float(row[name]) == value, name


def test_export_of_a_time(calls):
    assert len(exported("--from=2023-11-14T22:13:20Z")) == 3
    assert [x["request"] for x in exported("--from=2023-11-14T22:13:21Z")] == [2]
    assert [x["request"] for x in exported("--to=2023-11-14T22:14:20Z")] == [1, 1]
    assert exported("--to=2023-11-14T22:13:20Z") == []
    for words, line in (["--from=today", "--to=2023-11-14"], "--from is later than --to"), (["--format=xml"], "not 'xml'"), (
            ["--from=nonsense"], "--from does not understand 'nonsense'"):
        done = toolooctl("ledger", "export", *words, ok=False)
        assert done.returncode == USAGE and line in one_line(done) and done.stdout == ""


def test_use_is_shown(home, calls):
    now = int(time.time() * 1_000_000)
    with ledger(home) as db:
        db.execute("UPDATE request SET at = ? WHERE id = 1", [now])
        db.execute("UPDATE attempt SET at = ?", [now])
    db.close()
    toolooctl("ledger", "rebuild")
    rows = {(x["scope"], x["window"]): x for x in said("budget")["limits"]}
    assert rows["key", "day"]["settled"] == 0.00018 and rows["key", "day"]["remaining"] == 4.99982
    assert rows["key", "day"]["percent"] == pytest.approx(0.0036)
    assert rows["total", "day"]["hard"] is None and rows["total", "day"]["settled"] == 0.00018
    assert rows["total", "month"]["calls"] == rows["key", "day"]["calls"]
    assert "0.00018 of 5/day" in toolooctl("key").stdout


def test_verify_and_rebuild(home, calls):
    assert toolooctl("ledger", "verify").stdout == "The ledger is in order.\n"
    assert said("ledger", "verify") == {"faults": []}
    with ledger(home) as db:
        db.execute("UPDATE attempt SET cost = cost + 1 WHERE n = 2")
    db.close()
    done = toolooctl("ledger", "verify", ok=False)
    assert done.returncode == FAILED and done.stdout and done.stderr == ""
    assert len(json.loads(toolooctl("ledger", "verify", "--json", ok=False).stdout)["faults"]) == len(done.stdout.splitlines())
    with ledger(home) as db:
        db.execute("UPDATE attempt SET cost = cost - 1 WHERE n = 2")
        before = db.execute("SELECT * FROM spent ORDER BY 1, 2, 3, 4").fetchall()
        db.execute("DELETE FROM spent")
    db.close()
    assert before and toolooctl("ledger", "verify", ok=False).returncode == FAILED
    toolooctl("ledger", "rebuild")
    with ledger(home) as db:
        assert db.execute("SELECT * FROM spent ORDER BY 1, 2, 3, 4").fetchall() == before
    db.close()
    assert toolooctl("ledger", "verify").stdout == "The ledger is in order.\n"


@pytest.mark.parametrize("arguments, words", [
    ("", "'ledger' takes COMMAND"), ("drop", "unknown command 'ledger drop'"), ("verify --from=today", "--from does not go with"),
    ("rebuild --json", "--json does not go with 'ledger rebuild'"), ("export calls", "'ledger export' takes no name"),
    ("content one two", "'ledger' takes COMMAND [ID]"),
])
def test_wrong_usage_of_ledger(calls, arguments, words):
    done = toolooctl("ledger", *arguments.split(), ok=False)
    assert done.returncode == USAGE and words in one_line(done) and done.stdout == ""


def test_a_ledger_of_a_newer_version_is_left_alone(home, calls):
    with ledger(home) as db:
        db.execute("PRAGMA user_version = 1000")
    db.close()
    for words in ["key"], ["key", "create", "other"], ["budget", "--set=total=1/day"], ["ledger", "rebuild"]:
        done = toolooctl(*words, ok=False)
        assert done.returncode == FAILED and "newer version" in one_line(done)


# --- What is seen of all of them ---


def test_other_verbs_load_no_sqlite(fleet):
    assert "libsqlite3" not in run("ldd", shutil.which("toolooctl")).stdout


@pytest.mark.parametrize("width", [80, 200])
def test_as_somebody_looks_at_it(home, calls, width):
    populate(home)
    toolooctl("budget", "--set=provider:mini=20/day", "--soft=total=80/month")
    written = []
    for line in ("provider", "provider show mini", "provider show claude", "provider show nobody", "key", "budget", "ledger verify",
                 "key revoke laptop", "key list", "provider add mini --kind=openai --model=m --no-key",
                 "provider add more --kind=openai --model=m --no-key --dry-run", "provider remove mini --yes"):
        text, errors, code = in_terminal(*line.split(), width=width, ok=None, whole=True, NO_COLOR="1")
        written.append(f"$ toolooctl {line}\n{text}{errors}" + (f"(exit status {code})\n" if code else ""))
        assert not text.startswith("SCOPE") or max(map(len, text.splitlines())) <= width
    golden(f"gateway-{width}.txt", ESCAPE.sub("", "\n".join(written)), (re.escape(str(home.folder)), "HOME"))


def test_a_key_that_is_missing_is_red(home):
    populate(home)
    assert re.findall(r"\x1b\[31m(\w+)", in_terminal("provider", width=200)) == ["missing"]


def test_completion_of_names(home, calls):
    populate(home)
    assert completed_by_bash("provider", "") == {"list", "show", "add", "edit", "remove", "test"}
    assert completed_by_bash("provider", "show", "m") == {"mini"}
    assert completed_by_bash("provider", "add", "") == set()
    assert completed_by_bash("provider", "test", "claude", "claude-3-5") == {"claude-3-5-haiku-latest"}
    assert completed_by_bash("provider", "add", "x", "--kind", "=", "ge") == {"gemini"}
    assert completed_by_bash("key", "revoke", "") == {"laptop"}
    assert completed_by_bash("ledger", "e") == {"export"}
    assert completed_by_bash("ledger", "export", "--format", "=", "") == {"jsonl", "csv"}
    assert completed_by_fish("toolooctl provider remove lo") == {"local"}
    assert completed_by_fish("toolooctl provider test claude claude-3-5") == {"claude-3-5-haiku-latest"}
    assert completed_by_fish("toolooctl key rev") == {"revoke"}
    assert completed_by_fish("toolooctl key revoke la") == {"laptop"}
    assert completed_by_fish("toolooctl ledger ver") == {"verify"}


def test_commands_are_in_the_man_page():
    text = (CHECKOUT / "ctl/toolooctl.1").read_text()
    for verb, least in ("provider", 6), ("key", 3), ("ledger", 4):
        commands = set(re.findall(r"^  ([a-z]+)(?: |$)", toolooctl(verb, "--help").stdout, re.M))
        assert len(commands) == least
        assert {c for c in commands if not re.search(rf"^\.It Cm {verb} (Op Cm )?{c}\b", text, re.M)} == set()


# --- doctor ---


def found(check):
    done = toolooctl("doctor", "--json", check, ok=None)
    return {f["subject"]: f for f in json.loads(done.stdout)["findings"] if f["level"] != "ok"}


def test_doctor_finds_what_is_wrong_with_providers(home):
    populate(home)
    assert found("providers") == {}
    keys = found("credentials")
    assert list(keys) == [str(home.credentials / "claude")]
    assert keys[str(home.credentials / "claude")]["level"] == "error"
    (home.providers / "mini.json").write_text('{"kind":"openai","models":[],"apiKey":1}')
    wrong, = found("providers").values()
    assert wrong["level"] == "error" and "apiKey: there is no such field" in wrong["what"] and "provider remove mini" in wrong["mend"]


def test_doctor_mends_what_is_open_to_others(home):
    populate(home)
    (home.credentials / "claude").write_text(KEY)
    (home.credentials / "claude").chmod(0o600)
    (home.credentials / "nobody").write_text(KEY)
    home.credentials.chmod(0o755)
    (home.credentials / "mini").chmod(0o640)
    it = found("credentials")
    assert {s: (f["level"], f["fixable"]) for s, f in it.items()} == {
        str(home.credentials): ("warning", True), str(home.credentials / "mini"): ("warning", True),
        str(home.credentials / "nobody"): ("note", False)}
    toolooctl("doctor", "--fix", "credentials", ok=None)
    assert list(found("credentials")) == [str(home.credentials / "nobody")]
    assert home.credentials.stat().st_mode & 0o777 == 0o700 and (home.credentials / "mini").stat().st_mode & 0o777 == 0o600
