"""From a closed history to its findings: all checkers, and what a failed experiment makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import assert_never

from harness.checkers.answer_class import CHECK as ANSWER_CLASS
from harness.checkers.company import about_time, in_company
from harness.checkers.conformance import CHECK as CONFORMANCE
from harness.checkers.control import placebo, positive_control
from harness.checkers.edge_calls import faulted_edges
from harness.checkers.found import finding
from harness.model.experiment import Expectation, Experiment, Role, owed
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.topology import Topology
from harness.model.verdict import Verdict

Checker = Callable[[History], tuple[Finding, ...]]

_TESTS: dict[Expectation, int] = {
    Expectation.UNCHANGED: 4,
    Expectation.DEGRADED: 3,
    Expectation.AVAILABLE: 2,
    Expectation.MAY_FAIL: 1,
}
"""Statistical tests that a journey is put to: deadline; availability; degraded; isolation."""


def judge_with(history: History, checkers: Mapping[str, Checker]) -> tuple[Finding, ...]:
    """All findings of an experiment; of a placebo or a positive control only what it says of the harness."""
    found = tuple(each for name, checker in checkers.items() for each in _run(history, name, checker))
    match history.experiment.role:
        case Role.PLACEBO:
            return (placebo(history, in_company(history, found)),)
        case Role.CONTROL:
            return (positive_control(history, found),)
        case Role.EXPERIMENT:
            return in_company(history, _if_it_was_one(history, found))
        case _:
            assert_never(history.experiment.role)


def tests_in(topology: Topology, experiment: Experiment) -> int:
    """How many statistical tests a history of this experiment will make, so that an error rate can be spent on them.

    Each is one-sided at `History.alpha`. Not counted: what can only make a verdict UNKNOWN (V0), what tolerates
    nothing (dirty answers, conformance, safety), and recovery, which is no test but a rule. All edges whose calls are
    compared share one test; the gaps between attempts are judged at an error rate too small to be counted.
    """
    if experiment.role is Role.CONTROL:
        return 1
    journeys = [name for name, weight in experiment.weights.items() if weight > 0]
    comparisons = sum(_TESTS[owed(topology, experiment, name)] for name in journeys)
    figures = len(experiment.during) + len(experiment.after)
    return comparisons + figures + bool(faulted_edges(topology, experiment.injections))


def _run(history: History, name: str, checker: Checker) -> tuple[Finding, ...]:
    try:
        return checker(history)
    except Exception as error:  # noqa: BLE001 -- whatever a checker stumbles over, the others must be heard
        text = " ".join(str(error).split())
        reason = f"the checker {name} crashed: {type(error).__name__}: {text}"
        return (
            finding(history, check=name, verdict=Verdict.UNKNOWN, reason=reason, subject="checker", part=_part(name)),
        )


def _part(name: str) -> Part:
    return {"harness": Part.VALIDITY, "validity": Part.VALIDITY, "safety": Part.SAFETY}.get(name, Part.RESILIENCE)


def _if_it_was_one(history: History, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Without a valid experiment nothing passes, and no comparison refutes.

    A FAIL stays where no baseline is needed for it, since it happened whatever the cause: lost or doubled orders,
    dirty answers, answers that break a document. Answers that never came say nothing of the system when the harness
    itself is in doubt: they may be its own, or came of a placebo as well.
    """
    unfit = [each.reason for each in found if each.part is Part.VALIDITY and each.verdict is not Verdict.PASS]
    if not unfit:
        return found
    return tuple(
        each if each.part is Part.VALIDITY or _stands(history, each) else _doubted(each, unfit[0]) for each in found
    )


def _stands(history: History, each: Finding) -> bool:
    if each.verdict is not Verdict.FAIL:
        return each.verdict is Verdict.UNKNOWN
    if each.check == ANSWER_CLASS:
        return not (history.trouble and about_time(history, each))
    return each.part is Part.SAFETY or each.check == CONFORMANCE


def _doubted(each: Finding, why: str) -> Finding:
    return replace(
        each, verdict=Verdict.UNKNOWN, reason=f"no valid experiment ({why}); it would be {each.verdict}: {each.reason}"
    )
