# SPDX-License-Identifier: MIT
"""Prints the Nth command that the README shows: readme.py README N."""

import re
import sys


def commands(readme):
    with open(readme, encoding="utf-8") as file:
        return re.findall(r"^    (\S.*)$", file.read(), re.MULTILINE)


if __name__ == "__main__":
    print(commands(sys.argv[1])[int(sys.argv[2]) - 1])
