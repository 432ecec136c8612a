"""Is the second load run worse than the first, and by how much?

All intervals hold together with the promised confidence: the error rate is spent on all of them beforehand (O. J. Dunn,
"Multiple comparisons among means", JASA 56, 1961). Holm's way would find further differences once one is found,
but it finds a first one in just the same cases, so that the exit code would be the same, and the intervals that
are printed would no longer all hold at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.checkers.load_seen import LoadSeen, Second
from harness.checkers.ratios import Difference, of_percentiles, of_rates, of_shares
from harness.checkers.statistics import Bounds
from harness.checkers.tally import MIN_SAMPLES
from harness.model.bound import QUANTILES, RATES, SHARES, Measure
from harness.model.load_compared import Compared, Comparison, Place, Said

ERROR = 0.05
"""How often two runs of the same are called different anywhere."""

ALLOWED = 0.05
"""How much slower counts as no worse: two runs on one machine differ by some per cent without a cause in the system."""

STEPS_PART = 0.2
"""Part of the error rate that is spent on the steps, which are many and only tell where a journey lost its time."""

COARSEST = 0.5
"""When not even half as much again would have been seen, nothing is said."""
COARSEST_POINTS = 0.25
"""The same of shares."""

FIGURES = (
    Measure.P50,
    Measure.P95,
    Measure.P99,
    Measure.FAILED,
    Measure.UNKNOWN,
    Measure.DEGRADED,
    Measure.GOODPUT,
)
_NOT_OF_STEPS = (Measure.UNKNOWN, Measure.GOODPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A figure to compare, with the seconds of both runs."""

    place: Place
    figure: Measure
    before: Sequence[Second]
    after: Sequence[Second]


def compare_loads(
    before: LoadSeen,
    after: LoadSeen,
    *,
    figures: Sequence[Measure] = FIGURES,
    allowed: float = ALLOWED,
    error: float = ERROR,
) -> Comparison:
    """Every figure of every journey and step in every phase that both runs have."""
    pairs = list(_pairs(before, after, figures))
    steps = sum(1 for each in pairs if each.place.step)
    journeys = len(pairs) - steps
    for_steps = 0.0 if not steps else STEPS_PART if journeys else 1.0
    alpha_step = error * for_steps / max(steps, 1) / 2
    alpha = error * (1 - for_steps) / max(journeys, 1) / 2
    compared = tuple(_compared(each, alpha_step if each.place.step else alpha, allowed) for each in pairs)
    return Comparison(
        compared=compared,
        trouble=tuple(_trouble(before, after)),
        missing=tuple(_missing(before, after)),
        error=error,
        allowed=allowed,
    )


def _pairs(before: LoadSeen, after: LoadSeen, figures: Sequence[Measure]) -> Iterator[_Pair]:
    for place, phases in before.seconds.items():
        for name, seconds in phases.items():
            other = after.seconds.get(place, {}).get(name)
            if other is None or name in _unlike(before, after) or not (_any(seconds) or _any(other)):
                continue
            for figure in figures:
                if not (place.step and figure in _NOT_OF_STEPS):
                    where = Place(journey=place.journey, step=place.step, phase=name)
                    yield _Pair(place=where, figure=figure, before=seconds, after=other)


def _any(seconds: Sequence[Second]) -> bool:
    return any(each.all for each in seconds)


def _trouble(before: LoadSeen, after: LoadSeen) -> Iterator[str]:
    for name, run in (("A", before), ("B", after)):
        yield from (f"{name} can't be trusted: {each}" for each in run.trouble)
        if not run.seconds:
            yield f"{name} tells of no journey"


def _missing(before: LoadSeen, after: LoadSeen) -> Iterator[str]:
    for name, one, other in (("A", before, after), ("B", after, before)):
        yield from (f"only {name} has the phase '{phase}'" for phase in one.phases if phase not in other.phases)
        missing = {each.journey for each in one.seconds if not each.step} - {each.journey for each in other.seconds}
        yield from (f"only {name} has the journey '{each}'" for each in sorted(missing) if other.seconds)
    for phase in _unlike(before, after):
        loads = " and ".join(_asked(run.asked[phase]) for run in (before, after))
        yield f"the phase '{phase}' was not of the same load: {loads} were asked for"


