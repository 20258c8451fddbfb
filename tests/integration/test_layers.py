# SPDX-License-Identifier: MIT
"""The order of the source folders: it holds in this tree, and the check sees what breaks it."""
import shutil
import sys

import pytest
from conftest import CHECKOUT, run

sys.path.insert(0, str(CHECKOUT / "tests/unit"))
import layers  # noqa: E402


def test_the_tree_holds_its_order():
    assert layers.check(CHECKOUT) == []
    assert run(sys.executable, CHECKOUT / "tests/unit/layers.py").stderr == ""


def test_every_source_folder_is_named():
    order = layers.read_order(CHECKOUT / "src/README.md")
    folders = {p.name for p in (CHECKOUT / "src").iterdir() if p.is_dir()}
    assert folders <= set(order) and "ctl" in order
    assert order.index("basic") < order.index("shared") < order.index("foundation") < order.index("host")


@pytest.fixture
def copy(tmp_path):
    for top in "src", "ctl":
        shutil.copytree(CHECKOUT / top, tmp_path / top)
    assert layers.check(tmp_path) == []
    return tmp_path


@pytest.mark.parametrize("file, include, fault", [
    ("src/basic/bad.c", "shared/log.h", "basic includes"),
    ("src/shared/bad.h", "foundation/http.h", "shared includes"),
    ("src/foundation/bad.c", "../host/host.h", "foundation includes"),
    ("src/host/bad.c", "ctl/ctl.h", "host includes"),
    ("src/shared/bad.c", "watchd/manager.h", "shared includes"),
    ("src/host/bad.c", "no/such.h", 'there is no "no/such.h"'),
    ("src/strange/bad.c", "basic/macro.h", "does not name the folder strange"),
])
def test_an_include_that_looks_down_is_found(copy, file, include, fault):
    (copy / file).parent.mkdir(exist_ok=True)
    (copy / file).write_text(f'#include <stdio.h>\n#  include "{include}"\n')
    found = layers.check(copy)
    assert len(found) == 1 and found[0].startswith(f"{file}: ") and fault in found[0]
    done = run(sys.executable, CHECKOUT / "tests/unit/layers.py", copy, ok=False)
    assert done.returncode == 1 and done.stderr == f"layers: {found[0]}\n"
