# SPDX-License-Identifier: MIT
"""A service for TooLoo in Python, without packages:

        toolooctl add hello --watch . --on-change swap -- python3 server.py

systemd listens and hands its socket over as descriptor 3. So nobody is refused while this program restarts, and two
generations of it can take connections side by side while one replaces the other.
"""
import http.server
import os
import signal
import socket
import socketserver
import threading

GREETING = "Hello from Python"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            body, kind = b'{"status":"healthy"}\n', "application/json"
        else:
            body, kind = f"{GREETING}\n".encode(), "text/plain; charset=utf-8"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The journal need not hear of each request."""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = False  # at the end the open requests are waited for


def make_server():
    if "LISTEN_FDS" not in os.environ:  # by hand: PORT=4000 python3 server.py
        return Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
    server = Server(("", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=3)
    # The other generation may have taken the connection that both were woken for.
    server.socket.setblocking(False)
    return server


server = make_server()
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.1)
server.server_close()
