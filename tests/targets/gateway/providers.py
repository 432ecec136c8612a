"""All the gateway's providers in one: answers what it is told to, and writes down what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SKU = "sku-0001"
CUSTOMER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
ORDER = "0b0b7a94-2a51-4a57-8d0b-5a9c1a2b3c4d"
PROVIDERS = (
    "catalog",
    "pricing",
    "inventory",
    "reviews",
    "recommendations",
    "search",
    "users",
    "cart",
    "orders",
    "monolith",
)
CART = {
    "customer_id": CUSTOMER,
    "items": [{"sku": SKU, "quantity": 2}],
    "total_cents": 3998,
    "currency": "EUR",
    "degraded": [],
    "version": 3,
}
PLACED = {
    "order_id": ORDER,
    "status": "confirmed",
    "reason": None,
    "total_cents": 3998,
    "items": [{"sku": SKU, "quantity": 2}],
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a provider says; a status of 0 means that it says nothing."""

    status: int = 200
    body: object = None
    kind: str = "application/json"


HANGS = Reply(status=0)
GOOD: Mapping[tuple[str, str], Reply] = {
    ("GET", f"/catalog/products/{SKU}"): Reply(
        body={"sku": SKU, "name": "Sturdy kettle", "description": "It boils.", "category": "kitchen"}
    ),
    ("GET", f"/pricing/prices/{SKU}"): Reply(body={"sku": SKU, "amount_cents": 1999, "currency": "EUR"}),
    ("GET", f"/inventory/stock/{SKU}"): Reply(body={"sku": SKU, "available": 7}),
    ("GET", f"/reviews/ratings/{SKU}"): Reply(body={"sku": SKU, "average": 4.5, "count": 2}),
    ("GET", f"/recommendations/recommendations/{SKU}"): Reply(body={"sku": SKU, "items": ["sku-0002"]}),
    ("GET", "/search/search"): Reply(
        body={"items": [{"sku": SKU, "name": "Sturdy kettle"}], "next": "/search?q=kettle&after=1&limit=1"}
    ),
    ("POST", "/users/accounts"): Reply(status=201, body={"customer_id": CUSTOMER}),
    ("POST", "/users/sessions"): Reply(
        status=201,
        body={"access_token": "t", "token_type": "Bearer", "expires_in_s": 900, "customer_id": CUSTOMER},
    ),
    ("GET", f"/cart/carts/{CUSTOMER}"): Reply(body=CART),
    ("DELETE", f"/cart/carts/{CUSTOMER}"): Reply(body=CART | {"items": [], "total_cents": 0}),
    ("PUT", f"/cart/carts/{CUSTOMER}/items/{SKU}"): Reply(body=CART),
    ("DELETE", f"/cart/carts/{CUSTOMER}/items/{SKU}"): Reply(body=CART),
    ("POST", "/orders/orders"): Reply(status=202, body={"order_id": ORDER, "status": "pending"}),
    ("GET", f"/orders/orders/{ORDER}"): Reply(body=PLACED | {"degraded": []}),
    ("GET", "/orders/orders/mine"): Reply(
        body={"items": [PLACED | {"placed_at": "2026-01-31T12:00:00Z"}], "next": "/orders/mine?after=7&limit=1"}
    ),
    ("POST", f"/orders/orders/{ORDER}/cancel"): Reply(status=202, body={"order_id": ORDER, "status": "cancelling"}),
    ("POST", "/reviews/reviews"): Reply(
        status=201,
        body={
            "review_id": ORDER,
            "sku": SKU,
            "customer_id": CUSTOMER,
            "rating": 5,
            "text": "Good.",
            "written_at": "2026-01-31T12:00:00Z",
        },
    ),
    ("GET", f"/monolith/legacy/products/{SKU}"): Reply(
        body={"sku": SKU, "name": "Sturdy kettle", "description": "It boils.", "price_cents": 1999}
    ),
}
"""What each provider says when all is well; the first part of the path is its name."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request that a provider got."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Providers:
    """Their answers, which a test may change, and what they were asked."""

    url: str = ""
    replies: dict[tuple[str, str], Reply] = field(default_factory=lambda: dict(GOOD))
    asked: list[Asked] = field(default_factory=list)

    def env(self, *without: str) -> dict[str, str]:
        """What the gateway is told of their addresses; those that it is without can't be reached."""
        return {f"{name.upper()}_INSTANCES": f"{name}-1={self.url}/{name}" for name in PROVIDERS if name not in without}

    def all_of(self, provider: str, reply: Reply) -> None:
        """Whatever this provider is asked, it says that."""
        for place in self.replies:
            if place[1].startswith(f"/{provider}/"):
                self.replies[place] = reply

    async def answer(self, request: web.Request) -> web.Response:
        """Serve one request."""
        text = await request.text()
        self.asked.append(
            Asked(
                method=request.method,
                path=request.path,
                query=dict(request.query),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=json.loads(text) if text else None,
            )
        )
        reply = self.replies.get((request.method, request.path), problem(404))
        if reply == HANGS:
            await asyncio.Event().wait()
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return web.Response(status=reply.status, body=content, content_type=reply.kind)


def problem(status: int) -> Reply:
    """An error as providers declare it."""
    body = {"type": "about:blank", "title": "Problem", "status": status, "detail": f"the provider says {status}"}
    return Reply(status=status, body=body, kind="application/problem+json")


@asynccontextmanager
async def providers() -> AsyncIterator[Providers]:
    """All of them, at one address."""
    all_of_them = Providers()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", all_of_them.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        all_of_them.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield all_of_them
    finally:
        await runner.cleanup()
