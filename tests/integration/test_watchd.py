# SPDX-License-Identifier: MIT
"""tooloo-watchd from outside: a source tree, a build command that keeps what it was given, and the status line.

No systemd is needed: the test listens on NOTIFY_SOCKET itself. What must *not* happen is waited for as long as the
watcher could take to do it, with windows made short by its own settings.
"""
import errno
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BUILD


WATCHD = BUILD / "src/watchd/tooloo-watchd"
QUIET, GATHER = 0.1, 0.4
PATIENCE = 20  # before a wait counts as failed; a sanitizer build on a busy machine is slow

# Each run leaves all sources in a directory of its own, then does what the test put into hook.sh.
COMMAND = """
set -e
n=$(ls "$OUT" | wc -l); mkdir -p "$OUT/.new"; cp -r src/. "$OUT/.new/"; mv "$OUT/.new" "$OUT/build-$n"
if [ -e "$OUT/../hook.sh" ]; then . "$OUT/../hook.sh"; fi
"""


class Watcher:
    def __init__(self, tmp_path):
        self.top = tmp_path
        self.tree = tmp_path / "tree"
        self.src = self.tree / "src"
        self.out = tmp_path / "out"
        self.modules = tmp_path / "lib" / "modules"
        self.hook = tmp_path / "hook.sh"
        self.log = tmp_path / "log"
        self.process = None
        for directory in self.src, self.out:
            directory.mkdir(parents=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(tmp_path / "notify"))

    def start(self, *options, command=COMMAND, prefix=(), env=None, wait=True):
        argv = [*prefix, str(WATCHD), f"--source={self.tree}", f"--modules={self.modules}"]
        if command:
            argv.append(f"--command={command}")
        if not any(o.startswith("--quiet-ms") for o in options):
            argv += [f"--quiet-ms={QUIET * 1000:.0f}", f"--gather-ms={GATHER * 1000:.0f}"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TOOLOO_", "DBUS_", "XDG_RUNTIME"))}
        environment |= {"NOTIFY_SOCKET": str(self.top / "notify"), "OUT": str(self.out), **(env or {})}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*argv, *options], stderr=log, env=environment)
        if wait:
            self.wait("READY=1")
            self.wait("STATUS=Build 1 done")
        return self

    def receive(self, seconds):
        """The next message, or None when none came in time."""
        self.notify.settimeout(max(seconds, 0.001))
        try:
            return self.notify.recv(4096).decode()
        except TimeoutError:
            return None

    def wait(self, pattern):
        deadline = time.monotonic() + PATIENCE
        seen = []
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None:
                break
            seen.append(message)
            if re.search(pattern, message):
                return message
        raise AssertionError(f"no {pattern!r} in {seen}; log:\n{self.log.read_text()}")

    def wait_for_line(self, text, count):
        deadline = time.monotonic() + PATIENCE
        while self.log.read_text().count(text) < count:
            assert time.monotonic() < deadline, self.log.read_text()
            self.receive(0.01)

    def idle(self):
        """Waits until nothing more can come of what was done: no message for longer than any window."""
        while self.receive(GATHER + 2 * QUIET) is not None:
            pass

    def builds(self):
        return len(list(self.out.glob("build-*")))

    def built(self, name):
        """The file as the newest build saw it."""
        return (self.out / f"build-{self.builds() - 1}" / name).read_text()

    def expect_builds(self, n, since):
        self.idle()
        assert self.builds() - since == n, self.log.read_text()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.log.read_text()
        if self.log.exists():
            assert "runtime error:" not in (text := self.log.read_text(errors="replace")), text


@pytest.fixture(scope="session", autouse=True)
def session():
    """In place of that of conftest.py: no fleet is needed here, and each test reads what a sanitizer reports itself."""


@pytest.fixture
def watcher(tmp_path):
    w = Watcher(tmp_path)
    yield w
    w.stop()
    w.notify.close()


def replace_like_vscode(path, text):
    temporary = path.with_name(path.name + ".3f9c27a1")
    temporary.write_text(text)
    temporary.rename(path)


