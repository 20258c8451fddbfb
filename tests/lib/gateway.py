# SPDX-License-Identifier: MIT
"""Providers of models as tests configure them, without the tool that does it for people."""
import json
import shutil
from contextlib import contextmanager
from pathlib import Path

from conftest import LEDGER_USERS, forget_calls, toolooctl

CONFIG = Path.home() / ".config/tooloo"
PROVIDERS = CONFIG / "providers"


def write_provider(name, url, *models, kind="openai", **more):
    """Its file; a model is a name or an object. Whoever runs sees it by itself."""
    PROVIDERS.mkdir(parents=True, exist_ok=True)
    described = [m if isinstance(m, dict) else {"name": m, "price": {"input": 1, "output": 2}} for m in models]
    new = PROVIDERS / f".{name}.new"
    new.write_text(json.dumps({"kind": kind, "baseUrl": url, "models": described} | more))
    new.rename(PROVIDERS / f"{name}.json")


def forget_all():
    """No provider, no key and no call; who has the ledger open is stopped."""
    forget_calls()
    shutil.rmtree(CONFIG, ignore_errors=True)


@contextmanager
def empty_gateway():
    """A fleet that runs, with nothing of all that at the start and at the end."""
    forget_all()
    toolooctl("start", *LEDGER_USERS)
    yield
    forget_all()
    toolooctl("start", *LEDGER_USERS)
