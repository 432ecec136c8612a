"""A front and a catalog of twenty lines, with a pact between them, in a git checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.contracts.fakes import a_pact, a_request, write_pact

GIT = shutil.which("git") or ""
CATALOG = """\
import http.server, json, sys

BODIES = {"/": {}, "/products/sku-0001": {"sku": "sku-0001", "name": "kettle"}}

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = BODIES.get(self.path)
        text = json.dumps(body or {}).encode()
        self.send_response(404 if body is None else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
SYSTEM = """\
system: tiny
entry: gateway
services:
  gateway: {owner: web, run: {command: [PYTHON, app.py, "{port}"]}, ready: /}
  catalog: {owner: merchandise, run: {command: [PYTHON, app.py, "{port}"]}, ready: /}
edges:
  - {from: gateway, to: catalog, need: hard}
journeys:
  look: {deadline: 1s, needs: [catalog]}
"""


def git(directory: Path, *words: str) -> None:
    subprocess.run(
        [GIT, "-c", "user.name=t", "-c", "user.email=t@t", *words],
        cwd=directory,
        check=True,
        capture_output=True,
        timeout=60,
    )


def commit(directory: Path, tag: str) -> None:
    git(directory, "add", ".")
    git(directory, "commit", "-q", "--allow-empty", "-m", tag)
    git(directory, "tag", tag)


def make(directory: Path) -> Path:
    """Committed, and tagged 1.0."""
    (directory / "system.yaml").write_text(SYSTEM.replace("PYTHON", json.dumps(sys.executable)), encoding="utf-8")
    (directory / "app.py").write_text(CATALOG, encoding="utf-8")
    (directory / ".gitignore").write_text(".harness/\n", encoding="utf-8")
    write_pact(directory / "contracts" / "pacts", a_pact(a_request("a product")))
    git(directory, "init", "-q")
    commit(directory, "1.0")
    return directory