def truncate_and_write(path, text):
    with open(path, "r+") as f:
        f.truncate(0)
        f.flush()
        f.write(text)


def save_like_emacs(path, text):
    lock, auto = path.with_name(".#" + path.name), path.with_name(f"#{path.name}#")
    lock.symlink_to("somebody@somewhere.1234:5678")
    auto.write_text(text)
    path.rename(path.with_name(path.name + "~"))
    path.write_text(text)
    auto.unlink()
    lock.unlink()


def save_like_sed(path, text):
    temporary = path.with_name("sedAbCdEf")
    temporary.write_text(text)
    temporary.rename(path)


def vim(*settings):
    def save(path, text):
        script = [*(f"set {s}" for s in settings), "%d", f"call setline(1, '{text.strip()}')", "wq"]
        subprocess.run(["vim", "-es", "-N", "-u", "NONE", "-i", "NONE", *(f"-c{line}" for line in script), str(path)],
                       check=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    return save


SAVES = {
    "write": Path.write_text,
    "vscode-in-place": truncate_and_write,
    "vscode-atomic": replace_like_vscode,
    "emacs": save_like_emacs,
    "sed": save_like_sed,
    "vim": vim("nobackup"),
    "vim-backup": vim("backup"),
    "vim-backupcopy-yes": vim("backup", "backupcopy=yes"),
    "vim-backupcopy-no": vim("backupcopy=no", "swapfile"),
    "vim-nowritebackup": vim("nobackup", "nowritebackup"),
}


@pytest.mark.parametrize("how", SAVES)
def test_one_save_is_one_build(watcher, how):
    if how.startswith("vim") and not shutil.which("vim"):
        pytest.skip("vim is not installed")
    (watcher.src / "a.c").write_text("one\n")
    watcher.start()
    watcher.idle()
    for text in "two\n", "three\n":
        before = watcher.builds()
        SAVES[how](watcher.src / "a.c", text)
        watcher.wait("STATUS=Build .* done")
        watcher.expect_builds(1, before)
        assert watcher.built("a.c") == text


@pytest.mark.parametrize("first_half", ["rename", "truncate", "temporary"])
def test_slow_save_is_one_build(watcher, first_half):
    """The watcher sees the file between the two steps of a save, as it does when an editor waits for the disk."""
    path, aside = watcher.src / "a.c", watcher.src / "a.c~"
    path.write_text("one\n")
    watcher.start("--quiet-ms=1000", "--gather-ms=3000", env={"TOOLOO_DEBUG": "1"})
    if first_half == "rename":
        path.rename(aside)
    elif first_half == "truncate":
        path.write_text("")
    else:
        (watcher.src / "sedXyZ").write_text("two\n")
    watcher.wait_for_line("1 files changed, 1 wait for a build", 1)
    if first_half == "temporary":
        (watcher.src / "sedXyZ").rename(path)
    else:
        path.write_text("two\n")
    watcher.wait("STATUS=Build 2 done")
    assert watcher.built("a.c") == "two\n"
    assert watcher.receive(1.5) is None


def test_file_that_comes_back_unchanged_builds_nothing(watcher):
    path, aside = watcher.src / "a.c", watcher.src / "a.c~"
    path.write_text("one\n")
    watcher.start("--quiet-ms=200", "--gather-ms=2000", env={"TOOLOO_DEBUG": "1"})
    path.rename(aside)
    watcher.wait_for_line("1 files changed, 1 wait for a build", 1)
    aside.rename(path)
    watcher.wait_for_line("1 files changed, 0 wait for a build", 1)
    assert watcher.receive(2.5) is None and watcher.builds() == 1


def test_first_save_is_built_at_once(watcher):
    (watcher.src / "a.c").write_text("one\n")
    watcher.start("--quiet-ms=10000", "--gather-ms=60000")
    before = time.monotonic()
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=Build 2 done")
    assert time.monotonic() - before < 5  # half of the quiet time, which it therefore did not wait for
    assert watcher.built("a.c") == "two\n"


@pytest.mark.parametrize("how", ["write", "vscode-atomic", "emacs"])
def test_fifty_saves_in_two_seconds(watcher, how):
    path = watcher.src / "a.c"
    path.write_text("start\n")
    watcher.start("--quiet-ms=200", "--gather-ms=1000")
    watcher.receive(0.3)
    begin = last = time.monotonic()
    stalls = 0  # of this test's, as long as the quiet time: each may end in a build
    for i in range(50):
        while (left := begin + i * 0.04 - time.monotonic()) > 0:
            watcher.receive(left)
        if how == "emacs":
            path.with_name("a.c~").unlink(missing_ok=True)
        SAVES[how](path, f"save {i}\n")
        now = time.monotonic()
        stalls, last = stalls + (now - last > 0.15), now
    took = time.monotonic() - begin
    while watcher.builds() < 2 or watcher.built("a.c") != "save 49\n":
        watcher.wait("STATUS=Build .* done")
    assert watcher.receive(1.5) is None or watcher.built("a.c") == "save 49\n"
    assert watcher.builds() - 1 <= 3 + stalls + int(max(took - 2.1, 0)), f"in {took:.2f} s"


def hold_builds(watcher):
    """From now on each build waits until it is let go."""
    fifo = watcher.top / "gate"
    os.mkfifo(fifo)
    watcher.hook.write_text(f"read go < {shlex.quote(str(fifo))}\n")
    return fifo


def test_save_during_a_build_is_not_lost(watcher):
    path = watcher.src / "a.c"
    path.write_text("one\n")
    watcher.start()
    gate = hold_builds(watcher)
    path.write_text("two\n")
    watcher.wait("STATUS=Build 2 is running")
    with open(gate, "w") as g:  # opens once the build waits at it, which is after it took its copy
        path.write_text("three\n")
        g.write("go\n")
    watcher.wait("STATUS=Build 3 is running")
    gate.write_text("go\n")
    watcher.wait("STATUS=Build 3 done")
    assert watcher.built("a.c") == "three\n"
    watcher.expect_builds(0, 3)


def test_change_and_back_during_a_build_builds_again(watcher):
    path = watcher.src / "a.c"
    path.write_text("one\n")
    watcher.start(env={"TOOLOO_DEBUG": "1"})
    gate = hold_builds(watcher)
    path.write_text("two\n")
    watcher.wait("STATUS=Build 2 is running")
    with open(gate, "w") as g:
        path.write_text("three\n")
        watcher.wait_for_line("1 files changed, 1 wait for a build", 2)  # the first one was "two"
        path.write_text("two\n")
        g.write("go\n")
    watcher.wait("STATUS=Build 3 is running")
    gate.write_text("go\n")
    watcher.wait("STATUS=Build 3 done")
    assert watcher.built("a.c") == "two\n"


def test_build_that_rewrites_a_source_does_not_loop(watcher):
    (watcher.src / "a.c").write_text("one\n")
    watcher.hook.write_text("rm -f src/generated.h; : > src/generated.h; cat src/a.c > src/generated.h\n")
    watcher.start()
    watcher.idle()
    before = watcher.builds()
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=Build .* done")
    watcher.idle()
    assert 1 <= watcher.builds() - before <= 3


def test_build_that_calls_for_itself_is_paused(watcher):
    """What it writes is other than before each time, so it would go on for ever."""
    (watcher.src / "a.c").write_text("one\n")
    (watcher.src / "gen").mkdir()
    watcher.hook.write_text("date +%N > src/gen/stamp.h\n")
    watcher.start(wait=False)
    status = watcher.wait("STATUS=Builds are paused for src/gen/stamp.h: ")
    assert "TOOLOO_IGNORE=" in status
    before = watcher.builds()
    watcher.expect_builds(0, before)
    assert watcher.log.read_text().count("paused") == 1

    # What a person changes is built as ever, once, and so is that file when a person changes it.
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=Build .* done")
    watcher.expect_builds(1, before)
    (watcher.src / "gen/stamp.h").write_text("by hand\n")
    watcher.wait("STATUS=Build .* done")
    watcher.expect_builds(1, before + 1)
    assert watcher.log.read_text().count("paused") == 1

    # Asked for, it may try again.
    watcher.process.send_signal(signal.SIGHUP)
    watcher.wait("STATUS=Builds are paused for src/gen/stamp.h: ")


def test_who_saves_during_each_build_is_not_paused(watcher):
    path = watcher.src / "a.c"
    path.write_text("one\n")
    watcher.start()
    gate = hold_builds(watcher)
    path.write_text("first\n")
    for i in range(12):
        watcher.wait("STATUS=Build .* is running")
        with open(gate, "w") as g:  # it has copied the sources, and waits
            path.write_text(f"save {i}\n")
            watcher.receive(0.05)
            g.write("go\n")
    watcher.wait("STATUS=Build .* is running")
    with open(gate, "w") as g:
        g.write("go\n")
    watcher.wait("STATUS=Build .* done")
    watcher.idle()
    assert watcher.built("a.c") == "save 11\n" and "paused" not in watcher.log.read_text()


def test_touch_builds_nothing(watcher):
    path = watcher.src / "a.c"
    path.write_text("one\n")
    watcher.start()
    watcher.idle()
    path.touch()
    path.write_text("one\n")
    replace_like_vscode(path, "one\n")
    path.chmod(0o600)
    watcher.expect_builds(0, 1)
    path.write_text("two\n")
    watcher.wait("STATUS=Build 2 done")


def test_droppings_build_nothing(watcher):
    (watcher.src / "a.c").write_text("one\n")
    (watcher.src / "node_modules").mkdir()
    watcher.start("--ignore=*.log", "--ignore=src/gen/*")
    watcher.idle()
    (watcher.src / "gen").mkdir()
    for name in (".hidden", "a.c~", "#a.c#", ".a.c.swp", "4913", "x.tmp", "a.c.orig", "a.c.rej", "x.log", "gen/x.c",
                 "node_modules/x.js"):
        (watcher.src / name).write_text("x\n")
    (watcher.tree / "outside.c").write_text("x\n")
    os.symlink("a.c", watcher.src / "link.c")
    watcher.expect_builds(0, 1)
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=Build 2 done")


def test_new_moved_and_removed_directories(watcher):
    (watcher.src / "a.c").write_text("one\n")
    watcher.start()
    watcher.idle()
    deep = watcher.src / "new" / "deeper"
    deep.mkdir(parents=True)
    (deep / "b.c").write_text("one\n")
    watcher.wait("STATUS=Build 2 done")
    watcher.expect_builds(0, 2)
    (deep / "b.c").write_text("two\n")
    watcher.wait("STATUS=Build 3 done")
    assert watcher.built("new/deeper/b.c") == "two\n"

    watcher.idle()
    (watcher.src / "new").rename(watcher.src / "other")
    watcher.wait("STATUS=Build 4 done")
    watcher.idle()
    (watcher.src / "other/deeper/b.c").write_text("three\n")
    watcher.wait("STATUS=Build 5 done")
    assert watcher.built("other/deeper/b.c") == "three\n"

    watcher.idle()
    (watcher.src / "other").rename(watcher.top / "away")  # out of the tree
    watcher.wait("STATUS=Build 6 done")
    watcher.idle()
    (watcher.top / "away/deeper/b.c").write_text("four\n")
    watcher.expect_builds(0, 6)

    shutil.rmtree(watcher.src)
    watcher.wait("STATUS=Build .*cp: ")  # there is nothing to copy any more
    watcher.idle()
    before = watcher.builds()
    watcher.src.mkdir()
    (watcher.src / "a.c").write_text("again\n")
    watcher.wait("STATUS=Build .* done")
    assert watcher.builds() > before and watcher.built("a.c") == "again\n"


def git(watcher, *arguments):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=watcher.tree,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PATIENCE)


