"""Who is to blame in one trace: which edge failed first, and which service should have coped and did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.checkers.trace_calls import Call, Trace, is_aside, is_bad, status_of
from harness.model.fault import EdgeTarget, InstanceTarget, Target
from harness.model.quantity import Duration
from harness.model.span import Span
from harness.model.system import CUSTOMERS, Edge, Need, edge_name
from harness.model.topology import Topology

DEEPEST = 40
LATE = 1.2
"""A call that takes so many times its deadline has overrun it."""
MOST_OF_IT = 0.9
"""Of its deadline; whoever gives up sooner did not wait for as long as was agreed."""
SLACK_S = 0.05
"""For what lies between the end of a call and the end of its span."""
STORM_CALLS = 6
"""Calls of one provider for one request of a customer that are too many, when some of them are retries."""
HALF = 0.5
"""A slow request that spent less of its time in its calls is slow by itself."""
_DEFECT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """What one trace says."""

    service: str
    """Who should have coped."""
    edge: str
    """On which it should have."""
    why: str
    first: str = ""
    """The edge that failed first, where that is another one."""
    silent: tuple[str, ...] = ()
    """Services of which there are no spans, though something depends on them."""
    inferred: bool = False
    """Whether a part of it is told from the topology."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One trace of a journey, with what is known beside it."""

    trace: Trace
    topology: Topology
    faults: tuple[Target, ...]
    """What was broken, for where spans end."""
    deadline_s: float
    """Of the journey, for one answer."""
    failed: bool = True
    """Whether the visit failed; what is done afterwards matters to nobody whose visit was only slow."""


def culprit(case: Case) -> Culprit | None:
    """Who is to blame for what the customer got; None when she got what she wanted, in time."""
    root = _worst(case)
    if root is None:
        return None
    chain = [*_chain(case, root)]
    if not chain:
        return _by_itself(case, root, None)
    leaf = chain[-1]
    hasty = _hasty(case, leaf)
    if not hasty and leaf.server is not None and _is_ill(case, leaf.server) and not _is_lost(case, leaf.provider):
        return _by_itself(case, leaf.server, leaf, chain)
    storm = _storm(case, chain)
    if storm is not None:
        return storm
    for index in range(len(chain) - 1, -1, -1):
        why = hasty or _should_have_coped(case, root, chain, index)
        if why:
            return _of(case, chain, chain[index], why)
    return _of(case, chain, leaf, _plain(leaf))


def _worst(case: Case) -> Span | None:
    """The request of the customer that went wrong: the first that failed, else the slowest of those that are late."""
    bad = [root for root in case.trace.roots if is_bad(root)]
    if bad:
        return bad[0]
    late = [root for root in case.trace.roots if root.duration_s > case.deadline_s]
    if late:
        return max(late, key=lambda each: each.duration_s)
    asides = case.trace.asides if case.failed else ()
    return next((each for each in asides if is_bad(each) or _unmade_good(case, each)), None)


def _unmade_good(case: Case, served: Span) -> list[Call]:
    """Its calls that failed and were not made good; not those that it broke off, since it had a reason for that."""
    calls = case.trace.made_in(served)
    return [each for each in calls if each.failed and not each.cancelled and not _made_good(each, calls)]


def _is_ill(case: Case, served: Span) -> bool:
    return is_bad(served) or served.duration_s > case.deadline_s


def _is_lost(case: Case, service: str) -> bool:
    """Whether an instance of it was what was broken: then it is for its callers to cope."""
    return any(isinstance(each, InstanceTarget) and each.service == service for each in case.faults)


def _chain(case: Case, root: Span) -> Iterator[Call]:
    """The calls that explain what went wrong, from the customer's request down to where it began."""
    served = root
    for _ in range(DEEPEST):
        call = _cause(case, served)
        if call is None:
            yield from _untold(case, served.service)
            return
        yield call
        if call.server is None and call.provider and call.provider not in case.trace.services:
            through = _through(case, call)
            if through is None:
                yield from _untold(case, call.provider)
                return
            yield through
            call = through
        if call.server is None or not (_is_ill(case, call.server) or _spent_in(call)):
            return
        served = call.server


