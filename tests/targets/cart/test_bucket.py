from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from kit.bucket import Bucket, Conflict, Entry, own_zone_first
from kit.trouble import Unavailable

from tests.targets.cart.cluster import ELECTED_WITHIN_S, Cluster

pytestmark = pytest.mark.loopback
Make = Callable[..., Bucket]
Result = TypeVar("Result")


async def insist(work: Callable[[], Awaitable[Result]]) -> Result:
    """Ask until a majority answers."""
    async with asyncio.timeout(ELECTED_WITHIN_S):
        while True:
            try:
                return await work()
            except Unavailable:
                await asyncio.sleep(0.05)


async def written(bucket: Bucket, key: str, value: bytes) -> int:
    async def work() -> int:
        return (await bucket.change(key, lambda _: value)).revision

    return await insist(work)


async def test_a_value_is_written_once_for_each_revision(bucket: Make) -> None:
    one, other = bucket("a"), bucket("b")
    await written(one, "warm", b"up")
    assert await other.get("key") is None
    first = await one.create("key", b"1")
    assert await other.get("key") == Entry(value=b"1", revision=first)
    with pytest.raises(Conflict):
        await other.create("key", b"2")
    second = await other.update("key", b"2", first)
    with pytest.raises(Conflict):
        await one.update("key", b"3", first)
    assert await one.get("key") == Entry(value=b"2", revision=second)
    assert "key" in await one.keys()
    await one.delete("key")
    assert await other.get("key") is None
    assert "key" not in await one.keys()
    assert await other.create("key", b"4") > second


async def test_an_attempt_that_is_repeated_unknowingly_is_no_conflict(bucket: Make) -> None:
    made = bucket()
    await written(made, "warm", b"up")
    _, stream = await made._connected()
    revisions = [await made._write(stream, "twice", b"1", 0, "the-same-id") for _ in range(2)]
    assert revisions[0] == revisions[1]


async def test_changes_at_the_same_time_lose_nothing(bucket: Make) -> None:
    writers = [bucket(zone, limit_s=5) for zone in "abc"]
    await written(writers[0], "sum", b"0")

    async def add(writer: Bucket) -> None:
        for _ in range(10):
            await writer.change("sum", lambda value: b"%d" % (int(value or b"0") + 1))

    await asyncio.gather(*(add(writer) for writer in writers))
    assert (await writers[0].get("sum") or Entry(value=b"", revision=0)).value == b"30"
    assert sum(writer.conflicts for writer in writers) > 0


async def test_another_account_sees_nothing_of_it(bucket: Make, nodes: Cluster) -> None:
    await written(bucket(), "mine", b"1")
    foreign = Bucket(nodes.urls("registry"), "carts", "registry")
    assert await insist(lambda: foreign.get("mine")) is None
    wrong = Bucket([nodes.url("a").replace("made-up", "guessed")], "carts", "thief", limit_s=0.3)
    with pytest.raises(Unavailable):
        await wrong.get("mine")
    await asyncio.gather(foreign.close(), wrong.close())


async def test_a_library_that_swallows_being_cancelled_does_not_make_work_endless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def swallows(_: Bucket) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError from None

    monkeypatch.setattr(Bucket, "_connected", swallows)
    asked = asyncio.create_task(Bucket(["nats://nobody"], "carts", "one", limit_s=0.1).get("key"))
    done, _ = await asyncio.wait({asked}, timeout=10)
    assert done, "it goes on for ever"
    with pytest.raises(Unavailable, match="no majority within"):
        await asked


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
async def test_when_its_node_is_gone_the_next_is_asked(bucket: Make, nodes: Cluster, how: signal.Signals) -> None:
    made = bucket()
    await written(made, "key", b"1")
    leader = await nodes.leader("carts")
    follower = next(zone for zone in "abc" if zone != leader)
    made = bucket(follower)
    await written(made, "key", b"2")
    assert made.moves == 0
    nodes.signal(follower, how)
    nodes.wait_stopped(follower)
    began = time.monotonic()
    found = await made.get("key")
    took_s = time.monotonic() - began
    if how == signal.SIGSTOP:
        nodes.signal(follower, signal.SIGCONT)
    else:
        nodes.start(follower)
    assert found is not None
    assert made.moves == 1
    assert took_s < 0.8


async def test_without_a_leader_writes_are_refused_in_time_and_replicas_still_answer(
    bucket: Make, nodes: Cluster
) -> None:
    made = bucket(limit_s=0.5)
    await written(made, "key", b"1")
    leader = await nodes.leader("carts")
    nodes.signal(leader, signal.SIGKILL)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await made.change("key", lambda _: b"2")
    assert time.monotonic() - began < 0.7
    assert await insist(lambda: made.peek("key")) is not None
    nodes.start(leader)
    await written(made, "key", b"3")


async def test_nobody_there_is_told_in_time() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        made = Bucket([f"nats://127.0.0.1:{held.getsockname()[1]}"], "carts", "alone", limit_s=0.2)
        for _ in range(3):
            with pytest.raises(Unavailable, match="no majority"):
                await made.get("key")
        with pytest.raises(Unavailable, match="circuit breaker"):
            await made.get("key")
        with pytest.raises(Unavailable, match="no replica"):
            await made.peek("key")
        await made.close()


def test_the_own_zone_comes_first() -> None:
    assert own_zone_first("xyz", "a") == ("x", "y", "z")
    assert own_zone_first("xyz", "c") == ("z", "x", "y")
    assert own_zone_first("xy", "c") == ("x", "y")
    assert own_zone_first("xyz", "elsewhere") == ("x", "y", "z")