def git_tree(watcher):
    (watcher.tree / ".gitignore").write_text("build\n")
    git(watcher, "init", "-b", "one")
    for branch in "one", "two":
        if branch != "one":
            git(watcher, "switch", "-c", branch)
        for i in range(200):
            path = watcher.src / f"d{i % 10}" / f"f{i}.c"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{branch} {i}\n" * 50)
        (watcher.src / f"only-{branch}.c").write_text("x\n")
        (watcher.src / "only-one.c").unlink() if branch == "two" else None
        git(watcher, "add", "-A")
        git(watcher, "commit", "-m", branch)


@pytest.mark.parametrize("worktree", [False, True])
def test_git_switch_is_one_build(watcher, worktree):
    git_tree(watcher)
    if worktree:
        git(watcher, "switch", "--detach")
        git(watcher, "worktree", "add", str(watcher.top / "linked"), "two")
        watcher.tree = watcher.top / "linked"
        watcher.src = watcher.tree / "src"
    watcher.start()
    watcher.idle()
    for branch in ("one", "two") * 4:
        before = watcher.builds()
        git(watcher, "switch", branch)
        watcher.wait("STATUS=Build .* done")
        watcher.expect_builds(1, before)
        assert watcher.built("d9/f199.c").startswith(branch)
        assert watcher.built("d0/f0.c").startswith(branch)


