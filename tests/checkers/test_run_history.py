from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from harness.checkers.run_history import histories, trend
from harness.checkers.run_seen import ExperimentSeen, RunSeen
from harness.model.run_history import Trend
from harness.model.verdict import Verdict
from tests.checkers.test_run_compare import HEADER, run

PASS, UNKNOWN, FAIL = Verdict.PASS, Verdict.UNKNOWN, Verdict.FAIL


def at(minute: int, seen: RunSeen, system: str = "s") -> tuple[str, RunSeen]:
    return f"run{minute}", replace(seen, header=replace(HEADER, wall=f"2026-01-01T00:{minute:02}:00Z", system=system))


def test_runs_stand_in_the_order_of_their_time_and_systems_apart() -> None:
    found = histories([at(3, run()), at(1, run()), at(2, run(), "other")])
    assert [(each.system, [line.where for line in each.runs]) for each in found] == [
        ("other", ["run2"]),
        ("s", ["run1", "run3"]),
    ]


def test_changes_are_counted_between_runs_that_decided() -> None:
    verdicts = (PASS, FAIL, UNKNOWN, FAIL, PASS)
    (thing,) = histories([at(minute, run(each)) for minute, each in enumerate(verdicts)])[0].things
    assert (thing.verdicts, thing.changes, thing.chances, thing.restless) == (verdicts, 2, 3, True)


def test_what_broke_once_and_stays_broken_is_not_restless_but_disagreeing_trials_are() -> None:
    (broken,) = histories([at(1, run()), at(2, run(FAIL)), at(3, run(FAIL))])[0].things
    (flaky,) = histories([at(1, run(FAIL, trials=3, flaky=True))])[0].things
    assert (broken.changes, broken.restless) == (1, False)
    assert (flaky.flaky_in, flaky.restless) == (1, True)


def test_a_run_that_did_not_judge_a_thing_leaves_a_gap() -> None:
    (thing,) = histories([at(1, replace(run(), cells={})), at(2, run())])[0].things
    assert thing.verdicts == (None, PASS)


def test_recovery_times_that_rise_run_by_run_are_told_as_rising() -> None:
    def seen(recovery_s: float) -> RunSeen:
        experiment = ExperimentSeen(verdicts=(PASS,), recoveries_s=(recovery_s,), bad={})
        return RunSeen(header=HEADER, verdict=PASS, cells={}, experiments={"down": experiment}, findings={})

    (thing,) = histories([at(minute, seen(1.0 + minute)) for minute in range(6)])[0].things
    assert (thing.recovery_s, thing.trend) == ((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), Trend.RISING)


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ([1, 2, 3, 4], Trend.UNTOLD),
        ([1, 2, 3, 4, 5], Trend.RISING),
        ([5, 4, 3, 2, 1], Trend.FALLING),
        ([1, 2, 3, 5, 4], Trend.NONE),
        ([1, 1, 1, 1, 1, 1, 1, 1], Trend.NONE),
        ([3, 1, 2, 5, 4, 2, 3, 1], Trend.NONE),
    ],
)
def test_a_trend_is_told_only_when_chance_is_unlikely(figures: list[float], told: Trend) -> None:
    assert told is trend(figures)


def test_of_all_orders_of_six_figures_at_most_one_in_twenty_is_called_a_trend() -> None:
    orders = list(itertools.permutations(range(6)))
    called = sum(trend(order) is not Trend.NONE for order in orders)
    assert 0 < called / len(orders) <= 0.05
