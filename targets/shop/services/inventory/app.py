"""Inventory's API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Header, Path, Query, Request
from kit import defects, service
from kit.auth import needs
from kit.bus import Bus
from kit.consumer import Consumer, Topic
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, PageSize, PageStart, Sku, Uuid

from inventory.models import (
    OrderCancelled,
    OrderPlaced,
    Reservation,
    ReservationPage,
    ReservationRequest,
    ReservationState,
    Stock,
    StockPage,
)
from inventory.schema import SCHEMA
from inventory.store import Inventory
from inventory.sweeper import Sweeper

LIMIT_S = 1.5
RESERVATION_S = 30.0
READ = [needs("inventory.read")]
RESERVE = [needs("inventory.reserve")]
routes = service.router()


def parts(host: Host) -> Inventory:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    inventory = Inventory(postgres, host.settings.number("RESERVATION_S", RESERVATION_S))
    topics: list[Topic[Any]] = [
        Topic("shop.orders.placed", OrderPlaced, inventory.sold, inventory.all_sold),
        Topic("shop.orders.cancelled", OrderCancelled, inventory.returned),
    ]
    host.background(postgres.prepare)
    host.background(Consumer(bus, "inventory", topics, host.telemetry.exporter.put).run)
    if not defects.on("reservation-leak"):
        host.background(Sweeper(inventory).run)
    return inventory


def _inventory(request: Request) -> Inventory:
    found: Inventory = request.app.state.parts
    return found


@routes.get("/stock/{sku}", dependencies=READ, responses=declared(404))
async def read_stock(request: Request, sku: Annotated[Sku, Path()]) -> Stock:
    return await _inventory(request).read(sku)


@routes.get("/stock", dependencies=READ, responses=declared())
async def list_stock(
    request: Request, after: Annotated[Sku | None, Query()] = None, limit: Annotated[PageSize, Query()] = 100
) -> StockPage:
    return await _inventory(request).page(after or "", limit)


@routes.get("/reservations", dependencies=READ, responses=declared())
async def list_reservations(
    request: Request, after: Annotated[PageStart, Query()] = 0, limit: Annotated[PageSize, Query()] = 100
) -> ReservationPage:
    return await _inventory(request).reservations(after, limit)


@routes.post("/reservations", dependencies=RESERVE, status_code=201, responses=declared(409, 413, 415))
async def reserve(
    request: Request, wanted: ReservationRequest, idempotency_key: Annotated[KeyText, Header()]
) -> Reservation:
    return await _inventory(request).reserve(wanted, idempotency_key)


@routes.post("/reservations/{order_id}/confirm", dependencies=RESERVE, responses=declared(404, 409))
async def confirm(request: Request, order_id: Annotated[Uuid, Path()]) -> ReservationState:
    return await _inventory(request).confirm(order_id)


@routes.post("/reservations/{order_id}/release", dependencies=RESERVE, responses=declared())
async def release(request: Request, order_id: Annotated[Uuid, Path()]) -> ReservationState:
    return await _inventory(request).release(order_id)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Inventory", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("inventory")
    service.run(settings, create(settings))
