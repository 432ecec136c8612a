"""Search's API."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi import Query as InQuery
from kit import service
from kit.auth import needs
from kit.bus import Bus
from kit.consumer import Consumer, Topic
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Unavailable
from kit.words import PageSize, PageStart

from search.models import HitPage, ProductChanged, Query
from search.store import SCHEMA, Index

LIMIT_S = 1.0
PAUSE_S = 0.5
SUBJECT = "shop.catalog.changed"
READ = [needs("search.read")]
routes = service.router()
log = logging.getLogger(__name__)


def parts(host: Host) -> Index:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    index = Index(postgres)

    async def listen() -> None:
        await postgres.prepare()
        # A name of its own for each picture: the bus gives a consumer that it doesn't know all events from the first.
        durable = f"search-{await _begun(index)}"
        topics = [Topic(SUBJECT, ProductChanged, index.learn, index.learn_all)]
        await Consumer(bus, durable, topics, host.telemetry.exporter.put).run()

    host.background(listen)
    return index


async def _begun(index: Index) -> str:
    while True:
        try:
            return await index.begun()
        except Unavailable as error:
            log.info("the picture of the products waits: %s", error)
            await asyncio.sleep(PAUSE_S)


def _index(request: Request) -> Index:
    found: Index = request.app.state.parts
    return found


@routes.get("/search", dependencies=READ, responses=declared())
async def search(
    request: Request,
    q: Annotated[Query, InQuery()],
    after: Annotated[PageStart, InQuery()] = 0,
    limit: Annotated[PageSize, InQuery()] = 20,
) -> HitPage:
    return await _index(request).find(q, after, limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Search", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("search")
    service.run(settings, create(settings))
