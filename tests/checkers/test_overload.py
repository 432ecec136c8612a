"""What a system must not do when more is asked of it than it bears."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.overload import Overloading, overload, overload_finding
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.queues import JOURNEY, Ended, Slots, arrivals, collapsing, seen, served

SERVER = Slots(patience_s=0.2)
KNEE = 75.0
BEFORE, BEYOND, AFTER = (0, 20), (20, 40), (40, 70)
BEYOND_RATE, USUAL = 2 * KNEE, 0.8 * KNEE


def due(after: float = USUAL) -> list[float]:
    return [*arrivals(USUAL, *BEFORE, 1), *arrivals(BEYOND_RATE, *BEYOND, 2), *arrivals(after, *AFTER, 3)]


def overloading(ended: list[Ended], *, lag_s: float = 0.002) -> Overloading:
    found = seen(ended, 0, AFTER[1], lag_s=lag_s)
    before, beyond, after = (
        Window(kind=kind, start=start, end=end)
        for kind, (start, end) in (
            (WindowKind.BASELINE, BEFORE),
            (WindowKind.FAULT, BEYOND),
            (WindowKind.RECOVERY, AFTER),
        )
    )
    return Overloading(
        knee=KNEE,
        asked=BEYOND_RATE,
        usual=USUAL,
        before=before,
        beyond=beyond,
        after=after,
        rows=found.rows,
        generator=found.generator,
        deadlines={JOURNEY: 2.0},
    )


def test_who_sends_away_what_it_cannot_serve_passes() -> None:
    found = overload(overloading(served(SERVER, due())))
    assert found.verdict is Verdict.PASS, found.reason
    assert found.goodput.estimate == pytest.approx(SERVER.bears, rel=0.05)
    assert found.recovered_s is not None
    assert "it sheds" in found.reason


def test_who_serves_those_that_have_given_up_collapses() -> None:
    found = overload(overloading(collapsing(SERVER, due())))
    assert found.verdict is Verdict.FAIL
    assert "it collapses" in found.reason


def test_who_stays_ill_when_the_load_has_gone_back_is_metastable() -> None:
    stuck = [replace(each, good=False) if each.due >= AFTER[0] else each for each in served(SERVER, due())]
    found = overload(overloading(stuck))
    assert found.verdict is Verdict.FAIL
    assert found.recovered_s is None
    assert "metastable" in found.reason


@pytest.mark.parametrize(("one_in", "verdict"), [(10, Verdict.UNKNOWN), (2, Verdict.FAIL)])
def test_only_who_is_certainly_ill_when_the_load_has_gone_back_is_metastable(one_in: int, verdict: Verdict) -> None:
    """Every third second one in so many is slow: in all one in thirty, which is as before, or one in six."""
    slow = [
        replace(each, took_s=1.0) if each.due >= AFTER[0] and int(each.due) % 3 == 0 and index % one_in == 0 else each
        for index, each in enumerate(served(SERVER, due()))
    ]
    found = overload(overloading(slow))
    assert (found.verdict, found.recovered_s) == (verdict, None), found.reason
    assert ("metastable" if verdict is Verdict.FAIL else "nor certainly ill") in found.reason


def test_who_needs_too_long_to_get_well_is_refused() -> None:
    late = [
        replace(each, good=False) if AFTER[0] <= each.due < AFTER[0] + 20 else each for each in served(SERVER, due())
    ]
    found = overload(overloading(late))
    assert found.verdict is Verdict.FAIL
    assert "well again only 20 s" in found.reason


def test_a_generator_that_gave_out_proves_nothing_good_or_bad() -> None:
    for ended in (served(SERVER, due()), collapsing(SERVER, due())):
        found = overload(overloading(ended, lag_s=0.4))
        assert found.verdict is Verdict.UNKNOWN
        assert "can't be trusted" in found.reason


def test_an_overload_that_was_none_is_not_borne() -> None:
    gentle = [*arrivals(USUAL, *BEFORE, 1), *arrivals(USUAL, *BEYOND, 2), *arrivals(USUAL, *AFTER, 3)]
    found = overload(overloading(served(SERVER, gentle)))
    assert found.verdict is Verdict.UNKNOWN
    assert "beyond the knee" in found.reason


def test_a_system_that_was_ill_before_says_nothing() -> None:
    ill = [replace(each, good=False) if each.due < BEFORE[1] else each for each in served(SERVER, due())]
    assert overload(overloading(ill)).verdict is Verdict.UNKNOWN


def test_goodput_that_lies_at_the_limit_is_not_called_kept() -> None:
    ended = [
        replace(each, good=False) if BEYOND[0] <= each.due < BEYOND[1] and index % 4 == 0 else each
        for index, each in enumerate(served(SERVER, due()))
    ]
    found = overload(overloading(ended))
    assert found.goodput.low < 0.8 * KNEE < found.goodput.high
    assert found.verdict is Verdict.UNKNOWN


def test_an_overload_of_a_few_seconds_is_too_short_to_tell() -> None:
    whole = overloading(served(SERVER, due()))
    short = replace(whole, beyond=Window(kind=WindowKind.FAULT, start=20, end=28))
    assert overload(short).verdict is Verdict.UNKNOWN


def test_the_finding_says_what_was_asked() -> None:
    found = overload_finding(overload(overloading(served(SERVER, due()))), replay="harness load capacity")
    assert (found.check, found.subject) == ("overload", "150 journeys a second")
