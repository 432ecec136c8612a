"""Composes the product page: what it needs and what it can do without are asked for at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from kit.trouble import Refused, Unavailable

from gateway.clients import CatalogClient, InventoryClient, PricingClient, RecommendationsClient
from gateway.models import Price, ProductPage, Soft

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a product page comes from."""

    catalog: CatalogClient
    pricing: PricingClient
    inventory: InventoryClient
    recommendations: RecommendationsClient

    async def compose(self, sku: str) -> ProductPage:
        """The page; raises Refused 404 for an unknown product, Unavailable when catalog or pricing can't be had."""
        tasks = (
            asyncio.create_task(self.catalog.product(sku)),
            asyncio.create_task(self._price(sku)),
            asyncio.create_task(_optional(self.inventory.stock(sku))),
            asyncio.create_task(_optional(self.recommendations.best(sku))),
        )
        try:
            product, price, in_stock, others = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        if price is None:
            # A product without a price is not for sale now, but that isn't its absence.
            raise Unavailable("pricing", f"it knows no price of {sku}", sent=True)
        missing: list[Soft] = []
        if in_stock is None:
            missing.append("stock")
        if others is None:
            missing.append("recommendations")
        return ProductPage(
            sku=sku,
            name=product.name,
            description=product.description,
            price=price,
            stock=None if in_stock is None else in_stock.available,
            recommendations=[] if others is None else others.items,
            degraded=missing,
        )

    async def _price(self, sku: str) -> Price | None:
        """The price, or None when there is none: whether the product exists is the catalog's to say."""
        try:
            price = await self.pricing.price(sku)
        except Refused:
            return None
        return Price(amount_cents=price.amount_cents, currency=price.currency)


async def _optional(answer: Awaitable[Answer]) -> Answer | None:
    """The answer, or None when it can't be had."""
    try:
        return await answer
    except (Unavailable, Refused):
        return None