def _unlike(before: LoadSeen, after: LoadSeen) -> list[str]:
    """The phases that were asked for different loads; what got slower under more load got no worse."""
    return [each for each, load in before.asked.items() if load != after.asked.get(each, load)]


def _asked(parts: Sequence[tuple[float, float, int]]) -> str:
    return ", ".join(
        f"{users} users" if users else f"{start:g}/s" if start == end else f"{start:g} to {end:g}/s"
        for start, end, users in parts
    )


def _compared(pair: _Pair, alpha: float, allowed: float) -> Compared:
    counts = tuple(_samples(pair.figure, seconds) for seconds in (pair.before, pair.after))
    found = _difference(pair, alpha) if pair.figure not in SHARES or min(counts) >= MIN_SAMPLES else None
    coarsest = COARSEST_POINTS if pair.figure in SHARES else COARSEST
    said = Said.UNTOLD if found is None else _said(pair.figure, found, allowed)
    why = "" if found else _too_few(pair.figure, counts, alpha)
    if found and said is Said.ALIKE and found.visible > coarsest:
        said, why = Said.UNTOLD, "too few to see anything but a very great difference"
    return Compared(
        place=pair.place,
        figure=pair.figure,
        said=said,
        samples_before=counts[0],
        samples_after=counts[1],
        before=_three(found.before) if found else None,
        after=_three(found.after) if found else None,
        change=_three(found.change) if found else None,
        visible=found.visible if found else None,
        why=why,
    )


def _three(bounds: Bounds) -> tuple[float, float, float]:
    return bounds.lower, bounds.estimate, bounds.upper


def _difference(pair: _Pair, alpha: float) -> Difference | None:
    if pair.figure in SHARES:
        return of_shares(_share(pair.before, pair.figure), _share(pair.after, pair.figure), alpha)
    if pair.figure in RATES:
        return of_rates(_counts(pair.before, pair.figure), _counts(pair.after, pair.figure), alpha)
    before, after = ([each.latencies for each in seconds] for seconds in (pair.before, pair.after))
    return of_percentiles(before, after, QUANTILES[pair.figure], alpha)


def _share(seconds: Sequence[Second], figure: Measure) -> tuple[list[int], list[int]]:
    whole = "good" if figure is Measure.DEGRADED else "all"
    if figure is Measure.BAD:
        return [each.all - each.good for each in seconds], [each.all for each in seconds]
    return [getattr(each, figure.value) for each in seconds], [getattr(each, whole) for each in seconds]


def _counts(seconds: Sequence[Second], figure: Measure) -> list[int]:
    return [each.good if figure is Measure.GOODPUT else each.all for each in seconds]


def _samples(figure: Measure, seconds: Sequence[Second]) -> int:
    of_good = figure in QUANTILES or figure in {Measure.DEGRADED, Measure.GOODPUT}
    return sum(each.good if of_good else each.all for each in seconds)


def _said(figure: Measure, found: Difference, allowed: float) -> Said:
    change = found.change
    if figure in RATES or figure is Measure.GOOD:
        change = Bounds(lower=-change.upper, estimate=-change.estimate, upper=-change.lower)
    if change.upper < 0:
        return Said.BETTER
    if change.lower <= 0:
        return Said.ALIKE
    return Said.WORSE if figure in SHARES or change.lower > allowed else Said.WITHIN


def _too_few(figure: Measure, counts: tuple[int, ...], alpha: float) -> str:
    """Why a figure has no bounds."""
    needed = MIN_SAMPLES
    if figure in QUANTILES:
        needed = max(needed, math.ceil(math.log(alpha) / math.log(max(QUANTILES[figure], 1 - QUANTILES[figure]))))
    if min(counts) < needed:
        return f"too few: {counts[0]} and {counts[1]} samples, {needed} are needed in each"
    return "too short: what happens in one second goes on in the next ones, so a longer run is needed"
