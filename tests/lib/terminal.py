# SPDX-License-Identifier: MIT
"""A terminal for programs that draw on all of it: a real pseudo-terminal, and pyte as the model of what is on the screen.

Whoever waits waits for what the program writes, and looks at the screen then.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

PATIENCE = 30
KEYS = {"enter": "\r", "escape": "\x1b", "up": "\x1bOA", "down": "\x1bOB", "interrupt": "\x03"}


class Terminal:
    # The one that pyte is a model of.
    def __init__(self, *command, width=80, height=24, **environment):
        """environment: in place of what is there; None takes a variable away."""
        env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "SYSTEMD_COLORS")}
        env |= {"TERM": "linux", "LC_ALL": "C.UTF-8"} | environment
        env = {k: v for k, v in env.items() if v is not None}
        self.screen = pyte.Screen(width, height)
        self.stream = pyte.ByteStream(self.screen)
        self.written = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
                os.execvpe(command[0], command, env)
            finally:
                os._exit(127)

    def resize(self, width, height):
        self.screen.resize(height, width)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def type(self, *keys):
        for key in keys:
            os.write(self.fd, KEYS.get(key, key).encode())

    def read(self, deadline):
        """False when nothing comes, or it has ended."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.fd], [], [], left)[0]:
            return False
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:  # the other end is closed
            return False
        self.written += data
        self.stream.feed(data)
        return bool(data)

    @property
    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def wait(self, condition, what, timeout=PATIENCE):
        """Until the condition holds for the lines of the screen; its value."""
        deadline = time.monotonic() + timeout
        while not (value := condition(self.lines)):
            if not self.read(deadline):
                value = condition(self.lines)
                assert value, f"{what}: not within {timeout} s; the screen is\n" + "\n".join(self.lines)
                break
        return value

    def find(self, text, **more):
        """Waits for a line that has the text; that line."""
        return self.wait(lambda lines: next((line for line in lines if text in line), None), repr(text), **more)

    def end(self, timeout=PATIENCE):
        """Its exit status, or minus the signal, once it has ended by itself."""
        if self.status is None:
            deadline = time.monotonic() + timeout
            while self.read(deadline):
                pass
            fd = os.pidfd_open(self.pid)
            ended = select.select([fd], [], [], max(deadline - time.monotonic(), 0.1))[0]
            os.close(fd)
            assert ended, "it goes on; the screen is\n" + "\n".join(self.lines)
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            if self.status != 0:  # for whoever reads why a test failed
                print(self.written[-3000:].decode(errors="replace"))
        return self.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
