"""V11, in part: does a degraded answer say so?"""

from __future__ import annotations

from harness.checkers.blame import blamed
from harness.checkers.found import finding, percent, points, settling
from harness.checkers.statistics import rise, settled_by, share
from harness.checkers.tally import DELTA, Tally, before_and_during, below, judged
from harness.model.experiment import Expectation
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.verdict import Verdict

CHECK = "degraded"

MARKED_AT_LEAST = 0.5
"""Of the good answers, where answers are expected to be degraded; caches may still give full ones."""


def degraded(history: History) -> tuple[Finding, ...]:
    """Marked where a journey owes degraded answers, none more than before where it owes full ones, else told."""
    return tuple(_journey(history, name) for name in judged(history))


def _journey(history: History, name: str) -> Finding:
    before, during = before_and_during(history, name)
    match history.expectation(name):
        case Expectation.DEGRADED:
            verdict, reason = _marked(during, history.alpha)
        case Expectation.UNCHANGED:
            verdict, reason = _no_more(before, during, history.alpha)
        case Expectation.AVAILABLE | Expectation.MAY_FAIL:
            verdict, reason = Verdict.PASS, "told, not judged"
    told = f"{during.degraded} of {during.good} good answers were marked as degraded"
    told += f"; baseline {before.degraded} of {before.good}"
    return finding(
        history, check=CHECK, verdict=verdict, reason=f"{reason}: {told}", subject=name, blame=blamed(history, name)
    )


def _marked(during: Tally, alpha: float) -> tuple[Verdict, str]:
    bounds = share(during.degraded, during.good, alpha)
    if bounds.lower > MARKED_AT_LEAST:
        return Verdict.PASS, f"a share of marked answers below {percent(bounds.lower)} is excluded"
    if bounds.upper < MARKED_AT_LEAST:
        return Verdict.FAIL, f"at most {percent(bounds.upper)} of the good answers say that they are degraded"
    return Verdict.UNKNOWN, f"{percent(bounds.lower)} to {percent(bounds.upper)} marked is possible, half is expected"


def _no_more(before: Tally, during: Tally, alpha: float) -> tuple[Verdict, str]:
    bounds = rise(during.degraded, during.n, before.degraded, before.n, alpha)
    verdict = below(bounds.lower, bounds.upper, DELTA)
    match verdict:
        case Verdict.PASS:
            return verdict, f"a rise of degraded answers above {points(DELTA)} is excluded"
        case Verdict.FAIL:
            return verdict, f"degraded answers rose by at least {points(bounds.lower)}, though nothing should change"
        case Verdict.UNKNOWN:
            enough = settled_by(during.degraded, during.n, before.degraded, before.n, DELTA, alpha)
            span = f"{points(max(bounds.lower, 0))} to {points(bounds.upper)}"
            return verdict, f"a rise of degraded answers by {span} is possible; {settling(enough, during.n)}"
