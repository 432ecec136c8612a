"""The API of analytics."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query, Request
from kit import service
from kit.auth import needs
from kit.bus import Bus
from kit.consumer import Consumer, Topic
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import PageSize, PageStart

from analytics.events import KNOWN
from analytics.models import Day, Figures, StoredEvents
from analytics.store import SCHEMA, Warehouse

LIMIT_S = 1.0
DURABLE = "analytics"
READER = [needs("analytics.read")]
routes = service.router()


def parts(host: Host) -> Warehouse:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    host.background(postgres.prepare)
    warehouse = Warehouse(postgres)
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    topics = [Topic(subject, model, warehouse.take, warehouse.take_all) for subject, model in KNOWN.items()]
    host.background(Consumer(bus, DURABLE, topics, host.telemetry.exporter.put).run)
    return warehouse


def _warehouse(request: Request) -> Warehouse:
    found: Warehouse = request.app.state.parts
    return found


@routes.get("/events", dependencies=READER, responses=declared())
async def list_events(
    request: Request,
    after: Annotated[PageStart, Query()] = 0,
    limit: Annotated[PageSize, Query()] = 100,
) -> StoredEvents:
    return await _warehouse(request).page(after, limit)


@routes.get("/figures", dependencies=READER, responses=declared())
async def read_figures(request: Request, day: Annotated[Day, Query()]) -> Figures:
    return await _warehouse(request).figures(day)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Analytics", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("analytics")
    service.run(settings, create(settings))
