"""The offline job: from past orders to similarities. By hand: `python -m recommendations.job`."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping

from kit.cache import Cache
from kit.client import Edge
from kit.deadline import Deadline
from kit.settings import Settings
from kit.trouble import Unavailable

from recommendations.clients import CATALOG, CatalogClient
from recommendations.orders import Orders
from recommendations.similarity import popular, similar
from recommendations.store import Generation, Similarities

JOB_S = 5.0
SOON_S = 0.5
"""The pause while there is nothing to serve, or Redis is away."""
LOCK_S = 20.0
AT_ONCE = 20
"""How many products are computed in one go; in between requests are served."""
MOST = 10
"""How many similar products are kept of each."""
log = logging.getLogger(__name__)


class Job:
    """Computes a generation in full, and switches to it."""

    def __init__(self, orders: Orders, similarities: Similarities, catalog: CatalogClient, every_s: float) -> None:
        self._orders = orders
        self._similarities = similarities
        self._catalog = catalog
        self._every_s = every_s
        self._who = uuid.uuid4().hex
        self._done: tuple[str, frozenset[str] | None] | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                done = await self.once() or await self._served()
            except Unavailable as error:
                log.info("similarities are not computed: %s", error)
                done = False
            await asyncio.sleep(self._every_s if done else min(SOON_S, self._every_s))

    async def once(self) -> bool:
        """Compute unless somebody else does so, or nothing has changed; raises Unavailable."""
        if not await self._similarities.lock(self._who, LOCK_S):
            return False
        try:
            await self._orders.seed()
            now = await self._orders.changes(), await self._existing()
            if now == self._done and await self._served():
                return False
            switched = await self._similarities.switch(self._who, await self._compute(now[1]))
            self._done = now if switched else None
            return switched
        finally:
            await self._similarities.unlock(self._who)

    async def _compute(self, existing: frozenset[str] | None) -> Generation:
        counts = await self._orders.counts()
        found: dict[str, list[str]] = {}
        skus = list(counts)
        for start in range(0, len(skus), AT_ONCE):
            some = skus[start : start + AT_ONCE]
            for sku, together in zip(some, await self._orders.together(some), strict=True):
                found[sku] = similar(sku, together, counts, existing=existing, most=MOST)
        best = popular(counts, existing=existing, most=MOST)
        return Generation(similar=found, popular=best, checked=existing is not None)

    async def _existing(self) -> frozenset[str] | None:
        """Which products there are; None while the catalog is away: then all that were ever bought are taken."""
        try:
            return await self._catalog.products()
        except Unavailable as error:
            log.info("nobody knows which products still exist: %s", error)
            return None

    async def _served(self) -> bool:
        """Whether there is anything to serve: Redis may have lost all since the last run."""
        try:
            await self._similarities.ready()
        except Unavailable:
            return False
        return True


class _Operator:
    """Calls as the person who runs the job by hand."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    async def headers(self, *, for_customer: bool, limit: Deadline) -> Mapping[str, str]:
        del for_customer, limit
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}


async def _by_hand(settings: Settings) -> bool:
    cache = Cache(settings.redis_url)
    operator, instances = _Operator(settings.operator_token), settings.instances("catalog")
    edge = Edge("catalog", instances, CATALOG, credentials=operator, ca=settings.tls_ca)
    try:
        return await Job(Orders(cache), Similarities(cache), CatalogClient(edge), JOB_S).once()
    finally:
        await edge.close()
        await cache.close()


def main() -> int:
    """Run once, with the environment of the service."""
    try:
        computed = asyncio.run(_by_hand(Settings.read("recommendations")))
    except Unavailable as error:
        print(error)  # noqa: T201 -- for the person at the terminal
        return 1
    print("computed" if computed else "somebody else is at it")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
