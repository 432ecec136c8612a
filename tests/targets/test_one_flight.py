from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from kit import deadline
from kit.one_flight import OneFlight
from kit.trouble import Unavailable

AWAY = Unavailable("postgres", "it is away", sent=False)


class Slow:
    """Work that ends when it is told to, and notes how much of it is under way."""

    def __init__(self) -> None:
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.gate = asyncio.Event()

    async def work(self, key: str) -> int:
        self.calls[key] += 1
        self.now[key] += 1
        self.most[key] = max(self.most[key], self.now[key])
        try:
            await self.gate.wait()
        finally:
            self.now[key] -= 1
        return self.calls[key]


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_all_who_ask_meanwhile_get_the_result_of_one_computation() -> None:
    slow, flights = Slow(), OneFlight[int]()
    asking = [asyncio.create_task(flights.do("a", lambda: slow.work("a"))) for _ in range(100)]
    await turns()
    slow.gate.set()
    assert await asyncio.gather(*asking) == [1] * 100
    assert (slow.calls["a"], flights.begun, flights.joined) == (1, 1, 99)


async def test_keys_do_not_wait_for_one_another_and_an_ended_computation_is_not_kept() -> None:
    slow, flights = Slow(), OneFlight[int]()
    asking = [asyncio.create_task(flights.do(key, lambda key=key: slow.work(key))) for key in "ab"]  # type: ignore[misc]
    await turns()
    assert slow.now == {"a": 1, "b": 1}
    slow.gate.set()
    await asyncio.gather(*asking)
    assert await flights.do("a", lambda: slow.work("a")) == 2


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    flights = OneFlight[int]()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise AWAY

    async def succeed() -> int:
        return 7

    seen = await asyncio.gather(*(flights.do("a", fail) for _ in range(3)), return_exceptions=True)
    assert seen == [AWAY] * 3
    assert await flights.do("a", succeed) == 7


async def test_one_who_gives_up_leaves_the_others_their_result() -> None:
    slow, flights = Slow(), OneFlight[int]()
    first = asyncio.create_task(flights.do("a", lambda: slow.work("a")))
    await turns()
    second = asyncio.create_task(flights.do("a", lambda: slow.work("a")))
    await turns()
    first.cancel()
    await turns()
    slow.gate.set()
    assert await second == 1
    assert first.cancelled()


async def test_the_time_of_the_one_who_came_first_is_no_limit_to_the_others() -> None:
    left: list[float] = []

    async def look() -> int:
        left.append(deadline.current(5).left_s())
        return 1

    async def hurried() -> int:
        deadline.begin(0.001)
        return await OneFlight[int](limit_s=0.5).do("a", look)

    assert await asyncio.create_task(hurried()) == 1
    assert left[0] == pytest.approx(0.5, abs=0.1)


async def test_after_a_change_nobody_joins_what_began_before_it_and_still_there_is_one_at_a_time() -> None:
    slow, flights = Slow(), OneFlight[int]()
    before = asyncio.create_task(flights.do("a", lambda: slow.work("a")))
    await turns()
    flights.outdate("a")
    after = [asyncio.create_task(flights.do("a", lambda: slow.work("a"))) for _ in range(3)]
    await turns()
    assert slow.calls["a"] == 1
    slow.gate.set()
    assert [await before, *await asyncio.gather(*after)] == [1, 2, 2, 2]
    assert slow.most["a"] == 1


async def test_what_is_under_way_at_the_end_is_given_up() -> None:
    slow, flights = Slow(), OneFlight[int]()
    asking = asyncio.create_task(flights.do("a", lambda: slow.work("a")))
    await turns()
    await flights.close()
    assert slow.now["a"] == 0
    assert not flights.busy("a")
    with pytest.raises(asyncio.CancelledError):
        await asking
