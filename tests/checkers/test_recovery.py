from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.checkers.metastable import metastable
from harness.checkers.recovery import Signs, recovered_at, recovery, still_ill, suffered_s, wellness
from harness.model.history import History
from harness.model.observation import JourneySecond, Window, WindowKind
from harness.model.quantity import Duration
from harness.model.verdict import Verdict
from tests.checkers.histories import (
    BASELINE,
    CLEAN,
    FAULT,
    JOURNEYS,
    RECOVERY,
    WINDOWS,
    Each,
    history,
    journey_seconds,
)

DEAD = Each(ok=0, failed=10)
HEALED_AT = 50.1


def rows(lanes: Mapping[int, Mapping[str, Each]]) -> tuple[JourneySecond, ...]:
    """Clear days, but for the seconds named."""
    return tuple(
        row
        for second in range(70)
        for name in JOURNEYS
        for row in journey_seconds(
            Window(kind=WindowKind.RECOVERY, start=second, end=second + 1),
            name,
            lanes.get(second, {}).get(name, CLEAN),
        )
    )


def at(lanes: Mapping[int, Mapping[str, Each]], *, until: float = 70.0) -> float | None:
    return recovered_at(journeys=rows(lanes), baseline=BASELINE, healed_at=HEALED_AT, until=until, names=JOURNEYS)


def ill(seconds: range, each: Each = DEAD, name: str = "checkout") -> dict[int, dict[str, Each]]:
    return {second: {name: each} for second in seconds}


def test_who_was_never_ill_is_well_in_the_first_whole_second() -> None:
    assert at({}) == 51.0


def test_three_seconds_must_be_over_before_anybody_is_called_well() -> None:
    assert at({}, until=53.9) is None
    assert at({}, until=54.0) == 51.0


@pytest.mark.parametrize(
    "each",
    [DEAD, Each(ok=8, unknown=2), Each(ok=5, degraded=5), Each(latency_s=0.2)],
    ids=["failed", "unknown", "still degraded", "slow"],
)
def test_each_sign_of_illness_delays_the_recovery(each: Each) -> None:
    assert at(ill(range(50, 57), each)) == 57.0


def test_well_for_two_seconds_is_not_yet_well() -> None:
    assert at(ill(range(50, 53)) | ill(range(55, 57))) == 57.0


def test_a_small_journey_that_is_dead_shows_in_three_seconds_together() -> None:
    one_in_twenty = {second: {"checkout": Each(ok=0, failed=1), "browse": Each(ok=19)} for second in range(50, 60)}
    known = wellness(rows({}), BASELINE, JOURNEYS)
    assert known is not None
    assert known.well(Signs(n=20, bad=1))
    assert not known.well(Signs(n=60, bad=3))
    assert at(one_in_twenty) == 59.0  # one of its last seconds may be among the three


def test_seconds_that_are_told_in_several_rows_are_summed() -> None:
    split = tuple(
        row
        for second in range(70)
        for name in JOURNEYS
        for _ in range(2)
        for row in journey_seconds(Window(kind=WindowKind.RECOVERY, start=second, end=second + 1), name, Each(ok=5))
    )
    found = recovered_at(journeys=split, baseline=BASELINE, healed_at=HEALED_AT, until=70.0, names=JOURNEYS)
    assert found == 51.0


def test_without_a_baseline_nobody_can_be_called_well() -> None:
    later = [row for row in rows({}) if row.second >= 30]
    assert recovered_at(journeys=later, baseline=BASELINE, healed_at=50.0, until=70.0, names=JOURNEYS) is None


def test_a_journey_that_never_ended_well_in_the_baseline_has_no_time_to_be_held_to() -> None:
    baseline = range(int(BASELINE.start), int(BASELINE.end))
    assert at(ill(baseline, Each(ok=0, failed=1))) is not None


def with_rows(lanes: Mapping[int, Mapping[str, Each]]) -> History:
    return replace(history(), journeys=rows(lanes))


def test_recovered_in_time_passes_and_tells_the_amplification() -> None:
    (found,) = recovery(with_rows(ill(range(30, 55))))
    assert Verdict.PASS is found.verdict
    expected = "well again after 4.9 s, allowed 10 s; users suffered 25 s, the fault lasted 20 s, amplification 1.25"
    assert found.reason == expected


