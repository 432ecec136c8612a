"""The API of recommendations."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request
from kit import service
from kit.bus import Bus
from kit.cache import Cache
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.words import Sku

from recommendations.consumer import consumer
from recommendations.models import Recommendations
from recommendations.store import Together

LIMIT_S = 0.5
routes = service.router()


def parts(host: Host) -> Together:
    together = Together(host.hard_store("redis", Cache(host.settings.redis_url)))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    host.background(consumer(bus, together).run)
    return together


def _together(request: Request) -> Together:
    found: Together = request.app.state.parts
    return found


@routes.get("/recommendations/{sku}", responses=declared())
async def recommend(request: Request, sku: Annotated[Sku, Path()]) -> Recommendations:
    return Recommendations(sku=sku, items=await _together(request).best(sku))


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Recommendations", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("recommendations")
    service.run(settings, create(settings))
