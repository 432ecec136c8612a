"""Learning who calls whom: a tiny system of real servers, of which one calls by an address that stands in its code."""

import re
import socket
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.learn import learn as command
from harness.declare import load_system
from harness.declare.insertion import NewEdge
from harness.engine.learning import new_edges, remarks
from harness.errors import DeclarationError
from harness.model.topology import Topology
from harness.runtime.connections import Seen, Sightings
from harness.runtime.sockets import Address

SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

CALLS = [url for url in sys.argv[2:] if url]

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        said = [urlopen(url + "/", timeout=30).read().decode() for url in CALLS if self.path == "/"]
        body = ("ok " + " ".join(said)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""

SYSTEM = """\
# a bakery, as its bakers see it
system: bakery
entry: front
content: {load: journeys.yaml}
services:
  front:
    owner: counter
    run: {command: [PYTHON, server.py, "{port}", "{edge.oven.url}", "http://127.0.0.1:PORT"]}
    ready: /ready
  oven: {owner: kitchen, run: {command: [PYTHON, server.py, "{port}"]}, ready: /ready}
  till: {owner: counter, run: {command: [PYTHON, server.py, "{port}"]}, instances: [{port: PORT}], ready: /ready}
  shed: {owner: garden, run: {command: [PYTHON, server.py, "{port}"]}, ready: /ready}
edges:   # who calls whom
  - {from: front, to: oven, need: hard}   # bread
  - {from: oven, to: shed, need: soft}    # wood
journeys:
  buy: {deadline: 30 s}   # bread, of course
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
def bakery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    (tmp_path / "journeys.yaml").write_text("journeys: {buy: {steps: [{request: GET /}]}}\n", encoding="utf-8")
    text = SYSTEM.replace("PYTHON", sys.executable).replace("PORT", str(free_port()))
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    return tmp_path / "system.yaml"


def learn(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


@pytest.mark.loopback
def test_an_edge_that_nobody_declared_is_seen_and_written_at_its_place(bakery: Path) -> None:
    before = bakery.read_text(encoding="utf-8")
    port = load_system(bakery).spec("till", 1).port

    shown = learn(str(bakery), "--visits", "3")
    assert shown.exit_code == 0, shown.output + str(shown.exception)
    assert re.search(r"front->oven: declared, connections seen: \d+", shown.output)
    assert "oven->shed: declared, none seen" in shown.output
    assert re.search(rf"front->till: \d+ connections? to 127.0.0.1:{port} went straight there", shown.output)
    edge = f'  - {{from: front, to: till, need: soft, at: ["127.0.0.1:{port}"]}}   # learnt: '
    assert f"+{edge}" in shown.output
    assert "nothing was written" in shown.output
    assert bakery.read_text(encoding="utf-8") == before

    written = learn(str(bakery), "--write", "--visits", "2")
    assert written.exit_code == 0, written.output + str(written.exception)
    (line,) = [line for line in bakery.read_text(encoding="utf-8").splitlines() if line not in before.splitlines()]
    assert line.startswith(edge)
    assert [*load_system(bakery).edges] == ["customers->front", "front->oven", "oven->shed", "front->till"]

    again = learn(str(bakery), "--visits", "1")
    assert "no new edge was seen" in again.output
    assert re.search(rf"front->till: \d+ connections? to 127.0.0.1:{port} went past its proxy", again.output)


@pytest.mark.loopback
def test_an_unknown_journey_is_refused_and_nothing_is_left(bakery: Path) -> None:
    done = learn(str(bakery), "--journey", "byu")
    assert isinstance(done.exception, DeclarationError)
    assert "no journey 'byu'; did you mean 'buy'?" in str(done.exception)


def test_a_wrong_description_starts_nothing(bakery: Path) -> None:
    bakery.write_text(SYSTEM.replace("entry: front", "entry: fornt"), encoding="utf-8")
    done = learn(str(bakery))
    assert isinstance(done.exception, DeclarationError)
    assert not (bakery.parent / ".harness").exists()


def topology(tmp_path: Path) -> Topology:
    file = tmp_path / "system.yaml"
    text = SYSTEM.replace("PORT", "8081") + "stores: {cellar: {kind: redis}}\n"
    file.write_text(text, encoding="utf-8")
    return load_system(file)


def seen(consumer: str, host: str, port: int, **more: str) -> Seen:
    return Seen(consumer=consumer, address=Address(host, port), **more)  # type: ignore[arg-type]  # texts only


def test_connections_of_all_instances_are_one_edge(tmp_path: Path) -> None:
    sightings = Sightings(
        seen=Counter(
            {
                seen("front-1", "127.0.0.1", 8081, provider="till-1"): 2,
                seen("front-2", "127.0.0.1", 9, provider="till-2"): 1,
                seen("front-1", "127.0.0.1", 3, provider="oven-1"): 4,
                seen("cellar-1", "127.0.0.1", 3, provider="oven-1"): 1,
            }
        )
    )
    (edge,) = new_edges(topology(tmp_path), sightings)
    why = "learnt: 3 connections seen; is it hard? `harness chaos matrix` tells"
    assert edge == NewEdge(consumer="front", provider="till", at=("127.0.0.1:8081",), why=why)


@pytest.mark.parametrize(
    ("sighting", "said"),
    [
        (
            seen("front-1", "127.0.0.1", 3, provider="oven-1"),
            "front->oven: 1 connection to 127.0.0.1:3 went past its proxy",
        ),
        (
            seen("front-1", "127.0.0.1", 6379, program="redis-server"),
            "front: 1 connection to 127.0.0.1:6379, where redis-server",
        ),
        (seen("front-1", "93.184.216.34", 443), "front: 1 connection to 93.184.216.34:443: outside of the system"),
        (seen("cellar-1", "127.0.0.1", 3, provider="oven-1"), "a store that calls is no edge"),
    ],
)
def test_what_is_no_new_edge_is_told(tmp_path: Path, sighting: Seen, said: str) -> None:
    (told,) = remarks(topology(tmp_path), Sightings(seen=Counter([sighting])))
    assert said in told


def test_what_could_not_be_attributed_is_told(tmp_path: Path) -> None:
    (told,) = remarks(topology(tmp_path), Sightings(ownerless=Counter({"shed-1": 2})))
    assert told == "2 connections to shed-1 were over before it could be seen whose they were; more --visits may tell"


def test_nobody_answering_is_told(tmp_path: Path) -> None:
    asked = Seen(consumer="front-1", address=Address("10.255.255.1", 80), answered=False)
    (told,) = remarks(topology(tmp_path), Sightings(seen=Counter([asked])))
    assert "1 connection to 10.255.255.1:80, which nobody answered: outside of the system" in told
