# SPDX-License-Identifier: MIT
"""What the README shows of the gateway to models, typed as printed into one shell."""
import json
import sys

import pytest
from conftest import CHECKOUT, run
from gateway import empty_gateway
from upstream import Upstream

sys.path.insert(0, str(CHECKOUT / "tests/lib"))
import readme  # noqa: E402

SECTION = "A gateway to models"
OLLAMA_PORT = 11434


@pytest.fixture
def ollama(fleet):
    """What speaks as Ollama does where that listens, and no ledger."""
    with empty_gateway(), Upstream(OLLAMA_PORT) as it:
        yield it


def test_three_commands(ollama):
    add, ask, export = readme.commands(CHECKOUT / "README.md", SECTION)
    script = "\n".join([f"{add} >&2", ask.replace("curl ", "curl --silent --show-error --fail "), "echo", export])
    done = run("bash", "-c", f"set -e\n{script}")
    answer, *rows = (json.loads(line) for line in done.stdout.splitlines())
    assert answer["choices"][0]["message"]["content"] == "You said: Hello"
    row, = rows
    assert (row["provider"], row["model"], row["status"]) == ("home", "llama3.2", 200)
    assert [r["model"] for r in ollama.requests(format="ollama")] == ["llama3.2"]