def test_slow_git_switch_is_one_build(watcher):
    git_tree(watcher)
    git(watcher, "config", "filter.slow.smudge", "sleep 0.02; cat")
    (watcher.tree / ".git/info/attributes").write_text("src/d[09]/* filter=slow\n")
    watcher.start()
    watcher.idle()
    begin = time.monotonic()
    git(watcher, "switch", "one")
    took = time.monotonic() - begin
    assert took > GATHER + QUIET  # else this would not show that the lock counts
    watcher.wait("STATUS=Build 2 done")
    watcher.expect_builds(1, 1)
    assert watcher.built("d9/f199.c").startswith("one") and watcher.built("d0/f0.c").startswith("one")


def test_changes_wait_while_git_holds_its_lock(watcher):
    git_tree(watcher)
    watcher.start()
    watcher.idle()
    lock = watcher.tree / ".git/index.lock"
    lock.write_text("")
    (watcher.src / "d0/f0.c").write_text("changed\n")
    watcher.expect_builds(0, 1)
    (watcher.src / "d1/f1.c").write_text("changed\n")
    lock.unlink()
    watcher.wait("STATUS=Build 2 done")
    watcher.expect_builds(1, 1)
    assert watcher.built("d0/f0.c") == watcher.built("d1/f1.c") == "changed\n"


