"""Which rate to try next, and what the knee is by what was tried: a pure function of the steps so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.checkers.capacity import interval
from harness.model.capacity import Held, Knee, RateStep
from harness.model.verdict import Verdict

GROWTH = 1.5
"""From one rate of the ramp to the next."""
CLOSE = 1.1
"""Between the highest rate that holds and the lowest that does not: then they are not taken apart further."""
MOST_STEPS = 60
"""However undecided a system is, the search ends."""

NEIGHBOURS = 0.15
"""Of the machine's cores: when others had more of them, it was not the system alone that gave out."""

_FAILS_TO_BELIEVE = 2
"""A miss is believed when it comes again."""
_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Between which rates the knee is looked for, and how often the knee itself is measured."""

    lowest: float
    highest: float
    repeats: int = 3


def next_rate(steps: Sequence[RateStep], search: Search) -> float | None:
    """The rate of the next step; None when there is nothing more to learn."""
    if not steps:
        return search.lowest
    if len(steps) >= MOST_STEPS:
        return None
    if _verdict(steps, steps[-1].rate) is None:
        return steps[-1].rate
    held, bad = bracket(steps)
    return None if held is None else _beyond(held, bad, search) or _again(steps, held, search)


def _beyond(held: float, bad: float | None, search: Search) -> float | None:
    """The next rate above the highest that holds; None when what does not hold is near enough."""
    if bad is None:
        return min(_rounded(held * GROWTH), search.highest) if held < search.highest else None
    between = _rounded(math.sqrt(held * bad))
    return between if bad > held * CLOSE and held < between < bad else None


def _again(steps: Sequence[RateStep], held: float, search: Search) -> float | None:
    """The highest rate once more, until it has held so often; a generator that keeps giving out is not waited for."""
    tried = sum(each.rate == held for each in steps)
    return held if len(_at(steps, held, Held.HELD)) < search.repeats and tried < 2 * search.repeats else None


def bracket(steps: Sequence[RateStep]) -> tuple[float | None, float | None]:
    """The highest rate that holds below all that do not, and the lowest that does not."""
    rates = {each.rate for each in steps}
    bad = min((each for each in rates if _verdict(steps, each) in {Held.MISSED, Held.UNTOLD}), default=None)
    held = [each for each in rates if _verdict(steps, each) is Held.HELD and (bad is None or each < bad)]
    return max(held, default=None), bad


def knee_of(steps: Sequence[RateStep], search: Search) -> Knee:
    """What is known of the knee; never more than what held, and UNKNOWN where it was not the system that gave out."""
    held, bad = bracket(steps)
    if held is None:
        why = f" ({'; '.join(steps[-1].why)})" if steps and steps[-1].why else ""
        reason = f"not even {search.lowest:g} journeys a second held{why}: "
        taken = _neighbours(steps, steps[-1].rate) if steps else ""
        reason += f"others on this machine had {taken} meanwhile" if taken else "begin with less"
        return Knee(verdict=Verdict.UNKNOWN, reason=reason, above=bad)
    own = _at(steps, held, Held.HELD)
    goodput, pages = interval([each.goodput for each in own]), interval([each.page_rate for each in own])
    least = f"at least {held:g} journeys a second"
    verdict, why = Verdict.UNKNOWN, next((each.why[0] for each in reversed(steps) if each.rate == bad and each.why), "")
    if bad is None:
        reason = f"{least}: no more than {search.highest:g} was asked for, and that held"
    elif _verdict(steps, bad) is Held.UNTOLD:
        reason = f"{least}: the generator, not the system, gave out at {bad:g} ({why})"
    elif bad > held * CLOSE * CLOSE or len(own) < search.repeats:
        reason = f"{least}, {bad:g} did not hold; the search ended before they were near enough to each other"
    elif taken := _neighbours(steps, bad):
        reason = f"{least}, {bad:g} did not hold, but others on this machine had {taken} meanwhile"
    else:
        verdict = Verdict.PASS
        reason = (
            f"{held:g} journeys a second: {goodput.estimate:.4g} ended well, between {goodput.low:.4g} and "
            f"{goodput.high:.4g} ({len(own)} steps); {bad:g} did not hold ({why})"
        )
    return Knee(verdict=verdict, reason=reason, rate=held, above=bad, goodput=goodput, pages=pages)


def _neighbours(steps: Sequence[RateStep], bad: float) -> str:
    """What neither the system nor the harness had of the machine while the system gave out, when that is much."""
    for step in steps:
        known = [each.cores for each in step.uses if each.cores is not None]
        if step.rate != bad or step.machine is None or len(known) < len(step.uses) or not known:
            continue
        taken = step.machine.busy - step.machine.own - sum(known)
        if taken > NEIGHBOURS * step.machine.cores:
            return f"{taken:.2f} of {step.machine.cores} cores"
    return ""


def at_knee(steps: Sequence[RateStep], knee: Knee) -> tuple[RateStep, ...]:
    """The steps by which the knee is told."""
    return () if knee.rate is None else _at(steps, knee.rate, Held.HELD)


def _verdict(steps: Sequence[RateStep], rate: float) -> Held | None:
    """What is believed of a rate: most of its steps, and no bad news after one step alone; None: try again."""
    held, missed, untold = (len(_at(steps, rate, each)) for each in (Held.HELD, Held.MISSED, Held.UNTOLD))
    if held > missed:
        return Held.HELD
    if missed >= _FAILS_TO_BELIEVE and missed > held:
        return Held.MISSED
    return Held.UNTOLD if untold >= _FAILS_TO_BELIEVE else None


def _at(steps: Sequence[RateStep], rate: float, held: Held) -> tuple[RateStep, ...]:
    return tuple(each for each in steps if each.rate == rate and each.held is held)


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_DIGITS}g}")
