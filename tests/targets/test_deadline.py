from __future__ import annotations

import asyncio

import pytest
from kit import deadline
from kit.deadline import Deadline


@pytest.mark.parametrize("left_s", [0.05, 0.25, 0.9, 1.8])
def test_a_provider_is_granted_less_than_its_caller_waits(left_s: float) -> None:
    assert 0 < int(deadline.header_for(left_s)) < left_s * 1000


def test_a_used_up_deadline_is_still_a_valid_header() -> None:
    assert deadline.header_for(0.0) == "1"


@pytest.mark.parametrize("header", [None, b"", b"-5", b"1.5", b"soon", b"9" * 40])
def test_nonsense_grants_the_services_own_limit(header: bytes | None) -> None:
    assert deadline.told(header, 1.5) == 1.5


def test_a_caller_may_grant_less_than_the_limit_but_not_more() -> None:
    assert deadline.told(b"200", 1.5) == 0.2
    assert deadline.told(b"60000", 1.5) == 1.5


def test_the_sooner_of_two_deadlines_counts() -> None:
    def clock() -> float:
        return 10.0

    assert Deadline.within(1.0, clock).sooner(0.25).left_s() == 0.25
    assert Deadline.within(0.1, clock).sooner(0.25).left_s() == pytest.approx(0.1)


def test_what_is_left_is_never_negative() -> None:
    assert Deadline(at=5.0, clock=lambda: 9.0).left_s() == 0.0


async def test_each_request_has_its_own_deadline_and_background_work_has_none() -> None:
    async def request(seconds: float) -> float:
        deadline.begin(seconds)
        await asyncio.sleep(0)
        return deadline.current(10.0).left_s()

    short, long = await asyncio.gather(request(0.5), request(5.0))
    assert short <= 0.5 < long <= 5.0
    assert deadline.current(10.0).left_s() > 9.0