def test_stale_git_lock_does_not_block_for_ever(watcher):
    git_tree(watcher)
    (watcher.tree / ".git/index.lock").write_text("")
    begin = time.monotonic()
    watcher.start(wait=False)
    watcher.wait("STATUS=Build 1 done")
    assert time.monotonic() - begin >= 9.5
    (watcher.src / "d0/f0.c").write_text("changed\n")
    begin = time.monotonic()
    watcher.wait("STATUS=Build 2 done")
    assert time.monotonic() - begin < 8  # not another ten


def test_failure_shows_the_first_error_and_goes_on(watcher):
    path = watcher.src / "a.c"
    path.write_text("int a;\n")
    watcher.hook.write_text("(mkdir -p build && cd build && cc -fdiagnostics-color=always -c ../src/a.c)\n")
    watcher.start()
    path.write_text("int a = b;\n")
    status = watcher.wait("STATUS=Build failed: ")
    assert re.search(r"STATUS=Build failed: src/a\.c:1:9: error: .b. undeclared", status)
    assert "Build failed: src/a.c:1:9: error:" in watcher.log.read_text()
    path.write_text("int a = 1;\n")
    watcher.wait("STATUS=Build 3 done")


@pytest.mark.parametrize("text, status", [
    ("echo 'cc: /tmp/x.s: No space left on device'; exit 1", "Build failed: disk full: cc: /tmp/x.s: No space left on "
     "device; free some space, then run 'systemctl --user reload tooloo-watchd'"),
    ("exit 3", "Build failed: the build command exited with status 3 and said nothing"),
    ("kill -SEGV $$", "Build failed: the build command was killed by SIGSEGV"),
    ("no-such-tool --x", "Build failed: .*no-such-tool: not found; install it"),
    ("(no-such-tool) || exit 1", "Build failed: .*no-such-tool: not found; install it"),
    (r"printf '\377\033[31mbad\033[0m\n'; exit 1", r"Build failed: \?bad$"),
    ("yes 0123456789012345678901234567890123456789 | head -n 5000; echo 'x.c:1:2: error: late'; exit 1",
     "Build failed: x.c:1:2: error: late"),
])
def test_failures_are_told_apart(watcher, text, status):
    (watcher.src / "a.c").write_text("one\n")
    watcher.start()
    watcher.hook.write_text(text + "\n")
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=" + status)
    assert watcher.log.stat().st_size < 200_000


