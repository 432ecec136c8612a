"""Shipping's API."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request
from kit import service
from kit.auth import Caller, needs
from kit.bus import Bus
from kit.consumer import Consumer, Topic
from kit.host import Host
from kit.outbox import Outbox
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, PageSize, PageStart, Uuid

from shipping.courier import Courier
from shipping.models import Cancellation, OrderCancelled, OrderPlaced, Shipment, ShipmentPage, ShipmentRequest
from shipping.store import SCHEMA, Shipments

LIMIT_S = 1.0
DISPATCH_S = 0.5
DELIVERY_S = 2.0
routes = service.router()


def parts(host: Host) -> Shipments:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    shipments, outbox = Shipments(postgres), Outbox(postgres, bus)
    topics = (
        Topic("shop.orders.placed", OrderPlaced, shipments.placed, shipments.all_placed),
        Topic("shop.orders.cancelled", OrderCancelled, shipments.cancelled),
    )
    courier = Courier(
        shipments,
        outbox.wake,
        dispatch_s=host.settings.number("DISPATCH_S", DISPATCH_S),
        delivery_s=host.settings.number("DELIVERY_S", DELIVERY_S),
    )
    consumer = Consumer(bus, "shipping", topics, host.telemetry.exporter.put)
    for work in (postgres.prepare, outbox.run, consumer.run, courier.run):
        host.background(work)
    return shipments


def _shipments(request: Request) -> Shipments:
    found: Shipments = request.app.state.parts
    return found


@routes.post("/shipments", status_code=201, responses=declared(409, 413, 415))
async def make_shipment(
    request: Request,
    _: Annotated[Caller, needs("shipping.ship")],
    wanted: ShipmentRequest,
    idempotency_key: Annotated[KeyText, Header()],
) -> Shipment:
    return await _shipments(request).make(wanted, idempotency_key)


@routes.post("/shipments/{order_id}/cancel", responses=declared())
async def cancel_shipment(
    request: Request, _: Annotated[Caller, needs("shipping.ship")], order_id: Annotated[Uuid, Path()]
) -> Cancellation:
    return await _shipments(request).cancel(order_id)


@routes.get("/shipments", responses=declared())
async def list_shipments(
    request: Request,
    _: Annotated[Caller, needs("shipping.read")],
    after: Annotated[PageStart, Query()] = 0,
    limit: Annotated[PageSize, Query()] = 100,
) -> ShipmentPage:
    return await _shipments(request).page(after, limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Shipping", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("shipping")
    service.run(settings, create(settings))
