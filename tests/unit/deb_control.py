#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""deb_control.py: checks that packaging/debian/control names what packaging/deps does, for each release: what it takes to build,
to run, and more. Each difference is one line on stderr; exit status 1 when there is any.
"""
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
RELEASES = ["bookworm", "trixie"]
# Each package build has these (build-essential), or does without.
GIVEN = {"gcc", "git", "libc6-dev"}
FIELDS = {"Build-Depends": "build", "Depends": "run", "Suggests": "more"}


def listed(section, release):
    command = [CHECKOUT / "packaging/install-deps", "--list", "--release", release, section]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()) - GIVEN


def named(field):
    """The alternatives of each package of the first such field, without versions; what debhelper fills in is left out."""
    text = (CHECKOUT / "packaging/debian/control").read_text()
    value = re.search(rf"^{field}:((?:.*\n)(?:[ \t].*\n)*)", text, re.M)[1]
    entries = [re.sub(r"\(.*?\)", "", e).split("|") for e in value.replace("\n", " ").split(",")]
    entries = [{name.strip() for name in e} for e in entries if "${" not in e[0]]
    return [e for e in entries if e != {"debhelper-compat"}]


def faults():
    for field, section in FIELDS.items():
        entries = named(field)
        lists = {release: listed(section, release) for release in RELEASES}
        for release, packages in lists.items():
            for package in sorted(packages):
                if not any(package in e for e in entries):
                    yield f"{field} lacks {package}, which packaging/deps has in its section {section} for {release}"
        for entry in entries:
            if not any(entry & packages for packages in lists.values()):
                yield f"packaging/deps lacks {'|'.join(sorted(entry))} of {field} in its section {section}"


found = list(faults())
print("".join(f"{line}\n" for line in found), end="", file=sys.stderr)
sys.exit(1 if found else 0)
