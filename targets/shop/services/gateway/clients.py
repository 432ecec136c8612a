"""What the gateway asks of others, and how long it waits for each."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

from kit.client import Call, Edge, Limits
from kit.trouble import Unavailable
from kit.words import Sku, Strict

from gateway import models
from gateway.answers import (
    Account,
    Cancellation,
    Cart,
    CatalogProduct,
    LegacyProduct,
    Order,
    OrderAccepted,
    OrderList,
    ProductPrice,
    ProductRating,
    Recommendations,
    Review,
    SearchResult,
    Session,
    Stock,
)

LIMIT_S = 1.8
"""A customer waits two seconds for an order to be taken, and must have heard before."""
QUICK_S = 0.9
"""For everything else she waits one second."""
SOFT_S = 0.25
"""A page without its soft parts is better than a late one."""

CART_VERSION = "X-Cart-Version"
MINIMAL = {"Prefer": "return=minimal"}
"""RFC 7240, section 4.2."""

CATALOG = Limits(deadline_s=0.8, attempt_s=0.4)
PRICING = Limits(deadline_s=0.8, attempt_s=0.4)
INVENTORY = Limits(deadline_s=SOFT_S, attempt_s=SOFT_S, attempts=1)
REVIEWS = Limits(deadline_s=SOFT_S, attempt_s=SOFT_S, attempts=1)
RECOMMENDATIONS = Limits(deadline_s=SOFT_S, attempt_s=SOFT_S, attempts=1)
SEARCH = Limits(deadline_s=0.8, attempt_s=0.4)
# The cart itself waits for a majority of its store, then for prices: cut short, it could do neither.
CART = Limits(deadline_s=0.8, attempt_s=0.78)
# Orders takes no new ones while payments is away, but those on record can be read all the same.
ORDERS = Limits(deadline_s=1.6, attempt_s=1.2, one_fate=False)
USERS = Limits(deadline_s=0.8, attempt_s=0.8, at_once=16)
MONOLITH = Limits(deadline_s=0.8, attempt_s=0.6, attempts=1, at_once=8)


class CatalogClient:
    """gateway → catalog."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def product(self, sku: str) -> CatalogProduct:
        """One product; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/products/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, CatalogProduct)


class PricingClient:
    """gateway → pricing."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def price(self, sku: str, subject: str) -> ProductPrice:
        """The price of one product, always of the same version for a subject; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/prices/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, ProductPrice, subject=subject)


class InventoryClient:
    """gateway → inventory."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def stock(self, sku: str) -> Stock:
        """The stock of one product; Refused 404 when there is none."""
        call = Call(method="GET", path=f"/stock/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, Stock)


class RecommendationsClient:
    """gateway → recommendations."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def best(self, sku: str) -> Recommendations:
        """What goes with a product."""
        return await self.edge.call(Call(method="GET", path=f"/recommendations/{sku}"), Recommendations)


class ReviewOfProduct(models.ReviewRequest):
    """What a customer says, and of which product."""

    sku: Sku


class ReviewsClient:
    """gateway → reviews."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def rating(self, sku: str) -> ProductRating:
        """What customers think of a product."""
        return await self.edge.call(Call(method="GET", path=f"/ratings/{sku}"), ProductRating)

    async def write(self, sku: str, review: models.ReviewRequest, key: str) -> Review:
        """Publish a customer's review once; Refused 409 when the key was used for another one."""
        body = ReviewOfProduct(sku=sku, **review.model_dump())
        call = Call(
            method="POST",
            path="/reviews",
            body=body,
            key=key,
            expect=201,
            refusals=frozenset({409, 422}),
            for_customer=True,
        )
        return await self.edge.call(call, Review)


class SearchClient:
    """gateway → search."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def find(self, text: str, after: int, limit: int) -> SearchResult:
        """The products that match a text."""
        query = urlencode({"q": text, "after": after, "limit": limit}, quote_via=quote)
        return await self.edge.call(Call(method="GET", path=f"/search?{query}"), SearchResult)


class UsersClient:
    """gateway → users."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def sign_up(self, account: models.AccountRequest) -> Account:
        """A new customer; Refused 409 when the address belongs to one already."""
        call = Call(method="POST", path="/accounts", body=account, expect=201, refusals=frozenset({409, 422}))
        return await self.edge.call(call, Account)

    async def sign_in(self, session: models.SessionRequest) -> Session:
        """A customer's token; Refused 401 when address and password don't belong together."""
        call = Call(method="POST", path="/sessions", body=session, expect=201, refusals=frozenset({401, 422}))
        return await self.edge.call(call, Session)


class CartClient:
    """gateway → cart; the customer is the one of the request that is being served.

    `version` is what she saw last: a copy that lacks it is neither shown nor changed.
    While others are turned away, carts are asked for without what they can do without: their prices of now.
    """

    def __init__(self, edge: Edge, crowded: Callable[[], bool] = lambda: False) -> None:
        self.edge = edge
        self._crowded = crowded

    async def read(self, customer_id: str, version: int) -> Cart:
        """The customer's cart."""
        return await self._ask(customer_id, "GET", "", version)

    async def put(self, customer_id: str, sku: str, quantity: models.QuantityRequest, version: int) -> Cart:
        """So many of a product; Refused 409 when the cart is full."""
        return await self._ask(customer_id, "PUT", f"/items/{sku}", version, quantity)

    async def remove(self, customer_id: str, sku: str, version: int) -> Cart:
        """None of a product."""
        return await self._ask(customer_id, "DELETE", f"/items/{sku}", version)

    async def clear(self, customer_id: str, version: int) -> Cart:
        """Nothing at all."""
        return await self._ask(customer_id, "DELETE", "", version)

    async def _ask(self, customer_id: str, method: str, path: str, version: int, body: Strict | None = None) -> Cart:
        call = Call(
            method=method,
            path=f"/carts/{customer_id}{path}",
            body=body,
            refusals=frozenset({409, 422}),
            for_customer=True,
            home=customer_id,  # what an instance accepted while the store had no majority is known there only
            more={CART_VERSION: str(version), **(MINIMAL if self._crowded() else {})},
        )
        cart = await self.edge.call(call, Cart)
        if cart.customer_id != customer_id:
            raise Unavailable("cart", "it answered for another customer", sent=True)
        if cart.version < version:
            raise Unavailable("cart", f"it answered with a cart older than version {version}", sent=True)
        return cart


class OrdersClient:
    """gateway → orders; the customer is the one of the request that is being served."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def place(self, order: models.OrderRequest, key: str) -> OrderAccepted:
        """Place an order once; Refused 409 when the key was used for another one."""
        call = Call(
            method="POST",
            path="/orders",
            body=order,
            key=key,
            expect=202,
            refusals=frozenset({409, 422}),
            for_customer=True,
        )
        return await self.edge.call(call, OrderAccepted)

    async def read(self, order_id: str) -> Order:
        """One order; Refused 404 when the customer has none of that id."""
        call = Call(method="GET", path=f"/orders/{order_id}", refusals=frozenset({404}), for_customer=True)
        return await self.edge.call(call, Order)

    async def mine(self, after: int, limit: int) -> OrderList:
        """The customer's orders."""
        call = Call(method="GET", path=f"/orders/mine?after={after}&limit={limit}", for_customer=True)
        return await self.edge.call(call, OrderList)

    async def cancel(self, order_id: str) -> Cancellation:
        """Cancel an order; Refused 404 or 409 when there is none, or when it is too late."""
        path = f"/orders/{order_id}/cancel"
        call = Call(method="POST", path=path, expect=202, refusals=frozenset({404, 409}), for_customer=True)
        return await self.edge.call(call, Cancellation)


class MonolithClient:
    """gateway → monolith."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def product(self, sku: str) -> LegacyProduct:
        """A product as the old shop knows it; Refused 404 when it doesn't."""
        call = Call(method="GET", path=f"/legacy/products/{sku}", refusals=frozenset({404}))
        return await self.edge.call(call, LegacyProduct)
