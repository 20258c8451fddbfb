# SPDX-License-Identifier: MIT
"""A TCP connection of a client that says what it wants."""


class RawClient:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""  # received, and not taken yet

    def read(self):
        """More into the buffer; false at the end of the connection, a reset too."""
        try:
            data = self.sock.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def ended(self):
        """All that is left, once the other side has ended it."""
        while self.read():
            pass
        return self.buffer
