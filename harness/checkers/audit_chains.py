"""An audit of chains: circles, how deep customers wait, and who waits longer than the one who asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from harness.checkers.audit_look import NO_SPANS, SHOWN, Look, in_a_row, sign_of, told
from harness.checkers.audit_traces import in_words, silent_of
from harness.checkers.call_graph import Graph, circles, graph_of, longest
from harness.model.audit import Sign, Told, Trait
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import Topology

DEEP_CALLS = 4
"""So many calls one behind the other are deep."""


def cycles(look: Look) -> Told:
    """Services that call each other round in a circle."""
    rounds = {frozenset(each.rounds): each for each in look.traced.requests if each.rounds}
    signs = []
    for circle in circles(graph_of(look.calls)):
        legs = [edge_name(*ends) for ends in pairwise(circle)]
        proof = [f"{leg}: {'declared' if leg in look.topology.edges else 'seen, and not declared'}" for leg in legs]
        went = next((each for names, each in rounds.items() if {*circle} <= names), None)
        if went is not None:
            proof.append(f"one request went round: {' -> '.join(went.rounds)}, trace {went.trace}")
        else:
            proof.append("no request was seen to go round")
        reason = f"{in_a_row(sorted({*circle}))} call each other in a circle: none can be without the others"
        declared = all(leg in look.topology.edges for leg in legs)
        signs.append(
            sign_of(
                Trait.CYCLE, " -> ".join(circle), reason, look.topology, whose=circle, evidence=proof, declared=declared
            )
        )
    looked_at = f"{len(look.calls)} edges between services, declared or seen"
    return told(Trait.CYCLE, signs, looked_at, look.lacking())


def depth(look: Look) -> Told:
    """The longest chain of services of which each waits for the next."""
    longest_seen = max(look.traced.requests, key=lambda each: len(each.chain), default=None)
    bound, journey = _longest_possible(look)
    lacking, signs = look.lacking(), []
    looked_at = f"no chain can be longer than {_shown(bound, journey)}"
    if longest_seen is not None:
        looked_at = f"the longest that was seen is {_shown(longest_seen.chain, longest_seen.journey)}"
        signs += _deep(look, longest_seen.chain, longest_seen.journey, f"trace {longest_seen.trace}", declared=False)
    if not look.evidence.ran:
        signs += _deep(look, bound, journey, "the declared edges lead there", declared=True)
    elif not signs and _calls(bound) >= DEEP_CALLS and (silent := silent_of(bound, look.traced)):
        why = f"no spans of {', '.join(silent)}" if look.evidence.spans else NO_SPANS
        lacking.append(
            f"the edges allow {_shown(bound, journey)}, and nobody tells whether one request goes there: {why}"
        )
    return told(Trait.DEPTH, signs, looked_at, lacking)


def _deep(look: Look, chain: Sequence[str], journey: str, proof: str, *, declared: bool) -> list[Sign]:
    if _calls(chain) < DEEP_CALLS:
        return []
    of = f" in {journey}" if journey else ""
    reason = f"{_calls(chain)} calls one behind the other{of}: each adds its time, and its failures"
    return [
        sign_of(
            Trait.DEPTH, " -> ".join(chain), reason, look.topology, whose=chain, evidence=[proof], declared=declared
        )
    ]


def _shown(chain: Sequence[str], journey: str) -> str:
    return f"{' -> '.join(chain)} ({_calls(chain)} calls{f', in {journey}' if journey else ''})"


def _calls(chain: Sequence[str]) -> int:
    return max(0, len(chain) - 1)


def _longest_possible(look: Look) -> tuple[tuple[str, ...], str]:
    """The longest way through the edges that a journey crosses, and which journey; of all edges where nobody counts."""
    entry = look.topology.system.entry
    crossed: defaultdict[str, set[str]] = defaultdict(set)
    for visit in look.evidence.seen.visits:
        crossed[visit.journey] |= {*(visit.crossed or ())}
    counted = bool(crossed) and all(visit.crossed is not None for visit in look.evidence.seen.visits)
    if not counted:
        return longest(graph_of(look.calls), entry) if look.calls else (entry,), ""
    ways = {name: longest(_part(look, edges), entry) if edges else (entry,) for name, edges in sorted(crossed.items())}
    journey = max(ways, key=lambda name: len(ways[name]))
    return ways[journey], journey


def _part(look: Look, edges: set[str]) -> Graph:
    known = [ends for ends in look.calls if edge_name(*ends) in edges or ends in look.undeclared]
    return graph_of([*known, (look.topology.system.entry, look.topology.system.entry)])


def timeouts(look: Look) -> Told:
    """Whoever is asked may wait longer for its own provider than the one who asks waits for it."""
    topology = look.topology
    signs = [*_declared_timeouts(topology)]
    seen: dict[str, list[str]] = {}
    for each in sorted(look.traced.overruns, key=lambda one: -one.by_s):
        subject = f"{each.outer.consumer} -> {each.outer.provider} -> {each.inner.provider}"
        seen.setdefault(subject, []).append(in_words(each))
    for subject, proof in seen.items():
        ends = subject.split(" -> ")
        reason = f"{ends[1]} went on waiting for {ends[2]} when {ends[0]} had given up: its work was for nobody"
        signs.append(sign_of(Trait.TIMEOUT, subject, reason, topology, whose=ends[1:2], evidence=proof[:SHOWN]))
    inner = {edge.name: edge for edge in topology.edges.values() if edge.consumer != CUSTOMERS}
    passed_on = [edge for edge in inner.values() if any(each.consumer == edge.provider for each in inner.values())]
    lacking = look.lacking()
    open_ = [edge.name for edge in passed_on if edge.deadline is None]
    if open_:
        lacking.append(f"no deadline is declared of {in_a_row(open_[:SHOWN])}{' and others' if open_[SHOWN:] else ''}")
    untried = [edge.name for edge in passed_on if edge.name not in look.traced.given_up]
    if untried and look.evidence.ran:
        many = " and others" if untried[SHOWN:] else ""
        lacking.append(
            f"nobody was seen to give up on {in_a_row(untried[:SHOWN])}{many}: "
            "`harness audit --run` of a run with faults and spans tells"
        )
    tried = len(passed_on) - len(untried)
    looked_at = (
        f"declared deadlines, and calls that were given up on {tried} of {len(passed_on)} edges that pass a request on"
    )
    return told(Trait.TIMEOUT, signs, looked_at, lacking)


def _declared_timeouts(topology: Topology) -> Iterator[Sign]:
    told_of = ["declared deadlines"]
    edges = [edge for edge in topology.edges.values() if edge.deadline is not None]
    for outer, inner in product(edges, edges):
        if inner.consumer == outer.provider and _longer(inner.deadline, outer.deadline):
            reason = (
                f"{outer.provider} waits {inner.deadline} for {inner.provider}, "
                f"and {outer.consumer} only {outer.deadline} for {outer.provider}"
            )
            subject, whose = f"{outer.consumer} -> {outer.provider} -> {inner.provider}", [outer.provider]
            yield sign_of(Trait.TIMEOUT, subject, reason, topology, whose=whose, evidence=told_of, declared=True)
    for (name, journey), edge in product(topology.system.journeys.items(), edges):
        touched = edge.consumer == topology.system.entry and edge.provider in (*journey.needs, *journey.usable_without)
        if touched and _longer(edge.deadline, journey.deadline):
            reason = (
                f"{edge.consumer} waits {edge.deadline} for {edge.provider}, "
                f"and the customer of {name} only {journey.deadline}"
            )
            subject, whose = f"{name} -> {edge.consumer} -> {edge.provider}", [edge.consumer]
            yield sign_of(Trait.TIMEOUT, subject, reason, topology, whose=whose, evidence=told_of, declared=True)


def _longer(inner: Duration | None, outer: Duration | None) -> bool:
    return inner is not None and outer is not None and inner > outer
