"""The API of recommendations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from kit import service
from kit.auth import needs
from kit.bus import Bus
from kit.cache import Cache
from kit.consumer import Consumer, Topic
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.words import Sku

from recommendations.clients import CATALOG, CatalogClient
from recommendations.job import JOB_S, Job
from recommendations.models import OrderCancelled, OrderPlaced, Recommendations
from recommendations.orders import Orders
from recommendations.store import Similarities

LIMIT_S = 0.5
READ = [needs("recommendations.read")]
routes = service.router()


def parts(host: Host) -> Similarities:
    cache = Cache(host.settings.redis_url)
    orders, similarities = Orders(cache), host.hard_store("redis", Similarities(cache))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    catalog = CatalogClient(host.edge("catalog", CATALOG))
    host.background(Consumer(bus, "recommendations", topics(orders), host.telemetry.exporter.put).run)
    host.background(Job(orders, similarities, catalog, host.settings.number("JOB_S", JOB_S)).run)
    return similarities


def topics(orders: Orders) -> list[Topic[Any]]:
    """What is listened to on the bus."""
    return [
        Topic("shop.orders.placed", OrderPlaced, orders.placed, orders.all_placed),
        Topic("shop.orders.cancelled", OrderCancelled, orders.cancelled),
    ]


@routes.get("/recommendations/{sku}", dependencies=READ, responses=declared())
async def recommend(request: Request, sku: Annotated[Sku, Path()]) -> Recommendations:
    similarities: Similarities = request.app.state.parts
    choice = await similarities.best(sku)
    return Recommendations(sku=sku, items=choice.items, degraded=[] if choice.checked else ["catalog"])


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Recommendations", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("recommendations")
    service.run(settings, create(settings))
