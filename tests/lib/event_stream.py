# SPDX-License-Identifier: MIT
"""A client of Server-Sent Events that reads when it is told to."""
import json
import select
import socket


class EventStream:
    """One connection that has asked for a stream of events, each a JSON object."""

    def __init__(self, port, path):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.file = self.sock.makefile("rb", buffering=0)  # so that what is there to be read is in the socket

    def next(self):
        while line := self.file.readline():
            if line.startswith(b"data: "):
                event = json.loads(line[6:])
                assert self.file.readline() == b"\n" and self.file.readline() == b"\r\n"  # of the event, of its chunk
                return event
        raise AssertionError("the stream ended")

    def silent(self):
        """Whether there is nothing to read."""
        return not select.select([self.sock], [], [], 0)[0]

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
