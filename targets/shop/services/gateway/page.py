"""Composes the product page: what it needs and what it can do without are asked for at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from kit import defects
from kit.trouble import Refused, Unavailable

from gateway.answers import CatalogProduct, ProductPrice, ProductRating, Recommendations, Stock
from gateway.clients import SOFT_S
from gateway.known import LastKnown
from gateway.models import Price, ProductPage, Rating, Soft

Asked = TypeVar("Asked", CatalogProduct, ProductPrice, Stock, ProductRating, Recommendations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a product page comes from; all of these raise Unavailable or Refused."""

    product: Callable[[str], Awaitable[CatalogProduct]]
    price: Callable[[str, str], Awaitable[ProductPrice]]
    stock: Callable[[str], Awaitable[Stock]]
    rating: Callable[[str], Awaitable[ProductRating]]
    others: Callable[[str], Awaitable[Recommendations]]
    soft_s: float = SOFT_S
    crowded: Callable[[], bool] = lambda: False
    """Whether others are being turned away: then nobody is asked for what a page can do without.

    Such brownouts (C. Klein et al., "Brownout: building more robust cloud applications", 2014) serve more customers a
    poorer page.
    """
    known_ratings: LastKnown[ProductRating] = field(default_factory=LastKnown)
    known_others: LastKnown[Recommendations] = field(default_factory=LastKnown)

    async def compose(self, sku: str, subject: str) -> ProductPage:
        """The page, with the price for this subject.

        Raises:
            Refused: 404, the catalog doesn't know the product.
            Unavailable: catalog or pricing can't be had.
        """
        tasks = (
            asyncio.create_task(_about(sku, "catalog", self.product(sku))),
            asyncio.create_task(self._price(sku, subject)),
            asyncio.create_task(self._optional(sku, "inventory", self.stock)),
            asyncio.create_task(self._optional(sku, "reviews", self.rating, self.known_ratings)),
            asyncio.create_task(self._optional(sku, "recommendations", self.others, self.known_others)),
        )
        try:
            (
                product,
                price,
                (stock, stock_of_now),
                (rating, rating_of_now),
                (others, others_of_now),
            ) = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        if price is None:
            # A product without a price is not for sale now, but that isn't its absence.
            raise Unavailable("pricing", f"it knows no price of {sku}", sent=True)
        of_now: dict[Soft, bool] = {
            "stock": stock_of_now,
            "rating": rating_of_now,
            "recommendations": others_of_now,
        }
        return ProductPage(
            sku=sku,
            name=product.name,
            description=product.description,
            category=product.category,
            price=price,
            stock=defects.either("fallback-lies", 0, None) if stock is None else stock.available,
            rating=None if rating is None else Rating(average=rating.average, count=rating.count),
            recommendations=[] if others is None else others.items,
            degraded=[part for part, fresh in of_now.items() if not fresh and not defects.on("fallback-lies")],
        )

    async def _price(self, sku: str, subject: str) -> Price | None:
        """The price, or None when there is none: whether the product exists is the catalog's to say."""
        try:
            price = await _about(sku, "pricing", self.price(sku, subject))
        except Refused:
            return None
        return Price(amount_cents=price.amount_cents, currency=price.currency)

    async def _optional(
        self,
        sku: str,
        provider: str,
        ask: Callable[[str], Awaitable[Asked]],
        known: LastKnown[Asked] | None = None,
    ) -> tuple[Asked | None, bool]:
        """The answer and that it is of now; else the last known one or None."""
        earlier = None if known is None else known.recall(sku)
        if self.crowded():
            return earlier, False
        try:
            async with asyncio.timeout(self.soft_s):
                answer = await _about(sku, provider, ask(sku))
        except (Unavailable, Refused, TimeoutError):
            return earlier, False
        if known is not None:
            known.note(sku, answer)
        return answer, True


async def _about(sku: str, provider: str, asked: Awaitable[Asked]) -> Asked:
    """The answer, unless it speaks of another product: showing that would be worse than showing nothing."""
    answer = await asked
    if answer.sku != sku:
        raise Unavailable(provider, f"asked for {sku}, it answered for {answer.sku}", sent=True)
    return answer
