"""A service of a stranger: where it listens and where it finds others stands in its code."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request

PORT = 8000
BINDS = {"orders": "0.0.0.0", "payments": "0.0.0.0", "stock": "127.0.0.1", "mail": "0.0.0.0"}  # noqa: S104 -- as they do
OTHERS = {
    "/payments": "http://payments:8000/",
    "/stock": "http://localhost:5001/",
    "/mail": "http://10.1.2.3:9000/",
    "/stranger": "http://api.stranger.example/",
    "/abroad": "http://93.184.216.34:8443/",
}
CALL_WITHIN_S = 2.0


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status, body = 200, sys.argv[1]
        url = OTHERS.get(self.path)
        if self.path == "/where":
            found = sorted({str(each[4][0]) for each in socket.getaddrinfo("payments", PORT)})
            body = json.dumps({"payments": found, "host": os.environ.get("PAYMENTS", "")})
        elif url is not None:
            began = time.monotonic()
            try:
                with urllib.request.urlopen(url, timeout=CALL_WITHIN_S) as answer:  # noqa: S310 -- one of ours
                    body = answer.read().decode()
            except (OSError, urllib.error.URLError) as error:
                status, body = 503, f"{getattr(error, 'reason', error)} after {time.monotonic() - began:.1f} s"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if url := os.environ.get("NEEDS"):
        urllib.request.urlopen(url, timeout=CALL_WITHIN_S)  # noqa: S310 -- as it is told
    port = int(os.environ.get("PORT_IN_CODE", PORT))
    with Server((BINDS.get(sys.argv[1], "0.0.0.0"), port), Answers) as server:  # noqa: S104 -- as they do
        server.serve_forever()


if __name__ == "__main__":
    main()
