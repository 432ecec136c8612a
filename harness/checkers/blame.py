"""Whose a finding is: the edge, the service that should have coped, and its owner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.checkers.counters import Unanswered, first_unanswered
from harness.checkers.culprit import Case, Culprit, culprit
from harness.checkers.edges_seen import by_trace
from harness.checkers.trace_calls import SERVER_ERROR, calls_of
from harness.checkers.waterfall import waterfall
from harness.model.experiment import Role
from harness.model.fault import EdgeTarget, InstanceTarget, Target
from harness.model.history import History
from harness.model.observation import Outcome, WindowKind
from harness.model.span import JourneyTrace, Span
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import Topology
from harness.model.visits import Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Blame:
    """Where a finding points; empty strings where it points nowhere."""

    edge: str = ""
    service: str = ""
    owner: str = ""
    inferred: bool = False
    reason: str = field(default="", compare=False)
    """The whole of it in a sentence, for a finding that is not as it should be."""
    evidence: tuple[str, ...] = field(default=(), compare=False)
    """The worst trace, line by line."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What a finding's evidence gets of it."""
        return (f"whose fault: {self.reason}", *self.evidence) if self.reason else self.evidence


NOBODY = Blame()
LOOKED_AT = 15
"""Of the bad visits' traces, the worst ones."""
_FINE = frozenset({Outcome.OK, Outcome.DEGRADED})


def blamed(history: History, journey: str | None = None, *, window: WindowKind = WindowKind.FAULT) -> Blame:
    """Who should have coped: by the spans of the journey's bad visits in the window, else told from the topology.

    From the topology it is the consumer of the edge that was broken. When an instance is lost it is a caller of it,
    the first on the journey's way. Of several faults it is the one whose edge the proxies saw fail first.
    """
    if not history.experiment.injections:
        return NOBODY
    targets = [injection.target for injection in history.experiment.injections]
    seen = first_unanswered(history)
    target = next((each for each in targets if seen and isinstance(each, EdgeTarget) and each.edge == seen.edge), None)
    edge, service = _coping(history.topology, target or targets[0], journey)
    inferred = Blame(
        edge=edge,
        service=service,
        owner=history.topology.owner(service),
        inferred=True,
        reason=_why_inferred(history.spans, service, seen),
    )
    bad = [each for each in history.traces if _is_bad(history, each, journey, window)]
    return by_spans(history.topology, history.spans, bad, targets) or inferred


def by_spans(
    topology: Topology, spans: Sequence[Span], visits: Sequence[JourneyTrace], targets: Sequence[Target]
) -> Blame | None:
    """Who should have coped, as most of the worst visits' spans have it; None when they blame nobody.

    Args:
        topology: what is declared.
        spans: of any traces.
        visits: those that were bad, and whose they are.
        targets: what was broken, for where spans end.
    """
    wanted = {each.trace for each in visits}
    of_trace = by_trace(span for span in spans if span.trace in wanted)
    worst = sorted(visits, key=lambda each: (each.outcome in _FINE, -each.took_s))
    found: list[tuple[Culprit, JourneyTrace]] = []
    for visit in [each for each in worst if each.trace in of_trace][:LOOKED_AT]:
        case = Case(
            trace=calls_of(of_trace[visit.trace], topology),
            topology=topology,
            faults=tuple(targets),
            deadline_s=_deadline_s(topology, visit.journey),
            failed=visit.outcome not in _FINE,
        )
        if (who := culprit(case)) is not None:
            found.append((who, visit))
    if not found:
        return None
    votes = Counter((who.edge, who.service) for who, _ in found)
    most = votes.most_common(1)[0][0]
    who, visit = next(each for each in found if (each[0].edge, each[0].service) == most)
    return Blame(
        edge=who.edge,
        service=who.service,
        owner=topology.owner(who.service),
        inferred=who.inferred,
        reason=_in_words(topology, who, visit, votes[most], len(found)),
        evidence=waterfall(of_trace[visit.trace], topology),
    )


def _is_bad(history: History, each: JourneyTrace, journey: str | None, kind: WindowKind) -> bool:
    window = history.window(kind)
    if journey not in {None, each.journey} or each.journey not in history.topology.system.journeys:
        return False
    late = each.took_s > float(history.topology.journey(each.journey).deadline)
    return (
        window is not None and window.start - each.took_s <= each.t < window.end and (each.outcome not in _FINE or late)
    )


