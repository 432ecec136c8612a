"""Rating summaries: in Redis as soon as a review is on record, in the database's own table a moment behind."""

from __future__ import annotations

import asyncio
import logging

from kit.aside import Aside
from kit.cache import Cache
from kit.trouble import Unavailable

from reviews.models import Rating, Summary, rating
from reviews.store import SUMMED_AT_ONCE, Reviews

FLUSH_S = 1.0
MOST_UNCOUNTED = 1000
"""Products whose summary in Redis is known to be old."""
log = logging.getLogger(__name__)


class Summaries:
    """Reads summaries from Redis or, failing that, works them out; writes them behind, many reviews at a time.

    A review of a popular product must not wait for the one row that all its reviews would change. What is still to be
    written is known from the reviews themselves, so that neither a crash nor the loss of Redis loses any.
    """

    def __init__(self, reviews: Reviews, cache: Cache, flush_s: float = FLUSH_S) -> None:
        self._reviews = reviews
        self._flush_s = flush_s
        self._uncounted: set[str] = set()
        self.aside = Aside(cache, "reviews:summary", Summary, reviews.summary)

    async def read(self, sku: str) -> Rating:
        """What a product's reviews say in short."""
        return rating(sku, (await self.aside.get(sku)).record)

    async def count(self, sku: str) -> None:
        """A review of this product was added: let everybody see it counted, as soon as Redis can be had."""
        try:
            await self.aside.reload(sku)
        except Unavailable as error:
            log.info("the summary of %s is not cached: %s", sku, error)
            # Redis may have an old one, and would give it away when it is back; beyond the limit that one dies of age.
            if len(self._uncounted) < MOST_UNCOUNTED:
                self._uncounted.add(sku)
        else:
            self._uncounted.discard(sku)

    async def run(self) -> None:
        """Write behind until cancelled."""
        while True:
            summed = 0
            try:
                summed = await self._reviews.sum_up()
            except Unavailable as error:
                log.info("summaries wait: %s", error)
            for sku in tuple(self._uncounted):
                await self.count(sku)
            if summed < SUMMED_AT_ONCE:
                await asyncio.sleep(self._flush_s)
