"""The page: with the price, or without when it does not come in time."""

import os
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

TIME_OUT_S = 0.3


class Front(BaseHTTPRequestHandler):
    """One page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the page; without the price it says so in a header."""
        try:
            with urlopen(os.environ["PRICES_URL"], timeout=TIME_OUT_S) as answer:
                price, degraded = bytes(answer.read()), False
        except (OSError, HTTPException):
            price, degraded = b"on request", True
        body = b"A bun: " + price
        self.send_response(200)
        if degraded:
            self.send_header("X-Degraded", "price")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No log of each request."""


class Server(ThreadingHTTPServer):
    """Keeps those waiting who come at the same time; the library's five are too few."""

    request_queue_size = 256


Server(("127.0.0.1", int(os.environ["PORT"])), Front).serve_forever()
