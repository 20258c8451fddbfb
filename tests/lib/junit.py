# SPDX-License-Identifier: MIT
"""Prints "PASSED FAILED SKIPPED" of a JUnit file, and fails when that holds no test at all."""

import sys
import xml.etree.ElementTree as ElementTree


def main():
    try:
        cases = list(ElementTree.parse(sys.argv[1]).iter("testcase"))
    except (OSError, ElementTree.ParseError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    if not cases:
        sys.exit(f"{sys.argv[1]} holds no test")
    failed = sum(any(c.tag in ("failure", "error") for c in case) for case in cases)
    skipped = sum(any(c.tag == "skipped" for c in case) for case in cases)
    print(len(cases) - failed - skipped, failed, skipped)


main()
