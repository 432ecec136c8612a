"""Fuzzing consumers: a tiny system of real servers, of which one breaks on what its provider may leave out."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli.run import fuzz
from harness.errors import DeclarationError
from harness.model.system import CUSTOMERS
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


@pytest.fixture
def kiosk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.py").write_text(SERVER, encoding="utf-8")
    (tmp_path / "healthy.json").write_text(json.dumps(HEALTHY), encoding="utf-8")
    (tmp_path / "stock.json").write_text(json.dumps(document()), encoding="utf-8")
    steps = "".join(f"  {name}: {{steps: [{{request: GET /{name}/a1}}]}}\n" for name in ("fragile", "sturdy", "cached"))
    (tmp_path / "journeys.yaml").write_text(f"journeys:\n{steps}", encoding="utf-8")
    (tmp_path / "system.yaml").write_text(SYSTEM.replace("PYTHON", sys.executable), encoding="utf-8")
    return tmp_path / "system.yaml"


def fuzzed(*arguments: str) -> Result:
    return CliRunner().invoke(fuzz, arguments)


@pytest.mark.loopback
def test_a_consumer_that_needs_an_optional_member_is_shown_the_smallest_answer_that_breaks_it(kiosk: Path) -> None:
    done = fuzzed("--consumer", "fragile", "--journey", "fragile", "--system", str(kiosk))
    assert done.exit_code == 1, done.output + str(done.exception)
    events = next(kiosk.parent.glob(".harness/runs/*/journal.ndjson"))
    journal = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines()]
    findings = [each["finding"] for each in journal if each.get("finding", {}).get("check") == "consumer-fuzz"]
    (broken,) = [each for each in findings if each["verdict"] == "FAIL"]
    assert broken["subject"] == "fragile ← stock: GET /products/{sku} 200"
    assert broken["reason"].startswith("it does not cope with /image: optional member absent: GET /fragile/a1 → 500")
    assert (broken["edge"], broken["service"], broken["owner"]) == ("fragile->stock", "fragile", "weak")
    assert '- "image": "a.png",' in broken["evidence"]
    assert "valid by its OpenAPI document" in broken["evidence"]
    assert "--consumer fragile --provider stock --journey fragile" in broken["replay"]
    (held,) = [each for each in findings if each["verdict"] == "PASS"]
    assert "empty list 1" in held["reason"]
    assert not [each for each in findings if each["verdict"] == "UNKNOWN"]


@pytest.mark.loopback
def test_a_consumer_that_copes_with_all_that_is_permitted_passes(kiosk: Path) -> None:
    done = fuzzed("--consumer", "sturdy", "--journey", "sturdy", "--system", str(kiosk))
    assert done.exit_code == 0, done.output + str(done.exception)
    assert "optional member absent 4" in done.output


@pytest.mark.loopback
def test_an_answer_that_never_reaches_the_consumer_is_unknown(kiosk: Path) -> None:
    done = fuzzed("--consumer", "cached", "--journey", "cached", "--system", str(kiosk))
    assert done.exit_code == 2, done.output + str(done.exception)
    assert "not crossed: no journey got a JSON answer here" in done.output


@pytest.mark.loopback
def test_healthy_answers_that_are_invalid_already_prove_nothing(kiosk: Path) -> None:
    (kiosk.parent / "healthy.json").write_text(json.dumps(HEALTHY | {"name": None}), encoding="utf-8")
    done = fuzzed("--consumer", "sturdy", "--journey", "sturdy", "--system", str(kiosk))
    assert done.exit_code == 2, done.output + str(done.exception)
    assert "its own healthy answers are invalid" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--consumer", "fragil"], "no service 'fragil'; did you mean 'fragile'?"),
        (["--consumer", "stock"], "'stock' calls no service over HTTP"),
        (["--consumer", "fragile", "--provider", "sturdy"], "no provider of fragile 'sturdy'"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_starts(kiosk: Path, arguments: list[str], told: str) -> None:
    done = fuzzed(*arguments, "--system", str(kiosk))
    assert isinstance(done.exception, DeclarationError)
    assert told in str(done.exception)
    assert not (kiosk.parent / ".harness").exists()


@pytest.mark.parametrize(
    "arguments", [["--provider", "stock"], ["--consumer", "sturdy", "stock"], ["--consumer", "sturdy", "--tls"]]
)
def test_options_that_mean_nothing_together_are_refused(arguments: list[str]) -> None:
    assert fuzzed(*arguments).exit_code == 2


def test_the_customers_are_no_consumer_of_this_kind(kiosk: Path) -> None:
    assert isinstance(fuzzed("--consumer", CUSTOMERS, "--system", str(kiosk)).exception, DeclarationError)
