"""What spans tell an audit: chains of calls, what a request crosses, and who went on after nobody waited any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.checkers.edges_seen import by_trace
from harness.checkers.trace_calls import DEEPEST, Call, Trace, calls_of
from harness.model.audit import AuditEvidence
from harness.model.span import Span
from harness.model.system import edge_name

SLACK_S = 0.1
"""By so much longer must a call go on than the one it is made for: clocks and queues are no finding."""
_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a customer."""

    trace: str
    kind: str
    """What was asked, and in which journey, as far as that is told."""
    journey: str
    crossed: Mapping[str, int]
    """Edge between services → calls, attempts that followed a failure folded."""
    chain: tuple[str, ...]
    """The longest chain of services, the entry first."""
    rounds: tuple[str, ...]
    """A chain in which a service comes twice; empty when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """A call that went on although the one it was made for had been given up."""

    outer: Call
    inner: Call
    trace: str

    @property
    def by_s(self) -> float:
        """How much longer."""
        return self.inner.end - self.outer.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What all traces tell."""

    requests: tuple[Request, ...]
    overruns: tuple[Overrun, ...]
    given_up: frozenset[str]
    """Edges on which a call was given up that had calls of its own."""
    nested: frozenset[tuple[str, str]]
    """Edges of which a call on the second was made for a call on the first."""
    services: frozenset[str]
    """Those that tell anything."""
    databases: Mapping[tuple[str, str], frozenset[str]]
    """Store and database within it → the services that say they use it."""


def traced(evidence: AuditEvidence) -> Traced:
    """All that the spans tell."""
    requests: list[Request] = []
    overruns: list[Overrun] = []
    given_up: set[str] = set()
    nested: set[tuple[str, str]] = set()
    services: set[str] = set()
    databases: dict[tuple[str, str], set[str]] = {}
    for name, spans in by_trace(evidence.spans).items():
        trace = calls_of(spans, evidence.topology)
        services |= trace.services
        journey = evidence.journey_of.get(name, "")
        requests += [_request(name, root, trace, journey, evidence) for root in trace.roots]
        for outer, inner in _nested(trace):
            nested.add((edge_name(outer.consumer, outer.provider), edge_name(inner.consumer, inner.provider)))
            if outer.failed:
                given_up.add(edge_name(outer.consumer, outer.provider))
            if outer.failed and inner.end > outer.end + SLACK_S:
                overruns.append(Overrun(outer=outer, inner=inner, trace=name))
        for call in trace.calls:
            database = call.client.attributes.get("db.namespace", "") if call.client else ""
            if database and call.provider in evidence.topology.system.stores:
                databases.setdefault((call.provider, database), set()).add(call.consumer)
    return Traced(
        requests=tuple(requests),
        overruns=tuple(overruns),
        given_up=frozenset(given_up),
        nested=frozenset(nested),
        services=frozenset(services),
        databases={place: frozenset(users) for place, users in databases.items()},
    )


def _nested(trace: Trace) -> Iterator[tuple[Call, Call]]:
    """Each call with each that was made for it."""
    for outer in trace.calls:
        if outer.server is not None and outer.client is not None:
            yield from ((outer, inner) for inner in trace.calls if inner.inside == outer.server.span)


def _request(name: str, root: Span, trace: Trace, journey: str, evidence: AuditEvidence) -> Request:
    crossed: Counter[str] = Counter()
    chains = [*_chains(trace, root, (root.service,), crossed, evidence)]
    rounds = next((chain for chain in chains if len({*chain}) < len(chain)), ())
    kind = f"{root.name} of {journey}" if journey else root.name
    return Request(trace=name, kind=kind, journey=journey, crossed=crossed, chain=max(chains, key=len), rounds=rounds)


def _chains(
    trace: Trace, served: Span, above: tuple[str, ...], crossed: Counter[str], evidence: AuditEvidence
) -> Iterator[tuple[str, ...]]:
    """The chains of services that begin with those above."""
    yield above
    for call in trace.made_in(served):
        if not call.provider or call.provider in evidence.topology.system.stores:
            continue
        crossed[edge_name(call.consumer, call.provider)] += 1
        chain = (*above, call.provider)
        if call.server is None or len(chain) > DEEPEST:
            yield chain
        else:
            yield from _chains(trace, call.server, chain, crossed, evidence)


def in_words(overrun: Overrun) -> str:
    """`orders gave up on payments after 500 ms; payments waited 1700 ms longer for bank`."""
    outer, inner = overrun.outer, overrun.inner
    return (
        f"trace {overrun.trace}: {outer.consumer} gave up on {outer.provider} after {outer.took_s * _MS:.0f} ms; "
        f"{inner.consumer} waited {overrun.by_s * _MS:.0f} ms longer for {inner.provider}"
    )


def silent_of(services: Sequence[str], told: Traced) -> tuple[str, ...]:
    """Those of some services that no span is of."""
    return tuple(name for name in services if name not in told.services)
