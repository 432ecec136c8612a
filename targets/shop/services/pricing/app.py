"""Pricing's API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Request
from kit import service
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import Sku

from pricing.models import Price, Quote, QuoteRequest
from pricing.store import SCHEMA, Prices

LIMIT_S = 1.0
routes = service.router()


def parts(host: Host) -> Prices:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    host.background(postgres.prepare)
    return Prices(postgres)


def _prices(request: Request) -> Prices:
    found: Prices = request.app.state.parts
    return found


@routes.get("/prices/{sku}", responses=declared(404))
async def read_price(request: Request, sku: Annotated[Sku, Path()]) -> Price:
    return await _prices(request).read(sku)


@routes.post("/quotes", responses=declared(404, 413, 415))
async def quote(request: Request, basket: QuoteRequest) -> Quote:
    return await _prices(request).quote(basket.items)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Pricing", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("pricing")
    service.run(settings, create(settings))
