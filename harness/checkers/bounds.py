"""Does each figure that the experiment names keep its limit, during the faults and after them?"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.blame import blamed
from harness.checkers.found import finding
from harness.checkers.statistics import Bounds, quantile_ranks, samples_needed, share
from harness.checkers.tally import MIN_SAMPLES, Tally, judged, tally
from harness.model.bound import EVERY, QUANTILES, SHARES, Bound, Measure
from harness.model.figures import Histogram, latencies, merged, percentile_s
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict

CHECK = "figures"


def bounds(history: History) -> tuple[Finding, ...]:
    """PASS when a figure certainly keeps its limit, FAIL when it certainly does not, else UNKNOWN."""
    experiment = history.experiment
    parts: tuple[tuple[str, WindowKind, Sequence[Bound]], ...] = (
        ("during", WindowKind.FAULT, experiment.during),
        ("after", WindowKind.WELL, experiment.after),
    )
    return tuple(_judged(history, when, history.window(kind), bound) for when, kind, every in parts for bound in every)


def samples_for(bound: Bound, alpha: float) -> int | None:
    """How many samples prove that a figure keeps its limit, when all are good; None when any number does."""
    if bound.measure in SHARES:
        slack = bound.limit if bound.below else 1 - bound.limit
        return samples_needed(slack, alpha) if 0 < slack < 1 else None
    if bound.measure in QUANTILES:
        slack = 1 - QUANTILES[bound.measure]
        return samples_needed(slack, alpha)
    return None


def _judged(history: History, when: str, window: Window | None, bound: Bound) -> Finding:
    verdict, reason = _verdict(history, window, bound)
    journey = None if bound.journey == EVERY else bound.journey
    return finding(
        history,
        check=CHECK,
        verdict=verdict,
        reason=f"{reason} ({when} the faults)" if when == "during" else f"{reason} (once it was well again)",
        subject=str(bound),
        blame=blamed(history, journey),
    )


def _verdict(history: History, window: Window | None, bound: Bound) -> tuple[Verdict, str]:
    if window is None:
        return Verdict.UNKNOWN, "that time was never reached"
    journey = None if bound.journey == EVERY else bound.journey
    if bound.measure is Measure.GOODPUT:
        return _rate(tally(history, window, journey), window, bound)
    if bound.measure in SHARES:
        hit, n = _counted(tally(history, window, journey), bound.measure)
        found = share(hit, n, history.alpha)
    else:
        histogram = _latencies(history, window, journey)
        found, n = _quantile(histogram, QUANTILES[bound.measure], history.alpha), histogram.count
    if n < MIN_SAMPLES:
        return Verdict.UNKNOWN, f"only {n} samples, {MIN_SAMPLES} are needed"
    verdict = _kept(found, bound)
    told = f"{bound.shown(found.estimate)}, n = {n}"
    if verdict is Verdict.UNKNOWN:
        enough = samples_for(bound, history.alpha)
        more = f"; {enough} samples without an exception would prove it" if enough and enough > n else ""
        return verdict, f"{told}: too near to the limit, or too few samples, to be certain{more}"
    return verdict, f"{told}: certainly {'kept' if verdict is Verdict.PASS else 'missed'}"


def _kept(found: Bounds, bound: Bound) -> Verdict:
    strict = len(bound.sign) == 1
    if bound.below:
        kept = found.upper < bound.limit if strict else found.upper <= bound.limit
        missed = found.lower > bound.limit
    else:
        kept = found.lower > bound.limit if strict else found.lower >= bound.limit
        missed = found.upper < bound.limit
    if kept:
        return Verdict.PASS
    return Verdict.FAIL if missed else Verdict.UNKNOWN


def _counted(found: Tally, measure: Measure) -> tuple[int, int]:
    if measure is Measure.DEGRADED:
        return found.degraded, found.good
    return (found.good if measure is Measure.GOOD else found.bad), found.n


def _rate(found: Tally, window: Window, bound: Bound) -> tuple[Verdict, str]:
    """A rate is told exactly: it is what customers got in that time, and no sample of anything."""
    whole = max(len(window.seconds), 1)
    goodput = found.good / whole
    kept = goodput < bound.limit if bound.below else goodput > bound.limit
    told = f"{bound.shown(goodput)}, {found.good} good ones in {whole} s"
    return (Verdict.PASS if kept or goodput == bound.limit else Verdict.FAIL), told


def _latencies(history: History, window: Window, journey: str | None) -> Histogram:
    names = judged(history) if journey is None else (journey,)
    if len(names) == 1:
        return latencies(history.journeys, window, names[0])
    rows = [each for each in history.journeys if each.journey in names]
    return latencies(rows, window) if rows else merged(())


def _quantile(histogram: Histogram, quantile: float, alpha: float) -> Bounds:
    low, high = quantile_ranks(histogram.count, quantile, alpha)
    return Bounds(
        lower=_ranked(histogram, low) if low else 0.0,
        estimate=percentile_s(histogram, quantile * 100) or 0.0,
        upper=_ranked(histogram, high) if high else float("inf"),
    )


def _ranked(histogram: Histogram, rank: int) -> float:
    return percentile_s(histogram, 100 * rank / histogram.count) or 0.0
