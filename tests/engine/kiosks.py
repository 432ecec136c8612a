"""A tiny system of real servers: three consumers of one provider, of which one is fragile and one has a cache."""

import json
import sys
from pathlib import Path

from tests.contracts.generate.documents import HEALTHY, document

SERVER = """
import gzip, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

KIND, PORT, CALLS = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
HEALTHY = json.loads(open("healthy.json").read())
KEPT = {}

def fetched(url):
    with urlopen(url, timeout=5) as answer:
        return json.load(answer)

def front(path):
    _, which, *rest = path.split("/")
    url = dict(call.split("=", 1) for call in CALLS)[which]
    try:
        with urlopen(url + "/" + "/".join(rest), timeout=5) as answer:
            return answer.status, json.load(answer)
    except Exception as error:
        return getattr(error, "code", 502), {"error": str(error)}

def fragile(path):
    product = fetched(CALLS[0] + "/products/" + path.split("/")[-1])
    return 200, {"title": product["name"], "picture": "/pictures/" + product["image"]}

def sturdy(path):
    product = fetched(CALLS[0] + "/products/" + path.split("/")[-1])
    image = product.get("image")
    return 200, {"title": product["name"], **({"picture": "/pictures/" + image} if image else {})}

def cached(path):
    if path not in KEPT:
        KEPT[path] = sturdy(path)
    return KEPT[path]

def stock(path):
    return 200, {**HEALTHY, "sku": path.split("/")[-1]}

class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            status, body = (200, {}) if self.path == "/ready" else globals()[KIND](self.path)
        except Exception as error:
            status, body = 500, {"error": repr(error)}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", PORT), Answer).serve_forever()
"""

SYSTEM = """\
system: kiosk
entry: front
content: {load: journeys.yaml}
services:
  front:
    owner: us
    run:
      command: [PYTHON, server.py, front, "{port}", "fragile={edge.fragile.url}", "sturdy={edge.sturdy.url}",
                "cached={edge.cached.url}"]
    ready: /ready
  fragile: {owner: weak, run: {command: [PYTHON, server.py, fragile, "{port}", "{edge.stock.url}"]}, ready: /ready}
  sturdy: {owner: us, run: {command: [PYTHON, server.py, sturdy, "{port}", "{edge.stock.url}"]}, ready: /ready}
  cached: {owner: us, run: {command: [PYTHON, server.py, cached, "{port}", "{edge.stock.url}"]}, ready: /ready}
  stock: {owner: them, run: {command: [PYTHON, server.py, stock, "{port}"]}, ready: /ready, openapi: stock.json}
edges:
  - {from: front, to: fragile, need: hard}
  - {from: front, to: sturdy, need: hard}
  - {from: front, to: cached, need: hard}
  - {from: fragile, to: stock, need: hard}
  - {from: sturdy, to: stock, need: hard}
  - {from: cached, to: stock, need: hard}
journeys:
  fragile: {deadline: 5 s}
  sturdy: {deadline: 5 s}
  cached: {deadline: 5 s}
"""


def write_kiosk(directory: Path) -> Path:
    """Write the system into a directory; gives its description."""
    (directory / "server.py").write_text(SERVER, encoding="utf-8")
    (directory / "healthy.json").write_text(json.dumps(HEALTHY), encoding="utf-8")
    (directory / "stock.json").write_text(json.dumps(document()), encoding="utf-8")
    steps = "".join(f"  {name}: {{steps: [{{request: GET /{name}/a1}}]}}\n" for name in ("fragile", "sturdy", "cached"))
    (directory / "journeys.yaml").write_text(f"journeys:\n{steps}", encoding="utf-8")
    (directory / "system.yaml").write_text(SYSTEM.replace("PYTHON", sys.executable), encoding="utf-8")
    return directory / "system.yaml"
