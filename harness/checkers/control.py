"""The harness judged by its own experiments: a placebo must find nothing, a positive control must be noticed."""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.found import counted, finding, percent, points
from harness.checkers.statistics import rise
from harness.checkers.tally import DELTA, before_and_during
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.verdict import Verdict

PLACEBO = "placebo"
CONTROL = "positive-control"


def placebo(history: History, found: Sequence[Finding]) -> Finding:
    """UNKNOWN when anything was found under a fault that does nothing, or when it wasn't even in force.

    What was read of the system's state is left out: it is judged over the whole run, and no placebo can be to blame.
    """
    alarms = [each for each in found if each.verdict is Verdict.FAIL and each.part is not Part.SAFETY]
    unfit = _unfit(found)
    if alarms:
        named = "; ".join(dict.fromkeys(f"{each.check} of {each.subject}: {each.reason}" for each in alarms))
        reason = f"found under a fault that does nothing: the harness is at fault, or the system without one: {named}"
        verdict = Verdict.UNKNOWN
    elif unfit:
        verdict, reason = Verdict.UNKNOWN, f"the placebo was no experiment: {'; '.join(unfit)}"
    else:
        undecided = sum(each.verdict is Verdict.UNKNOWN for each in found)
        reason = f"{len(found)} checks found nothing under a fault that does nothing"
        verdict, reason = Verdict.PASS, reason + (f", {undecided} could not decide" if undecided else "")
    evidence = [line for each in alarms for line in (each.reason, *each.evidence)]
    return finding(
        history,
        check=PLACEBO,
        part=Part.VALIDITY,
        verdict=verdict,
        reason=reason,
        subject="placebo",
        evidence=evidence,
    )


def positive_control(history: History, found: Sequence[Finding]) -> Finding:
    """UNKNOWN unless the journeys certainly became less available under a fault that must be noticed."""
    before, during = before_and_during(history)
    figures = counted(during.bad, during.n, before.bad, before.n)
    unfit = _unfit(found)
    bounds = rise(during.bad, during.n, before.bad, before.n, history.alpha)
    if unfit:
        verdict, reason = Verdict.UNKNOWN, f"the control was no experiment: {'; '.join(unfit)}"
    elif bounds.lower > DELTA:
        verdict = Verdict.PASS
        reason = f"noticed: {percent(bounds.estimate)} more bad journeys, at least {points(bounds.lower)}, {figures}"
    else:
        verdict = Verdict.UNKNOWN
        reason = f"a fault that every customer must feel was not noticed: the harness is blind, {figures}"
    return finding(
        history,
        check=CONTROL,
        part=Part.VALIDITY,
        verdict=verdict,
        reason=reason,
        subject="positive control",
    )


def _unfit(found: Sequence[Finding]) -> list[str]:
    return [each.reason for each in found if each.part is Part.VALIDITY and each.verdict is not Verdict.PASS]