def test_missing_ninja(watcher):
    (watcher.tree / "build").mkdir()
    (watcher.tree / "build/build.ninja").write_text("")
    watcher.start(command=None, env={"PATH": str(watcher.top)}, wait=False)
    watcher.wait("STATUS=Build failed: ninja: not found; install ninja-build")
    assert watcher.process.poll() is None


def test_ninja_by_default(watcher):
    build = watcher.tree / "build/src/modules/training"
    build.mkdir(parents=True)
    (watcher.tree / "build/build.ninja").write_text(
        "rule cp\n command = cp $in $out\n"
        "build src/modules/training/training.so: cp ../src/a.c\n"
        "build modules: phony src/modules/training/training.so\n")
    (watcher.src / "a.c").write_text("one\n")
    watcher.start(command=None, wait=False)
    watcher.wait("STATUS=Build 1 done in .* ms: published training.so")
    published = watcher.modules / "training.so"
    assert published.read_text() == "one\n"
    inode = published.stat().st_ino
    watcher.process.send_signal(signal.SIGHUP)
    watcher.wait("STATUS=Build 2 done in .* ms: nothing changed")
    assert published.stat().st_ino == inode
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=Build 3 done in .* ms: published training.so")
    assert published.read_text() == "two\n" and published.stat().st_ino != inode
    assert [p.name for p in watcher.modules.iterdir()] == ["training.so"]
    assert not list((watcher.modules.parent / "staging").iterdir())
    shutil.rmtree(watcher.tree / "build")
    (watcher.src / "a.c").write_text("three\n")
    watcher.wait("STATUS=Build failed: ninja: ")
    assert published.read_text() == "two\n"


