"""Pricing's API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Path, Request
from kit import defects, service
from kit.auth import needs
from kit.bus import Bus
from kit.cache import ASIDE_LIMIT_S, Cache
from kit.consumer import Consumer
from kit.host import Host
from kit.outbox import Outbox
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Refused
from kit.words import Sku

from pricing import clients
from pricing.cached import CachedPrices
from pricing.models import Price, PriceChange, Quote, QuoteRequest
from pricing.quotes import Quotes
from pricing.rules import rules_of
from pricing.store import SCHEMA, Prices

LIMIT_S = 1.0
READ = [needs("pricing.read")]
WRITE = [needs("pricing.write")]
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    cached: CachedPrices
    quotes: Quotes
    outbox: Outbox


def parts(host: Host) -> Parts:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    cache = host.part("redis", Cache(host.settings.redis_url, ASIDE_LIMIT_S))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    prices = Prices(postgres)
    cached = CachedPrices(prices, cache)
    host.part("prices-cache", cached.aside)
    outbox = Outbox(postgres, bus)
    quotes = Quotes(
        prices=prices,
        catalog=clients.CatalogClient(host.edge("catalog", clients.CATALOG)),
        flags=host.flags,
        rules=rules_of(host.settings.version),
    )
    host.background(postgres.prepare)
    host.background(outbox.run)
    host.background(Consumer(bus, "pricing", [cached.topic()], host.telemetry.exporter.put).run)
    return Parts(cached=cached, quotes=quotes, outbox=outbox)


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.get("/prices/{sku}", dependencies=READ, responses=declared(404))
async def read_price(request: Request, sku: Annotated[Sku, Path()]) -> Price:
    return await _parts(request).cached.read(sku)


@routes.put("/prices/{sku}", dependencies=WRITE, responses=declared(404, 413, 415))
async def change_price(request: Request, sku: Annotated[Sku, Path()], wanted: PriceChange) -> Price:
    pricing = _parts(request)
    changed = await pricing.cached.change(sku, wanted)
    pricing.outbox.wake.set()
    return changed


@routes.post("/quotes", dependencies=READ, responses=declared(404, 413, 415))
async def quote(request: Request, basket: QuoteRequest) -> Quote:
    if defects.on("required-added"):
        raise Refused(422, "body.market: Field required")
    return await _parts(request).quotes.quote(basket)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Pricing", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("pricing")
    service.run(settings, create(settings))
