"""A small system on disk: orders asks payments, and payments asks nobody."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic import JsonValue

from tests.contracts.stubs.pacts import body, write

SERVICE = '''\
"""Buys by charging: /buy/CENTS answers with what payments said."""
import http.server, json, os, urllib.error, urllib.request

PAYMENTS = os.environ.get("PAYMENTS_URL", "")


class Orders(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/readyz" or not self.path.startswith("/buy/"):
            return self.answer(200, {"name": "kettle"} if self.path == "/products/1" else {})
        order = {"order_id": "11112222", "amount_cents": int(self.path[5:]), "card_token": "tok-0001"}
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(PAYMENTS + "/charges", data=json.dumps(order).encode(), headers=kind)
        try:
            with urllib.request.urlopen(request, timeout=1) as reply:
                self.answer(reply.status, json.load(reply))
        except urllib.error.HTTPError as error:
            self.answer(error.code, json.load(error))
        except OSError as error:
            self.answer(503, {"detail": str(error)})

    def answer(self, status, document):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def serve():
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Orders).serve_forever()


if __name__ == "__main__":
    serve()
'''

SYSTEM = f"""\
system: tiny
entry: front
services:
  front:
    owner: web
    run: {{command: [{sys.executable}, -m, http.server, "{{port}}"]}}
  orders:
    owner: sales
    run: {{command: [{sys.executable}, code/orders.py]}}
    env: {{PORT: "{{port}}", PAYMENTS_URL: "{{edge.payments.url}}"}}
  payments:
    owner: money
    run: {{command: ["false"]}}
  mailer:
    owner: post
    run: {{command: ["false"]}}
stores:
  keep: {{kind: redis}}
  other: {{kind: redis}}
edges:
  - {{from: front, to: orders, need: hard}}
  - {{from: front, to: other, need: hard}}
  - {{from: orders, to: payments, need: hard}}
  - {{from: orders, to: mailer, need: soft}}
  - {{from: mailer, to: keep, need: soft}}
  - {{from: payments, to: keep, need: hard}}
journeys:
  buy: {{deadline: 1s, needs: [payments]}}
"""

SERVICE_FILE = f"""\
service: orders
owner: sales
run: {{command: [{sys.executable}, code/orders.py]}}
env: {{PORT: "{{port}}", PAYMENTS_URL: "{{edge.payments.url}}"}}
needs:
  - {{to: payments, need: hard}}
"""

MAILER: JsonValue = {"paths": {"/mails": {"post": {"responses": {"202": {"description": "taken"}}}}}}


def system(root: Path) -> Path:
    """`system.yaml`, its code, the pact of orders with payments, and a document of mailer."""
    _code(root)
    file = root / "system.yaml"
    file.write_text(SYSTEM, encoding="utf-8")
    write(root / "contracts" / "pacts")
    documents = root / "contracts" / "openapi"
    documents.mkdir()
    (documents / "mailer.json").write_text(json.dumps(MAILER), encoding="utf-8")
    return file


def repository(root: Path) -> Path:
    """`service.yaml` of orders, its code, and its provider states; nothing of anybody else."""
    _code(root)
    file = root / "service.yaml"
    file.write_text(SERVICE_FILE, encoding="utf-8")
    states = root / "contracts" / "states"
    states.mkdir(parents=True)
    (states / "orders.py").write_text('STATES = {"payments takes it": lambda state: None}\n', encoding="utf-8")
    return file


def published(folder: Path, status: int = 201) -> Path:
    """What a folder of published pacts holds: front → orders, orders → payments, and one of strangers."""
    answer: JsonValue = body({"order_id": "11112222", "status": "captured"})
    rules: JsonValue = {"body": {"$.order_id": {"matchers": [{"match": "type"}]}}}
    bought: dict[str, JsonValue] = {
        "type": "Synchronous/HTTP",
        "description": "a request to buy",
        "providerStates": [{"name": "payments takes it"}],
        "request": {"method": "GET", "path": "/buy/1999"},
        "response": {"status": status, "body": answer, "matchingRules": rules},
    }
    write(folder)
    write(folder, bought, consumer="front", provider="orders")
    write(folder, consumer="mailer", provider="stranger")
    return folder


def _code(root: Path) -> None:
    code = root / "code"
    code.mkdir(parents=True)
    (code / "orders.py").write_text(SERVICE, encoding="utf-8")
