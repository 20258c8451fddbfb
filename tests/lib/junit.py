# SPDX-License-Identifier: MIT
"""Prints "PASSED FAILED SKIPPED" of JUnit files together, and fails when they hold no test at all."""

import sys
import xml.etree.ElementTree as ElementTree


def main():
    cases = []
    for file in sys.argv[1:]:
        try:
            cases += ElementTree.parse(file).iter("testcase")
        except (OSError, ElementTree.ParseError) as error:
            sys.exit(f"{file}: {error}")
    if not cases:
        sys.exit("no test was run")
    failed = sum(any(c.tag in ("failure", "error") for c in case) for case in cases)
    skipped = sum(any(c.tag == "skipped" for c in case) for case in cases)
    print(len(cases) - failed - skipped, failed, skipped)


main()
