"""Orders' API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Path, Query, Request, Response
from kit import service
from kit.auth import Caller, customer, needs
from kit.bus import Bus
from kit.host import Host
from kit.outbox import SCHEMA as OUTBOX
from kit.outbox import Outbox
from kit.postgres import Postgres
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Unavailable
from kit.words import KeyText, PageSize, PageStart, Uuid

from orders import clients, mine, store
from orders.cancelling import cancel_order as cancel_for
from orders.mine import MyOrders
from orders.models import Cancellation, History, MyOrderPage, Order, OrderAccepted, OrderPage, OrderRequest
from orders.runner import Runner
from orders.steps import Providers
from orders.store import Orders

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
Reader = Annotated[Caller, needs("orders.read")]
Writer = Annotated[Caller, needs("orders.write")]
CustomerId = Annotated[str, customer()]
OrderId = Annotated[Uuid, Path()]
After = Annotated[PageStart, Query()]
AtMost = Annotated[PageSize, Query()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    orders: Orders
    mine: MyOrders
    runner: Runner


def parts(host: Host) -> Parts:
    schema = store.SCHEMA + mine.SCHEMA + OUTBOX
    postgres = host.hard_store("postgres", Postgres(host.settings.database_dsn, schema))
    bus = host.part("bus", Bus(host.settings.bus_url, host.settings.instance))
    orders, my_orders, outbox = Orders(postgres), MyOrders(postgres), Outbox(postgres, bus)
    providers = Providers(
        pricing=clients.PricingClient(host.edge("pricing", clients.PRICING)),
        inventory=clients.InventoryClient(host.edge("inventory", clients.INVENTORY)),
        payments=clients.PaymentsClient(host.edge("payments", clients.PAYMENTS)),
        shipping=clients.ShippingClient(host.edge("shipping", clients.SHIPPING)),
        fraud=clients.FraudClient(host.edge("fraud", clients.FRAUD)),
        users=clients.UsersClient(host.edge("users", clients.USERS)),
    )
    runner = Runner(orders, providers, host.settings.instance, outbox.wake, host.telemetry.exporter.put)
    for work in (postgres.prepare, runner.run, outbox.run, my_orders.run):
        host.background(work)
    return Parts(orders=orders, mine=my_orders, runner=runner)


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.post("/orders", status_code=202, responses={202: LOCATION, **declared(409, 413, 415)})
async def place_order(
    request: Request,
    response: Response,
    _: Writer,
    customer_id: CustomerId,
    wanted: OrderRequest,
    idempotency_key: Annotated[KeyText, Header()],
) -> OrderAccepted:
    shop = _parts(request)
    away = shop.runner.away
    if away is not None and not await shop.orders.knows(customer_id, idempotency_key):
        # Better a clean no at once than an order that is bound to be refused.
        raise Unavailable(away, "the circuit breaker is open", sent=False)
    saga, new = await shop.orders.add(customer_id, wanted, idempotency_key)
    if new:
        shop.runner.submit(saga)
    response.headers["Location"] = f"/orders/{saga.order_id}"
    return OrderAccepted(order_id=saga.order_id, status="pending")


@routes.get("/orders/mine", responses=declared())
async def list_my_orders(
    request: Request, _: Reader, customer_id: CustomerId, after: After = 0, limit: AtMost = 100
) -> MyOrderPage:
    return await _parts(request).mine.page(customer_id, after, limit)


@routes.get("/orders/{order_id}", operation_id="read_order", responses=declared(404))
async def read_order(request: Request, _: Reader, customer_id: CustomerId, order_id: OrderId) -> Order:
    return await _parts(request).orders.read(order_id, customer_id)


@routes.get("/orders/{order_id}/history", responses=declared(404))
async def read_history(request: Request, _: Reader, customer_id: CustomerId, order_id: OrderId) -> History:
    return await _parts(request).orders.history(order_id, customer_id)


@routes.post("/orders/{order_id}/cancel", status_code=202, responses=declared(404, 409))
async def cancel_order(request: Request, _: Writer, customer_id: CustomerId, order_id: OrderId) -> Cancellation:
    shop = _parts(request)
    saga, new = await cancel_for(shop.orders, order_id, customer_id)
    if new:
        shop.runner.submit(saga)
    return Cancellation(order_id=order_id, status="cancelled" if saga.status == "cancelled" else "cancelling")


@routes.get("/orders", responses=declared())
async def list_orders(request: Request, _: Reader, after: After = 0, limit: AtMost = 100) -> OrderPage:
    return await _parts(request).orders.page(after, limit)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Orders", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("orders")
    service.run(settings, create(settings))
