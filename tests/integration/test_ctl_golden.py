# SPDX-License-Identifier: MIT
"""What the verbs that act say on terminals of 80 and 200 columns, one after the other as somebody would type them."""
import json
import re
import textwrap

import pytest
from conftest import toolooctl
from golden import golden
from test_ctl_output import ESCAPE, in_terminal, status
from test_ctl_services import TAKER, project, take_away  # noqa: F401 (a fixture)

PORT = 3990
HOST = "127.0.0.1"
SESSION = """
    stop cup
    stop cup
    wait cup --for stopped
    start cup
    start cup
    wait cup --for healthy
    restart cup
    reload cup
    reload --changed
    start nobody
    stop cup nobody
    reload nobody
    wait nobody
    add taker --port {port} --on-change swap --dry-run -- python3 taker.py
    add taker --port {port} --on-change swap -- python3 taker.py
    add taker --port {port} -- python3 taker.py
    add other --port {port} -- python3 taker.py
    scale taker 2
    scale taker 2
    scale taker 1
    scale cup 2
    reload taker
    edit taker --route /taker
    edit taker
    remove taker
    remove taker --yes
    remove taker --yes
    import Procfile --dry-run
    import nothing
    dev --once --nothing
    top nobody
"""
MASKS = [(r"\d+(\.\d+)? ?(min|ms|s)\b", "SPAN"), (r"/\S+/test_verbs\w*", "DIRECTORY"), (r"/home/\w+|/root", "HOME"), (r"0x[0-9a-f]+", "ADDRESS"),
         (r"(generation|pid|PID) \d+", r"\1 N"), (r"SPAN SPAN", "SPAN")]


@pytest.mark.parametrize("width", [80, 200])
def test_verbs_that_act(fleet, project, width):  # noqa: F811
    (project / "taker.py").write_text(TAKER.replace('("", 0)', f'("{HOST}", 0)'))
    (project / "Procfile").write_text("web: python3 taker.py\nworker: python3 work.py\nrelease: python3 migrate.py\n")
    toolooctl("start", "cup")
    written = []
    for line in textwrap.dedent(SESSION).format(port=PORT).split("\n")[1:-1]:
        text, errors, code = in_terminal(*line.split(), width=width, ok=None, whole=True, NO_COLOR="1")
        written.append(f"$ toolooctl {line}\n{text}{errors}" + (f"(exit status {code})\n" if code else ""))
    golden(f"acts-{width}.txt", ESCAPE.sub("", "\n".join(written)), *MASKS)


def test_status_json(fleet):
    def masked(value, key=None):
        """Its shape, and what is the same each time."""
        if isinstance(value, dict):
            return {k: masked(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [masked(v, key) for v in value]
        return type(value).__name__ if isinstance(value, (int, float)) and not isinstance(value, bool) and key != "port" else value

    toolooctl("wait", "cup", "--for", "healthy")
    text = json.dumps(masked(json.loads(status("cup", "--json"))), indent=1) + "\n"
    golden("status.json", text, (r'("lastReload": )\S+', r"\1AT,"),
           (r'("(?:statusText|memorySource|version)": )".*"', r'\1"..."'))
