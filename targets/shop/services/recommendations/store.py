"""The similarities as they are served: one look-up in what the last run of the job has left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from kit.cache import Cache
from kit.trouble import Unavailable
from redis.asyncio import Redis

Text: TypeAlias = bytes | bytearray | memoryview | str | int | float
"""What the library takes for one."""
SERVED = "recommendations:served"
POPULAR = "popular"
CHECKED = "checked"
SHOWN = 5
NEXT_S = 60
"""How long a generation that is never switched to is kept."""
_LOCK = "recommendations:lock"
# Only whoever holds the lock at that moment may switch: a run that was overtaken must not bring back the past.
_SWITCH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PERSIST', KEYS[2])
redis.call('RENAME', KEYS[2], KEYS[3])
return 1
"""
# Whoever holds it may take it again: the answer may have been lost that said so, or the last word to let go of it.
_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_UNLOCK = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The outcome of one run of the job."""

    similar: Mapping[str, list[str]]
    popular: list[str]
    checked: bool
    """Whether the catalog has said which products exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What goes with a product, and whether all of it exists."""

    items: list[str]
    checked: bool


class Similarities:
    """Serves the present generation, and switches to the next."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    async def best(self, sku: str) -> Choice:
        """What goes with a product, filled up with what is popular; raises Unavailable, also before the first run."""
        found = await self._cache.run(lambda redis: redis.hmget(SERVED, [sku, POPULAR, CHECKED]))
        similar, popular, checked = (None if value is None else str(value) for value in found)
        if checked is None:
            raise Unavailable("recommendations", "nothing has been computed yet", sent=False)
        items = list(dict.fromkeys([*(similar or "").split(), *(popular or "").split()]))
        return Choice(items=[item for item in items if item != sku][:SHOWN], checked=checked == "1")

    async def ready(self) -> None:
        """Raises Unavailable when nothing can be served."""
        await self.best("sku-0001")

    async def close(self) -> None:
        """Close the connections."""
        await self._cache.close()

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        return self._cache.health()

    async def lock(self, who: str, for_s: float) -> bool:
        """Become, or stay, the one who runs the job; False when somebody else is."""
        return bool(await self._cache.run(lambda redis: redis.eval(_TAKE, 1, _LOCK, who, int(for_s * 1000))))

    async def unlock(self, who: str) -> None:
        """Let others run the job, unless they do already."""
        await self._cache.run(lambda redis: redis.eval(_UNLOCK, 1, _LOCK, who))

    async def switch(self, who: str, generation: Generation) -> bool:
        """Serve this generation from now on, all of it at once; False when the lock was lost meanwhile."""
        key = f"recommendations:next:{who}"
        fields: dict[Text, Text] = {sku: " ".join(items) for sku, items in generation.similar.items()}
        fields |= {POPULAR: " ".join(generation.popular), CHECKED: "1" if generation.checked else "0"}

        async def work(redis: Redis) -> bool:
            async with redis.pipeline(transaction=True) as pipeline:
                pipeline.delete(key)
                pipeline.hset(key, mapping=fields)
                pipeline.expire(key, NEXT_S)
                await pipeline.execute()
            return bool(await redis.eval(_SWITCH, 3, _LOCK, key, SERVED, who))

        return await self._cache.run(work)
