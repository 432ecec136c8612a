"""Does a system shed what it can't bear, or does it collapse? And does it get well when the load goes back?

Goodput beyond the knee that stays near to what it was there is what admission control is for; one that falls towards
nothing is congestion collapse (Nagle, RFC 896), and one that stays there when the load has gone back is a metastable
failure (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.checkers.capacity import generator_gave_out, good_in, interval
from harness.checkers.found import percent
from harness.checkers.limits import Rows
from harness.checkers.recovery import IN_A_ROW, NEITHER, recovered_at, stays_ill, wellness
from harness.model.capacity import Interval, Overload
from harness.model.finding import Finding, Part
from harness.model.observation import GeneratorSecond, Window, WindowKind
from harness.model.verdict import Verdict, worst

CHECK = "overload"

GOODPUT_KEPT = 0.8
"""Of the goodput at the knee, what must be left beyond it."""
RECOVER_WITHIN_S = 15.0
"""After the load has gone back."""
APPLIED = 1.5
"""Times the knee that must really have been due."""

_BLOCK_S = 4
"""Seconds hang together; so many of them are one sample."""
_FEWEST_BLOCKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Overloading:
    """Less than the knee, more than the knee, less than the knee again; and what was seen."""

    knee: float
    """Goodput at the knee, journeys a second."""
    asked: float
    """Beyond it."""
    usual: float
    """Before and after."""
    before: Window
    beyond: Window
    after: Window
    rows: Rows
    generator: Sequence[GeneratorSecond]
    deadlines: Mapping[str, float]
    """Seconds that a customer waits for one answer, by journey: later is of no use to anybody."""
    workers: Collection[str] = ("",)


def overload(seen: Overloading) -> Overload:
    """PASS when goodput is certainly kept and the system gets well again; UNKNOWN when the load was not as asked."""
    goodput = _goodput(seen, seen.beyond)
    watched_s = seen.after.length_s
    at = recovered_at(
        journeys=seen.rows.journeys,
        baseline=seen.before,
        healed_at=seen.after.start,
        until=seen.after.end,
        names={each.journey for each in seen.rows.journeys},
    )
    recovered_s = None if at is None else at - seen.after.start
    doubts = _doubts(seen)
    found = [_shed(seen, goodput), _recovered(seen, recovered_s)]
    verdict = Verdict.UNKNOWN if doubts else worst([each for each, _ in found])
    words = "; ".join(reason for _, reason in found)
    return Overload(
        knee=seen.knee,
        asked=seen.asked,
        goodput=goodput,
        recovered_s=recovered_s,
        watched_s=watched_s,
        verdict=verdict,
        reason=f"the load can't be trusted ({'; '.join(doubts)}); {words}" if doubts else words,
    )


def overload_finding(found: Overload, *, replay: str = "") -> Finding:
    """The same as a finding of the run."""
    subject = f"{found.asked:.4g} journeys a second"
    return Finding(
        check=CHECK, part=Part.LOAD, verdict=found.verdict, reason=found.reason, subject=subject, replay=replay
    )


def _goodput(seen: Overloading, window: Window) -> Interval:
    """Between what it is by the means of blocks of seconds, since one second hangs together with the next."""
    blocks = range(0, len(window.seconds) - _BLOCK_S + 1, _BLOCK_S)
    rates = [good_in(seen.rows, _block(window, at), seen.deadlines) / _BLOCK_S for at in blocks]
    return interval(rates) if rates else Interval(low=0.0, estimate=0.0, high=0.0)


def _block(window: Window, at: int) -> Window:
    start = window.seconds.start + at
    return Window(kind=WindowKind.FAULT, start=start, end=start + _BLOCK_S)


def _shed(seen: Overloading, goodput: Interval) -> tuple[Verdict, str]:
    limit = GOODPUT_KEPT * seen.knee
    told = (
        f"at {seen.asked:.4g} journeys a second {goodput.estimate:.4g} ended well "
        f"({goodput.low:.4g} to {goodput.high:.4g}), {percent(goodput.estimate / seen.knee)} of the knee's"
    )
    if len(seen.beyond.seconds) < _FEWEST_BLOCKS * _BLOCK_S:
        return Verdict.UNKNOWN, f"{told}; {_FEWEST_BLOCKS * _BLOCK_S} s are needed to tell"
    if goodput.low >= limit:
        return Verdict.PASS, f"it sheds: {told}"
    if goodput.high < limit:
        return Verdict.FAIL, f"it collapses: {told}, and {percent(GOODPUT_KEPT)} are owed"
    return Verdict.UNKNOWN, f"{told}: too near to {percent(GOODPUT_KEPT)}, or too uneven, to be certain; run it longer"


def _recovered(seen: Overloading, recovered_s: float | None) -> tuple[Verdict, str]:
    if recovered_s is not None and recovered_s <= RECOVER_WITHIN_S:
        return Verdict.PASS, f"well again by itself {recovered_s:.0f} s after the load went back"
    if recovered_s is not None:
        return (
            Verdict.FAIL,
            f"well again only {recovered_s:.0f} s after the load went back, {RECOVER_WITHIN_S:g} s are allowed",
        )
    watched_s, rows = seen.after.length_s, seen.rows.journeys
    if watched_s < RECOVER_WITHIN_S + IN_A_ROW:
        return Verdict.UNKNOWN, f"not well within the {watched_s:.0f} s watched, too little to say"
    names = {each.journey for each in rows}
    known, since = wellness(rows, seen.before, names), seen.after.start + RECOVER_WITHIN_S
    if known is None or not stays_ill(rows, known, since, seen.after.end, names):
        return Verdict.UNKNOWN, f"when the load had gone back: {NEITHER}"
    return Verdict.FAIL, f"metastable: the load went back, and it stayed ill for the {watched_s:.0f} s watched"


def _doubts(seen: Overloading) -> list[str]:
    doubts = []
    for name, window, rate in (
        ("before", seen.before, seen.usual),
        ("beyond the knee", seen.beyond, seen.asked),
        ("after", seen.after, seen.usual),
    ):
        rows = [each for each in seen.generator if window.start <= each.second and each.second + 1 <= window.end]
        doubts += [f"{name}: {each}" for each in generator_gave_out(rows, window, rate=rate, workers=seen.workers)]
    due = sum(each.due for each in seen.generator if seen.beyond.covers(each.second))
    if due < APPLIED * seen.knee * len(seen.beyond.seconds):
        doubts.append(f"only {due} journeys were due beyond the knee in {len(seen.beyond.seconds)} s")
    before = _goodput(seen, seen.before)
    if before.estimate < GOODPUT_KEPT * seen.usual:
        doubts.append(f"before it, only {before.estimate:.4g} of {seen.usual:.4g} journeys a second ended well")
    return doubts
