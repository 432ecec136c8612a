"""The cart's API."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Header, Path, Request
from kit import service
from kit.auth import customer, needs
from kit.bucket import Bucket, own_zone_first
from kit.host import Host
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Refused, conflict
from kit.words import Line, Sku, Uuid

from cart.clients import PRICING, PricingClient
from cart.log import Log
from cart.merge import NUMBERS
from cart.models import CartContent, Missing, QuantityRequest, VersionHeader
from cart.prices import Prices
from cart.store import Carts, Found

LIMIT_S = 0.78
AGREE_S = 0.45
"""The longest that a majority is waited for; then a change is kept here, and brought to it later."""
SHARE = 0.5
FIRST_MS = 1_700_000_000_000
SKEW_S = 60.0
"""How far the clocks of two instances may be apart."""


def _prefer(prefer: Annotated[str, Header()] = "") -> None:
    """Say in the document that `Prefer: return=minimal` is understood (RFC 7240, section 4.2); `_answer` reads it."""


READ = [needs("cart.read"), Depends(_prefer)]
WRITE = [needs("cart.write"), Depends(_prefer)]
Whose = Annotated[str, customer()]
CustomerId = Annotated[Uuid, Path()]
routes = service.router()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the operations need."""

    carts: Carts
    prices: Prices


def parts(host: Host) -> Parts:
    settings = host.settings
    urls = own_zone_first(settings.cart_store_urls, settings.zone)
    bucket = host.part("cart-store", Bucket(urls, "carts", settings.instance, limit_s=AGREE_S, share=SHARE))
    waiting = host.part("write-ahead", Log(settings.data_dir and settings.data_dir / "carts.log"))
    carts = Carts(bucket, waiting, settings.instance)
    host.background(carts.flush)
    return Parts(carts=carts, prices=Prices(PricingClient(host.edge("pricing", PRICING))))


def _parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


async def _answer(request: Request, customer_id: str, found: Found) -> CartContent:
    items = found.cart.items
    hurries = "return=minimal" in request.headers.get("prefer", "")
    total = await _parts(request).prices.total(customer_id, items, ask=not hurries)
    degraded: list[Missing] = [] if found.agreed else ["cart"]
    return CartContent(
        customer_id=customer_id,
        items=[Line(sku=sku, quantity=quantity) for sku, quantity in items.items()],
        total_cents=total.cents,
        currency="EUR",
        degraded=degraded if total.fresh else [*degraded, "prices"],
        version=found.cart.version,
    )


def _check(customer_id: str, whose: str) -> None:
    if customer_id != whose:
        raise Refused(403, "this is the cart of another customer")


def _at_least(x_cart_version: Annotated[VersionHeader, Header()] = 0) -> int:
    """The version that the customer saw last: one from the future, or from before there were any, was never seen."""
    if x_cart_version and not FIRST_MS <= x_cart_version // NUMBERS <= (time.time() + SKEW_S) * 1000:
        raise conflict(f"there was never a version {x_cart_version}")
    return x_cart_version


AtLeast = Annotated[int, Depends(_at_least)]


@routes.get("/carts/{customer_id}", dependencies=READ, responses=declared(403, 409))
async def read_cart(request: Request, customer_id: CustomerId, whose: Whose, at_least: AtLeast) -> CartContent:
    _check(customer_id, whose)
    return await _answer(request, customer_id, await _parts(request).carts.read(customer_id, at_least))


@routes.put("/carts/{customer_id}/items/{sku}", dependencies=WRITE, responses=declared(403, 409, 413, 415))
async def put_item(  # noqa: PLR0913, PLR0917 -- the parts of the request
    request: Request,
    customer_id: CustomerId,
    whose: Whose,
    sku: Annotated[Sku, Path()],
    wanted: QuantityRequest,
    at_least: AtLeast,
) -> CartContent:
    _check(customer_id, whose)
    found = await _parts(request).carts.put(customer_id, sku, wanted.quantity, at_least)
    return await _answer(request, customer_id, found)


@routes.delete("/carts/{customer_id}/items/{sku}", dependencies=WRITE, responses=declared(403, 409))
async def remove_item(
    request: Request, customer_id: CustomerId, whose: Whose, sku: Annotated[Sku, Path()], at_least: AtLeast
) -> CartContent:
    _check(customer_id, whose)
    return await _answer(request, customer_id, await _parts(request).carts.put(customer_id, sku, 0, at_least))


@routes.delete("/carts/{customer_id}", dependencies=WRITE, responses=declared(403, 409))
async def clear_cart(request: Request, customer_id: CustomerId, whose: Whose, at_least: AtLeast) -> CartContent:
    _check(customer_id, whose)
    return await _answer(request, customer_id, await _parts(request).carts.clear(customer_id, at_least))


def create(settings: Settings) -> FastAPI:
    return service.build(settings, "Cart", routes, parts, LIMIT_S)


def serve() -> None:
    settings = Settings.read("cart")
    service.run(settings, create(settings))
