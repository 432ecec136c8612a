"""Redis behind an unreliable line: short waits, no hidden retries, a breaker, trouble is a 503."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from kit import deadline
from kit.breaker import Breaker, Rule
from kit.trouble import Unavailable

Result = TypeVar("Result")
LIMIT_S = 0.4
"""The longest that one piece of work may take, for those to whom Redis is a store."""
ASIDE_LIMIT_S = 0.1
"""The same for those to whom it is a cache: one that is slower than the database is of no use."""
REPLY_S = 0.015
"""What is kept of the request's time to tell the caller that Redis is away."""
FAIR_SHARE = 0.25
"""Work that was given less than this part of its usual time says nothing about Redis when it runs out."""
CONNECTIONS = 8


class Cache:
    """A service's own Redis."""

    name = "redis"

    def __init__(self, url: str, limit_s: float = LIMIT_S) -> None:
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=limit_s,
            socket_timeout=None,
            socket_connect_timeout=limit_s,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,
            decode_responses=True,
        )
        self._limit_s = limit_s
        self._redis = Redis(connection_pool=pool)
        self._breaker = Breaker(Rule(reset_s=0.5))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()

    @property
    def away(self) -> bool:
        """Whether work would be refused at once, since the breaker is open."""
        return not self._breaker.admits

    async def ready(self) -> None:
        """Ask for a sign of life; raises Unavailable."""
        await self.run(lambda redis: redis.ping())

    async def run(self, work: Callable[[Redis], Awaitable[Result]]) -> Result:
        """Do some work within the request's deadline; it must be safe to do twice, for when a connection was lost.

        Raises:
            Unavailable: Redis can't be had.
        """
        left_s = deadline.current(self._limit_s).left_s() - REPLY_S
        ticket = self._breaker.admit()
        if ticket is None:
            raise Unavailable(self.name, "the circuit breaker is open", sent=False)
        with ticket:
            try:
                async with asyncio.timeout(max(0.0, left_s)):
                    result = await self._twice(work)
            except TimeoutError:
                if left_s >= FAIR_SHARE * self._limit_s:
                    ticket.bad()
                raise Unavailable(self.name, f"no answer within {left_s * 1000:.0f} ms", sent=True) from None
            except ResponseError as error:
                # Redis answers, but cannot: it is loading, read-only, out of memory.
                ticket.bad()
                raise Unavailable(self.name, f"it said {str(error)[:80]}", sent=True) from error
            except (RedisError, OSError, EOFError, ValueError, RuntimeError) as error:
                ticket.bad()
                raise Unavailable(self.name, f"the connection failed ({type(error).__name__})", sent=True) from error
            ticket.good()
            return result

    async def _twice(self, work: Callable[[Redis], Awaitable[Result]]) -> Result:
        """A pooled connection may have died unnoticed: then a new one is worth a try."""
        try:
            return await work(self._redis)
        except (RedisConnectionError, RuntimeError):  # the latter is uvloop's, for a transport that is closed already
            return await work(self._redis)

    def health(self) -> dict[str, object]:
        """The state of the edge, for people and for checks."""
        return {"breaker": self._breaker.state, "opened": self._breaker.opened}
