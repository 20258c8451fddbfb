# SPDX-License-Identifier: MIT
"""Runs the integration tests, file by file, in sandboxes of their own: most of a test's time is waiting, so two sandboxes on
two cores take half of the time of one.

        integration.py --name NAME --build DIR --junit DIR [--workers N] [-k WORD] [-- SANDBOX-OPTION...]

Each file's output appears once it is done; its JUnit file lies in the junit directory then. The exit status is 1 when a
sandbox could not be booted; what the tests said is in the JUnit files.
"""
import argparse
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty, Queue

CHECKOUT = Path(__file__).resolve().parents[2]
SANDBOX = CHECKOUT / "tests/sandbox"
NO_TESTS = 5  # pytest's exit status when nothing has the word in its name

printing = threading.Lock()


def say(text):
    with printing:
        print(text, flush=True)


def test_files():
    """Those that take longest first, so that none of them is left over at the end; length stands for time."""
    files = [f for folder in ("integration", "browser") for f in (CHECKOUT / "tests" / folder).glob("test_*.py")]
    return sorted(files, key=lambda f: -f.stat().st_size)


def run_file(options, sandbox, file):
    junit = options.junit / f"integration-{file.stem}.xml"
    command = [SANDBOX, "run", "--name", sandbox, "--", "env", f"TOOLOO_BUILDDIR={options.build}",
               f"TOOLOO_LONG={os.environ.get('TOOLOO_LONG', '')}",
               f"TOOLOO_GOLDEN={os.environ.get('TOOLOO_GOLDEN', '')}",
               f"TOOLOO_SCREENSHOT={os.environ.get('TOOLOO_SCREENSHOT', '')}", "python3", "-m", "pytest",
               "-q", "-p", "no:cacheprovider", file.relative_to(CHECKOUT), f"--junit-xml={junit}", "-rs"]
    if options.k:
        command += ["-k", options.k]
    begun = time.monotonic()
    try:
        done = subprocess.run(command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=options.timeout, check=False)
        text, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as e:
        text, status = f"{(e.stdout or b'').decode(errors='replace')}\nnot done after {options.timeout} s", 1
    if status == NO_TESTS:
        junit.unlink(missing_ok=True)
        return
    if status != 0 and not junit.exists():  # so that it counts
        junit.write_text(f'<testsuite><testcase name="{file.name}"><error/></testcase></testsuite>\n')
    lines = text.rstrip().splitlines()
    summary = lines[-1].strip("= ") if lines else "no output"
    with printing:
        print(f"{'ok   ' if status == 0 else 'FAIL '} {file.stem}: {summary} ({time.monotonic() - begun:.0f} s)")
        notable = [line for line in lines if line.startswith(("SKIPPED", "Screenshots:"))]
        print("".join(f"      {line}\n" for line in (notable if status == 0 else lines)), end="", flush=True)


def work(options, sandbox, files):
    up = [SANDBOX, "up", "--name", sandbox, "--private-network", "--owner", str(os.getppid()), *options.sandbox]
    try:
        done = subprocess.run(up, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=options.timeout, check=False)
        say(done.stdout.rstrip())
        if done.returncode != 0:
            return False
        # Tests of the watcher publish there, whoever runs them.
        owner = os.environ.get("SUDO_UID", str(os.getuid()))
        subprocess.run([SANDBOX, "exec", "--name", sandbox, "--", "chown", "-R", owner, "/usr/lib/tooloo"], check=True)
        while True:
            try:
                file = files.get_nowait()
            except Empty:
                return True
            run_file(options, sandbox, file)
    finally:
        subprocess.run([SANDBOX, "down", "--name", sandbox], stdout=subprocess.DEVNULL, check=False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--build", required=True)
    parser.add_argument("--junit", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=1200)
    parser.add_argument("-k")
    parser.add_argument("sandbox", nargs="*")
    options = parser.parse_args()
    options.junit = options.junit.resolve()
    options.junit.mkdir(parents=True, exist_ok=True)
    for old in options.junit.glob("integration-*.xml"):
        old.unlink()
    files = Queue()
    for file in test_files():
        files.put(file)
    with ThreadPoolExecutor(options.workers) as pool:
        names = [f"{options.name}-{i + 1}" for i in range(options.workers)]
        return 0 if all(pool.map(lambda name: work(options, name, files), names)) else 1


if __name__ == "__main__":
    sys.exit(main())
