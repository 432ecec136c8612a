"""Products through Redis, which changes reach by the writer, and for certain by the event."""

from __future__ import annotations

from kit.aside import Aside, Versioned
from kit.cache import Cache
from kit.consumer import EventModel, Topic
from kit.words import Sku

from catalog.events import SUBJECT
from catalog.models import Product, ProductText
from catalog.store import Products


class ProductHeard(EventModel):
    """What the cache needs of ProductChanged: what a product is now, the database knows."""

    sku: Sku


class CachedProducts:
    """Reads products from Redis or, failing that, from the database; changes both."""

    def __init__(self, products: Products, cache: Cache) -> None:
        self._products = products
        self.aside = Aside(cache, "catalog:product", Product, products.read)

    async def read(self, sku: str) -> Versioned[Product]:
        """The product, at most a minute old, or Refused 404."""
        return await self.aside.get(sku)

    async def change(self, sku: str, text: ProductText) -> Versioned[Product]:
        """Change a product, or Refused 404."""
        changed = await self._products.change(sku, text)
        await self.aside.offer(sku, changed)
        return changed

    async def heard(self, event: ProductHeard) -> None:
        """Some instance has changed a product, and may not have got as far as the cache."""
        await self.aside.reload(event.sku)

    def topic(self) -> Topic[ProductHeard]:
        """What to listen to; one instance hears it for all, since they share the cache."""
        return Topic(SUBJECT, ProductHeard, self.heard)