def _through(case: Case, call: Call) -> Call | None:
    """What a provider that tells nothing itself asked for in turn, as those tell whom it asked."""
    return next(
        (
            each
            for each in case.trace.calls
            if each.consumer == call.provider and each.client is None and call.start <= each.start <= call.end
        ),
        None,
    )


def _spent_in(call: Call) -> bool:
    """Whether the provider itself took most of a call's time, rather than the way to it."""
    return call.server is not None and not call.failed and call.server.duration_s >= HALF * call.took_s


def _cause(case: Case, served: Span) -> Call | None:
    """The call that explains why a request failed or was slow; None when none does."""
    if is_bad(served) or is_aside(served):
        own = _unmade_good(case, served)
        hard = [each for each in own if not _is_soft(case, each)]
        if hard:
            return min(hard, key=lambda each: each.end)  # what failed first made the others pointless
        # One can do without these: the one after which it gave up.
        return max(own, key=lambda each: each.end, default=None)
    longest = max(case.trace.made_in(served), key=lambda each: each.took_s, default=None)
    return longest if longest is not None and longest.took_s >= HALF * served.duration_s else None


def _made_good(call: Call, calls: Sequence[Call]) -> bool:
    """Whether the same provider was asked again afterwards, and answered."""
    return any(each.provider == call.provider and not each.failed and each.start >= call.end for each in calls)


def _is_soft(case: Case, call: Call) -> bool:
    edge = _edge(case, call)
    return edge is not None and edge.need is Need.SOFT


def _edge(case: Case, call: Call) -> Edge | None:
    return case.topology.edges.get(edge_name(call.consumer, call.provider))


def _untold(case: Case, service: str) -> Iterator[Call]:
    """Where spans end: the way from there to what was broken, if nobody tells of it."""
    told = {(call.consumer, call.provider) for call in case.trace.calls}
    for fault in case.faults:
        if not isinstance(fault, EdgeTarget) or (fault.consumer, fault.provider) in told:
            continue
        way = _way(case.topology, service, fault.consumer, frozenset(case.trace.services - {service}))
        if way is not None:
            for consumer, provider in zip(way, (*way[1:], fault.provider), strict=True):
                yield Call(consumer=consumer, provider=provider, start=0.0, end=0.0, failed=True, silent=True)
            return


