# SPDX-License-Identifier: MIT
"""What the benchmarks share: a sandbox of their own, the conditions they ran under, statistics, tables, a verdict.

A benchmark is started outside: it makes a build, boots a sandbox and starts itself again in there with --inside. A count
that must be 0 and is not makes it fail; an aim that is missed is only said, for times differ from machine to machine.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
SANDBOX = CHECKOUT / "tests/sandbox"
CACHE = Path(os.environ.get("TOOLOO_CACHE")
             or ("/var/cache/tooloo" if os.getuid() == 0 else Path.home() / ".cache/tooloo"))
NPM = CACHE / "bench-npm"

sys.path.insert(0, str(HERE.parent / "lib"))


def die(text):
    sys.exit(f"{Path(sys.argv[0]).name}: {text}")


def output(*command, **options):
    """What the command printed; it must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-500:] or done.returncode}")
    return done.stdout


def wait_until(condition, what, timeout=30, every=0.01):
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not in {timeout} s")
        time.sleep(every)
    return result


# --- Statistics and tables ---


def percentile(values, percent):
    """The smallest value that so many percent of them do not exceed (nearest rank)."""
    values = sorted(values)
    return values[max(-(-len(values) * percent // 100) - 1, 0)]


def spread(values, digits=0):
    """Median [min-max]."""
    if not values:
        return "-"
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"


def table(head, rows):
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["-" * w for w in widths], *rows]:
        print("  " + "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip())
    print(flush=True)


class Verdict:
    """Collects what was asked of the figures."""

    def __init__(self):
        self.broken = []

    def must_be(self, what, value, wanted=0):
        good = value == wanted
        print(f"  must be {wanted}: {what} = {value}{'' if good else '   <-- FAILED'}", flush=True)
        if not good:
            self.broken.append(what)

    def must_be_under(self, what, value, limit, unit):
        good = value < limit
        print(f"  must be under {limit} {unit}: {what} = {value:.2f} {unit}{'' if good else '   <-- FAILED'}", flush=True)
        if not good:
            self.broken.append(what)

    @staticmethod
    def aim(what, value, limit, unit):
        print(f"  aim: {what} under {limit} {unit}: {value:.1f} {unit}, {'met' if value < limit else 'MISSED'}", flush=True)

    def end(self):
        print(f"\nload at the end: {load_average()}")
        if self.broken:
            print(f"FAILED: {'; '.join(self.broken)}")
        return 1 if self.broken else 0


# --- Conditions ---


def load_average():
    return " ".join(f"{n:.2f}" for n in os.getloadavg())


def version_of(*command):
    try:
        return output(*command).splitlines()[0].strip()
    except (OSError, RuntimeError, IndexError):
        return None


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def print_conditions(name, facts, rounds):
    system = output("systemctl", "--version").splitlines()[0]
    print(f"{name}, {time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}")
    print(f"  kernel {platform.release()}, {os.cpu_count()} cores ({cpu_model()}), load before {facts['load']}")
    print(f"  {system}, Python {platform.python_version()}, sandbox with a network of its own, uid {os.getuid()}")
    print(f"  tooloo build type {facts['buildtype']}, sanitizers {facts['sanitize']}, {facts['revision']}")
    peers = [f"node {version_of('node', '--version')}"] if shutil.which("node") else ["no node"]
    for package in "nodemon", "pm2", "ws", "http-proxy", "@portkey-ai/gateway":
        manifest = NPM / "node_modules" / package / "package.json"
        if manifest.exists():
            peers.append(f"{package} {json.loads(manifest.read_text())['version']}")
    print(f"  peers: {', '.join(peers)}")
    print(f"  rounds: {rounds}; figures are medians [min-max] unless said\n", flush=True)


# --- Outside ---


def build_in(source, directory):
    """A build of the kind that users get, unless there is one."""
    if not (directory / "build.ninja").exists():
        output("meson", "setup", directory, source, "--prefix=/usr", "-Dbuildtype=debugoptimized")
    output("ninja", "-C", directory)
    return directory


def build_facts(directory):
    options = json.loads(output("meson", "introspect", "--buildoptions", directory))
    value = {o["name"]: o["value"] for o in options}
    revision = version_of("git", "-C", CHECKOUT, "describe", "--always", "--dirty") or "no revision yet"
    return {"build": str(directory), "buildtype": value["buildtype"], "sanitize": value["b_sanitize"],
            "revision": revision, "load": load_average()}


def install_peers():
    """The packages of package.json, in a cache of their own. False when that cannot be."""
    wanted = (HERE / "package.json").read_text()
    have = NPM / "package.json"
    if have.exists() and have.read_text() == wanted and (NPM / "node_modules/http-proxy").exists():
        return True
    if not shutil.which("npm"):
        return False
    try:
        NPM.mkdir(parents=True, exist_ok=True)
        have.write_text(wanted)
        output("npm", "install", "--prefix", NPM, "--no-package-lock", "--no-audit", "--no-fund", "--omit=optional",
               "--ignore-scripts", stdin=subprocess.DEVNULL, timeout=300)
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as e:
        have.unlink(missing_ok=True)
        print(f"peers are not measured: {str(e).splitlines()[-1]}", file=sys.stderr)
        return False
    return True


def run_inside(script, arguments, facts, binds):
    name = f"bench-{script.name.lstrip(chr(46))}-{os.getpid()}"
    up = [SANDBOX, "up", "--private-network", "--owner", str(os.getpid()), "--name", name, "--build", facts["build"]]
    for path in binds:
        up += ["--bind", path]
    try:
        done = subprocess.run(up, stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            return done.returncode
        modules = Path(facts["modules"])
        # Those of /usr belong to root, and what is measured runs as the user.
        owner = os.environ.get("SUDO_UID", str(os.getuid()))
        output(SANDBOX, "exec", "--name", name, "--", "install", "-d", "-o", owner, modules, modules.parent / "staging")
        inside = [SANDBOX, "run", "--name", name, "--", "env", f"TOOLOO_CACHE={CACHE}", "python3", "-B", script, "--inside",
                  json.dumps(facts), *arguments]
        return subprocess.run(inside, timeout=facts["limit"], check=False).returncode
    except subprocess.TimeoutExpired:
        print(f"FAILED: not done after {facts['limit']} s")
        return 1
    finally:
        subprocess.run([SANDBOX, "down", "--name", name], stdout=subprocess.DEVNULL, check=False)


def main(description, add_options, measure, prepare=None, limit=1800):
    """measure(options, facts) runs in the sandbox and returns an exit status. prepare(options) runs outside and returns
    the build directory and what else is to be seen in the sandbox."""
    script = Path(sys.argv[0]).resolve()
    parser = argparse.ArgumentParser(prog=script.name, description=description)
    parser.add_argument("--quick", action="store_true",
                        help="few rounds, under a minute; says only that it still works")
    parser.add_argument("--build", metavar="DIR", help="the build to measure (default: build-bench/ of the checkout, "
                        "made with the build type that users get)")
    parser.add_argument("--no-peers", action="store_true", help="leave out the other tools")
    parser.add_argument("--inside", metavar="FACTS", help=argparse.SUPPRESS)
    add_options(parser)
    options = parser.parse_args()
    if options.inside:
        return measure(options, json.loads(options.inside))

    for sign in signal.SIGTERM, signal.SIGHUP:
        signal.signal(sign, lambda number, _: sys.exit(128 + number))
    try:
        if prepare:
            build, binds = prepare(options)
        else:
            build, binds = Path(options.build).resolve() if options.build else CHECKOUT / "build-bench", []
            build_in(CHECKOUT, build)
        facts = build_facts(build) | {"modules": "/usr/lib/tooloo/modules", "limit": limit}
        facts["peers"] = not options.no_peers and install_peers()
    except (OSError, RuntimeError) as e:
        die(str(e))
    binds = [*binds, *([NPM] if facts["peers"] else []), *([] if CHECKOUT in build.parents else [build])]
    return run_inside(script, sys.argv[1:], facts, binds)
