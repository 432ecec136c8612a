"""How long is waited for a state that is not as it must be: on while it changes, and not for ever."""

from __future__ import annotations

import pytest

from harness.engine.resting import MOST_S, STILL_S, Resting
from harness.model.observation import FinalRead

LEAST_S = 32.0


def reads(waiting: int, *, t: float = 0.0, error: str = "") -> list[FinalRead]:
    """So many orders are waited for still."""
    return [FinalRead(name="orders", t=t, rows=tuple({"order": number} for number in range(waiting)), error=error)]


def given_up_at(look: float, waiting: dict[float, int]) -> float:
    """When nobody waits any more, looking every so often at what changes at these times."""
    resting, now = Resting(now=0.0, least_s=LEAST_S), 0.0
    while resting.may_change(reads(waiting[max(at for at in waiting if at <= now)], t=now), now=now):
        now += look
    return now


def test_a_state_that_stays_is_waited_for_at_least_so_long() -> None:
    assert given_up_at(0.5, {0: 3}) == pytest.approx(LEAST_S, abs=0.5)


def test_a_state_that_changes_is_waited_for_until_it_stays() -> None:
    assert given_up_at(0.5, {0: 3, 25: 2, 40: 1}) == pytest.approx(40 + STILL_S, abs=0.5)


def test_one_that_always_changes_is_not_waited_for_for_ever() -> None:
    assert given_up_at(0.5, {at: at for at in range(1000)}) == pytest.approx(MOST_S, abs=0.5)


def test_what_only_cant_be_judged_is_waited_for_no_longer_though_it_always_changes() -> None:
    resting = Resting(now=0.0, least_s=LEAST_S)
    assert resting.may_change(reads(1), now=LEAST_S, broken=False)
    assert not resting.may_change(reads(2), now=LEAST_S + 0.5, broken=False)
    assert resting.may_change(reads(3), now=LEAST_S + 1.0, broken=True)


def test_a_look_later_that_shows_the_same_is_no_change_and_a_service_that_answers_again_is_one() -> None:
    resting = Resting(now=0.0, least_s=1.0)
    assert resting.may_change(reads(3, t=0.0), now=0.0)
    assert not resting.may_change(reads(3, t=30.0), now=30.0)
    resting = Resting(now=0.0, least_s=1.0)
    assert resting.may_change(reads(0, error="no answer"), now=0.0)
    assert resting.may_change(reads(0), now=30.0)
    assert resting.may_change(reads(0), now=30.0 + STILL_S)
    assert not resting.may_change(reads(0), now=30.5 + STILL_S)
