"""Cache-aside in Redis of records that have versions: an older one never takes the place of a newer one."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from kit.cache import Cache
from kit.one_flight import OneFlight
from kit.trouble import Unavailable

Record = TypeVar("Record", bound=BaseModel)
KEEP_S = 60.0
"""How old a cached record can be at most, whatever goes wrong."""
JITTER = 0.2
"""Up to this part of `KEEP_S` is taken off, so that what was read at once isn't read again at once."""
REFRESH_AT = 0.5
"""What has less than this part of its time left is read again while it is still served, by one instance."""
REFRESH_S = 1.0
"""How long that one has for it."""
# A slow reader may come back with a record that has been changed meanwhile: comparing versions keeps it out,
# whoever is first. Each of the two is one script, so that nothing comes between its parts.
_KEEP = """
local known = redis.call('GET', KEYS[1])
if known and tonumber(string.match(known, '^%d+') or 0) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
"""
_LOOK = """
local known = redis.call('GET', KEYS[1])
if not known then return {} end
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[1]) then return {known} end
if redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[2]) then return {known, 'refresh'} end
return {known}
"""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Versioned(Generic[Record]):
    """A record, and how often it has been changed."""

    version: int
    record: Record


class Aside(Generic[Record]):
    """The records of one kind; what isn't in Redis, or can't be had from there, is read once for all who ask."""

    def __init__(
        self,
        cache: Cache,
        kind: str,
        model: type[Record],
        read: Callable[[str], Awaitable[Versioned[Record]]],
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._cache = cache
        self._kind = kind
        self._model = model
        self._read = read
        self._chance = chance
        # A crowd asks Redis once as well; reading has flights of its own, so that nobody waits for a mere refresh.
        self._gets: OneFlight[Versioned[Record]] = OneFlight()
        self._reads: OneFlight[Versioned[Record]] = OneFlight()
        self._hits = 0
        self._misses = 0

    async def get(self, key: str) -> Versioned[Record]:
        """The record; raises what reading it raises, never that Redis is away."""
        return await self._gets.do(key, lambda: self._get(key))

    async def put(self, key: str, changed: Versioned[Record]) -> bool:
        """Keep a record that was changed; False when a newer one is there already. Raises Unavailable."""
        self._outdate(key)
        return await self._keep(key, changed)

    async def reload(self, key: str) -> None:
        """Somebody has changed the record: read it and keep it. Raises Unavailable, and what reading it raises.

        An event of a change may come so late that what it says is old again; the database is not.
        """
        self._outdate(key)
        # Keeping it is no part of the flight: readers who join that must not hear that Redis is away.
        found = await asyncio.shield(self._reads.begin(key, lambda: self._read(key)))
        await self._keep(key, found)

    async def offer(self, key: str, changed: Versioned[Record]) -> None:
        """As `put`, when it's no harm that Redis is away: the event of the change comes later all the same."""
        try:
            await self.put(key, changed)
        except Unavailable as error:
            log.info("%s %s is not cached: %s", self._kind, key, error)

    def health(self) -> dict[str, object]:
        """How often Redis had it, and how often somebody else was reading it already, for people and for checks."""
        return {"hits": self._hits, "misses": self._misses, "shared": self._gets.joined}

    async def close(self) -> None:
        """Give up what is under way."""
        await self._gets.close()
        await self._reads.close()

    async def _get(self, key: str) -> Versioned[Record]:
        try:
            found, due = await self._look(key)
        except Unavailable:
            return await self._reads.do(key, lambda: self._read(key))
        if found is None:
            self._misses += 1
            return await self._reads.do(key, lambda: self._fill(key))
        self._hits += 1
        if due and not self._reads.busy(key):
            self._reads.begin(key, lambda: self._fill(key))
        return found

    def _outdate(self, key: str) -> None:
        """Nobody joins those who may have seen the record as it was."""
        self._gets.outdate(key)
        self._reads.outdate(key)

    async def _fill(self, key: str) -> Versioned[Record]:
        found = await self._read(key)
        with suppress(Unavailable):
            await self._keep(key, found)
        return found

    async def _keep(self, key: str, found: Versioned[Record]) -> bool:
        lives_ms = int(KEEP_S * (1 - JITTER * self._chance()) * 1000)
        document = found.record.model_dump_json()
        kept = await self._cache.run(
            lambda redis: redis.eval(_KEEP, 1, self._name(key), found.version, document, lives_ms)
        )
        return bool(kept)

    async def _look(self, key: str) -> tuple[Versioned[Record] | None, bool]:
        """What Redis has, and whether it's on us to read it again."""
        name = self._name(key)
        answer = await self._cache.run(
            lambda redis: redis.eval(
                _LOOK, 2, name, f"{name}:refreshing", int(KEEP_S * REFRESH_AT * 1000), int(REFRESH_S * 1000)
            )
        )
        match answer:
            case [str(text), *due]:
                return self._parsed(text), bool(due)
            case _:
                return None, False

    def _parsed(self, text: str) -> Versioned[Record] | None:
        """A cached record; None for what another release of us has written in another form."""
        version, _, document = text.partition(" ")
        try:
            return Versioned(int(version), self._model.model_validate_json(document))
        except (ValidationError, ValueError):
            return None

    def _name(self, key: str) -> str:
        return f"{self._kind}:{key}"
