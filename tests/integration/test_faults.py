# SPDX-License-Identifier: MIT
"""Modules that misbehave. Before the swap nobody notices; after it the service comes back with the last good copy."""
import re

import pytest
from conftest import MODULES, Journal, journal_cursor, one_line, run, systemctl, toolooctl, wait_for_file
from load import Load

TRIAL_MS = 5000  # as by default: what a module with sanitizers takes on a busy machine, too
PROVE_MS = 100

# What each does, and how the reason begins that is given for it.
BUILT = {
    "no-symbol": "it does not define tooloo_module",
    "wrong-abi": r"(it is|it was).* ABI",
    "wrong-magic": ".",
    "wrong-name": "somebody-else",
    "bad-routes": "no-slash",
    "undefined-symbol": "undefined symbol: tooloo_fixture_defined_nowhere",
    "init-fails": "its init failed: Input/output error",
    "init-crashes": r"its init crashed \(SIGSEGV\)",
    "init-hangs": f"its init did not return within {TRIAL_MS} ms",
    "resume-fails": "its resume failed: Bad message",
}
WRITTEN = {
    "truncated": lambda good: good[: len(good) // 2],
    "cut-short": lambda good: good[:1000],
    "empty": lambda good: b"",
    "text": lambda good: b"This is no shared object.\n" * 100,
    "zeroes-inside": lambda good: good[:64] + bytes(len(good) - 64),
}


def journal_of(unit):
    """As the messages tell people to look, but in root's session, whose units log to the system's journal."""
    run("journalctl", "--sync", ok=None)
    return run("journalctl", f"--user-unit={unit}", "-o", "cat").stdout


def check_shown(service, reason):
    """The reason stands wherever a person looks."""
    assert re.search(reason, journal_of(service.unit)), journal_of(service.unit)
    assert re.search(reason, systemctl("status", "--no-pager", "--full", "--lines=0", service.unit).stdout)
    assert re.search(reason, service.status()["problem"])
    assert re.search(reason, toolooctl("status", service.id).stdout)
    assert re.search(reason, toolooctl("status", ok=None).stdout)


@pytest.fixture
def faulty(service):
    return service("faulty", "faulty-good", options=f"--trial-timeout={TRIAL_MS} --prove-after={PROVE_MS}")


@pytest.fixture(params=[*BUILT, *WRITTEN])
def bad_module(request, tmp_path):
    """A module file with a fault, and what is said of it."""
    if request.param in BUILT:
        return MODULES / f"faulty-{request.param}.so", BUILT[request.param]
    file = tmp_path / "bad.so"
    file.write_bytes(WRITTEN[request.param]((MODULES / "faulty-good.so").read_bytes()))
    return file, "."


def test_a_module_that_does_not_load_is_not_noticed(faulty, bad_module):
    file, reason = bad_module
    pid = faulty.pid()
    after = journal_cursor()
    with Load(faulty.port, connections=10, rate=50, path="/value") as load:
        load.wait_for(10)
        done = faulty.reload(file, ok=False)
        load.wait_for(10)
        said = one_line(done)
        assert done.returncode == 1 and said.startswith("toolooctl: faulty keeps its old code: module rejected: ")
        reason_given = said.split("module rejected: ")[1]
        assert re.search(reason, reason_given), said
        with Journal(faulty.unit, after=after) as journal:
            entry = journal.wait("Module rejected, generation 1 goes on serving: ")
        assert entry["TOOLOO_EVENT"] == "reload-rejected" and entry["TOOLOO_REASON"] == reason_given
        assert (entry["TOOLOO_GENERATION"], entry["TOOLOO_FILE"]) == ("1", str(faulty.file))
        assert int(entry["TOOLOO_DURATION_USEC"]) > 0 and "TOOLOO_PAUSE_USEC" not in entry
        check_shown(faulty, re.escape(reason_given))
        assert faulty.status()["lastResult"] == "rejected"

        # systemctl's way says it by its exit status; and what was rejected once is not tried by every look again.
        assert systemctl("reload", faulty.unit, ok=False).returncode == 1
        assert toolooctl("reload", "--changed", f"--modules={faulty.modules}").stdout == ""

        assert faulty.reload("faulty-good").stdout == "faulty: generation 2\n"
        load.wait_for(10)
    figures = load.figures
    assert (figures.failed, figures.dropped, figures.parted, figures.refused) == (0, 0, 0, 0), str(figures)
    assert faulty.pid() == pid
    assert faulty.generation() == 2 and faulty.status()["problem"] is None
    assert "rejected" not in faulty.property("StatusText")


def test_a_missing_file(faulty):
    faulty.file.unlink()
    said = one_line(faulty.reload(ok=False))
    assert f"there is no {faulty.file}" in said, said
    assert faulty.get("/value") == {"value": "good"}


def test_big_state_is_carried_over(faulty):
    faulty.reload("faulty-big-state")
    faulty.install("faulty-big-state")
    faulty.reload()
    assert faulty.get("/value") == {"value": "resumed"}


def prove(service):
    """Waits until what runs is the copy to fall back to."""
    good = service.state_directory() / "good.so"
    wait_for_file(good)
    assert good.read_bytes() == service.file.read_bytes()


@pytest.mark.parametrize("fault, reason", [
    ("crash-after-swap", r"ended soon after this module was loaded \((killed|dumped), SEGV\)"),
    ("init-crashes-live", r"ended soon after this module was loaded \((killed|dumped), SEGV\)"),
    ("hang-after-swap", r"hung soon after this module was loaded \(watchdog\)"),
])
def test_a_module_that_takes_its_process_down_is_rolled_back(service, fault, reason):
    hangs = fault.startswith("hang")
    faulty = service("faulty", "faulty-good", options=f"--prove-after={10000 if hangs else 1000}",
                     **({"WatchdogSec": "5s"} if hangs else {}))
    prove(faulty)
    pid = faulty.pid()
    with Load(faulty.port, connections=5, rate=25, path="/value") as load:
        load.wait_for(5)
        with Journal(faulty.unit, after=journal_cursor()) as journal:
            # It dies within the reload, or after it has been reported.
            done = faulty.reload(f"faulty-{fault}", ok=None)
            entry = journal.wait("Running the last good module instead")
        assert entry["TOOLOO_EVENT"] == "rolled-back" and re.search(reason, entry["TOOLOO_REASON"])
        assert (entry["TOOLOO_GENERATION"], entry["TOOLOO_FILE"]) == ("1", str(faulty.file))
        load.wait_for(20)
    if fault == "init-crashes-live":
        assert done.returncode == 1 and one_line(done)
    assert load.figures.refused == 0, str(load.figures)
    assert faulty.pid() != pid and faulty.property("ActiveState") == "active"
    assert faulty.get("/value") == {"value": "good"}
    check_shown(faulty, reason)
    assert faulty.status()["lastResult"] == "rolled-back"

    # The file is still the bad one: nothing but a new one is taken, not even by a restart.
    assert toolooctl("reload", "--changed", f"--modules={faulty.modules}").stdout == ""
    toolooctl("restart", "faulty")
    assert faulty.get("/value") == {"value": "good"}
    assert faulty.reload("faulty-big-state").returncode == 0
    assert faulty.status()["problem"] is None and faulty.status()["lastResult"] == "reloaded"
    toolooctl("restart", "faulty")
    assert faulty.status()["problem"] is None


def test_a_bad_file_at_the_start_runs_the_last_good_one(faulty):
    prove(faulty)
    faulty.stop()
    faulty.install("faulty-wrong-abi")
    faulty.start()
    assert faulty.get("/value") == {"value": "good"}
    check_shown(faulty, "ABI")
