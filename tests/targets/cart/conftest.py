from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cart.log import Log
from cart.store import Carts
from kit.bucket import Bucket

from tests.targets.cart.cluster import Cluster, cluster


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes, shared by the tests of a file; whoever stops one starts it again."""
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture
async def bucket(nodes: Cluster) -> AsyncIterator[Callable[..., Bucket]]:
    """Makes clients, `bucket("b", "carts")` with the zone whose node comes first; they are closed after the test."""
    made: list[Bucket] = []

    def make(zone: str = "a", name: str = "carts", limit_s: float = 1.0) -> Bucket:
        start = "abc".index(zone)
        urls = nodes.urls()
        made.append(Bucket((*urls[start:], *urls[:start]), name, f"test-{zone}", limit_s=limit_s))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
async def carts(bucket: Callable[..., Bucket], tmp_path: Path) -> AsyncIterator[Callable[[str], Carts]]:
    """Makes instances of the cart's store as the service has them, each with its own log; they flush meanwhile."""
    logs: list[Log] = []
    flushing: list[asyncio.Task[None]] = []

    def make(zone: str, name: str = "carts") -> Carts:
        log = Log(tmp_path / zone / "carts.log")
        instance = Carts(bucket(zone, name, 0.45), log, f"cart-{'abc'.index(zone) + 1}")
        logs.append(log)
        flushing.append(asyncio.create_task(instance.flush()))
        return instance

    yield make
    for task in flushing:
        task.cancel()
    await asyncio.gather(*flushing, return_exceptions=True)
    for log in logs:
        await log.close()
