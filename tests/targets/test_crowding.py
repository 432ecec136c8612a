from __future__ import annotations

import asyncio

from kit.crowding import LATE_S, LESS, MORE, Crowding
from kit.quotas import MOST_WAITING, Admission, Quota

LATE, IN_TIME = LATE_S * 2, LATE_S / 2


def crowded(at_once: int = 20, under_way: int = 0) -> tuple[Admission, Crowding]:
    admission = Admission(Quota(at_once=at_once))
    for _ in range(under_way):
        admission.enter()
    return admission, Crowding(admission, 4)


def test_who_does_not_get_to_its_work_takes_in_fewer_than_there_were() -> None:
    admission, crowding = crowded(under_way=10)
    crowding.look(LATE)
    assert admission.at_once == 10 * LESS


def test_it_never_takes_in_fewer_than_the_least() -> None:
    admission, crowding = crowded(under_way=10)
    for _ in range(50):
        crowding.look(LATE)
    assert admission.at_once == 4


def test_it_takes_in_more_again_when_they_come_and_it_gets_to_them() -> None:
    admission, crowding = crowded(under_way=10)
    crowding.look(LATE)
    assert admission.refusal(None, "10.0.0.1") is not None
    crowding.look(IN_TIME)
    assert admission.at_once == 10 * LESS + MORE


def test_a_number_that_nobody_needs_is_not_raised() -> None:
    admission, crowding = crowded(under_way=5)
    crowding.look(LATE)
    crowding.look(IN_TIME)
    assert admission.at_once == 4


def test_it_never_takes_in_more_than_the_most() -> None:
    admission, crowding = crowded(at_once=20, under_way=20)
    for _ in range(50):
        admission.refusal(None, "10.0.0.1")
        crowding.look(IN_TIME)
    assert admission.at_once == 20


def test_a_peak_between_two_looks_counts_though_it_is_over() -> None:
    admission, crowding = crowded(under_way=15)
    for _ in range(14):
        admission.leave()
    crowding.look(LATE)
    assert admission.at_once == 15 * LESS


async def test_it_looks_by_itself() -> None:
    admission, crowding = crowded(under_way=20)
    looking = asyncio.create_task(crowding.run())
    async with asyncio.timeout(10):
        while admission.at_once == 20:
            busy_until = asyncio.get_running_loop().time() + 2 * LATE_S
            while asyncio.get_running_loop().time() < busy_until:
                pass
            await asyncio.sleep(0)
    looking.cancel()


async def test_who_waits_for_room_gets_it_when_somebody_leaves() -> None:
    admission, _ = crowded(at_once=1, under_way=1)
    waiting = asyncio.create_task(admission.room_within(5.0))
    await asyncio.sleep(0)
    admission.leave()
    assert await waiting
    assert (admission.under_way, admission.waited) == (1, 1)


async def test_those_who_buy_come_before_those_who_look_around() -> None:
    admission, _ = crowded(at_once=2, under_way=2)
    looking = asyncio.create_task(admission.room_within(5.0, 0.6))
    await asyncio.sleep(0)
    buying = asyncio.create_task(admission.room_within(5.0, 1.0))
    await asyncio.sleep(0)
    admission.leave()
    assert await buying
    assert not looking.done()
    admission.leave()
    admission.leave()
    assert await looking


async def test_who_waits_too_long_is_turned_away_and_takes_no_room() -> None:
    admission, _ = crowded(at_once=1, under_way=1)
    assert not await admission.room_within(0.01)
    admission.leave()
    assert (admission.under_way, admission.waited) == (0, 0)
    assert admission.refusal(None, "10.0.0.1") is None


async def test_who_goes_away_while_waiting_keeps_no_room() -> None:
    admission, _ = crowded(at_once=1, under_way=1)
    waiting = asyncio.create_task(admission.room_within(5.0))
    await asyncio.sleep(0)
    admission.leave()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert admission.under_way == 0


async def test_only_so_many_wait_and_the_rest_hears_at_once() -> None:
    admission, _ = crowded(at_once=1, under_way=1)
    waiting = [asyncio.create_task(admission.room_within(5.0)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    assert not await admission.room_within(5.0)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_who_would_not_wait_is_turned_away_at_once() -> None:
    admission, _ = crowded(at_once=1, under_way=1)
    assert not await admission.room_within(0.0)
