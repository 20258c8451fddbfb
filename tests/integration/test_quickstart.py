# SPDX-License-Identifier: MIT
"""The README's first command, as printed, in a session with a user manager."""

import pathlib
import subprocess

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]


def test_readme_first_command():
    result = subprocess.run([CHECKOUT / "tests/quickstart"], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr


def test_nothing_is_left():
    home = pathlib.Path.home()
    left = [*home.glob(".local/share/systemd/user/tooloo*"), *home.glob(".local/lib/tooloo*"),
            *home.glob(".local/bin/toolooctl"), *home.glob(".config/systemd/user/tooloo-watchd.service.d/*")]
    assert left == []
