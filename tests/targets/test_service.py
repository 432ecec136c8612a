from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import pytest
from fastapi import FastAPI, Header, Path, Query, Request
from kit import service
from kit.auth import anyone
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Unavailable
from kit.words import KeyText, Line, PageSize, Sku

from tests.targets.asking import ask

OPEN = [anyone()]
routes = service.router()


@routes.get("/things/{sku}", responses=declared(404), dependencies=OPEN)
async def read_thing(sku: Annotated[Sku, Path()]) -> Line:
    if sku == "sku-0500":
        raise RuntimeError("a defect")
    if sku == "sku-0503":
        raise Unavailable("catalog", "it is away", sent=False)
    if sku == "sku-0999":
        await asyncio.sleep(30)
    return Line(sku=sku, quantity=1)


@routes.get("/things", responses=declared(), dependencies=OPEN)
async def list_things(limit: Annotated[PageSize, Query()] = 10) -> list[Line]:
    return [Line(sku="sku-0001", quantity=1)][:limit]


@routes.post("/things", responses=declared(413, 415), dependencies=OPEN)
async def make_thing(request: Request, line: Line, idempotency_key: Annotated[KeyText, Header()]) -> Line:  # noqa: ARG001 -- declared to be checked
    return line


@pytest.fixture
async def app() -> AsyncIterator[FastAPI]:
    built = service.build(Settings(service="things"), "Things", routes, lambda host: host, limit_s=0.2)
    async with built.router.lifespan_context(built):
        yield built


JSON = {"content-type": "application/json", "idempotency-key": "key-00000001"}
GOOD = b'{"sku": "sku-0001", "quantity": 2}'


async def test_a_good_command_is_carried_out(app: FastAPI) -> None:
    answer = await ask(app, "POST", "/things", body=GOOD, headers=JSON)
    assert (answer.status, answer.json()) == (200, {"sku": "sku-0001", "quantity": 2})


@pytest.mark.parametrize(
    ("status", "method", "path", "query", "body", "headers"),
    [
        (404, "GET", "/nothing", "", b"", {}),
        (405, "DELETE", "/things", "", b"", {}),
        (422, "GET", "/things/lamp", "", b"", {}),
        (422, "GET", "/things/sku-0001%00", "", b"", {}),
        (422, "GET", "/things/sku-0001", "colour=red", b"", {}),
        (422, "GET", "/things", "limit=0", b"", {}),
        (422, "GET", "/things", "limit=1&limit=2", b"", {}),
        (422, "GET", "/things", "Limit=1", b"", {}),
        (422, "POST", "/things", "", b"", JSON),
        (422, "POST", "/things", "", b"{", JSON),
        (422, "POST", "/things", "", b"\xff\xfe", JSON),
        (422, "POST", "/things", "", b'{"sku": "sku-0001", "quantity": 1, "extra": 1}', JSON),
        (422, "POST", "/things", "", b'{"sku": "sku-00\\u00001", "quantity": 1}', JSON),
        (422, "POST", "/things", "", b'{"sku": "\\ud800", "quantity": 1}', JSON),
        (422, "POST", "/things", "", b'{"\\ud800": 1}', JSON),
        (422, "POST", "/things", "", b'{"sku": "sku-0001", "quantity": NaN}', JSON),
        (422, "POST", "/things", "", b'{"sku": "sku-0001", "quantity": ' + b"9" * 5000 + b"}", JSON),
        (422, "POST", "/things", "", b"[" * 30_000, JSON),
        (422, "POST", "/things", "", GOOD, {"content-type": "application/json"}),
        (415, "POST", "/things", "", GOOD, {**JSON, "content-type": "text/plain"}),
        (415, "POST", "/things", "", GOOD, {"idempotency-key": "key-00000001"}),
        (413, "POST", "/things", "", b" " * 70_000, JSON),
        (500, "GET", "/things/sku-0500", "", b"", {}),
        (503, "GET", "/things/sku-0503", "", b"", {}),
        (503, "GET", "/things/sku-0999", "", b"", {}),
    ],
)
async def test_every_error_is_a_problem_document(  # noqa: PLR0913, PLR0917 -- the columns of the table
    app: FastAPI, status: int, method: str, path: str, query: str, body: bytes, headers: dict[str, str]
) -> None:
    answer = await ask(app, method, path, query=query, body=body, headers=headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "detail"}
    assert answer.json()["status"] == status
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_body_of_unannounced_length_ends_at_the_limit(app: FastAPI) -> None:
    answer = await ask(app, "POST", "/things", body=b" " * 70_000, headers=JSON, chunked=True)
    assert answer.status == 413


async def test_an_unknown_method_is_told_all_that_the_path_knows(app: FastAPI) -> None:
    answer = await ask(app, "PUT", "/things")
    assert answer.headers["allow"] == "GET, POST"


async def test_a_caller_that_grants_less_time_gets_its_answer_sooner(app: FastAPI) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await ask(app, "GET", "/things/sku-0999", headers={"x-envoy-expected-rq-timeout-ms": "50"})
    assert answer.status == 503
    assert loop.time() - began < 0.15


async def test_a_service_is_alive_but_not_ready_while_a_hard_store_is_away() -> None:
    class Away:
        async def ready(self) -> None:
            raise Unavailable("postgres", "it is away", sent=False)

        async def close(self) -> None:
            return

        def health(self) -> dict[str, object]:
            return {"breaker": "open"}

    def parts(host: Host) -> None:
        host.hard_store("postgres", Away())

    app = service.build(Settings(service="things"), "Things", routes, parts, limit_s=0.2)
    async with app.router.lifespan_context(app):
        assert (await ask(app, "GET", "/livez")).status == 200
        assert (await ask(app, "GET", "/readyz")).status == 503
        health = (await ask(app, "GET", "/health")).json()
    assert (health["ready"], health["edges"]["postgres"]) == (False, {"breaker": "open"})