def test_recovered_too_late_fails() -> None:
    (found,) = recovery(with_rows(ill(range(30, 65))))
    assert Verdict.FAIL is found.verdict
    assert found.reason.startswith("well again after 14.9 s, allowed 10 s")
    assert (found.edge, found.service) == ("gateway->recommendations", "gateway")


def test_never_recovered_fails() -> None:
    (found,) = recovery(with_rows(ill(range(30, 70))))
    assert Verdict.FAIL is found.verdict
    assert "190 of 380 journeys bad" in found.reason


def test_a_recovery_window_shorter_than_the_bound_leaves_it_open() -> None:
    short = replace(with_rows(ill(range(30, 70))), windows=(BASELINE, FAULT, replace(RECOVERY, end=60.0)))
    (found,) = recovery(short)
    assert Verdict.UNKNOWN is found.verdict


def test_too_few_journeys_to_see_anything_leave_it_open() -> None:
    few = {second: {"browse": Each(ok=1), "checkout": Each(ok=1)} for second in range(50, 70)}
    (found,) = recovery(with_rows(few))
    assert Verdict.UNKNOWN is found.verdict
    assert "fewer than 5 journeys in 19 of 19 seconds" in found.reason


@pytest.mark.parametrize("windows", [WINDOWS[:2], WINDOWS[1:]])
def test_without_its_windows_it_was_not_measured(windows: tuple[Window, ...]) -> None:
    (found,) = recovery(replace(history(), windows=windows))
    assert Verdict.UNKNOWN is found.verdict


def test_a_fault_whose_end_nobody_confirmed_has_no_recovery() -> None:
    clean = history()
    (found,) = recovery(replace(clean, forced=(replace(clean.forced[0], healed_at=None),)))
    assert Verdict.UNKNOWN is found.verdict


def test_the_bound_is_the_experiments() -> None:
    slow = with_rows(ill(range(30, 65)))
    (found,) = recovery(replace(slow, experiment=replace(slow.experiment, recover_within=Duration(15))))
    assert Verdict.PASS is found.verdict


WARM_UP = Window(kind=WindowKind.WARM_UP, start=100.0, end=110.0)
THRICE = 60.0
AS_SLOW_AS_MAY_BE = Each(ok=30, latency_s=0.09)


def under_own_load(
    after: Each, before: Each = AS_SLOW_AS_MAY_BE, *, rate: float = THRICE, surge: float | None = None
) -> History:
    """An experiment that brings a load of its own, under which it was as slow as the baseline's bound allows."""
    seen = history(recovery=dict.fromkeys(JOURNEYS, after))
    warm = tuple(row for name in JOURNEYS for row in journey_seconds(WARM_UP, name, before))
    question = replace(seen.experiment, rate=rate, surge=surge)
    return replace(seen, experiment=question, windows=(*seen.windows, WARM_UP), journeys=(*seen.journeys, *warm))


@pytest.mark.parametrize(
    ("after", "verdict"),
    [
        (Each(ok=30, latency_s=0.12), Verdict.PASS),  # twice the baseline's, and as before under the same load
        (Each(ok=30, latency_s=0.2), Verdict.FAIL),
        (Each(ok=27, failed=3), Verdict.FAIL),
        (Each(ok=24, degraded=6), Verdict.FAIL),
    ],
    ids=["as slow as before", "slower", "failed", "degraded"],
)
def test_under_a_load_of_its_own_it_may_be_as_slow_as_right_before_and_no_more(after: Each, verdict: Verdict) -> None:
    seen = under_own_load(after)
    assert [found.verdict for found in (*recovery(seen), *metastable(seen))] == [verdict, verdict]


@pytest.mark.parametrize("surge", [None, THRICE])
def test_under_the_baselines_load_or_after_a_surge_nothing_but_the_baseline_counts(surge: float | None) -> None:
    seen = under_own_load(Each(latency_s=0.12), Each(latency_s=0.09), rate=20.0, surge=surge)
    assert [found.verdict for found in (*recovery(seen), *metastable(seen))] == [Verdict.FAIL, Verdict.FAIL]


def test_a_warm_up_whose_few_samples_were_slower_than_the_baseline_allows_excuses_no_more_than_that() -> None:
    (found,) = recovery(under_own_load(Each(ok=30, latency_s=0.5), Each(ok=30, latency_s=1.0)))
    assert Verdict.FAIL is found.verdict


