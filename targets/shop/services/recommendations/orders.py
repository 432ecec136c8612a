"""What was bought with what, counted in Redis; each order counts once, and not at all once it is cancelled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kit.cache import Cache
from redis.asyncio import Redis

from recommendations.models import OrderCancelled, OrderPlaced

REMEMBER_S = 8 * 24 * 3600
"""How long an order is known by its id; a day longer than the bus keeps its events."""
MOST_LINES = 20
COUNTS = "recommendations:orders"
TOGETHER = "recommendations:together:"
CHANGES = "recommendations:changes"
_SEEDED = "recommendations:seeded"
_ORDER = "recommendations:order:"
SEEDS = 300
SEEDS_AT_ONCE = 50
"""In one go to Redis, so that each fits into its limit on a busy machine too."""
# One script, so that an order changes from unknown to placed to cancelled at once, with all that it counts for.
# KEYS: the order. ARGV: seconds to remember it, 'placed' with its products, or 'cancelled'.
_TURN = f"""
local was = redis.call('GET', KEYS[1])
local function count(skus, by)
  for i, sku in ipairs(skus) do
    redis.call('HINCRBY', '{COUNTS}', sku, by)
    for j, other in ipairs(skus) do
      if i ~= j then redis.call('HINCRBY', '{TOGETHER}' .. sku, other, by) end
    end
  end
  redis.call('INCR', '{CHANGES}')
end
if ARGV[2] == 'placed' then
  if was then return 0 end
  local skus = {{}}
  for i = 3, #ARGV do skus[#skus + 1] = ARGV[i] end
  redis.call('SET', KEYS[1], table.concat(skus, ' '), 'EX', ARGV[1])
  count(skus, 1)
  return 1
end
if was == 'cancelled' then return 0 end
redis.call('SET', KEYS[1], 'cancelled', 'EX', ARGV[1])
if was then
  local skus = {{}}
  for sku in string.gmatch(was, '%S+') do skus[#skus + 1] = sku end
  count(skus, -1)
end
return 1
"""


class Orders:
    """Past orders as counts: of each product, and of each pair."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def placed(self, event: OrderPlaced) -> bool:
        """Count an order; False when it was known already; raises Unavailable."""
        return await self._turn(event.order_id, "placed", *_products(event))

    async def all_placed(self, events: Sequence[OrderPlaced]) -> None:
        """As `placed`, for many in one go."""

        async def work(redis: Redis) -> None:
            async with redis.pipeline(transaction=False) as pipeline:
                for event in events:
                    pipeline.eval(_TURN, 1, _ORDER + event.order_id, REMEMBER_S, "placed", *_products(event))
                await pipeline.execute()

        await self._cache.run(work)

    async def cancelled(self, event: OrderCancelled) -> bool:
        """Take an order out, or bar one that is still to come; False when it was known already; raises Unavailable."""
        return await self._turn(event.order_id, "cancelled")

    async def seed(self) -> None:
        """Give a fresh shop some past orders, the same everywhere; each counts once, however often this runs."""
        if await self._cache.run(lambda redis: redis.exists(_SEEDED)):
            return

        for start in range(1, SEEDS + 1, SEEDS_AT_ONCE):
            await self._seed_some(range(start, min(start + SEEDS_AT_ONCE, SEEDS + 1)))
        await self._cache.run(lambda redis: redis.set(_SEEDED, "1"))

    async def _seed_some(self, numbers: Iterable[int]) -> None:
        async def work(redis: Redis) -> None:
            async with redis.pipeline(transaction=False) as pipeline:
                for number in numbers:
                    pipeline.eval(_TURN, 1, f"{_ORDER}seed-{number}", REMEMBER_S, "placed", *_seed(number))
                await pipeline.execute()

        await self._cache.run(work)

    async def counts(self) -> dict[str, int]:
        """In how many orders each product stands."""

        async def work(redis: Redis) -> dict[str, int]:
            return _numbers(await redis.hgetall(COUNTS))

        return await self._cache.run(work)

    async def together(self, skus: Sequence[str]) -> list[dict[str, int]]:
        """For each of these products, in how many orders each other one stands beside it."""

        async def work(redis: Redis) -> list[dict[str, int]]:
            async with redis.pipeline(transaction=False) as pipeline:
                for sku in skus:
                    pipeline.hgetall(TOGETHER + sku)
                return [_numbers(found) for found in await pipeline.execute()]

        return await self._cache.run(work)

    async def changes(self) -> str:
        """Another text after each change."""
        return str(await self._cache.run(lambda redis: redis.get(CHANGES)))

    async def _turn(self, order_id: str, to: str, *products: str) -> bool:
        key = _ORDER + order_id
        return bool(await self._cache.run(lambda redis: redis.eval(_TURN, 1, key, REMEMBER_S, to, *products)))


def _numbers(found: Mapping[bytes | str, bytes | str]) -> dict[str, int]:
    return {str(name): int(number) for name, number in found.items()}


def _products(event: OrderPlaced) -> list[str]:
    return sorted({item.sku for item in event.items})[:MOST_LINES]


def _seed(number: int) -> list[str]:
    """Some products of one category: the catalog repeats its seven every seven products."""
    others = (number + 7 * step for step in (1, 2 + number % 3, 5 + number % 4))
    return sorted({f"sku-{(other - 1) % SEEDS + 1:04d}" for other in (number, *others)})
