"""A service that somebody else runs: answers, or asks another one and tells what came of it.

`a_service.py PORT PID_FILE [URL]`; it writes its pid down once it listens.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PATIENCE_S = 1.0


class Answers(BaseHTTPRequestHandler):
    """GET anything."""

    protocol_version = "HTTP/1.1"
    asks = ""

    def do_GET(self) -> None:
        """Answer."""
        status, body = 200, b"ok"
        if self.asks and self.path == "/":
            try:
                with urllib.request.urlopen(self.asks, timeout=PATIENCE_S) as answer:  # noqa: S310 -- told by a test
                    body = b"it says " + answer.read()
            except OSError as error:
                status, body = 502, type(error).__name__.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_what: object) -> None:
        """Nothing."""


def main() -> None:
    """Serve for ever."""
    port, pid_file, *url = sys.argv[1:]
    Answers.asks = url[0] if url else ""
    with ThreadingHTTPServer(("127.0.0.1", int(port)), Answers) as server:
        Path(pid_file).write_text(str(os.getpid()))
        server.serve_forever()


if __name__ == "__main__":
    main()
