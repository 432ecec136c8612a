from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from fastapi import FastAPI, Request
from kit import service, trace
from kit.auth import anyone
from kit.client import Call, Edge, Limits
from kit.export import MOST_WAITING, Exporter
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.telemetry import Telemetry
from kit.trace import Kind
from kit.trouble import Refused, Unavailable
from kit.words import Tolerant

from tests.targets.asking import ask

TRACE = "0af7651916cd43dd8448eb211c80319c"
TOLD = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
routes = service.router()


class Thing(Tolerant):
    name: str


@routes.get("/things/{sku}", responses=declared(), dependencies=[anyone()])
async def read_thing(request: Request, sku: str) -> Thing:
    edge: Edge = request.app.state.parts
    return await edge.call(Call(method="GET", path=f"/{sku}"), Thing)


@asynccontextmanager
async def serving(handler: Any) -> AsyncIterator[str]:
    """A server that answers everything by the handler."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(**env: str) -> AsyncIterator[FastAPI]:
    def parts(host: Host) -> Edge:
        return host.edge("catalog", Limits(deadline_s=0.5, attempt_s=0.4, attempts=1))

    app = service.build(Settings.read("front", env), "Front", routes, parts, 1.0)
    async with app.router.lifespan_context(app):
        yield app


async def figures(app: FastAPI) -> dict[str, float]:
    text = (await ask(app, "GET", "/metrics")).body.decode()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


@pytest.mark.loopback
async def test_rate_errors_and_duration_are_told_by_route_template() -> None:
    async def provider(request: web.Request) -> web.Response:
        return web.json_response({"name": "lamp"}, status=200 if request.path == "/good" else 500)

    async with serving(provider) as url, running(CATALOG_INSTANCES=f"catalog-1={url}") as app:
        for path in ("/things/good", "/things/good", "/things/bad", "/nowhere"):
            await ask(app, "GET", path)
        await ask(app, "BREW", "/things/good")
        told = await figures(app)
    route = 'method="GET",route="/things/{sku}"'
    assert told[f'http_server_requests_total{{{route},status="2xx"}}'] == 2
    assert told[f'http_server_requests_total{{{route},status="5xx"}}'] == 1
    assert told[f"http_server_request_duration_seconds_count{{{route}}}"] == 3
    assert told['http_client_requests_total{outcome="ok",provider="catalog"}'] == 2
    assert told['http_client_requests_total{outcome="faulty",provider="catalog"}'] == 1
    assert not [name for name in told if "nowhere" in name or "BREW" in name or "good" in name]


@pytest.mark.loopback
async def test_a_trace_goes_through_a_service_to_its_provider() -> None:
    seen: list[str] = []

    async def provider(request: web.Request) -> web.Response:
        seen.append(request.headers["traceparent"])
        return web.json_response({"name": "lamp"})

    async with serving(provider) as url, running(CATALOG_INSTANCES=f"catalog-1={url}") as app:
        await ask(app, "GET", "/things/good", headers=TOLD)
        await ask(app, "GET", "/things/good")
    assert seen[0].split("-")[1] == TRACE
    assert seen[0] != TOLD["traceparent"]
    assert seen[1].split("-")[1] != TRACE


@pytest.mark.loopback
async def test_spans_reach_the_collector_as_otlp() -> None:
    received: list[dict[str, Any]] = []

    async def either(request: web.Request) -> web.Response:
        if request.path != "/v1/traces":
            return web.json_response({"name": "lamp"})
        received.append(json.loads(await request.text()))
        return web.json_response({})

    async with (
        serving(either) as url,
        running(CATALOG_INSTANCES=f"catalog-1={url}", OTEL_EXPORTER_OTLP_ENDPOINT=url + "/", VERSION="1.1.0") as app,
    ):
        await ask(app, "GET", "/things/good", headers=TOLD)
    # Leaving has sent what was there.
    (resource,) = received[0]["resourceSpans"]
    about = {each["key"]: each["value"]["stringValue"] for each in resource["resource"]["attributes"]}
    assert (about["service.name"], about["service.version"]) == ("front", "1.1.0")
    spans = {span["name"]: span for span in resource["scopeSpans"][0]["spans"]}
    server, client = spans["GET /things/{sku}"], spans["GET catalog"]
    assert (server["traceId"], server["parentSpanId"], server["kind"]) == (TRACE, "b7ad6b7169203331", 2)
    assert (client["traceId"], client["parentSpanId"], client["kind"]) == (TRACE, server["spanId"], 3)
    assert int(server["endTimeUnixNano"]) >= int(server["startTimeUnixNano"])
    assert {"key": "http.response.status_code", "value": {"intValue": "200"}} in server["attributes"]


@pytest.mark.loopback
async def test_a_span_says_what_went_wrong_and_a_definite_no_is_nothing_wrong() -> None:
    received: list[dict[str, Any]] = []

    async def either(request: web.Request) -> web.Response:
        if request.path == "/v1/traces":
            received.append(json.loads(await request.text()))
            return web.json_response({})
        if request.path == "/bad":
            return web.json_response({}, status=500)
        problem = {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no lamp"}
        return web.json_response(problem, status=404, content_type="application/problem+json")

    async with serving(either) as url:
        exporter = Exporter(Settings(service="front", env={"OTEL_EXPORTER_OTLP_ENDPOINT": url}))
        telemetry = Telemetry(Settings(service="front"))
        telemetry.exporter = exporter
        async with Edge(
            "catalog", {"catalog-1": url}, Limits(deadline_s=0.5, attempt_s=0.4), telemetry=telemetry
        ) as edge:
            with pytest.raises(Refused):
                await edge.call(Call(method="GET", path="/gone", refusals=frozenset({404})), Thing)
            with pytest.raises(Unavailable):
                await edge.call(Call(method="POST", path="/bad"), Thing)
        await stop_at_once(exporter)
    spans = [span for each in received[0]["resourceSpans"] for span in each["scopeSpans"][0]["spans"]]
    by_name = {span["name"]: span["status"] for span in spans}
    assert by_name["GET catalog"] == {}
    assert by_name["POST catalog"]["code"] == 2
    assert "it answered 500" in by_name["POST catalog"]["message"]


async def stop_at_once(exporter: Exporter) -> None:
    """What is there is sent when its task is cancelled."""
    task = asyncio.create_task(exporter.run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_the_queue_for_the_collector_has_an_end() -> None:
    exporter = Exporter(Settings(service="front", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}))
    for _ in range(MOST_WAITING + 5):
        exporter.put(trace.begin("work", Kind.SERVER))
    assert (exporter.health()["waiting"], exporter.dropped) == (MOST_WAITING, 5)


def test_without_a_collector_and_unsampled_nothing_is_kept() -> None:
    nowhere = Exporter(Settings(service="front"))
    nowhere.put(trace.begin("work", Kind.SERVER))
    somewhere = Exporter(Settings(service="front", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}))
    somewhere.put(trace.begin("work", Kind.SERVER, f"00-{TRACE}-b7ad6b7169203331-00"))
    assert (nowhere.health()["waiting"], somewhere.health()["waiting"]) == (0, 0)


async def test_a_collector_that_is_away_costs_the_spans_only() -> None:
    exporter = Exporter(Settings(service="front", env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}))
    exporter.put(trace.begin("work", Kind.SERVER))
    running_ = asyncio.create_task(exporter.run())
    await asyncio.sleep(0)
    running_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running_
    assert (exporter.sent, exporter.dropped) == (0, 1)


@pytest.mark.loopback
async def test_a_quota_of_the_provider_does_not_speak_against_it() -> None:
    async def provider(_: web.Request) -> web.Response:
        problem = {"type": "about:blank", "title": "Too Many Requests", "status": 429, "detail": "used up"}
        return web.json_response(problem, status=429, content_type="application/problem+json")

    async with serving(provider) as url:
        limits = Limits(deadline_s=0.5, attempt_s=0.4)
        async with Edge("catalog", {"catalog-1": url}, limits) as edge:
            for _ in range(12):
                with pytest.raises(Unavailable, match="used up") as caught:
                    await edge.call(Call(method="GET", path="/x"), Thing)
                assert not caught.value.sent
            assert (edge.away, edge.lines[0].calls) == (False, 12)
