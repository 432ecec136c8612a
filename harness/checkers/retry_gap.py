"""V5, the gaps: does anybody try again without any pause?"""

from __future__ import annotations

from harness.checkers.attempts_told import attempts_told, refused
from harness.checkers.blame import Blame
from harness.checkers.edge_calls import calls_on, faulted_edges
from harness.checkers.found import finding, percent
from harness.checkers.retries import ALLOWED
from harness.checkers.statistics import lower_bound
from harness.model.experiment import Role
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import CrossingSecond, WindowKind
from harness.model.verdict import Verdict

CHECK = "retry-gap"

ENOUGH = 20
"""Attempts that failed; of fewer nothing is said."""
MOST = 0.5
"""More of them may not be followed at once. Full jitter from 20 ms on is as soon in half of the first repetitions,
and two attempts for each call, the second at once, are no more than this either."""
ERROR = 1e-6
"""Of its own, since it adds nothing to the error rate of a run."""
BEYOND_USUAL = 0.3
"""So much more than after answers it must be: whoever asks one thing after another is no repeater."""


def retry_gap(history: History) -> tuple[Finding, ...]:
    """Of the attempts on a faulted edge that failed, how many were followed by another within 10 ms.

    Connections that the kernel refuses are counted by nobody: of these the consumer's own spans tell, if it sends any.
    Nothing is said of other edges on which none was seen to fail.
    """
    edges = faulted_edges(history.topology, history.experiment.injections)
    if not edges or history.experiment.role is Role.CONTROL:
        return ()
    found = [_edge(history, edge) for edge in edges]
    return tuple(each for each in found if each is not None)


def _edge(history: History, edge: str) -> Finding | None:
    before, during = _rows(history, edge, WindowKind.WARM_UP), _rows(history, edge, WindowKind.FAULT)
    failed, again = sum(each.failed for each in during), sum(each.failed_again for each in during)
    if not failed:
        return _by_spans(history, edge) if refused(history, edge) else None
    answers = sum(each.answers for each in before)
    usual = sum(each.answered_again for each in before) / answers if answers else 1.0
    text = f"{again} of {failed} failed attempts were followed by another within 10 ms"
    text += f"; without the fault, {percent(usual)} of the answers" if answers else ""
    calls = calls_on(history, edge)
    if failed < ENOUGH or calls is None:
        why = f"{ENOUGH} are needed" if failed < ENOUGH else "nothing counted the calls shortly before the fault"
        return _found(history, edge, Verdict.PASS, f"told, not judged, since {why}: {text}")
    least = lower_bound(again, failed, ERROR)
    if least > max(MOST, usual + BEYOND_USUAL) and calls.times > ALLOWED:
        consumer = history.topology.edges[edge].consumer
        reason = f"{consumer} tries again without any pause: {text}, and {calls.times:.2f} times as many calls"
        return _found(history, edge, Verdict.FAIL, reason)
    return _found(history, edge, Verdict.PASS, f"not more than half of the time: {text}")


def _by_spans(history: History, edge: str) -> Finding:
    """By what the consumer tells of its attempts."""
    consumer = history.topology.edges[edge].consumer
    told = attempts_told(history, edge)
    if told is None:
        why = f"nobody counts what is refused, and no spans of {consumer} tell of attempts"
        return _found(history, edge, Verdict.PASS, f"not judged, since {why}")
    text = f"{told.again} of {told.failed} refused attempts were followed by another within 10 ms"
    text += f", by the spans of {consumer}"
    if told.failed < ENOUGH or not told.one_by_one:
        usual = f"without a failure it asks up to {told.usual_most} times in one of {told.usual} requests"
        why = f"{ENOUGH} are needed" if told.failed < ENOUGH else usual
        return _found(history, edge, Verdict.PASS, f"told, not judged, since {why}: {text}")
    if lower_bound(told.again, told.failed, ERROR) > MOST:
        return _found(history, edge, Verdict.FAIL, f"{consumer} tries again without any pause: {text}")
    return _found(history, edge, Verdict.PASS, f"not more than half of the time: {text}")


def _rows(history: History, edge: str, kind: WindowKind) -> list[CrossingSecond]:
    window = history.window(kind)
    lines = {line.name for line in history.topology.lines if line.edge == edge}
    return [each for each in history.crossings if window and each.second in window.seconds and each.line in lines]


def _found(history: History, edge: str, verdict: Verdict, reason: str) -> Finding:
    consumer = history.topology.edges[edge].consumer
    blame = Blame(edge=edge)
    if verdict is Verdict.FAIL:
        blame = Blame(edge=edge, service=consumer, owner=history.topology.owner(consumer))
    return finding(history, check=CHECK, verdict=verdict, reason=reason, subject=edge, blame=blame)
