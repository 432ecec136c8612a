from __future__ import annotations

import asyncio

from kit.auth import Caller
from kit.quotas import MOST_CALLERS, TURNED_AWAY_S, Admission, Quota

from tests.targets.conftest import FakeClock

QUOTA = Quota(per_service=3, per_customer=2, anonymous=1, at_once=2)
CART = Caller(name="cart", kind="service")
ORDERS = Caller(name="orders", kind="service")
ADA = Caller(name="ada", kind="customer")


def statuses(admission: Admission, caller: Caller | None, times: int, address: str = "10.0.0.1") -> list[int]:
    refusals = [admission.refusal(caller, address) for _ in range(times)]
    return [200 if refusal is None else refusal.status for refusal in refusals]


def test_a_caller_has_so_many_requests_a_second_and_no_more(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    assert statuses(admission, CART, 5) == [200, 200, 200, 429, 429]
    clock.pass_s(1.0)
    assert statuses(admission, CART, 4) == [200, 200, 200, 429]
    clock.pass_s(1 / 3 + 0.001)
    assert statuses(admission, CART, 2) == [200, 429]
    assert admission.over_quota == 4


def test_one_callers_flood_does_not_touch_another(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    statuses(admission, CART, 100)
    assert statuses(admission, ORDERS, 3) == [200, 200, 200]
    assert statuses(admission, ADA, 3) == [200, 200, 429]


def test_who_has_not_proved_who_he_is_counts_by_address(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    assert statuses(admission, None, 2, "10.0.0.1") == [200, 429]
    assert statuses(admission, Caller(name="anonymous", kind="anonymous"), 1, "10.0.0.1") == [429]
    assert statuses(admission, None, 1, "10.0.0.2") == [200]


def test_the_operator_has_no_quota_but_is_shed_like_everybody(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    operator = Caller(name="operator", kind="operator")
    assert statuses(admission, operator, 50) == [200] * 50
    admission.under_way = 2
    assert statuses(admission, operator, 1) == [503]


def test_a_refused_caller_is_told_when_to_come_again(clock: FakeClock) -> None:
    admission = Admission(Quota(anonymous=0.25), clock)
    assert statuses(admission, None, 1) == [200]
    refusal = admission.refusal(None, "10.0.0.1")
    assert refusal is not None
    assert refusal.retry_after_s == 4


def test_no_more_requests_at_once_than_can_be_served(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    admission.under_way = 2
    assert statuses(admission, CART, 1) == [503]
    admission.under_way = 1
    assert statuses(admission, CART, 1) == [200]
    assert admission.overloaded == 1


def test_who_may_take_up_a_part_of_the_room_only_leaves_the_rest_to_others(clock: FakeClock) -> None:
    admission = Admission(Quota(at_once=10), clock)
    admission.under_way = 5
    assert admission.refusal(None, "10.0.0.1", 0.6) is None
    admission.under_way = 6
    refusal = admission.refusal(None, "10.0.0.1", 0.6)
    assert refusal is not None
    assert refusal.status == 503
    assert admission.refusal(None, "10.0.0.1", 1.0) is None


def test_only_so_many_callers_are_remembered(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    for number in range(MOST_CALLERS + 10):
        admission.refusal(None, f"address {number}")
    assert len(admission._tokens) == MOST_CALLERS
    assert statuses(admission, None, 1, f"address {MOST_CALLERS + 9}") == [429]


async def test_others_are_turned_away_for_a_while_after_the_last_who_was(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    admission.under_way = 2
    told = [admission.turns_away, await admission.room_within(0.0), admission.turns_away]
    clock.pass_s(TURNED_AWAY_S)
    told += [admission.turns_away, await admission.room_within(0.01), admission.turns_away]
    assert told == [False, False, True, False, False, True]


async def test_who_finds_room_after_a_moment_makes_nothing_crowded(clock: FakeClock) -> None:
    admission = Admission(QUOTA, clock)
    admission.enter()
    admission.enter()
    waiting = asyncio.create_task(admission.room_within(5.0))
    await asyncio.sleep(0)
    admission.leave()
    assert await waiting
    assert not admission.turns_away


async def test_it_is_quiet_once_nothing_comes_and_nothing_is_under_way() -> None:
    admission = Admission(QUOTA)
    admission.under_way = 1
    waiting = asyncio.create_task(admission.quiet(for_s=0.05, within_s=5.0))
    await asyncio.sleep(0.15)
    assert not waiting.done()
    admission.under_way = 0
    async with asyncio.timeout(2):
        await waiting


async def test_those_who_never_leave_are_not_waited_for_for_ever() -> None:
    admission = Admission(QUOTA)
    admission.under_way = 1
    async with asyncio.timeout(2):
        await admission.quiet(for_s=0.05, within_s=0.1)
