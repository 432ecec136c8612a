"""What pricing asks of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from kit.client import Call, Edge, Limits
from kit.trouble import Refused, Unavailable
from kit.words import Sku, Tolerant

# A quote without categories is better than a late one.
CATALOG = Limits(deadline_s=0.2, attempt_s=0.2, attempts=1, at_once=64)


class CatalogProduct(Tolerant):
    """What the catalog knows of a product."""

    sku: Sku
    category: str


class CatalogClient:
    """pricing → catalog."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def category(self, sku: str) -> str | None:
        """The category of a product, None when the catalog has no such product; raises Unavailable."""
        call = Call(method="GET", path=f"/products/{sku}", refusals=frozenset({404}))
        try:
            return (await self.edge.call(call, CatalogProduct)).category
        except Refused:
            return None

    async def categories(self, skus: Iterable[str]) -> dict[str, str | None]:
        """The categories of some products; one that can't be had is left out."""
        wanted = sorted(set(skus))
        found = await asyncio.gather(*(self._perhaps(sku) for sku in wanted))
        return {sku: answer[0] for sku, answer in zip(wanted, found, strict=True) if answer is not None}

    async def _perhaps(self, sku: str) -> tuple[str | None] | None:
        try:
            return (await self.category(sku),)
        except Unavailable:
            return None
