from __future__ import annotations

from typing import Protocol

import pytest
from kit.breaker import Breaker, Rule, State


class Clock(Protocol):
    def __call__(self) -> float: ...

    def pass_s(self, seconds: float) -> None: ...


def breaker(clock: Clock) -> Breaker:
    return Breaker(Rule(reset_s=1.0, jitter=0.1), clock=clock, chance=lambda: 0.5)


def let_through(breaker: Breaker, *, good: bool | None) -> None:
    ticket = breaker.admit()
    assert ticket is not None
    with ticket:
        if good is True:
            ticket.good()
        elif good is False:
            ticket.bad()


def opened(clock: Clock) -> Breaker:
    one = breaker(clock)
    for _ in range(5):
        let_through(one, good=False)
    assert one.state is State.OPEN
    return one


def test_a_few_failures_do_not_open_it(clock: Clock) -> None:
    one = breaker(clock)
    for _ in range(4):
        let_through(one, good=False)
    assert one.state is State.CLOSED


def test_failures_below_the_share_do_not_open_it(clock: Clock) -> None:
    one = breaker(clock)
    for good in (True, True, True, False, False) * 6:
        let_through(one, good=good)
    assert one.state is State.CLOSED


def test_failures_long_ago_do_not_count(clock: Clock) -> None:
    one = breaker(clock)
    for _ in range(4):
        let_through(one, good=False)
    clock.pass_s(11)
    let_through(one, good=False)
    assert one.state is State.CLOSED


def test_an_answer_does_not_open_it_whatever_was_before(clock: Clock) -> None:
    one = breaker(clock)
    for good in (False, False, False, False, True):
        let_through(one, good=good)
    assert one.state is State.CLOSED


def test_calls_that_say_nothing_do_not_count(clock: Clock) -> None:
    one = breaker(clock)
    for _ in range(20):
        let_through(one, good=None)
    assert one.state is State.CLOSED


def test_an_open_one_admits_nothing_before_its_reset(clock: Clock) -> None:
    one = opened(clock)
    clock.pass_s(0.99)
    assert one.admit() is None


def test_half_open_lets_exactly_one_of_twenty_through(clock: Clock) -> None:
    one = opened(clock)
    clock.pass_s(1.01)
    tickets = [one.admit() for _ in range(20)]
    assert sum(ticket is not None for ticket in tickets) == 1


def test_a_good_probe_closes_it(clock: Clock) -> None:
    one = opened(clock)
    clock.pass_s(1.01)
    let_through(one, good=True)
    assert one.state is State.CLOSED


def test_a_bad_probe_opens_it_for_another_reset(clock: Clock) -> None:
    one = opened(clock)
    clock.pass_s(1.01)
    let_through(one, good=False)
    assert one.admit() is None
    assert one.opened == 2
    clock.pass_s(1.01)
    assert one.admit() is not None


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_probe_that_is_cut_off_gives_its_place_back(clock: Clock, error: type[BaseException]) -> None:
    one = opened(clock)
    clock.pass_s(1.01)
    ticket = one.admit()
    assert ticket is not None
    with pytest.raises(error), ticket:
        raise error
    assert one.admit() is not None


def test_a_late_answer_from_before_it_opened_does_not_close_it(clock: Clock) -> None:
    one = breaker(clock)
    late = one.admit()
    assert late is not None
    for _ in range(5):
        let_through(one, good=False)
    with late:
        late.good()
    assert one.state is State.OPEN


def test_a_late_failure_does_not_take_the_place_of_the_probe(clock: Clock) -> None:
    one = breaker(clock)
    late = one.admit()
    assert late is not None
    for _ in range(5):
        let_through(one, good=False)
    clock.pass_s(1.01)
    probe = one.admit()
    assert probe is not None
    with late:
        late.bad()
    assert one.admit() is None
    with probe:
        probe.good()
    assert one.state is State.CLOSED
