# SPDX-License-Identifier: MIT
"""Answers HTTP in metricsd's place, on the sockets that systemd hands over:

        stand_in.py ANSWERS

ANSWERS is a JSON file of {"METHOD PATH": [STATUS, BODY, HEADERS]}, read anew for each request; PATH is without what follows a
'?', BODY text or, for anything else, sent as JSON, HEADERS may be left out. STATUS 0 closes the connection without an answer.
A request that is not in it is answered with what came: {"ok", "id", "method", "target", "body"}."""
import http.server
import json
import os
import socket
import sys
import threading
from pathlib import Path

FIRST_FD = 3


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answers = json.loads(Path(sys.argv[1]).read_text())
        echo = {"ok": True, "id": "x", "method": self.command, "target": self.path,
                "body": json.loads(body) if body else None}
        status, text, *headers = answers.get(f"{self.command} {self.path.split('?')[0]}", [200, echo])
        if status == 0:
            self.close_connection = True
            return
        data = (text if isinstance(text, str) else json.dumps(text)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers[0] if headers else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = answer


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, fd):
        super().__init__(("", 0), Handler, bind_and_activate=False)
        self.socket = socket.socket(fileno=fd)
        self.socket.setblocking(True)
        self.server_name = self.server_port = None


threads = [threading.Thread(target=Server(FIRST_FD + i).serve_forever) for i in range(int(os.environ["LISTEN_FDS"]))]
for thread in threads:
    thread.start()
