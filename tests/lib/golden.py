# SPDX-License-Identifier: MIT
"""What a command writes, held against a file in tests/fixtures/golden, so that no change of it goes unseen.

        golden("why-crash-80.txt", in_terminal("why", "cup", width=80))

fails with the difference. With TOOLOO_GOLDEN=write in the environment the file is written instead: look at `git diff` then.
What is another thing each time (times, durations, pids, ids of runs) is masked first.
"""
import difflib
import os
import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "fixtures/golden"

MASKS = [
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b[A-Z][a-z][a-z] \d\d \d\d:\d\d:\d\d\b", "TIME"),
    (r"\b\d+(d|h|min|s|ms)( \d+(h|min|s|ms))? ago\b", "SPAN ago"),
    (r"(\bPID |\"pid\": ?)\d+", r"\1PID"),
    (r"\b[0-9a-f]{32}\b", "ID"),
]


def masked(text, *more):
    """more: further pairs of pattern and replacement, which come first."""
    for pattern, replacement in [*more, *MASKS]:
        text = re.sub(pattern, replacement, text)
    return text


def golden(name, text, *more):
    """more: as for masked()."""
    path, text = FOLDER / name, masked(text, *more)
    if os.environ.get("TOOLOO_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    expected = path.read_text() if path.exists() else ""
    difference = difflib.unified_diff(expected.splitlines(True), text.splitlines(True), str(path), "what it is now")
    assert text == expected, f"{name} (TOOLOO_GOLDEN=write writes it anew):\n{''.join(difference)}"
