"""The public API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import FastAPI, Header, Path, Request, Response
from kit import service
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, Sku, Uuid

from gateway import clients
from gateway.models import Order, OrderAccepted, OrderRequest, ProductPage
from gateway.page import Page

LIMIT_S = 1.8
DEGRADED = "X-Degraded"
MARK = {"headers": {DEGRADED: {"description": "What is missing, separated by commas", "schema": {"type": "string"}}}}
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

    page: Page
    orders: clients.OrdersClient


def parts(host: Host) -> Parts:
    page = Page(
        catalog=clients.CatalogClient(host.edge("catalog", clients.CATALOG)),
        pricing=clients.PricingClient(host.edge("pricing", clients.PRICING)),
        inventory=clients.InventoryClient(host.edge("inventory", clients.INVENTORY)),
        recommendations=clients.RecommendationsClient(host.edge("recommendations", clients.RECOMMENDATIONS)),
    )
    return Parts(page=page, orders=clients.OrdersClient(host.edge("orders", clients.ORDERS)))


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


@routes.get("/products/{sku}", responses={200: MARK, **declared(404)})
async def product_page(request: Request, response: Response, sku: Annotated[Sku, Path()]) -> ProductPage:
    page = await _parts(request).page.compose(sku)
    if page.degraded:
        response.headers[DEGRADED] = ",".join(page.degraded)
    return page


@routes.post("/orders", status_code=202, responses={202: LOCATION, **declared(409, 413, 415)})
async def place_order(
    request: Request, response: Response, wanted: OrderRequest, idempotency_key: Annotated[KeyText, Header()]
) -> OrderAccepted:
    accepted = await _parts(request).orders.place(wanted, idempotency_key)
    response.headers["Location"] = f"/orders/{accepted.order_id}"
    return OrderAccepted(order_id=accepted.order_id, status=accepted.status)


@routes.get("/orders/{order_id}", operation_id="read_order", responses=declared(404))
async def read_order(request: Request, order_id: Annotated[Uuid, Path()]) -> Order:
    state = await _parts(request).orders.read(order_id)
    return Order(**state.model_dump(exclude={"items"}), items=state.items, degraded=[])


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Gateway", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("gateway")
    service.run(settings, create(settings))
