"""Orders' API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request, Response
from kit import service
from kit.bus import Bus
from kit.host import Host
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Unavailable
from kit.words import KeyText, PageSize, PageStart, Uuid

from orders import clients
from orders.models import Order, OrderAccepted, OrderPage, OrderRequest
from orders.outbox import Relay
from orders.runner import Runner
from orders.store import SCHEMA, Orders

LIMIT_S = 1.7
LOCATION = {
    "headers": {
        "Location": {"description": "Where the order can be read", "required": True, "schema": {"type": "string"}}
    },
    "links": {
        "order": {"operationId": "read_order", "parameters": {"order_id": "$response.body#/order_id"}},
    },
}
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    orders: Orders
    runner: Runner


def parts(host: Host) -> Parts:
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, SCHEMA))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    orders = Orders(postgres)
    runner = Runner(
        orders,
        clients.PricingClient(host.edge("pricing", clients.PRICING)),
        clients.InventoryClient(host.edge("inventory", clients.INVENTORY)),
        clients.PaymentsClient(host.edge("payments", clients.PAYMENTS)),
    )
    host.background(postgres.prepare)
    host.background(runner.run)
    host.background(Relay(orders, bus, runner.confirmed).run)
    return Parts(orders=orders, runner=runner)


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.post("/orders", status_code=202, responses={202: LOCATION, **declared(409, 413, 415)})
async def place_order(
    request: Request, response: Response, wanted: OrderRequest, idempotency_key: Annotated[KeyText, Header()]
) -> OrderAccepted:
    shop = _parts(request)
    away = shop.runner.away
    if away is not None and not await shop.orders.knows(idempotency_key):
        # Better a clean no at once than an order that is bound to be refused.
        raise Unavailable(away, "the circuit breaker is open", sent=False)
    saga = await shop.orders.add(wanted, idempotency_key)
    shop.runner.submit(saga)
    response.headers["Location"] = f"/orders/{saga.order_id}"
    return OrderAccepted(order_id=saga.order_id, status="pending")


@routes.get("/orders/{order_id}", operation_id="read_order", responses=declared(404))
async def read_order(request: Request, order_id: Annotated[Uuid, Path()]) -> Order:
    return await _parts(request).orders.read(order_id)


@routes.get("/orders", responses=declared())
async def list_orders(
    request: Request, after: Annotated[PageStart, Query()] = 0, limit: Annotated[PageSize, Query()] = 100
) -> OrderPage:
    return await _parts(request).orders.page(after, limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Orders", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("orders")
    service.run(settings, create(settings))
