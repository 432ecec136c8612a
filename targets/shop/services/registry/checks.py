"""What shows that an instance really works: for each service a real request, and what its answer must show."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from kit.client import Call
from kit.words import Cents, Line, Lines, Sku, Strict, Tolerant
from pydantic import BaseModel

Answer = TypeVar("Answer", bound=BaseModel)
SKU = "sku-0001"
CUSTOMER = str(uuid.uuid5(uuid.NAMESPACE_URL, "customer-0001@shop.example"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[Answer]):
    """A request, what its answer must be like, and a sentence for when it isn't.

    With `for_customer` it is made as the operator for the first customer of the seed: the registry has no customers.
    """

    path: str
    answer: type[Answer]
    good: Callable[[Answer], bool]
    otherwise: str
    body: BaseModel | None = None
    for_customer: bool = False

    def call(self, operator_token: str | None) -> Call:
        """The request itself."""
        more = {}
        if self.for_customer and operator_token is not None:
            more = {"Authorization": f"Bearer {operator_token}", "X-Customer": CUSTOMER}
        return Call(method="GET" if self.body is None else "POST", path=self.path, body=self.body, more=more)


class _Product(Tolerant):
    sku: Sku
    name: str


class _LegacyProduct(Tolerant):
    sku: Sku
    price_cents: Cents


class _QuoteRequest(Strict):
    items: Lines


class _Quote(Tolerant):
    total_cents: Cents


class _Stock(Tolerant):
    sku: Sku
    available: int


class _Rating(Tolerant):
    sku: Sku
    count: int


class _Recommendations(Tolerant):
    sku: Sku
    items: list[Sku]


class _Cart(Tolerant):
    customer_id: str
    items: list[Line]


class _Customer(Tolerant):
    customer_id: str
    email: str


class _Hit(Tolerant):
    sku: Sku


class _Hits(Tolerant):
    items: list[_Hit]


class _Row(Tolerant):
    pass


class _Rows(Tolerant):
    items: list[_Row]


def _listing(path: str) -> Check[_Rows]:
    """A service without a seed answers a page of what it has, were it nothing: that takes its store too."""
    return Check(
        path=f"{path}?limit=1", answer=_Rows, good=lambda rows: len(rows.items) <= 1, otherwise="too many rows"
    )


def _about_the_sku(found: _Product | _LegacyProduct | _Stock | _Rating | _Recommendations) -> bool:
    return found.sku == SKU


CHECKS: Mapping[str, Check[Any]] = {
    "gateway": Check(
        path=f"/products/{SKU}", answer=_Product, good=_about_the_sku, otherwise="the page of another product"
    ),
    "users": Check(
        path=f"/customers/{CUSTOMER}",
        answer=_Customer,
        good=lambda found: found.customer_id == CUSTOMER,
        otherwise="another customer",
    ),
    "catalog": Check(
        path=f"/products/{SKU}",
        answer=_Product,
        good=lambda found: _about_the_sku(found) and found.name != "",
        otherwise="another product, or one without a name",
    ),
    "pricing": Check(
        path="/quotes",
        body=_QuoteRequest(items=[Line(sku=SKU, quantity=2)]),
        answer=_Quote,
        good=lambda found: found.total_cents > 1,
        otherwise="two for less than two cents",
    ),
    "inventory": Check(
        path=f"/stock/{SKU}",
        answer=_Stock,
        good=lambda found: _about_the_sku(found) and found.available >= 0,
        otherwise="the stock of another product, or less than nothing",
    ),
    "reviews": Check(
        path=f"/ratings/{SKU}",
        answer=_Rating,
        good=lambda found: _about_the_sku(found) and found.count >= 0,
        otherwise="the rating of another product, or by fewer than none",
    ),
    "recommendations": Check(
        path=f"/recommendations/{SKU}",
        answer=_Recommendations,
        good=lambda found: _about_the_sku(found) and SKU not in found.items,
        otherwise="what goes with another product, or a product that goes with itself",
    ),
    "search": Check(
        path="/search?q=lamp&limit=1",
        answer=_Hits,
        good=lambda found: len(found.items) == 1,
        otherwise="no lamp in the shop",
    ),
    "cart": Check(
        path=f"/carts/{CUSTOMER}",
        for_customer=True,
        answer=_Cart,
        good=lambda found: found.customer_id == CUSTOMER,
        otherwise="the cart of another customer",
    ),
    "monolith": Check(
        path=f"/legacy/products/{SKU}",
        answer=_LegacyProduct,
        good=lambda found: _about_the_sku(found) and found.price_cents > 0,
        otherwise="another product, or one for nothing",
    ),
    "orders": _listing("/orders"),
    "payments": _listing("/charges"),
    "shipping": _listing("/shipments"),
    "notifications": _listing("/mails"),
    "analytics": _listing("/events"),
    "fraud": _listing("/scores"),
}
