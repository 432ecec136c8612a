"""V5: did it make things worse by trying again?"""

from __future__ import annotations

from harness.checkers.attempts_told import attempts_told, refused
from harness.checkers.blame import Blame
from harness.checkers.edge_calls import Calls, calls_on, faulted_edges, leading_to
from harness.checkers.found import finding
from harness.model.experiment import Role
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.verdict import Verdict

CHECK = "retries"

ALLOWED = 1.2
"""How many times as many calls may cross an edge in an outage: VERDICTS V5."""
MARGIN = 1.5
"""Refuted from so many on: a retry budget starts with a few tokens, and a breaker's probes come on top."""
ATTEMPTS = 3
"""Nobody may try more often; so many times as many calls are at least suspect, however few there were."""
OFTEN = 5
"""Requests that tried more often by their own spans: one or two may be calls that only look alike."""
ENOUGH = 30
"""Calls that would have crossed without a fault; fewer say nothing."""


def retries(history: History) -> tuple[Finding, ...]:
    """Calls on each faulted edge per journey that was due, compared with the time just before the fault.

    Journeys are due whether the system answers or not, so failed ones don't hide the calls that follow.
    Only faulted edges between services are judged: others may carry more for good reasons, such as a lost cache.
    """
    edges = faulted_edges(history.topology, history.experiment.injections)
    if not edges or history.experiment.role is Role.CONTROL:
        return ()
    # All edges of an experiment share the error rate of one test.
    return tuple(_edge(history, edge, history.alpha / len(edges)) for edge in edges)


def _edge(history: History, edge: str, alpha: float) -> Finding:
    calls = calls_on(history, edge)
    if calls is None:
        return _told(history, edge, "told, not judged: nothing counted the calls shortly before the fault")
    figures = _figures(calls)
    if calls.expected < ENOUGH:
        return _told(history, edge, f"told, not judged, since only {calls.expected:.0f} would have come: {figures}")
    least = calls.at_least(alpha)
    verdict = Verdict.PASS
    if least > ALLOWED and calls.times >= MARGIN:
        verdict = Verdict.FAIL
        reason = f"at least {least:.2g} times as many calls for each journey, {ALLOWED} are allowed; {figures}"
    elif calls.times >= MARGIN and (told := _too_often(history, edge)):
        return _refuted(history, edge, f"{told}; {figures}")
    elif calls.times > ATTEMPTS:
        verdict = Verdict.UNKNOWN
        reason = f"perhaps more than {ATTEMPTS} attempts for each call, a longer window would settle it; {figures}"
    elif refused(history, edge):
        reason = f"told, not judged, since nobody counts what is refused: {figures}"
    else:
        reason = f"no rise above {ALLOWED} times is proved; {figures}"
    if verdict is Verdict.PASS:
        return _told(history, edge, reason)
    origin, evidence = _origin(history, calls)
    topology = history.topology
    consumer = topology.edges[origin].consumer
    blame = Blame(edge=origin, service=consumer, owner=topology.owner(consumer), inferred=True)
    reason = f"{consumer} tries again too often: {reason}" if verdict is Verdict.FAIL else reason
    return finding(history, check=CHECK, verdict=verdict, reason=reason, subject=edge, blame=blame, evidence=evidence)


def _too_often(history: History, edge: str) -> str:
    """How often the consumer tried by its own spans, if that is too often, and it asks once else; empty if not."""
    told = attempts_told(history, edge)
    if told is None or not told.one_by_one:
        return ""
    many = sum(each > ATTEMPTS for each in told.attempts)
    if many < OFTEN:
        return ""
    return (
        f"{many} of {len(told.attempts)} requests in which a call failed made more than {ATTEMPTS} attempts, "
        f"up to {max(told.attempts)}, by its own spans; each of {told.usual} others asked once"
    )


def _refuted(history: History, edge: str, told: str) -> Finding:
    """What spans tell is of this edge itself, and needs no inference."""
    consumer = history.topology.edges[edge].consumer
    blame = Blame(edge=edge, service=consumer, owner=history.topology.owner(consumer))
    reason = f"{consumer} tries again too often: {told}"
    return finding(history, check=CHECK, verdict=Verdict.FAIL, reason=reason, subject=edge, blame=blame)


def _told(history: History, edge: str, reason: str) -> Finding:
    return finding(history, check=CHECK, verdict=Verdict.PASS, reason=reason, subject=edge, blame=Blame(edge=edge))


def _figures(calls: Calls) -> str:
    times = f", {calls.times:.2f} times" if calls.expected else ""
    return f"{calls.during} calls in {calls.due} journeys, before {calls.before} in {calls.due_before}{times}"


def _origin(history: History, calls: Calls) -> tuple[str, tuple[str, ...]]:
    """Where the rise begins: the edge on the way that has more than those before it explain; and all of them told."""
    edges = (calls.edge, *leading_to(history.topology, calls.edge))
    found = {edge: each for edge in edges if (each := calls_on(history, edge)) is not None and each.before}
    grown = {edge: each.times / _explained(history, edge, found) for edge, each in found.items()}
    origin = max(grown, key=lambda edge: grown[edge], default=calls.edge)
    return origin, tuple(f"{edge}: {_figures(each)}" for edge, each in found.items())


def _explained(history: History, edge: str, found: dict[str, Calls]) -> float:
    """How many times as many calls came to the consumer of the edge, at least once as many."""
    consumer = history.topology.edges[edge].consumer
    into = [each.times for name, each in found.items() if history.topology.edges[name].provider == consumer]
    return max([1.0, *into])
