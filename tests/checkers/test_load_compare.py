"""Two load runs: wolf is not cried, a slowdown is found, and what can't be told is said to be so."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from harness.checkers.load_compare import FIGURES, compare_loads
from harness.checkers.load_seen import LoadSeen, load_seen
from harness.model.bound import Measure
from harness.model.events import Event, LoadPhaseEnded, RunEnded
from harness.model.figures import encoded
from harness.model.load_compared import Comparison, Place, Said
from harness.model.load_events import Observed
from harness.model.observation import AnswerClass, AnswerSecond, GeneratorSecond, JourneySecond, Outcome
from harness.model.verdict import Verdict
from tests.checkers.load_runs import CHECKOUT, simulated

FEW = (Measure.P50, Measure.P95, Measure.FAILED, Measure.GOODPUT)
"""Fewer figures have more of the error rate each: chance is more likely to be seen."""

SHOWN = {Said.WORSE, Said.WITHIN, Said.BETTER}
TIMES = 200


def compared(seed: int, **after: float) -> Comparison:
    chance = Random(seed)  # noqa: S311 -- a simulation keeps no secrets
    before = simulated(chance, seconds=200)
    return compare_loads(before, simulated(chance, seconds=200, **after))  # type: ignore[arg-type]  # rates are whole


def said(comparison: Comparison, figure: Measure) -> Said:
    return next(each.said for each in comparison.compared if each.figure is figure)


@pytest.mark.parametrize(("correlation", "swing"), [(0.0, 0.0), (0.5, 0.15), (0.9, 0.15)])
def test_two_runs_of_the_same_are_called_different_at_most_once_in_twenty(correlation: float, swing: float) -> None:
    chance = Random(3)  # noqa: S311 -- a simulation keeps no secrets
    alarms = 0
    for _ in range(TIMES):
        runs = [simulated(chance, rate=10, correlation=correlation, swing=swing) for _ in "AB"]
        found = compare_loads(*runs, figures=FEW, allowed=0.0)
        alarms += any(each.said in SHOWN for each in found.compared)
    assert alarms <= TIMES * 0.05


def test_naive_seconds_would_cry_wolf_where_ours_do_not() -> None:
    """The same runs with their seconds shuffled look independent: then chance is called a difference."""
    chance = Random(5)  # noqa: S311 -- a simulation keeps no secrets
    alarms = 0
    for _ in range(40):
        runs = [simulated(chance, rate=10, correlation=0.95, swing=0.3) for _ in "AB"]
        for run in runs:
            chance.shuffle(run.seconds[CHECKOUT]["steady"])  # type: ignore[arg-type]  # a list, as it was made
        found = compare_loads(*runs, figures=(Measure.P50,), allowed=0.0)
        alarms += any(each.said in SHOWN for each in found.compared)
    assert alarms > 40 * 0.2


def test_a_tenth_slower_is_found_in_enough_samples() -> None:
    chance = Random(7)  # noqa: S311 -- a simulation keeps no secrets
    found = 0
    for _ in range(40):
        before, after = (simulated(chance, seconds=120, slower=slower, spread=0.2) for slower in (1.0, 1.1))
        found += said(compare_loads(before, after, figures=FEW), Measure.P50) is Said.WORSE
    assert found >= 40 * 0.95


def test_a_tenth_slower_is_found_though_bad_seconds_follow_one_another() -> None:
    chance = Random(8)  # noqa: S311 -- a simulation keeps no secrets
    found = 0
    for _ in range(40):
        parts = [
            simulated(chance, seconds=240, rate=10, slower=slower, spread=0.2, correlation=0.5, swing=0.03)
            for slower in (1.0, 1.1)
        ]
        found += said(compare_loads(*parts, figures=(Measure.P50,)), Measure.P50) in {Said.WORSE, Said.WITHIN}
    assert found >= 40 * 0.95


def test_what_would_have_been_seen_is_seen_as_often_as_it_says() -> None:
    chance = Random(9)  # noqa: S311 -- a simulation keeps no secrets
    alike = compare_loads(simulated(chance), simulated(chance), figures=FEW, allowed=0.0).compared[0]
    assert alike.said is Said.ALIKE
    assert alike.visible is not None
    found = 0
    for _ in range(40):
        before, after = simulated(chance), simulated(chance, slower=1 + alike.visible)
        found += said(compare_loads(before, after, figures=FEW, allowed=0.0), Measure.P50) is Said.WORSE
    assert found >= 40 * 0.85


@pytest.mark.parametrize(
    ("after", "figure", "expected"),
    [
        ({"slower": 1.4}, Measure.P50, Said.WORSE),
        ({"slower": 0.7}, Measure.P50, Said.BETTER),
        ({"failed": 0.1}, Measure.FAILED, Said.WORSE),
        ({"rate": 10}, Measure.GOODPUT, Said.WORSE),
        ({"rate": 40}, Measure.GOODPUT, Said.BETTER),
    ],
)
def test_each_figure_has_its_own_direction(after: dict[str, float], figure: Measure, expected: Said) -> None:
    found = compared(1, **after)
    assert said(found, figure) is expected
    assert found.verdict is (Verdict.FAIL if expected is Said.WORSE else found.verdict)


def test_a_little_slower_is_shown_and_allowed() -> None:
    chance = Random(4)  # noqa: S311 -- a simulation keeps no secrets
    before, after = (simulated(chance, seconds=200, spread=0.05, slower=slower) for slower in (1.0, 1.03))
    assert said(compare_loads(before, after, figures=FEW), Measure.P50) is Said.WITHIN
    assert said(compare_loads(before, after, figures=FEW, allowed=0.0), Measure.P50) is Said.WORSE


def test_too_few_samples_make_no_difference_and_no_sameness() -> None:
    chance = Random(2)  # noqa: S311 -- a simulation keeps no secrets
    short = [simulated(chance, seconds=20, rate=2) for _ in "AB"]
    found = compare_loads(*short)
    p99 = next(each for each in found.compared if each.figure is Measure.P99)
    assert (found.verdict, p99.said) == (Verdict.UNKNOWN, Said.UNTOLD)
    assert "are needed in each" in p99.why


def test_a_run_that_can_not_be_trusted_makes_nothing_worse() -> None:
    chance = Random(1)  # noqa: S311 -- a simulation keeps no secrets
    before, after = simulated(chance, seconds=100), simulated(chance, seconds=100, slower=3)
    assert compare_loads(before, after).verdict is Verdict.FAIL
    sick = replace(after, trouble=("steady: journeys were dropped",))
    assert compare_loads(before, sick).verdict is Verdict.UNKNOWN


def test_more_load_is_another_question() -> None:
    chance = Random(1)  # noqa: S311 -- a simulation keeps no secrets
    before, after = simulated(chance, seconds=100), simulated(chance, seconds=100, slower=3)
    before, after = (
        replace(run, asked={"steady": ((rate, rate, 0),)}) for run, rate in ((before, 20.0), (after, 40.0))
    )
    found = compare_loads(before, after)
    assert (found.compared, found.verdict) == ((), Verdict.UNKNOWN)
    assert found.missing == ("the phase 'steady' was not of the same load: 20/s and 40/s were asked for",)


def test_what_only_one_of_them_has_is_told() -> None:
    chance = Random(1)  # noqa: S311 -- a simulation keeps no secrets
    run = simulated(chance)
    other = LoadSeen(phases={}, asked={}, seconds={}, trouble=())
    assert compare_loads(run, other).verdict is Verdict.UNKNOWN
    assert compare_loads(other, other).verdict is Verdict.UNKNOWN
    renamed = replace(run, seconds={Place(journey="browse"): run.seconds[CHECKOUT]})
    assert set(compare_loads(run, renamed).missing) == {
        "only A has the journey 'checkout'",
        "only B has the journey 'browse'",
    }


def journal(latency_s: float, *, ended: bool = True, lag_s: float = 0.001) -> list[Event]:
    events: list[Event] = []
    for at in range(40):
        latencies = encoded([latency_s + 0.001 * number for number in range(20)])
        journeys = [
            JourneySecond(second=at, journey="checkout", outcome=outcome, count=count, latencies=text, service=text)
            for outcome, count, text in (
                (Outcome.OK, 20, latencies),
                (Outcome.FAILED, at % 2, encoded([0.01] * (at % 2))),
            )
        ]
        answer = AnswerSecond(
            second=at,
            journey="checkout",
            request="POST /orders",
            answer=AnswerClass.FULL,
            count=20,
            latencies=latencies,
        )
        health = GeneratorSecond(second=at, due=21, started=21, dropped=0, lag_p99_s=lag_s, in_flight=1, cpu_share=0.1)
        events.append(Observed(journeys=tuple(journeys), answers=(answer,), generator=(health,)))
    for number, name in enumerate(("before", "during")):
        events.append(
            LoadPhaseEnded(name=name, start=20.0 * number, end=20.0 * (number + 1), asked_start=20, asked_end=20)
        )
    return [*events, RunEnded(t=40.0, verdict=Verdict.PASS, reason="", exit_code=0)] if ended else events


def test_a_journal_is_read_by_journey_step_and_phase() -> None:
    seen = load_seen(journal(0.05))
    assert [str(place) for place in seen.seconds] == ["checkout", "checkout/POST /orders"]
    during = seen.seconds[CHECKOUT]["during"]
    assert (len(during), sum(each.all for each in during), sum(each.failed for each in during)) == (20, 410, 10)
    assert (sum(sum(each.latencies.values()) for each in during), seen.trouble) == (400, ())


def test_a_sick_generator_or_a_run_cut_short_is_told() -> None:
    assert load_seen(journal(0.05, ended=False)).trouble == ("it was cut short",)
    assert "late (p99)" in load_seen(journal(0.05, lag_s=2.0)).trouble[0]


def test_steps_tell_but_do_not_make_it_unknown() -> None:
    found = compare_loads(load_seen(journal(0.05)), load_seen(journal(0.05)), figures=(Measure.P50, Measure.P99))
    untold = {bool(each.place.step) for each in found.compared if each.said is Said.UNTOLD}
    assert untold == {True, False}
    only_steps = replace(
        found, compared=tuple(each for each in found.compared if each.place.step or each.said is Said.ALIKE)
    )
    assert only_steps.verdict is Verdict.PASS


def test_every_figure_that_is_compared_by_default_is_compared_for_journeys() -> None:
    found = compare_loads(load_seen(journal(0.05)), load_seen(journal(0.05)))
    assert {each.figure for each in found.compared if not each.place.step} == {*FIGURES}
