# SPDX-License-Identifier: MIT
"""Prints "PASSED FAILED SKIPPED" of JUnit files together, then a line for each test that failed, and fails when they hold no
test at all."""

import sys
import xml.etree.ElementTree as ElementTree


def failure(case):
    return next((c for c in case if c.tag in ("failure", "error")), None)


def told(case):
    """file::test and the first line of why, as pytest's own summary has it."""
    file = case.get("classname", "").rsplit(".", 1)[-1]
    why = (failure(case).get("message") or "").strip().split("\n", 1)[0]
    return " - ".join(filter(None, [f"{file}::{case.get('name')}" if file else case.get("name"), why]))


def main():
    cases = []
    for file in sys.argv[1:]:
        try:
            cases += ElementTree.parse(file).iter("testcase")
        except (OSError, ElementTree.ParseError) as error:
            sys.exit(f"{file}: {error}")
    if not cases:
        sys.exit("no test was run")
    failed = [case for case in cases if failure(case) is not None]
    skipped = sum(any(c.tag == "skipped" for c in case) for case in cases)
    print(len(cases) - len(failed) - skipped, len(failed), skipped)
    for case in failed:
        print(told(case))


main()