def of_visits(
    topology: Topology, spans: Sequence[Span], visits: Sequence[Visit], targets: Sequence[Target]
) -> Blame | None:
    """The same for visits that were paid under a fault, such as those of a cell of the matrix."""
    told = [
        JourneyTrace(t=0.0, journey=each.journey, outcome=_outcome(each), took_s=_slowest_s(each), trace=each.trace)
        for each in visits
        if each.trace
    ]
    return by_spans(topology, spans, told, targets)


def _slowest_s(visit: Visit) -> float:
    return max((each.took_s for each in visit.exchanges), default=0.0)


def _outcome(visit: Visit) -> Outcome:
    bad = visit.failed or any(each.trouble or (each.status or 0) >= SERVER_ERROR for each in visit.exchanges)
    return Outcome.FAILED if bad else Outcome.OK


def _deadline_s(topology: Topology, journey: str) -> float:
    declared = topology.system.journeys.get(journey)
    return float("inf") if declared is None else float(declared.deadline)


def _in_words(topology: Topology, who: Culprit, visit: JourneyTrace, agreeing: int, looked_at: int) -> str:
    how = "was too slow" if visit.outcome in _FINE else "failed"
    consumer, _, provider = who.edge.partition("->")
    role = f"{provider}'{'' if provider.endswith('s') else 's'} caller {consumer}"
    owner = f"{role if who.service == consumer else who.service}, team {topology.owner(who.service)}"
    text = f"{visit.journey} {how}: {who.why}; owner: {owner}"
    if who.first:
        text += f"; the first edge to fail was {who.first}"
    if who.inferred:
        text += "; in part inferred from the topology"
        text += f": no spans of {', '.join(who.silent)}" if who.silent else ""
    if looked_at > 1:
        text += f" ({agreeing} of the {looked_at} worst traces say so)"
    return text


def _why_inferred(spans: Sequence[Span], service: str, seen: Unanswered | None) -> str:
    if not service:
        return ""
    told = f"no spans of {service}" if not any(each.service == service for each in spans) else "its spans blame nobody"
    text = f"inferred from the topology: {told}"
    return f"{text}; {seen}" if seen else text


def of_service(topology: Topology, service: str, *, caller: str = "", inferred: bool = False) -> Blame:
    """A service that certainly did it (unless inferred), with the edge from its caller, if there is one."""
    edge = edge_name(caller, service) if caller else ""
    known = edge if edge in topology.edges else ""
    return Blame(edge=known, service=service, owner=topology.owner(service), inferred=inferred)


def at_customers(history: History) -> bool:
    """Whether the fault itself breaks the customers' own connection, so that no service can answer for it.

    A placebo breaks nothing, wherever it stands.
    """
    if history.experiment.role is Role.PLACEBO:
        return False
    return any(_breaks_customers(history.topology, injection.target) for injection in history.experiment.injections)


def _breaks_customers(topology: Topology, target: Target) -> bool:
    match target:
        case EdgeTarget(consumer=consumer):
            return consumer == CUSTOMERS
        case InstanceTarget(service=service):
            return service == topology.system.entry


def _coping(topology: Topology, target: Target, journey: str | None) -> tuple[str, str]:
    match target:
        case EdgeTarget(consumer=consumer):
            return target.edge, topology.system.entry if consumer == CUSTOMERS else consumer
        case InstanceTarget(service=lost):
            callers = [edge.consumer for edge in topology.edges.values() if edge.provider == lost]
            if not callers or callers == [CUSTOMERS]:
                return edge_name(CUSTOMERS, lost) if callers else "", lost
            way = _way(topology, journey)
            caller = min(callers, key=lambda name: name not in way)
            return edge_name(caller, lost), topology.system.entry if caller == CUSTOMERS else caller


def _way(topology: Topology, journey: str | None) -> frozenset[str]:
    """The services that a journey is declared to touch, the entry included."""
    entry = topology.system.entry
    if journey is None:
        return frozenset({entry})
    declared = topology.journey(journey)
    return frozenset({entry, *declared.needs, *declared.usable_without})
