from dataclasses import replace

import pytest

from harness.checkers.before import WELL_S
from harness.checkers.isolation import isolation, ratio_of_quantiles
from harness.model.figures import encoded, merged
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import CLEAN, FAULT, PAYMENTS, Each, experiment, history, journey_seconds


@pytest.mark.parametrize(
    ("during", "verdict"),
    [
        (CLEAN, Verdict.PASS),
        (Each(latency_s=0.06), Verdict.PASS),  # 20 % slower
        (Each(latency_s=0.2), Verdict.FAIL),  # four times as slow
        (Each(ok=1), Verdict.UNKNOWN),  # 20 samples
        (Each(ok=0), Verdict.UNKNOWN),
    ],
)
def test_the_innocent_fail_only_when_certainly_and_noticeably_slower(during: Each, verdict: Verdict) -> None:
    (found,) = isolation(history(experiment(PAYMENTS), fault={"browse": during}))
    assert ("browse", verdict) == (found.subject, found.verdict)


def test_a_slow_tail_that_may_be_chance_is_unknown() -> None:
    clean = history(experiment(PAYMENTS))
    moment = replace(FAULT, end=31.0)
    tail = tuple(journey_seconds(moment, "browse", Each(ok=20, latency_s=0.2)))
    (found,) = isolation(replace(clean, journeys=(*clean.journeys, *tail)))
    assert Verdict.UNKNOWN is found.verdict
    assert "may be chance" in found.reason


WARM_UP = Window(kind=WindowKind.WARM_UP, start=100.0, end=110.0)


@pytest.mark.parametrize(
    ("warm_up", "during", "verdict"),
    [
        (Each(latency_s=0.18), Each(latency_s=0.2), Verdict.PASS),  # as slow before the fault, under the same load
        (Each(latency_s=0.05), Each(latency_s=0.2), Verdict.FAIL),
        (Each(latency_s=0.15), Each(latency_s=0.2), Verdict.FAIL),  # slower than then, too
        (Each(ok=2, latency_s=0.18), Each(latency_s=0.2), Verdict.FAIL),  # 20 samples
        (Each(latency_s=0.18), Each(ok=0), Verdict.UNKNOWN),
        (Each(latency_s=0.18), Each(ok=1), Verdict.UNKNOWN),  # 20 samples
    ],
)
def test_who_was_as_slow_right_before_the_fault_is_not_slower_because_of_it(
    warm_up: Each, during: Each, verdict: Verdict
) -> None:
    seen = history(experiment(PAYMENTS), fault={"browse": during})
    before = tuple(journey_seconds(WARM_UP, "browse", warm_up))
    seen = replace(seen, windows=(*seen.windows, WARM_UP), journeys=(*seen.journeys, *before))
    (found,) = isolation(seen)
    assert (found.verdict, "right before the fault" in found.reason) == (verdict, verdict is Verdict.PASS)


def test_the_aftermath_of_another_experiment_excuses_nobody() -> None:
    seen = history(experiment(PAYMENTS), fault={"browse": Each(latency_s=0.2)})
    aftermath = replace(WARM_UP, end=WARM_UP.start + 14)
    well = replace(WARM_UP, start=aftermath.end, end=aftermath.end + WELL_S)
    before = (
        *journey_seconds(aftermath, "browse", Each(latency_s=0.2)),
        *journey_seconds(well, "browse", Each(latency_s=0.05)),
    )
    whole = replace(WARM_UP, end=well.end)
    (found,) = isolation(replace(seen, windows=(*seen.windows, whole), journeys=(*seen.journeys, *before)))
    assert found.verdict is Verdict.FAIL


def test_a_multiple_of_next_to_nothing_is_no_slow_down() -> None:
    quick = {"browse": Each(latency_s=0.003)}
    question = experiment(PAYMENTS)
    (found,) = isolation(history(question, baseline=quick, fault={"browse": Each(latency_s=0.012)}))
    assert Verdict.PASS is found.verdict


def test_journeys_that_use_the_edge_are_not_judged_here() -> None:
    assert isolation(history()) == ()
    assert [found.subject for found in isolation(history(experiment(PAYMENTS)))] == ["browse"]


def test_without_any_sample_there_is_no_ratio() -> None:
    some = merged([encoded([0.1] * 300)])
    assert ratio_of_quantiles(some, merged([]), 0.95, 1e-3) is None
    ratio = ratio_of_quantiles(some, some, 0.95, 1e-3)
    assert ratio is not None
    assert (ratio.lower, ratio.estimate, ratio.upper) == (1.0, 1.0, 1.0)
