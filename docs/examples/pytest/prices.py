"""The prices."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Prices(BaseHTTPRequestHandler):
    """Always the same."""

    def do_GET(self) -> None:
        """Answer with the price of a bun."""
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"42")

    def log_message(self, *_: object) -> None:
        """No log of each request."""


class Server(ThreadingHTTPServer):
    """Keeps those waiting who come at the same time; the library's five are too few."""

    request_queue_size = 256


Server(("127.0.0.1", int(os.environ["PORT"])), Prices).serve_forever()
