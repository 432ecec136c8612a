"""A small system that is up, visited by what was written of it or by its own document, and all its requests marked."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.declare import load_system
from harness.engine.cost import measure_edges
from harness.engine.customers import conduct_that_loads
from harness.engine.session import Session, Settings
from harness.engine.visiting import open_visitor
from harness.errors import LoadError
from harness.faults import Latency
from harness.model.fault import EdgeTarget, Injection
from harness.model.invariant import Read
from harness.model.quantity import Duration
from harness.model.visits import Visit
from harness.observe.reads import read_all

pytestmark = pytest.mark.e2e

SERVICE = """\
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, LOG = int(sys.argv[1]), sys.argv[2]
DOCUMENT = {"openapi": "3.1.0", "paths": {
    "/products/{sku}": {"get": {"operationId": "getProduct", "parameters": [
        {"name": "sku", "in": "path", "required": True, "example": "sku-1"}]}},
    "/orders/{id}": {"get": {"parameters": [{"name": "id", "in": "path", "required": True}]}},
}}

class Service(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open(LOG, "a") as log:
            log.write(json.dumps([self.path, {k.lower(): v for k, v in self.headers.items()}]) + "\\n")
        answer = DOCUMENT if self.path == "/openapi.json" else {"items": [], "path": self.path}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", PORT), Service).serve_forever()
"""

STEPS = "journeys:\n  look:\n    - request: GET /products/{customer}\n      check: {has: /path}\n"
LOCUSTFILE = """\
from locust import FastHttpUser, task

class Customer(FastHttpUser):
    @task
    def look(self):
        self.client.get("/products/sku-1")
"""


def described(directory: Path, *, openapi: bool = False) -> Path:
    (directory / "service.py").write_text(SERVICE, encoding="utf-8")
    command = json.dumps([sys.executable, "service.py", "{port}", str(directory / "asked.ndjson")])
    document = ", openapi: /openapi.json" if openapi else ""
    file = directory / "system.yaml"
    file.write_text(
        f"system: small\nentry: web\nservices:\n  web: {{owner: us, run: {{command: {command}}}{document}}}\n",
        encoding="utf-8",
    )
    return file


def asked(directory: Path) -> list[tuple[str, dict[str, str]]]:
    lines = (directory / "asked.ndjson").read_text(encoding="utf-8").splitlines()
    return [(path, headers) for path, headers in map(json.loads, lines)]


@asynccontextmanager
async def opened(directory: Path, file: Path, said: list[str]) -> AsyncIterator[Session]:
    session = await Session.open(file, settings=Settings(directory=directory / "run", seed=1), say=said.append)
    try:
        yield session
    finally:
        await session.close()


async def visit_once(session: Session) -> tuple[tuple[str, ...], Visit]:
    visitor = await open_visitor(session)
    try:
        return visitor.journeys, await visitor.visit(visitor.journeys[0], number=1)
    finally:
        await visitor.close()


async def test_without_any_file_the_examples_of_the_entry_s_document_are_visited(tmp_path: Path) -> None:
    said: list[str] = []
    async with opened(tmp_path, described(tmp_path, openapi=True), said) as session:
        journeys, visit = await visit_once(session)
        assert float(session.topology.journey("get-product").deadline) == 5.0
    assert journeys == ("get-product",)
    assert visit.failed is None
    assert [(each.step, each.path, each.status) for each in visit.exchanges] == [
        ("GET /products/{sku}", "/products/sku-1", 200)
    ]
    assert "no journey of GET /orders/{id}: no example of the path parameter 'id'" in said


@pytest.mark.parametrize(("name", "text"), [("journeys.yaml", STEPS), ("locustfile.py", LOCUSTFILE)])
async def test_every_request_of_ours_says_whose_it_is(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "loadtests").mkdir()
    (tmp_path / "loadtests" / name).write_text(text, encoding="utf-8")
    async with opened(tmp_path, described(tmp_path), []) as session:
        journeys, visit = await visit_once(session)
        assert (journeys, visit.failed) == (("look",), None)
        await measure_edges(session)
        read = Read(service="web", path="/rows", rows="/items")
        url_of = session.deployment.service_url
        await read_all({"rows": read}, url_of=url_of, now=session.now, credentials=session.credentials)
        driver = await session.driver()
        await driver.drive(rate=20, weights={"look": 1.0})
        await driver.quiesce(10)
        target = EdgeTarget(consumer="customers", provider="web")
        slow = Injection(id="slow", fault=Latency(delay=Duration(0.05)), target=target, lasts=Duration(5))
        await session.injector.inject(slow)
        await session.injector.heal("slow")
        run = session.run
    seen = asked(tmp_path)
    assert {path.split("/")[1] for path, _ in seen} >= {"readyz", "products", "rows", "livez"}
    unmarked = [path for path, headers in seen if headers.get("harness-run") != run]
    assert not unmarked
    assert all(headers["baggage"] == f"harness.run={run}" for _, headers in seen)


async def test_when_nothing_says_what_customers_do_the_way_out_is_told(tmp_path: Path) -> None:
    file = described(tmp_path)
    async with opened(tmp_path, file, []) as session:
        with pytest.raises(LoadError, match=r"nothing says what customers do in small; write loadtests/journeys.yaml"):
            await open_visitor(session)
    with pytest.raises(LoadError, match="nothing says what customers do"):
        conduct_that_loads(load_system(file))
