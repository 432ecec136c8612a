"""V1: could customers still do what matters?"""

from __future__ import annotations

from harness.checkers.blame import blamed
from harness.checkers.found import answers_of, counted, finding, percent, points, settling
from harness.checkers.statistics import rise, settled_by
from harness.checkers.tally import DELTA, before_and_during, below, judged
from harness.model.experiment import Expectation
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import AnswerClass
from harness.model.verdict import Verdict

CHECK = "availability"


def availability(history: History) -> tuple[Finding, ...]:
    """Non-inferiority of the share of bad journeys (failed or unknown) against the run's own baseline."""
    return tuple(_journey(history, name) for name in judged(history))


def _journey(history: History, name: str) -> Finding:
    before, during = before_and_during(history, name)
    figures = counted(during.bad, during.n, before.bad, before.n)
    if history.expectation(name) is Expectation.MAY_FAIL:
        share = percent(during.bad / during.n) if during.n else "none seen"
        reason = f"told, not judged, since it may fail: {share} bad ({figures})"
        return finding(history, check=CHECK, verdict=Verdict.PASS, reason=reason, subject=name)
    bounds = rise(during.bad, during.n, before.bad, before.n, history.alpha)
    verdict = below(bounds.lower, bounds.upper, DELTA)
    match verdict:
        case Verdict.PASS:
            reason = f"a rise of bad journeys above {points(DELTA)} is excluded, {figures}"
        case Verdict.FAIL:
            reason = (
                f"{percent(during.bad / during.n)} of the journeys were bad, a rise of at least "
                f"{points(bounds.lower)} where {points(DELTA)} are allowed, {figures}"
            )
        case Verdict.UNKNOWN:
            enough = settled_by(during.bad, during.n, before.bad, before.n, DELTA, history.alpha)
            reason = (
                f"a rise of bad journeys by {points(max(bounds.lower, 0))} to {points(bounds.upper)} is possible, "
                f"{figures}; {settling(enough, during.n)}"
            )
    return finding(
        history,
        check=CHECK,
        verdict=verdict,
        reason=reason,
        subject=name,
        blame=blamed(history, name),
        evidence=() if verdict is Verdict.PASS else answers_of(history, name, AnswerClass.DIRTY, AnswerClass.CLEAN),
    )
