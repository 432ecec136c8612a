"""Counts in the cache; it dies at its start when there is no cache, as many do."""

import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AT = (os.environ["CACHE"], 6000)


def count() -> bytes:
    """One more."""
    with socket.create_connection(AT, timeout=1) as cache:
        cache.sendall(b"more\n")
        return cache.makefile("rb").readline()


class Api(BaseHTTPRequestHandler):
    """GET anything."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        try:
            status, body = 200, count() or b"nothing"
        except OSError as error:
            status, body = 503, type(error).__name__.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_what: object) -> None:
        """Nothing."""


count()
ThreadingHTTPServer(("", 8080), Api).serve_forever()
