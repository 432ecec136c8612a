"""The public API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import BackgroundTasks, FastAPI, Header, Path, Query, Request, Response
from kit import defects, service
from kit.auth import Caller, anyone, customer
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.words import KeyText, PageSize, PageStart, Sku, Uuid
from pydantic import BaseModel

from gateway import answers, clients, models
from gateway.lanes import lane
from gateway.page import Page
from gateway.shadow import Shadow, counter

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
SHADOW_FLAG = "legacy-shadow"
OPEN = [anyone()]
SIGNED_IN = [anyone(), customer()]
Answer = TypeVar("Answer", bound=BaseModel)
CustomerId = Annotated[str, customer()]
SeenVersion = Annotated[models.CartVersion, Header()]
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    page: Page
    shadow: Shadow
    search: clients.SearchClient
    users: clients.UsersClient
    cart: clients.CartClient
    orders: clients.OrdersClient
    reviews: clients.ReviewsClient
    monolith: clients.MonolithClient


def parts(host: Host) -> Parts:
    reviews = clients.ReviewsClient(host.edge("reviews", clients.REVIEWS))
    recommendations = defects.either("optional-on-path", clients.CATALOG, clients.RECOMMENDATIONS)
    monolith = clients.MonolithClient(host.edge("monolith", clients.MONOLITH))
    count = counter(host.telemetry.registry)
    shadow = host.part("shadow", Shadow(monolith.product, lambda: host.flags.share(SHADOW_FLAG), count=count))
    host.background(shadow.run)

    def crowded() -> bool:
        return host.admission.turns_away

    return Parts(
        page=Page(
            product=clients.CatalogClient(host.edge("catalog", clients.CATALOG)).product,
            price=clients.PricingClient(host.edge("pricing", clients.PRICING)).price,
            stock=clients.InventoryClient(host.edge("inventory", clients.INVENTORY)).stock,
            rating=reviews.rating,
            others=clients.RecommendationsClient(host.edge("recommendations", recommendations)).best,
            soft_s=defects.limit_s(defects.either("optional-on-path", clients.QUICK_S, clients.SOFT_S)),
            crowded=crowded,
        ),
        shadow=shadow,
        search=clients.SearchClient(host.edge("search", clients.SEARCH)),
        users=clients.UsersClient(host.edge("users", clients.USERS)),
        cart=clients.CartClient(host.edge("cart", defects.hasty(clients.CART)), crowded),
        orders=clients.OrdersClient(host.edge("orders", clients.ORDERS)),
        reviews=reviews,
        monolith=monolith,
    )


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


def _shown(model: type[Answer], answer: BaseModel) -> Answer:
    """What a provider answered, as customers see it."""
    return model.model_validate_json(answer.model_dump_json())


def _mark(response: Response, degraded: Sequence[str]) -> None:
    """Say in a header what the answer lacks, so that nobody need read it to know."""
    if degraded:
        response.headers[DEGRADED] = ",".join(degraded)


@routes.get("/products/{sku}", responses={200: MARK, **declared(404)})
async def product_page(
    request: Request,
    response: Response,
    afterwards: BackgroundTasks,
    caller: Annotated[Caller, anyone()],
    sku: Annotated[Sku, Path()],
) -> models.ProductPage:
    subject = caller.name if caller.kind == "customer" else sku
    page = await _parts(request).page.compose(sku, subject)
    _mark(response, page.degraded)
    afterwards.add_task(_parts(request).shadow.offer, page)
    return page


@routes.post("/products/{sku}/reviews", status_code=201, dependencies=SIGNED_IN, responses=declared(409, 413, 415))
async def write_review(
    request: Request,
    sku: Annotated[Sku, Path()],
    review: models.ReviewRequest,
    idempotency_key: Annotated[KeyText, Header()],
) -> models.Review:
    written = await _parts(request).reviews.write(sku, review, idempotency_key)
    return _shown(models.Review, written)


@routes.get("/legacy/products/{sku}", dependencies=OPEN, responses=declared(404))
async def legacy_product(request: Request, sku: Annotated[Sku, Path()]) -> models.LegacyProduct:
    product = await _parts(request).monolith.product(sku)
    return _shown(models.LegacyProduct, product)


@routes.get("/search", dependencies=OPEN, responses=declared())
async def search(
    request: Request,
    q: Annotated[models.SearchText, Query()],
    after: Annotated[PageStart, Query()] = 0,
    limit: Annotated[PageSize, Query()] = 20,
) -> models.SearchResult:
    found = await _parts(request).search.find(q, after, limit)
    return _shown(models.SearchResult, found)


@routes.post("/accounts", status_code=201, dependencies=OPEN, responses=declared(409, 413, 415))
async def sign_up(request: Request, account: models.AccountRequest) -> models.Account:
    made = await _parts(request).users.sign_up(account)
    return _shown(models.Account, made)


@routes.post("/sessions", status_code=201, dependencies=OPEN, responses=declared(401, 413, 415))
async def sign_in(request: Request, session: models.SessionRequest) -> models.Session:
    begun = await _parts(request).users.sign_in(session)
    return _shown(models.Session, begun)


@routes.get("/cart", dependencies=OPEN, responses={200: MARK, **declared(409)})
async def read_cart(
    request: Request,
    response: Response,
    customer_id: CustomerId,
    x_cart_version: SeenVersion = 0,
) -> models.Cart:
    return _cart(response, await _parts(request).cart.read(customer_id, x_cart_version))


@routes.put("/cart/items/{sku}", dependencies=OPEN, responses={200: MARK, **declared(409, 413, 415)})
async def put_item(  # noqa: PLR0913, PLR0917 -- the parts of the request
    request: Request,
    response: Response,
    customer_id: CustomerId,
    sku: Annotated[Sku, Path()],
    wanted: models.QuantityRequest,
    x_cart_version: SeenVersion = 0,
) -> models.Cart:
    return _cart(response, await _parts(request).cart.put(customer_id, sku, wanted, x_cart_version))


@routes.delete("/cart/items/{sku}", dependencies=OPEN, responses={200: MARK, **declared(409)})
async def remove_item(
    request: Request,
    response: Response,
    customer_id: CustomerId,
    sku: Annotated[Sku, Path()],
    x_cart_version: SeenVersion = 0,
) -> models.Cart:
    return _cart(response, await _parts(request).cart.remove(customer_id, sku, x_cart_version))


@routes.delete("/cart", dependencies=OPEN, responses={200: MARK, **declared(409)})
async def clear_cart(
    request: Request, response: Response, customer_id: CustomerId, x_cart_version: SeenVersion = 0
) -> models.Cart:
    return _cart(response, await _parts(request).cart.clear(customer_id, x_cart_version))


def _cart(response: Response, cart: answers.Cart) -> models.Cart:
    _mark(response, cart.degraded)
    return _shown(models.Cart, cart)


@routes.post("/orders", status_code=202, dependencies=SIGNED_IN, responses={202: LOCATION, **declared(409, 413, 415)})
async def place_order(
    request: Request,
    response: Response,
    wanted: models.OrderRequest,
    idempotency_key: Annotated[KeyText, Header()],
) -> models.OrderAccepted:
    accepted = await _parts(request).orders.place(wanted, idempotency_key)
    read_at = f"/orders/{accepted.order_id}"
    response.headers["Location"] = read_at
    return models.OrderAccepted(order_id=accepted.order_id, status=accepted.status, read_at=read_at)


@routes.get("/orders", dependencies=SIGNED_IN, responses=declared())
async def my_orders(
    request: Request,
    after: Annotated[PageStart, Query()] = 0,
    limit: Annotated[PageSize, Query()] = 20,
) -> models.OrderList:
    found = await _parts(request).orders.mine(after, limit)
    more = None if found.next is None else found.next.replace("/orders/mine?", "/orders?")
    return _shown(models.OrderList, found.model_copy(update={"next": more}))


@routes.get(
    "/orders/{order_id}", operation_id="read_order", dependencies=SIGNED_IN, responses={200: MARK, **declared(404)}
)
async def read_order(request: Request, response: Response, order_id: Annotated[Uuid, Path()]) -> models.Order:
    order = await _parts(request).orders.read(order_id)
    _mark(response, order.degraded)
    return _shown(models.Order, order)


@routes.post("/orders/{order_id}/cancel", status_code=202, dependencies=SIGNED_IN, responses=declared(404, 409))
async def cancel_order(request: Request, order_id: Annotated[Uuid, Path()]) -> models.Cancellation:
    cancelled = await _parts(request).orders.cancel(order_id)
    return _shown(models.Cancellation, cancelled)


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Gateway", routes, parts, lane)


def serve() -> None:
    settings = Settings.read("gateway")
    service.run(settings, create(settings))
