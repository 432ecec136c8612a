"""A corner shop as a stranger might have written it: six services of the standard library, some with mistakes.

`python shop.py NAME PORT`; where the others are stands in the environment.
"""

from __future__ import annotations

import json
import os
import sys
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

ENTRIES: list[str] = []


def ask(service: str, path: str, timeout: float | None = None, body: bytes | None = None) -> bytes:
    request = Request(os.environ[f"{service.upper()}_URL"] + path, data=body)  # noqa: S310 -- it is told http
    with urlopen(request, timeout=timeout) as answer:  # noqa: S310 -- as above
        found: bytes = answer.read()
    return found


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.body = b""
        self.serve(f"get_{sys.argv[1]}")

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.serve(f"post_{sys.argv[1]}")

    def serve(self, name: str) -> None:
        try:
            if self.path == "/health":
                self.say(200, {"ok": True})
            else:
                getattr(self, name)()
        except Exception as error:  # noqa: BLE001 -- one of the mistakes
            self.say(500, {"error": repr(error)})

    def say(self, status: int, document: object, raw: bytes | None = None, *, degraded: bool = False) -> None:
        body = json.dumps(document).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if degraded:
            self.send_header("X-Degraded", "yes")
        self.end_headers()
        self.wfile.write(body)

    def get_web(self) -> None:
        pages = {"/": self.home, "/item": self.item, "/orders": self.orders}
        pages[self.path]()

    def home(self) -> None:
        """Prices without a time-out, and whatever goes wrong is a 500; advertisements can be done without."""
        prices = json.loads(ask("prices", "/"))
        degraded = False
        try:
            ads = json.loads(ask("ads", "/", timeout=0.3))
        except (OSError, HTTPException, ValueError):
            try:
                ads = json.loads(ask("house", "/", timeout=0.3))
            except (OSError, HTTPException, ValueError):
                ads, degraded = [], True
        self.say(200, {"prices": prices, "ads": ads}, degraded=degraded)

    def item(self) -> None:
        """Passes on what came, without a look at it: a reply that is cut in its headers is an empty success."""
        try:
            body = ask("stock", "/", timeout=0.3)
        except (OSError, HTTPException):
            self.say(503, {"error": "stock is away"})
        else:
            self.say(200, None, raw=body)

    def orders(self) -> None:
        self.say(200, json.loads(ask("ledger", "/", timeout=0.3)))

    def post_web(self) -> None:
        """Says no when the reply is lost, though the ledger may have done its work."""
        try:
            ask("ledger", "/", timeout=0.3, body=self.body)
        except (OSError, HTTPException):
            self.say(503, {"error": "try again"})
        else:
            self.say(201, {"taken": True})

    def get_prices(self) -> None:
        self.say(200, {"tea": 3, "milk": 1})

    def get_ads(self) -> None:
        self.say(200, [{"text": "buy tea"}])

    def get_house(self) -> None:
        self.say(200, [{"text": "visit us again"}])

    def get_stock(self) -> None:
        self.say(200, {"tea": 12})

    def get_ledger(self) -> None:
        self.say(200, {"orders": len(ENTRIES)})

    def post_ledger(self) -> None:
        ENTRIES.append(self.body.decode())
        self.say(201, {"number": len(ENTRIES)})

    def log_message(self, *_arguments: object) -> None:
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Shop).serve_forever()
