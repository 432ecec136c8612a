"""Asks the orders, and passes on what they say."""

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ORDERS = os.environ["ORDERS"]


class Web(BaseHTTPRequestHandler):
    """GET / and GET /health."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        status, body = 200, b"well"
        if self.path == "/":
            try:
                with urllib.request.urlopen(ORDERS, timeout=1) as answer:  # noqa: S310 -- told by the project
                    body = b"orders: " + answer.read()
            except OSError as error:
                status, body = 503, type(error).__name__.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_what: object) -> None:
        """Nothing."""


ThreadingHTTPServer(("", 8080), Web).serve_forever()
