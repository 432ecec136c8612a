"""What both fronts use: `python stock.py PORT`."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stock(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        document: object = {"ok": True} if self.path == "/health" else {"sku": self.path[1:], "left": 7}
        found = not self.path.startswith("/none")
        body = json.dumps(document).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the standard library's name
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Stock).serve_forever()
