#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""layers.py [SOURCE_ROOT]: checks that no folder includes a header of a folder below it.

The order is the table of src/README.md: a folder may include headers of itself and of those above it. Each wrong include is
one line on stderr; exit status 1 when there is any.
"""
import re
import sys
from pathlib import Path

TOP_LEVEL = ("ctl", "metricsd")  # folders that lie beside src
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
GENERATED = {"config.h"}


def read_order(readme):
    """Folder names, from the first column of the table."""
    return re.findall(r"^\| `([a-z]+)` \|", readme.read_text(), re.M)


def folder_of(path, root):
    """The layer that a file of the tree belongs to."""
    parts = path.relative_to(root).parts
    return parts[1] if parts[0] == "src" else parts[0]


def resolve(include, file, root):
    """The file that the compiler would take: beside the including one first, then from src, then from the top."""
    for start in (file.parent, root / "src", root):
        path = (start / include).resolve()
        if path.is_file():
            return path
    return None


def check(root):
    """The faults found, one line each."""
    root = root.resolve()
    order = read_order(root / "src/README.md")
    faults = []
    files = sorted(p for top in ("src", *TOP_LEVEL) for p in (root / top).rglob("*.[ch]"))
    for file in files:
        name = file.relative_to(root)
        layer = folder_of(file, root)
        if layer not in order:
            faults.append(f"{name}: src/README.md does not name the folder {layer}")
            continue
        for include in INCLUDE.findall(file.read_text()):
            header = resolve(include, file, root)
            if header is None:
                if include not in GENERATED:
                    faults.append(f'{name}: there is no "{include}"')
                continue
            other = folder_of(header, root)
            if other not in order or order.index(other) > order.index(layer):
                faults.append(f'{name}: {layer} includes "{include}", which lies below it')
            elif layer == other == "modules" and header.parent != file.parent:
                faults.append(f'{name}: includes "{include}" of another module')
    if not files:
        faults.append(f"no source found in {root}")
    return faults


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    faults = check(root)
    for fault in faults:
        print(f"layers: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