def _way(topology: Topology, start: str, end: str, without: frozenset[str]) -> tuple[str, ...] | None:
    """The shortest way by declared edges, through services that tell nothing."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    for way in ways:
        if way[-1] == end:
            return way
        for edge in topology.edges.values():
            if edge.consumer == way[-1] and edge.provider not in seen | without:
                seen.add(edge.provider)
                ways.append((*way, edge.provider))
    return None


def _should_have_coped(case: Case, root: Span, chain: Sequence[Call], index: int) -> str:
    """Why the consumer of a call is to blame; empty when it did what it could, and passed a clean no on."""
    call, edge = chain[index], _edge(case, chain[index])
    if not call.silent and edge is not None and edge.deadline and _overran(case, call):
        return f"{_gave_up(call)} (deadline {_seconds(edge.deadline)})"
    if index and not call.silent and (why := _inverted(case, chain[index - 1], call)):
        return why
    if _is_soft(case, call):
        return f"{_gave_up(call)}, though it is to do without (the edge is soft)"
    answer = root if index == 0 else chain[index - 1].server
    if answer is not None and status_of(answer) == _DEFECT:
        return f"{_gave_up(call)}, and {call.consumer} answered 500 instead of a clean refusal"
    return ""


def _inverted(case: Case, above: Call, call: Call) -> str:
    """Whether the caller gave up on the consumer while that still waited; and in words why that is upside down."""
    if above.client is None or not above.failed or above.end >= call.end - SLACK_S:
        return ""
    outer, inner = _edge(case, above), _edge(case, call)
    limits = ""
    if outer and inner and outer.deadline and inner.deadline:
        limits = f" (deadlines {_seconds(outer.deadline)} over {_seconds(inner.deadline)})"
    return (
        f"{call.consumer} still waited for {call.provider} after {_seconds(call.took_s)}, when {above.consumer} had "
        f"given up on it after {_seconds(above.took_s)}: the timeouts are inverted{limits}"
    )


def _hasty(case: Case, call: Call) -> str:
    """Whether the consumer gave up on a provider that was at work and within its own time; and in words."""
    edge, served = _edge(case, call), call.server
    agreed = edge is not None and bool(edge.deadline) and call.took_s >= MOST_OF_IT * (edge.deadline or 0.0)
    if call.client is None or served is None or not call.failed or call.cancelled or agreed:
        return ""
    if _is_lost(case, call.provider) or call.end - served.start < HALF * call.took_s:
        return ""  # most of the time was lost on the way
    gave_up = f"{_gave_up(call)}{f' (deadline {_seconds(edge.deadline)})' if edge and edge.deadline else ''}"
    if not is_bad(served):
        later = served.end - call.end
        text = f"{gave_up}, which answered well {_seconds(later)} later: its time is shorter than its provider's"
        return text if later > SLACK_S else ""
    cut = [each for each in case.trace.made_in(served) if each.cancelled]
    failed = [each for each in _unmade_good(case, served) if not _is_soft(case, each)]
    if not cut or failed or any(_overran(case, each) for each in cut):
        return ""
    longest = max(cut, key=lambda each: each.took_s)
    return f"{gave_up}, which still waited for {longest.provider}: its time is shorter than its provider's"


def _overran(case: Case, call: Call) -> bool:
    edge = _edge(case, call)
    return edge is not None and bool(edge.deadline) and call.took_s > LATE * (edge.deadline or 0.0) + SLACK_S


def _storm(case: Case, chain: Sequence[Call]) -> Culprit | None:
    """That retries made many calls of few: the uppermost who retried above another, else the only one."""
    leaf = next((call for call in reversed(chain) if not call.silent), None)
    if leaf is None:
        return None
    made = sum((each.consumer, each.provider) == (leaf.consumer, leaf.provider) for each in case.trace.calls)
    retried = [call for call in chain if call.attempts > 1]
    if made < STORM_CALLS or not retried:
        return None
    told = " and ".join(f"{each.consumer} ({each.attempts} attempts)" for each in retried)
    why = f"a retry storm: {made} calls of {leaf.provider} for one request; retried by {told}"
    return _of(case, chain, retried[0], why)


def _by_itself(case: Case, served: Span, call: Call | None, chain: Sequence[Call] = ()) -> Culprit:
    """An error, or slowness, that no call explains."""
    status = status_of(served)
    if is_bad(served):
        what = f"answered {status}" if status else "failed"
        why = f"{served.service} {what} by itself: no call of its own had failed"
        why += f" ({served.error})" if served.error else ""
    else:
        why = f"{served.service} took {_seconds(served.duration_s)} by itself"
    consumer = call.consumer if call else CUSTOMERS
    edge = edge_name(consumer, served.service)
    first = edge_name(chain[-1].consumer, chain[-1].provider) if chain else ""
    return Culprit(
        service=served.service, edge=edge if edge in case.topology.edges else "", why=why, first=_other(first, edge)
    )


def _of(case: Case, chain: Sequence[Call], call: Call, why: str) -> Culprit:
    edge, leaf = edge_name(call.consumer, call.provider), chain[-1]
    silent = {each.consumer for each in chain if each.silent} - case.trace.services
    return Culprit(
        service=call.consumer,
        edge=edge,
        why=why,
        first=_other(edge_name(leaf.consumer, leaf.provider), edge),
        silent=tuple(sorted(silent)),
        inferred=any(each.silent for each in chain),
    )


def _other(first: str, edge: str) -> str:
    return first if first != edge else ""


def _gave_up(call: Call) -> str:
    if call.silent:
        return f"{call.consumer} did not cope with {call.provider} (no span tells of it, as when a breaker is open)"
    told = f"{call.provider or 'somebody'}{f' in {call.attempts} attempts' if call.attempts > 1 else ''}"
    if call.failed:
        return f"{call.consumer} gave up on {told} after {_seconds(call.took_s)}"
    return f"{call.consumer} waited {_seconds(call.took_s)} for {told}"


def _plain(call: Call) -> str:
    error = f": {call.error}" if call.error else ""
    return f"{_gave_up(call)}{error}"


def _seconds(seconds: float) -> str:
    """To a tenth of a second, or to the millisecond below one."""
    return f"{seconds:.1f} s" if seconds >= 1 else str(Duration(round(max(seconds, 0.0), 3)))
