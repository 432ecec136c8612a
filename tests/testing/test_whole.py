"""The plugin on a system that is really up: one service behind one proxy, and one journey."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.observe.journal import read_journal
from harness.report import html

DESCRIPTION = f"""
system: clock
entry: front
services:
  front:
    owner: somebody
    run: {{command: [{sys.executable}, front.py, "{{port}}"]}}
journeys:
  look: {{deadline: 1 s}}
content: {{load: locustfile.py}}
"""

FRONT = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Front).serve_forever()
"""

LOCUSTFILE = """
from locust import FastHttpUser, task

class Customer(FastHttpUser):
    @task
    def look(self):
        self.client.get("/")
"""

TESTS = """
from harness.testing import latency

def test_a_slow_line_is_seen(system, edge, load):
    load.drive(rate=60)
    before = load.measure("2s")
    with edge("customers", "front").under(latency("300ms")):
        during = load.measure("2s")
    assert before.errors < "1%"
    assert during.p50 > "300ms"
    assert before.p50 < during.p50
    assert during.p50 < "299ms"
"""


@pytest.mark.e2e
@pytest.mark.loopback
def test_a_fault_on_a_real_edge_shows_in_the_figures_and_nothing_is_left(tmp_path: Path) -> None:
    for name, text in {
        "system.yaml": DESCRIPTION,
        "front.py": FRONT,
        "locustfile.py": LOCUSTFILE,
        "test_it.py": TESTS,
        "pytest.ini": "[pytest]\n",
    }.items():
        (tmp_path / name).write_text(text)

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "harness.pytest_plugin", "test_it.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "< 299ms (during, customers → front under latency 300 ms, n = " in run.stdout, run.stdout + run.stderr
    assert "1 failed in" in run.stdout
    [journal] = tmp_path.glob(".harness/runs/*/journal.ndjson")
    page = html.render(read_journal(journal).events)
    assert "customers → front under latency 300 ms" in page
    assert "healed (removed)" in page
    assert [path for path in Path("/proc").glob("[0-9]*/cwd") if is_at(path, tmp_path)] == []


def is_at(link: Path, directory: Path) -> bool:
    """Whether a process works in a directory; one that has just ended does not."""
    try:
        return link.readlink().is_relative_to(directory)
    except OSError:
        return False
