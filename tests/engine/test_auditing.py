"""An audit of a system that is really up, made again from its journal; and of descriptions and journals of others."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.audit import audit
from harness.engine.auditing import of_run, past_of
from harness.errors import DeclarationError
from harness.model.audit import Past
from harness.runtime.connections import Seen, Sightings
from harness.runtime.sockets import Address
from tests.checkers.histories import shop
from tests.e2e.shops import harness, left_behind

SYSTEM = """\
system: tiny
entry: front
services:
  front: {owner: web, run: {command: [PYTHON, -S, app.py, "{port}", "{edge.back.url}"]}}
  back: {owner: goods, run: {command: [PYTHON, -S, app.py, "{port}", "http://127.0.0.1:SECRET"]}}
  hidden: {owner: ghosts, run: {command: [PYTHON, -S, app.py, "{port}", ""]}, instances: [{port: SECRET}]}
edges: [{from: front, to: back, need: hard, deadline: 300ms}]
content: {load: journeys.yaml}
journeys: {look: {deadline: 1s, needs: [back]}}
"""
APP = """\
import http.client, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class App(BaseHTTPRequestHandler):
    def do_GET(self):
        if sys.argv[2] and self.path == "/":
            connection = http.client.HTTPConnection(sys.argv[2].partition("//")[2], timeout=5)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
        time.sleep(0.02)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), App).serve_forever()
"""
PORT = "18731"


def laid_out(root: Path) -> Path:
    text = SYSTEM.replace("PYTHON", json.dumps(sys.executable)).replace("SECRET", PORT)
    (root / "system.yaml").write_text(text, encoding="utf-8")
    (root / "app.py").write_text(APP, encoding="utf-8")
    (root / "journeys.yaml").write_text("journeys: {look: {deadline: 1s, steps: [GET /]}}\n", encoding="utf-8")
    return root / "system.yaml"


def asked(*words: str | Path) -> Result:
    return CliRunner().invoke(audit, [str(word) for word in words])


@pytest.mark.loopback
def test_a_call_past_the_proxies_is_told_with_its_owner_and_again_from_the_journal(tmp_path: Path) -> None:
    system = laid_out(tmp_path)
    done = harness(tmp_path, "audit", str(system), "--visits", "3", "--directory", "run", "--fail-on", "undeclared")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "- **back->hidden**: back calls hidden, which is not declared. Owner: goods." in done.stdout
    assert f"connections to 127.0.0.1:{PORT}" in done.stdout
    assert "(`cycle`): none" in done.stdout
    assert "no chain can be longer than front -> back -> hidden (2 calls, in look)" in done.stdout
    assert "(`pair`): UNKNOWN" in done.stdout
    assert left_behind(tmp_path) == []
    again = asked(system, "--run", tmp_path / "run", "--json", tmp_path / "again.json", "--fail-on", "cycle")
    assert again.exit_code == 0, again.output
    assert [line for line in again.output.splitlines() if line.startswith("- **")] == [
        line for line in done.stdout.splitlines() if line.startswith("- **")
    ]
    written, made = ((tmp_path / name).read_text(encoding="utf-8") for name in ("again.json", "run/audit.json"))
    assert [each["trait"] for each in json.loads(written)["traits"] if each["answer"] == "found"] == ["undeclared"]
    assert json.loads(written)["traits"] == json.loads(made)["traits"]


def test_of_a_description_nothing_is_told_to_be_absent(tmp_path: Path) -> None:
    system = laid_out(tmp_path)
    done = asked(system, "--declared", "--markdown", tmp_path / "audit.md", "--fail-on", "any")
    assert (done.exit_code, done.output) == (0, (tmp_path / "audit.md").read_text(encoding="utf-8"))
    assert done.output.count("UNKNOWN, none found") == 7
    assert asked(system, "--declared", "--run", tmp_path).exit_code == 2
    assert asked(system, "--declared", "--fail-on", "nothing").exit_code == 2


def test_a_journal_of_another_system_is_refused(tmp_path: Path) -> None:
    system = laid_out(tmp_path)
    started = {
        "type": "run-started", "run": "r", "system": "other", "wall": "2026-11-22T12:00:00+00:00", "seed": 1,
        "command": "", "harness": "",
        "python": "", "tools": {}, "owners": {}, "edges": [], "journeys": [],
    }  # fmt: skip
    (tmp_path / "journal.ndjson").write_text(json.dumps(started) + "\n", encoding="utf-8")
    with pytest.raises(DeclarationError, match="expected a journal of tiny, found one of other"):
        of_run(system, tmp_path / "journal.ndjson")


def test_what_stores_connect_to_is_their_own_and_instances_are_one_consumer() -> None:
    sightings = Sightings()
    there = Address("127.0.0.1", 7)
    for consumer, provider in (("orders-1", "payments-1"), ("orders-2", "payments-1"), ("db-1", "orders-1")):
        sightings.seen[Seen(consumer=consumer, address=there, provider=provider)] += 2
    sightings.seen[Seen(consumer="orders-1", address=there, program="sshd")] += 1
    assert past_of(shop(), sightings) == (
        Past(consumer="orders", provider="", address="127.0.0.1:7", program="sshd"),
        Past(consumer="orders", provider="payments", address="127.0.0.1:7", count=4),
    )
