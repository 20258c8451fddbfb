# SPDX-License-Identifier: MIT
"""A receiver of webhooks that answers as it is told: each argument is one answer, the last one holds for all that follow.

        sink.py [--port PORT] [--tls CERTIFICATE KEY] ANSWER...

        200, 404, 503 ...   that status
        200:TEXT            with that body
        429+SECONDS         with Retry-After
        302=LOCATION        with Location
        hang                none: the connection stays open until the client closes it

Prints "ready PORT", then a line of JSON for each request as it comes, before it is answered: {at, n, method, path, headers, body}, at by
the clock of time.monotonic().
A client that closes a connection without an answer is a line, too: {"closed": n}."""
import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers = []
    n = 0
    lock = threading.Lock()

    def tell(self, what):
        with self.lock:
            print(json.dumps(what), flush=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with self.lock:
            Sink.n += 1
            n, answer = Sink.n, self.answers[min(Sink.n, len(self.answers)) - 1]
        self.tell({"at": time.monotonic(), "n": n, "method": self.command, "path": self.path, "headers": dict(self.headers), "body": body})
        if answer == "hang":
            self.close_connection = True
            self.rfile.read(1)
            self.tell({"closed": n})
            return
        answer, _, text = answer.partition(":")
        status, _, after = answer.partition("+")
        status, _, location = status.partition("=")
        text = (text or f"answer {n}\n").encode()
        self.send_response(int(status))
        self.send_header("Content-Length", str(len(text)))
        if after:
            self.send_header("Retry-After", after)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST

    def log_message(self, *_):
        pass


def main(arguments):
    port = 0
    if arguments[0] == "--port":
        port, arguments = int(arguments[1]), arguments[2:]
    server = ThreadingHTTPServer(("127.0.0.1", port), Sink)
    if arguments[0] == "--tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments[1], arguments[2])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        arguments = arguments[3:]
    Sink.answers = arguments
    print(f"ready {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