def test_what_ended_before_the_last_seconds_of_a_warm_up_excuses_nobody() -> None:
    seen = under_own_load(Each(ok=30, latency_s=0.12), Each(ok=30, latency_s=0.05))
    aftermath = replace(WARM_UP, start=90.0, end=WARM_UP.start)
    slow = tuple(row for name in JOURNEYS for row in journey_seconds(aftermath, name, Each(ok=30, latency_s=0.09)))
    whole = replace(WARM_UP, start=aftermath.start)
    (found,) = recovery(replace(seen, windows=(*seen.windows[:-1], whole), journeys=(*seen.journeys, *slow)))
    assert Verdict.FAIL is found.verdict


def test_the_bound_of_a_journey_that_comes_seldom_is_the_baselines() -> None:
    seldom = Each(ok=2, latency_s=0.09)  # sixteen samples in the last eight seconds
    (found,) = recovery(under_own_load(Each(ok=30, latency_s=0.12), seldom))
    assert Verdict.FAIL is found.verdict


AGAIN = Window(kind=WindowKind.WARM_UP, start=70.0, end=90.0)


def asked_again(each: Each) -> History:
    """Only a baseline and a warm-up of twenty seconds, in which all fared like this."""
    known = history()
    warm = tuple(row for name in JOURNEYS for row in journey_seconds(AGAIN, name, each))
    return replace(known, windows=(BASELINE, AGAIN), journeys=(*known.journeys, *warm))


@pytest.mark.parametrize("each", [DEAD, Each(ok=0, degraded=10), Each(ok=8, failed=2)])
def test_who_is_ill_when_asked_again_never_got_well(each: Each) -> None:
    (found,) = still_ill(asked_again(each), 50.0)
    assert (found.check, found.verdict, found.edge) == ("recovery", Verdict.FAIL, "gateway->recommendations")
    assert found.reason.startswith("not well 40 s after the fault of the attempt before, allowed 10 s: ")


@pytest.mark.parametrize(
    ("each", "healed_at"),
    [
        pytest.param(Each(ok=10), 50.0, id="well"),
        pytest.param(Each(ok=0), 50.0, id="nobody was there"),
        pytest.param(DEAD, 65.0, id="it had no time to get well"),
    ],
)
def test_who_is_not_certainly_ill_when_asked_again_is_not_refuted(each: Each, healed_at: float) -> None:
    assert still_ill(asked_again(each), healed_at) == ()


def test_who_was_slow_now_and_then_by_chance_is_neither_well_nor_certainly_ill() -> None:
    seldom = {second: {"browse": Each(ok=2, latency_s=0.2)} for second in range(51, 70, 3)}
    often = {second: {"browse": Each(ok=10, latency_s=0.2)} for second in range(51, 70, 3)}
    for lanes, verdict in ((seldom, Verdict.UNKNOWN), (often, Verdict.FAIL)):
        assert at(lanes) is None
        seen = replace(history(fault={"browse": DEAD}), journeys=rows(lanes))
        (recovered,), (got_well,) = recovery(seen), metastable(seen)
        assert (recovered.verdict, got_well.verdict) == (verdict, verdict), recovered.reason
        assert ("nor certainly ill" in recovered.reason) is (verdict is Verdict.UNKNOWN)


def test_a_second_that_few_were_due_in_is_looked_at_with_the_next() -> None:
    uneven = {second: dict.fromkeys(JOURNEYS, Each(ok=1 + second % 2)) for second in range(50, 70)}
    assert at(uneven) == 51.0, "four and two by turns"
    late = uneven | {second: dict.fromkeys(JOURNEYS, Each(ok=0, failed=2)) for second in range(50, 60)}
    assert at(late) == 60.0
    assert at(dict.fromkeys(range(50, 70), dict.fromkeys(JOURNEYS, Each(ok=0)))) is None, "nobody is nothing"


def test_nobody_suffers_in_a_second_of_few_journeys_unless_one_of_them_fared_worse() -> None:
    dead = {second: dict.fromkeys(JOURNEYS, DEAD) for second in range(int(FAULT.start), int(FAULT.end))}
    few = {second: dict.fromkeys(JOURNEYS, Each(ok=1)) for second in range(int(FAULT.end), 60)}
    worse = {55: {"browse": Each(ok=1), "checkout": Each(ok=0, failed=1)}}
    for lanes, more in ((dead | few, 0), (dead | few | worse, 1)):
        assert suffered_s(replace(history(), journeys=rows(lanes)), 70.0) == FAULT.length_s + more
