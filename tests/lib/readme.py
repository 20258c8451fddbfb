# SPDX-License-Identifier: MIT
"""Prints the Nth command that the README shows: readme.py README N."""

import re
import sys


def commands(readme, section=None):
    """Every indented command, each with its continued lines as one text; of one section (its heading) when named."""
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    if section:
        text = re.search(rf"^## {re.escape(section)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    found = []
    for line in re.findall(r"^    (.*)$", text, re.MULTILINE):
        if line.startswith(" ") and found:
            found[-1] += "\n" + line
        elif line:
            found.append(line)
    return found


if __name__ == "__main__":
    print(commands(sys.argv[1])[int(sys.argv[2]) - 1])
