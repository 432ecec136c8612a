from __future__ import annotations

import pytest
from kit.cache import Cache
from kit.trouble import Unavailable
from redis.asyncio import Redis

NOBODY = "redis://127.0.0.1:1/0"


async def test_a_transport_that_is_closed_already_means_that_redis_is_away() -> None:
    cache = Cache(NOBODY)
    tried = 0

    async def work(_redis: Redis) -> None:
        nonlocal tried
        tried += 1
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    with pytest.raises(Unavailable):
        await cache.run(work)
    await cache.close()
    assert tried == 2
