"""When a test may begin, and what is told of one that failed."""

from __future__ import annotations

import pytest

from harness.observe.standing import STRETCH, StandStill
from tests.quiet import EVERY_S, MOST_S, Quiet

WORKS_S, STANDS_S = 0.001, 0.1


class Machine:
    """Does a piece of work whenever somebody waits; it stands still until the clock shows `until`."""

    def __init__(self, until: float) -> None:
        self.now = 0.0
        self.until = until
        self.still = StandStill()
        self.still.add(WORKS_S)
        self.quiet = Quiet(lambda: self.still.seen, lambda: self.now, self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.still.add(STANDS_S if self.now < self.until else WORKS_S)


def test_where_processors_work_nobody_waits() -> None:
    machine = Machine(until=0.0)
    machine.quiet.begin()
    assert machine.quiet.waited_s == 0.0
    assert machine.quiet.told() == ""


def test_while_they_stand_still_no_test_begins_and_a_few_seconds_later_it_does() -> None:
    machine = Machine(until=30.0)
    machine.wait(EVERY_S)
    machine.quiet.begin()
    assert 30.0 < machine.now <= 30.0 + 2 * STRETCH * EVERY_S + 1
    assert machine.quiet.waited_s == pytest.approx(machine.now - EVERY_S)


def test_a_machine_that_never_works_well_is_tested_on_in_the_end() -> None:
    machine = Machine(until=10 * MOST_S)
    machine.wait(EVERY_S)
    for _ in range(3):
        machine.quiet.begin()
        assert machine.quiet.waited_s == pytest.approx(MOST_S, abs=2 * EVERY_S)


def test_of_a_test_that_failed_it_is_told_when_they_stood_still_meanwhile() -> None:
    machine = Machine(until=30.0)
    machine.wait(EVERY_S)
    machine.quiet.begin()
    assert machine.quiet.told() == ""
    machine.until = machine.now + 1.0
    for _ in range(20):
        machine.wait(EVERY_S)
    assert machine.quiet.told() == "In some seconds of it the machine's processors stood still for 98 %."
