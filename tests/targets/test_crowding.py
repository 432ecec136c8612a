from __future__ import annotations

import asyncio
from statistics import mean

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
    crowding.look(LATE, admission.under_way)
    assert admission.at_once == 10 * LESS


def test_it_never_takes_in_fewer_than_the_least() -> None:
    admission, crowding = crowded(under_way=10)
    for _ in range(50):
        crowding.look(LATE, admission.under_way)
    assert admission.at_once == 4


def test_it_takes_in_more_again_when_they_come_and_it_gets_to_them() -> None:
    admission, crowding = crowded(under_way=10)
    crowding.look(LATE, admission.under_way)
    assert admission.refusal(None, "10.0.0.1") is not None
    crowding.look(IN_TIME, admission.under_way)
    assert admission.at_once == 10 * LESS + MORE


def test_a_number_that_nobody_needs_is_not_raised() -> None:
    admission, crowding = crowded(under_way=5)
    crowding.look(LATE, admission.under_way)
    crowding.look(IN_TIME, admission.under_way)
    assert admission.at_once == 4


def test_it_never_takes_in_more_than_the_most() -> None:
    admission, crowding = crowded(at_once=20, under_way=20)
    for _ in range(50):
        admission.refusal(None, "10.0.0.1")
        crowding.look(IN_TIME, admission.under_way)
    assert admission.at_once == 20


def test_a_peak_between_two_looks_counts_though_it_is_over() -> None:
    admission, crowding = crowded(under_way=15)
    for _ in range(14):
        admission.leave()
    crowding.look(LATE, 8)
    assert admission.at_once == 15 * LESS


def test_few_are_not_to_blame_for_a_machine_that_others_fill() -> None:
    admission, crowding = crowded(at_once=20, under_way=4)
    for _ in range(50):
        crowding.look(LATE, admission.under_way)
    assert admission.at_once == 20


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


CORES, PAGE_S, GIVES_UP_S, SLICE_S = 2, 0.075, 0.9, 0.004
BEARS = CORES / PAGE_S
STEP_S = 0.005


def pages_served(
    rates: list[float], *, adapts: bool, together: int = 1, cores: float = CORES, others_lag_s: float = 0.0
) -> list[int]:
    """How many pages a machine serves in time in each second; all that are under way share its cores.

    Customers may come several at once; others may leave only a part of the cores, and make everybody wait for them.
    """
    admission = Admission(Quota(at_once=192, anonymous=1e9))
    crowding = Crowding(admission, 6)
    doing: list[tuple[float, float]] = []  # when it came, and the work that is left
    served, owed, ticks = [0] * len(rates), 0.0, []
    for number in range(round(len(rates) / STEP_S)):
        now = number * STEP_S
        owed += rates[int(now)] * STEP_S
        while owed >= together:
            owed -= together
            for _ in range(together):
                if admission.refusal(None, "10.0.0.1") is None:
                    admission.enter()
                    doing.append((now, PAGE_S))
        part = min(cores / len(doing), 1.0) * STEP_S if doing else 0.0
        left = [(came, work - part) for came, work in doing]
        served[int(now)] += sum(work <= 0 and now - came <= GIVES_UP_S for came, work in left)
        doing = [(came, work) for came, work in left if work > 0 and now - came <= 2 * GIVES_UP_S]
        for _ in range(len(left) - len(doing)):
            admission.leave()
        ticks.append((max(len(doing) - cores, 0) * SLICE_S + others_lag_s, len(doing)))
        if adapts and len(ticks) * STEP_S >= 0.2:
            crowding.look(mean(lag for lag, _ in ticks), mean(there for _, there in ticks))
            ticks.clear()
    return served


def test_at_twice_what_the_machine_bears_it_serves_what_it_bears_and_gets_well_by_itself() -> None:
    load = [0.8 * BEARS] * 10 + [2 * BEARS] * 20 + [0.8 * BEARS] * 10
    served = pages_served(load, adapts=True)
    assert sum(served[15:30]) / 15 > 0.8 * BEARS
    assert sum(served[32:]) / 8 > 0.75 * BEARS


def test_with_a_fixed_number_far_beyond_what_is_served_in_time_it_collapses() -> None:
    load = [0.8 * BEARS] * 10 + [2 * BEARS] * 20
    assert sum(pages_served(load, adapts=False)[15:]) / 15 < 0.3 * BEARS


def test_what_the_machine_bears_is_not_turned_away() -> None:
    served = pages_served([0.8 * BEARS] * 20, adapts=True)
    assert sum(served[1:]) / 19 > 0.78 * BEARS


def test_nobody_is_turned_away_because_others_fill_the_machine() -> None:
    served = pages_served([*[6.0] * 20, 0.0], adapts=True, together=8, cores=0.6 * CORES, others_lag_s=2 * LATE_S)
    assert sum(served) == 20 * 6


def test_who_is_too_many_is_turned_away_though_others_fill_the_machine_too() -> None:
    left = 0.6
    served = pages_served([2 * BEARS] * 30, adapts=True, cores=left * CORES, others_lag_s=2 * LATE_S)
    assert sum(served[15:]) / 15 > 0.8 * left * BEARS
