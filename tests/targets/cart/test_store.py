from __future__ import annotations

import asyncio
import logging
import signal
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cart.log import Log
from cart.merge import NUMBERS
from cart.models import MOST_ITEMS
from cart.store import Carts, Found
from kit.bucket import Bucket
from kit.trouble import Refused, Unavailable

from tests.targets.cart.cluster import ELECTED_WITHIN_S, Cluster

pytestmark = pytest.mark.loopback
Make = Callable[..., Carts]
log = logging.getLogger(__name__)
LAMP, CHAIR = "sku-0001", "sku-0002"


def customer() -> str:
    return str(uuid.uuid4())


def sku(number: int) -> str:
    return f"sku-{number:04d}"


async def eventually(look: Callable[[], Awaitable[Found]], holds: Callable[[Found], bool]) -> Found:
    """Look until it is so."""
    async with asyncio.timeout(ELECTED_WITHIN_S):
        while True:
            try:
                found = await look()
                if holds(found):
                    return found
            except Unavailable:
                pass
            await asyncio.sleep(0.05)


async def agreed(carts: Carts, whose: str) -> Found:
    """The cart, once a majority stands behind it and nothing waits any more."""
    return await eventually(
        lambda: carts.read(whose, 0), lambda found: found.agreed and whose not in carts._waiting.pending
    )


async def test_what_two_instances_add_at_the_same_time_is_all_there(carts: Make) -> None:
    one, other, whose = carts("a"), carts("b"), customer()
    await agreed(one, customer())
    await asyncio.gather(*((one, other)[number % 2].put(whose, sku(number), number, 0) for number in range(1, 21)))
    assert (await agreed(carts("c"), whose)).cart.items == {sku(number): number for number in range(1, 21)}


async def test_the_last_of_several_changes_is_read_by_every_instance(carts: Make) -> None:
    instances, whose = [carts(zone) for zone in "abc"], customer()
    await agreed(instances[0], whose)
    for number in range(1, 31):
        written = await instances[number % 3].put(whose, LAMP, number % 20, 0)
        assert written.agreed
        found = await instances[(number + 1) % 3].read(whose, written.cart.version)
        assert found.cart.items.get(LAMP, 0) == number % 20
    cleared = await instances[0].clear(whose, 0)
    assert (await instances[1].read(whose, cleared.cart.version)).cart.items == {}


async def test_a_full_cart_takes_no_other_product(carts: Make) -> None:
    made, whose = carts("a"), customer()
    await agreed(made, whose)
    for number in range(MOST_ITEMS):
        await made.put(whose, sku(number), 1, 0)
    with pytest.raises(Refused, match="20 different products"):
        await made.put(whose, "sku-0999", 1, 0)
    await made.put(whose, sku(0), 2, 0)
    await made.put(whose, sku(1), 0, 0)
    await made.put(whose, "sku-0999", 1, 0)


async def test_a_version_that_never_arrives_is_no_excuse_to_show_an_older_one(carts: Make) -> None:
    made, whose = carts("a"), customer()
    await agreed(made, whose)
    written = await made.put(whose, LAMP, 1, 0)
    with pytest.raises(Unavailable, match="has not arrived"):
        await carts("b").read(whose, written.cart.version + NUMBERS)


async def test_when_the_leader_is_killed_under_writes_customers_go_on_and_lose_nothing(
    carts: Make, nodes: Cluster
) -> None:
    instances = {zone: carts(zone) for zone in "abc"}
    customers = [customer() for _ in range(6)]
    await agreed(instances["a"], customers[0])
    leader = await nodes.leader("carts")
    last: dict[str, dict[str, int]] = {each: {} for each in customers}
    times: list[tuple[float, bool]] = []
    longest_s = 0.0

    async def shop(number: int) -> None:
        """Change the cart again and again, and read back each time what was written."""
        nonlocal longest_s
        carts, whose, version = instances["abc"[number % 3]], customers[number], 0
        for step in range(10_000):
            began = time.monotonic()
            item, quantity = sku(step % 7), 1 + step % 19
            written = await carts.put(whose, item, quantity, version)
            version = written.cart.version
            longest_s = max(longest_s, time.monotonic() - began)
            last[whose][item] = quantity
            times.append((time.monotonic(), written.agreed))
            assert (await carts.read(whose, version)).cart.items == last[whose]
            if done.is_set():
                return
            await asyncio.sleep(0.01)

    done = asyncio.Event()
    shopping = [asyncio.create_task(shop(number)) for number in range(6)]
    await asyncio.sleep(0.3)
    nodes.signal(leader, signal.SIGKILL)
    killed = time.monotonic()
    async with asyncio.timeout(ELECTED_WITHIN_S):
        while not any(is_agreed and at > killed + 1 for at, is_agreed in times):
            await asyncio.sleep(0.05)
            assert not any(task.done() for task in shopping), [task for task in shopping if task.done()]
    done.set()
    await asyncio.gather(*shopping)
    nodes.start(leader)
    for number, whose in enumerate(customers):
        for zone in "abc":
            await agreed(instances["abc"[number % 3]], whose)
            assert (await agreed(instances[zone], whose)).cart.items == last[whose]
    back = min(at for at, is_agreed in times if is_agreed and at > killed + 1)
    log.info("no majority for %.2f s; the longest write took %.2f s", back - killed, longest_s)
    assert any(not is_agreed for _, is_agreed in times)
    assert longest_s < 1.5


async def test_what_was_accepted_without_a_majority_outlives_its_instance_and_merges(
    carts: Make, bucket: Callable[..., Bucket], nodes: Cluster, tmp_path: Path
) -> None:
    one, whose = carts("a", "later"), customer()
    await agreed(one, whose)
    await one.put(whose, LAMP, 1, 0)
    leader = await nodes.leader("later")
    dying_log = Log(tmp_path / "dying" / "carts.log")
    dying = Carts(bucket(leader, "later", 0.45), dying_log, "cart-9")
    await agreed(dying, whose)
    nodes.signal(leader, signal.SIGKILL)
    written = await dying.put(whose, CHAIR, 2, 0)
    assert not written.agreed
    assert written.cart.items == {LAMP: 1, CHAIR: 2}
    assert (await dying.read(whose, written.cart.version)).cart.items == {LAMP: 1, CHAIR: 2}
    with pytest.raises(Unavailable):
        await one.read(whose, written.cart.version)
    await dying_log.close()
    nodes.start(leader)
    await eventually(lambda: one.put(whose, "sku-0003", 3, 0), lambda found: found.agreed)
    reborn_log = Log(tmp_path / "dying" / "carts.log")
    reborn = Carts(bucket(leader, "later", 0.45), reborn_log, "cart-9")
    flushing = asyncio.create_task(reborn.flush())
    expected = {LAMP: 1, CHAIR: 2, "sku-0003": 3}
    found = await eventually(lambda: one.read(whose, 0), lambda found: found.cart.items == expected)
    assert found.agreed
    flushing.cancel()
    await asyncio.gather(flushing, return_exceptions=True)
    await reborn_log.close()


async def test_a_cart_of_which_nothing_is_known_is_not_shown_as_empty() -> None:
    away = Bucket(["nats://127.0.0.1:9"], "carts", "alone", limit_s=0.1)
    made = Carts(away, Log(None), "cart-1")
    with pytest.raises(Unavailable):
        await made.read(customer(), 0)
    with pytest.raises(Unavailable, match="disk"):
        await made.put(customer(), LAMP, 1, 0)
    await away.close()
