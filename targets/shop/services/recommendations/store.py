"""Who was bought with whom, counted in Redis."""

from __future__ import annotations

from itertools import permutations

from kit.cache import Cache

from recommendations.models import OrderPlaced

SHOWN = 5
REMEMBER_S = 7 * 24 * 3600
"""How long an event is known as seen; longer than the bus keeps trying."""
POPULAR = ("sku-0001", "sku-0002", "sku-0003", "sku-0004", "sku-0005", "sku-0006")
"""What is shown for products that nobody has bought with another yet."""
# One script, so that an event counts once or not at all, however often it is delivered.
_COUNT = """
if not redis.call('SET', KEYS[1], '1', 'NX', 'EX', ARGV[1]) then return 0 end
for i = 2, #ARGV, 2 do redis.call('ZINCRBY', 'together:' .. ARGV[i], 1, ARGV[i + 1]) end
return 1
"""


class Together:
    """Counts and ranks."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def best(self, sku: str) -> list[str]:
        """What goes with a product: its co-purchases, filled up with what is popular; raises Unavailable."""
        ranked = await self._cache.run(lambda redis: redis.zrevrange(f"together:{sku}", 0, SHOWN - 1))
        known = [str(other) for other in ranked]
        fill = (popular for popular in POPULAR if popular != sku and popular not in known)
        return [*known, *fill][:SHOWN]

    async def learn(self, event: OrderPlaced) -> bool:
        """Count an order's pairs; False when the event was known already; raises Unavailable."""
        skus = sorted({item.sku for item in event.items})
        pairs = [sku for pair in permutations(skus, 2) for sku in pair]
        key = f"seen:{event.event_id}"
        counted = await self._cache.run(lambda redis: redis.eval(_COUNT, 1, key, REMEMBER_S, *pairs))
        return bool(counted)
