"""Prices to look at, through Redis, which changes reach by the writer, and for certain by the event."""

from __future__ import annotations

from kit.aside import Aside
from kit.cache import Cache
from kit.consumer import EventModel, Topic
from kit.words import Sku

from pricing.events import SUBJECT
from pricing.models import Price, PriceChange
from pricing.store import Prices


class PriceHeard(EventModel):
    """What the cache needs of PriceChanged: what a price is now, the database knows."""

    sku: Sku


class CachedPrices:
    """Reads prices from Redis or, failing that, from the database; changes both."""

    def __init__(self, prices: Prices, cache: Cache) -> None:
        self._prices = prices
        self.aside = Aside(cache, "pricing:price", Price, prices.read)

    async def read(self, sku: str) -> Price:
        """The price of one product, at most a minute old, or Refused 404: to be shown, not to be charged."""
        return (await self.aside.get(sku)).record

    async def change(self, sku: str, wanted: PriceChange) -> Price:
        """Change a price, or Refused 404."""
        changed = await self._prices.change(sku, wanted)
        await self.aside.offer(sku, changed)
        return changed.record

    async def heard(self, event: PriceHeard) -> None:
        """Some instance has changed a price, and may not have got as far as the cache."""
        await self.aside.reload(event.sku)

    def topic(self) -> Topic[PriceHeard]:
        """What to listen to; one instance hears it for all, since they share the cache."""
        return Topic(SUBJECT, PriceHeard, self.heard)
