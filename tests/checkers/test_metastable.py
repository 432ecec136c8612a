"""V9: still ill after the bound, under the load that it bore before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.metastable import metastable
from harness.model.history import History
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import CLEAN, WINDOWS, Each, history, journey_seconds

ILL = {"browse": Each(ok=2, failed=8), "checkout": Each(ok=2, failed=8)}
HALVED = Window(kind=WindowKind.HALF_LOAD, start=70.0, end=82.0)


def with_half_load(each: Each) -> History:
    ill = history(recovery=ILL)
    rows = tuple(row for name in ("browse", "checkout") for row in journey_seconds(HALVED, name, each))
    return replace(ill, windows=(*WINDOWS, HALVED), journeys=(*ill.journeys, *rows))


def test_what_gets_well_by_itself_passes_and_how_soon_is_told() -> None:
    (found,) = metastable(history(fault=ILL))
    assert found.verdict is Verdict.PASS
    assert "well again by itself 0.9 s after the fault" in found.reason


def test_what_stays_ill_under_its_usual_load_and_is_cured_by_half_of_it_is_metastable() -> None:
    (found,) = metastable(with_half_load(replace(CLEAN, ok=5)))
    assert (found.check, found.verdict) == ("metastable", Verdict.FAIL)
    assert "stays ill under 20 journeys a second" in found.reason
    assert "half the load cured it within 0 s, so it is the load that keeps it ill" in found.reason


def test_what_half_the_load_does_not_cure_either_is_broken_for_good() -> None:
    (found,) = metastable(with_half_load(Each(ok=1, failed=4)))
    assert found.verdict is Verdict.FAIL
    assert "12 s of half the load did not cure it either" in found.reason


def test_too_few_journeys_under_half_the_load_leave_the_cure_open() -> None:
    (found,) = metastable(with_half_load(Each(ok=0, failed=1)))
    assert found.verdict is Verdict.FAIL
    assert "too few journeys to say whether it cures it" in found.reason


def test_without_half_the_load_it_is_refuted_all_the_same() -> None:
    (found,) = metastable(history(recovery=ILL))
    assert (found.verdict, "was not tried" in found.reason) == (Verdict.FAIL, True)


@pytest.mark.parametrize("end", [52.0, 58.0])
def test_too_short_a_watch_says_nothing(end: float) -> None:
    short = Window(kind=WindowKind.RECOVERY, start=50.0, end=end)
    ill = history(recovery=ILL)
    (found,) = metastable(replace(ill, windows=(*WINDOWS[:2], short)))
    assert found.verdict is Verdict.UNKNOWN


def test_silence_after_the_fault_says_nothing() -> None:
    ill = history(recovery=ILL)
    silent = replace(ill, journeys=tuple(each for each in ill.journeys if each.second < 50))
    assert [each.verdict for each in metastable(silent)] == [Verdict.UNKNOWN]


def test_a_fault_that_was_never_healed_says_nothing() -> None:
    clean = history()
    unhealed = replace(clean, forced=tuple(replace(each, healed_at=None, healed=None) for each in clean.forced))
    assert [each.verdict for each in metastable(unhealed)] == [Verdict.UNKNOWN]
