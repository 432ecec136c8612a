"""Does a load run keep its thresholds?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.checkers.limits import Kept, Rows, kept
from harness.checkers.load_health import window_of
from harness.model.bound import QUANTILES, SHARES
from harness.model.events import LoadPhaseEnded
from harness.model.finding import Finding, Part
from harness.model.observation import Window
from harness.model.threshold import CERTAIN, CHECK, MEASURED, SAMPLES, Judged, Threshold
from harness.model.verdict import Verdict

ERROR = 1e-3
"""How often a run whose figures lie at their limits says PASS or FAIL by chance: of all its thresholds together."""

Phases = Mapping[str, Sequence[Window]]
"""The windows of each phase; a phase that comes twice has two."""


def phase_windows(ended: Iterable[LoadPhaseEnded]) -> dict[str, tuple[Window, ...]]:
    """When each phase was, by its name."""
    found: dict[str, tuple[Window, ...]] = {}
    for each in ended:
        found[each.name] = (*found.get(each.name, ()), window_of(each))
    return found


def judge(thresholds: Sequence[Threshold], rows: Rows, phases: Phases, *, error: float = ERROR) -> tuple[Judged, ...]:
    """PASS where a figure certainly keeps its limit, FAIL where it certainly does not, else UNKNOWN.

    The error rate is spent on all thresholds together, so that more of them make no more false alarms.
    """
    alpha = error / max(len(thresholds), 1)
    return tuple(_judged(each, rows, phases, alpha) for each in thresholds)


def findings(judged: Iterable[Judged], *, replay: str = "") -> tuple[Finding, ...]:
    """The same as findings of the run."""
    return tuple(
        Finding(
            check=CHECK,
            part=Part.LOAD,
            verdict=each.verdict,
            reason=each.reason,
            subject=each.threshold,
            evidence=tuple(_evidence(each)),
            replay=replay,
        )
        for each in judged
    )


def _evidence(judged: Judged) -> Iterator[str]:
    """What the table of thresholds is made of, also when the finding has since been doubted."""
    if judged.measured:
        yield f"{MEASURED}{judged.measured}"
    limits = [f"{words} {limit}" for words, limit in (("at least", judged.lower), ("at most", judged.upper)) if limit]
    if limits:
        yield CERTAIN + " and ".join(limits)
    if judged.n:
        yield f"{SAMPLES}{judged.n}"


def _judged(threshold: Threshold, rows: Rows, phases: Phases, alpha: float) -> Judged:
    windows = (
        phases.get(threshold.phase, ())
        if threshold.phase
        else [each for several in phases.values() for each in several]
    )
    if not windows:
        where = f"phase {threshold.phase}" if threshold.phase else "any phase"
        return Judged(threshold=str(threshold), verdict=Verdict.UNKNOWN, reason=f"{where} was never reached")
    found = kept(threshold.bound, rows, windows, alpha)
    return Judged(
        threshold=str(threshold),
        verdict=found.verdict,
        reason=found.reason,
        n=found.n,
        **_figures(threshold, found),
    )


def _figures(threshold: Threshold, found: Kept) -> dict[str, str]:
    """The figure and what it certainly is not beyond; of what is told exactly, there is no more to say."""
    if found.found is None:
        return {}
    shown = threshold.bound.shown
    figures = {"measured": shown(found.found.estimate)}
    if threshold.figure not in SHARES and threshold.figure not in QUANTILES:
        return figures
    if found.found.lower > 0 or threshold.figure in SHARES:
        figures["lower"] = shown(found.found.lower)
    if math.isfinite(found.found.upper):
        figures["upper"] = shown(found.found.upper)
    return figures
