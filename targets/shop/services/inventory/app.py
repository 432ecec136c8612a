"""Inventory's API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request
from kit import service
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, PageSize, Sku, Uuid

from inventory.models import Reservation, ReservationRequest, ReservationState, Stock, StockPage
from inventory.store import SCHEMA, Inventory

LIMIT_S = 1.5
routes = service.router()


def parts(host: Host) -> Inventory:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    host.background(postgres.prepare)
    return Inventory(postgres)


def _inventory(request: Request) -> Inventory:
    found: Inventory = request.app.state.parts
    return found


@routes.get("/stock/{sku}", responses=declared(404))
async def read_stock(request: Request, sku: Annotated[Sku, Path()]) -> Stock:
    return await _inventory(request).read(sku)


@routes.get("/stock", responses=declared())
async def list_stock(
    request: Request, after: Annotated[Sku | None, Query()] = None, limit: Annotated[PageSize, Query()] = 100
) -> StockPage:
    return await _inventory(request).page(after or "", limit)


@routes.post("/reservations", status_code=201, responses=declared(409, 413, 415))
async def reserve(
    request: Request, wanted: ReservationRequest, idempotency_key: Annotated[KeyText, Header()]
) -> Reservation:
    return await _inventory(request).reserve(wanted, idempotency_key)


@routes.post("/reservations/{order_id}/confirm", responses=declared(404, 409))
async def confirm(request: Request, order_id: Annotated[Uuid, Path()]) -> ReservationState:
    return await _inventory(request).confirm(order_id)


@routes.post("/reservations/{order_id}/release", responses=declared())
async def release(request: Request, order_id: Annotated[Uuid, Path()]) -> ReservationState:
    return await _inventory(request).release(order_id)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Inventory", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("inventory")
    service.run(settings, create(settings))