def in_namespace(*setup, user=True):
    """A command prefix that does something first as root of a namespace of its own."""
    as_root = ["--user", "--map-root-user"] if user or os.geteuid() != 0 else []
    prefix = ["unshare", *as_root, "--mount", "sh", "-ec", "; ".join([*setup, 'exec "$@"']), "sh"]
    if os.geteuid() == 0:  # in a container /proc/sys is read-only, but not that of a mount of one's own
        prefix = ["unshare", "--mount", "sh", "-ec", 'mount -t proc proc /proc; exec "$@"', "sh", *prefix]
    done = subprocess.run([*prefix, "true"], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        pytest.skip(f"may not set this up here: {done.stderr.strip()}")
    return prefix


def test_full_disk_when_publishing(watcher):
    build = watcher.tree / "build/src/modules/training"
    build.mkdir(parents=True)
    watcher.modules.parent.mkdir()
    watcher.hook.write_text(f"head -c $(cat src/size) /dev/zero > {build}/training.so\n")
    (watcher.src / "size").write_text("1000\n")
    prefix = in_namespace(f"mount -t tmpfs -o size=64k none {shlex.quote(str(watcher.modules.parent))}", user=False)
    watcher.start(prefix=prefix)
    (watcher.src / "size").write_text("1000000\n")
    watcher.wait("STATUS=Publishing failed: cannot publish .*training.so: No space left on device; free some space")
    (watcher.src / "size").write_text("2000\n")
    watcher.wait("STATUS=Build 3 done in .*: published training.so")


def test_module_directory_of_another_file_system(watcher):
    build = watcher.tree / "build/src/modules/training"
    build.mkdir(parents=True)
    watcher.modules.mkdir(parents=True)
    (build / "training.so").write_text("one")
    prefix = in_namespace(f"mount -t tmpfs none {shlex.quote(str(watcher.modules))}", user=False)
    watcher.start(prefix=prefix, wait=False)
    watcher.wait("STATUS=Publishing failed: cannot publish .*training.so: Invalid cross-device link; .* one file system")


def test_full_disk_while_building(watcher):
    build = watcher.tree / "build"
    build.mkdir()
    (watcher.src / "a.c").write_text("int a;\n")
    watcher.hook.write_text("cd build && cc -c ../src/a.c\n")
    prefix = in_namespace(f"mount -t tmpfs -o size=64k none {shlex.quote(str(build))}", user=False)
    watcher.start(prefix=prefix)
    (watcher.src / "a.c").write_text("int a[100000] = { 1 };\n")
    watcher.wait("STATUS=Build failed: disk full: .*No space left on device.*; free some space, then run '")
    (watcher.src / "a.c").write_text("int a = 2;\n")
    watcher.wait("STATUS=Build 3 done")


def expect_exit(watcher, code, text):
    assert watcher.process.wait(PATIENCE) == code
    lines = watcher.log.read_text().splitlines()
    assert len(lines) == 1 and re.search(text, lines[0]), lines


def test_inotify_limits(watcher):
    for i in range(8):
        (watcher.src / f"d{i}").mkdir()
    watcher.start(prefix=in_namespace("echo 5 > /proc/sys/user/max_inotify_watches"), wait=False)
    watcher.wait("STATUS=cannot watch src/d.*sysctl fs.inotify.max_user_watches=")
    expect_exit(watcher, 78, "tooloo-watchd: cannot watch .*sudo sysctl fs.inotify.max_user_watches=")
    watcher.start(prefix=in_namespace("echo 0 > /proc/sys/user/max_inotify_instances"), wait=False)
    watcher.wait("STATUS=cannot watch .*sysctl fs.inotify.max_user_instances=")
    expect_exit(watcher, 78, "sudo sysctl fs.inotify.max_user_instances=")


def test_inotify_limit_while_running(watcher):
    (watcher.src / "a.c").write_text("one\n")
    watcher.start(prefix=in_namespace("echo 4 > /proc/sys/user/max_inotify_watches"))
    for i in range(8):
        (watcher.src / f"d{i}").mkdir()
    watcher.wait("STATUS=cannot watch src/d.*sysctl")
    assert watcher.process.wait(PATIENCE) == 78


def test_overflow_of_the_event_queue(watcher):
    for i in range(100):
        (watcher.src / f"f{i}.c").write_text("one\n")
    watcher.start()
    watcher.process.send_signal(signal.SIGSTOP)
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for i in range(limit // 2 + 100):  # two different names by turns, or the kernel joins the events
        for name in "x", "y":
            os.close(os.open(watcher.src / name, os.O_WRONLY | os.O_CREAT))
    (watcher.src / "f50.c").write_text("two\n")
    (watcher.src / "new").mkdir()
    (watcher.src / "new/a.c").write_text("one\n")
    watcher.process.send_signal(signal.SIGCONT)
    watcher.wait("STATUS=Build 2 done")
    assert watcher.built("f50.c") == "two\n" and watcher.built("new/a.c") == "one\n"
    watcher.idle()
    (watcher.src / "new/a.c").write_text("two\n")
    watcher.wait("STATUS=Build 3 done")
    assert watcher.built("new/a.c") == "two\n"


def test_what_was_edited_before_the_start_is_built(watcher):
    (watcher.src / "a.c").write_text("one\n")
    watcher.start()
    watcher.stop()
    (watcher.src / "a.c").write_text("two\n")
    watcher.start()
    assert watcher.built("a.c") == "two\n"


def test_stop_during_a_build_ends_it(watcher):
    (watcher.src / "a.c").write_text("one\n")
    watcher.start()
    gate = hold_builds(watcher)
    watcher.hook.write_text(f"(trap '' TERM; cat {gate}) & cat {gate}\n")
    (watcher.src / "a.c").write_text("two\n")
    watcher.wait("STATUS=Build 2 is running")
    writer = os.open(gate, os.O_WRONLY)  # somebody reads now
    os.close(writer)
    hold = os.open(gate, os.O_RDWR)
    watcher.process.send_signal(signal.SIGTERM)
    watcher.process.send_signal(signal.SIGTERM)
    assert watcher.process.wait(PATIENCE) == 0
    os.close(hold)
    with pytest.raises(OSError) as caught:
        os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
    assert caught.value.errno == errno.ENXIO  # nobody reads any more


@pytest.mark.parametrize("options, code, text", [
    (["--quiet-ms=5"], 2, r"--quiet-ms= takes a number from 10 to 10000, not \"5\""),
    (["--quiet-ms=300", "--gather-ms=200"], 2, "--gather-ms=200 must not be less than --quiet-ms=300"),
    (["--max-files=x"], 2, "--max-files= takes a number"),
    (["--watch=../x"], 2, "--watch= takes a path below the source tree"),
    (["--watch=/etc"], 2, "--watch= takes a path below the source tree"),
    (["--source="], 2, "--source= must not be empty"),
    (["--nonsense"], 2, "--nonsense"),
    (["argument"], 2, "too many arguments"),
    (["--watch=nowhere"], 78, "nothing to watch: there is no nowhere"),
    (["--source=/nowhere"], 78, "cannot enter the source tree /nowhere: No such file"),
    (["--max-files=1"], 78, "more than 1 files"),
])
def test_bad_options(watcher, options, code, text):
    for name in "a.c", "b.c":
        (watcher.src / name).write_text("x\n")
    watcher.start(*options, wait=False)
    assert watcher.process.wait(PATIENCE) == code
    assert re.search(text, watcher.log.read_text().splitlines()[-1])


def test_build_directory_not_set_up(watcher):
    (watcher.src / "a.c").write_text("x\n")
    watcher.start(command=None, wait=False)
    watcher.wait("STATUS=the build directory build is not set up")
    expect_exit(watcher, 78, "not set up .no build.ninja.; in the source tree run: meson setup build")


def test_settings_from_the_environment(watcher):
    for directory in "lib dir", "gen":
        (watcher.tree / directory).mkdir()
    (watcher.src / "a.c").write_text("one\n")
    watcher.start(env={"TOOLOO_WATCH": "src 'lib dir' ./gen/", "TOOLOO_IGNORE": "*.log b*", "TOOLOO_MAX_FILES": "50"})
    watcher.idle()
    (watcher.src / "b.c").write_text("x\n")
    watcher.expect_builds(0, 1)
    (watcher.tree / "lib dir/c.c").write_text("x\n")
    watcher.wait("STATUS=Build 2 done")
    (watcher.tree / "gen/d.c").write_text("x\n")
    watcher.wait("STATUS=Build 3 done")


def test_help_and_version():
    text = subprocess.run([WATCHD, "--help"], capture_output=True, text=True, check=True).stdout
    for option in ("--source", "--build", "--command", "--watch", "--ignore", "--output", "--modules", "--quiet-ms",
                   "--gather-ms", "--max-files", "--version"):
        assert option + "=" in text or option in text.split()
    assert subprocess.run([WATCHD, "--version"], capture_output=True, text=True).stdout.startswith("tooloo-watchd ")
