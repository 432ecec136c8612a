"""A planned load that somebody steers: phases that follow one another without a gap, and wishes that make sense."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.declare import load_system
from harness.engine.load_steering import MOST_RATE, Plan, Steering, Wish
from harness.errors import HarnessError
from harness.model.load_profile import LoadPhase, LoadProfile

PROFILE = LoadProfile(
    name="rise",
    weights={"look": 1.0},
    phases=(
        LoadPhase(name="before", length_s=10, start_rate=20, end_rate=20),
        LoadPhase(name="rise", length_s=10, start_rate=20, end_rate=40),
    ),
)
SYSTEM = "system: s\nentry: front\nservices:\n  front: {owner: web, run: {command: [x]}}\n"


def steering(root: Path, *, begun: bool = True) -> Steering:
    (root / "system.yaml").write_text(SYSTEM, encoding="utf-8")
    found = Steering(load_system(root / "system.yaml"))
    if begun:
        found.plan = Plan(PROFILE, began=5.0)
    return found


def told(plan: Plan) -> list[tuple[str, float, float, float, float]]:
    return [(each.phase.name, each.start, each.end, each.phase.start_rate, each.phase.end_rate) for each in plan]


def test_what_nobody_steers_goes_as_its_profile_says() -> None:
    assert told(Plan(PROFILE, began=5.0)) == [("before", 5, 15, 20, 20), ("rise", 15, 25, 20, 40)]


def test_another_rate_takes_the_place_of_what_was_planned_until_its_end() -> None:
    plan = Plan(PROFILE, began=5.0)
    course = plan.turn(8.0, rate=50.0, slope=1e6)
    assert [(each.length_s, each.start_rate, each.end_rate) for each in course.phases] == [(17, 50, 50)]
    assert told(plan) == [("before", 5, 8, 20, 20), ("by-hand-1", 8, 25, 50, 50)]


def test_a_slope_takes_whole_seconds_and_begins_at_the_rate_that_was() -> None:
    plan = Plan(PROFILE, began=5.0)
    plan.turn(20.0, rate=10.0, slope=8.0)  # 30 a second at that time
    assert told(plan)[2:] == [("by-hand-1-slope", 20, 23, 30, 10), ("by-hand-1", 23, 25, 10, 10)]


def test_a_slope_that_would_end_after_the_run_ends_with_it() -> None:
    plan = Plan(PROFILE, began=5.0)
    plan.turn(20.0, rate=1000.0, slope=1.0)
    assert told(plan)[-1] == ("by-hand-1-slope", 20, 25, 30, 1000)


def test_two_changes_after_one_another_leave_no_gap() -> None:
    plan = Plan(PROFILE, began=5.0)
    plan.turn(8.0, rate=0.0, slope=1e6)
    plan.turn(9.0, rate=5.0, slope=1e6)
    assert told(plan) == [("before", 5, 8, 20, 20), ("by-hand-1", 8, 9, 0, 0), ("by-hand-2", 9, 25, 5, 5)]


def test_a_change_while_phases_are_gone_through_is_heeded() -> None:
    plan = Plan(PROFILE, began=5.0)
    seen = []
    for part in plan:
        seen.append(part.phase.name)
        if len(seen) == 1:
            plan.turn(8.0, rate=1.0, slope=1e6)
            assert plan.under_way.end == 8.0
    assert seen == ["before", "by-hand-1"]


def test_who_ends_it_leaves_nothing_to_come() -> None:
    plan = Plan(PROFILE, began=5.0)
    plan.cut(12.0)
    assert told(plan) == [("before", 5, 12, 20, 20)]


def test_the_last_wish_counts_and_is_taken_once(tmp_path: Path) -> None:
    it = steering(tmp_path)
    it.want(10.0)
    it.want(30.0, 2.0)
    assert it.take() == Wish(rate=30.0, slope=2.0)
    assert it.take() is None
    it.finish()
    assert it.take() == Wish(over=True)


def test_the_rate_that_is_planned_is_known_at_any_time(tmp_path: Path) -> None:
    it = steering(tmp_path)
    assert (it.rate_at(6.0), it.users) == (20.0, 0)
    assert steering(tmp_path, begun=False).rate_at(6.0) == 0.0


@pytest.mark.parametrize(
    ("rate", "slope", "complaint"),
    [
        (-1.0, 1.0, "expected 0 to 100000 journeys a second, found -1"),
        (math.nan, 1.0, "found nan"),
        (MOST_RATE + 1, 1.0, "found 100001"),
        (1.0, 0.0, "expected a rise of more than 0"),
        (1.0, math.inf, "found inf"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(tmp_path: Path, rate: float, slope: float, complaint: str) -> None:
    it = steering(tmp_path)
    with pytest.raises(HarnessError) as refused:
        it.want(rate, slope)
    assert complaint in str(refused.value)
    assert it.take() is None


def test_where_there_is_no_load_nothing_can_be_wished(tmp_path: Path) -> None:
    it = steering(tmp_path, begun=False)
    with pytest.raises(HarnessError, match="has not begun yet, or is over"):
        it.want(1.0)
    with pytest.raises(HarnessError, match="has not begun yet, or is over"):
        it.finish()


def test_beyond_this_machine_no_more_may_be_asked_than_of_an_experiment(tmp_path: Path) -> None:
    (tmp_path / "system.yaml").write_text(SYSTEM + "environment: staging\nallow: [load]\n", encoding="utf-8")
    it = Steering(load_system(tmp_path / "system.yaml"))
    it.plan = Plan(PROFILE, began=5.0)
    with pytest.raises(HarnessError, match="journeys a second are more than 50"):
        it.want(51.0)
    assert it.take() is None
