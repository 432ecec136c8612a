"""An audit of chains: circles, how deep customers wait, and who waits longer than the one who asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.checkers.audit_look import NO_SPANS, SHOWN, Look, in_a_row, sign_of, told
from harness.checkers.audit_traces import in_words, silent_of
from harness.checkers.call_graph import Graph, circles, graph_of, knots, longest, without
from harness.model.audit import Sign, Told, Trait
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS, Edge, StoreKind, edge_name
from harness.model.topology import Topology

DEEP_CALLS = 4
"""So many calls one behind the other are deep."""


def cycles(look: Look) -> Told:
    """Services that call each other round in circles; those that hang together by circles are one sign."""
    graph = graph_of(look.calls)
    signs = []
    for knot in knots(graph):
        part = {name: providers & knot for name, providers in graph.items() if name in knot}
        rounds = circles(part)
        legs = sorted({edge_name(*ends) for circle in rounds for ends in pairwise(circle)})
        new = [leg for leg in legs if leg not in look.topology.edges]
        proof = [f"{len(rounds)} circles: {'; '.join(' -> '.join(each) for each in rounds[:SHOWN])}"]
        proof += [f"seen, and not declared: {', '.join(new)}"] if new else []
        proof += [f"without {name} no circle is left" for name in sorted(knot) if not knots(without(part, name))][
            :SHOWN
        ]
        proof.append(_went_round(look, knot))
        reason = f"{len(knot)} services call each other in circles: none can be without the others"
        subject = " -> ".join(rounds[0]) if len(rounds) == 1 else ", ".join(sorted(knot))
        whose = sorted(knot)
        declared = not new
        signs.append(
            sign_of(Trait.CYCLE, subject, reason, look.topology, whose=whose, evidence=proof, declared=declared)
        )
    looked_at = f"{len(look.calls)} edges between services, declared or seen"
    return told(Trait.CYCLE, signs, looked_at, look.lacking())


def _went_round(look: Look, knot: frozenset[str]) -> str:
    for each in look.traced.requests:
        if {name for name in each.rounds if each.rounds.count(name) > 1} & knot:
            return f"one request went round: {' -> '.join(each.rounds)}, trace {each.trace}"
    return "no request was seen to go round: each leg may be of requests of its own"


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
    upto = "up to " if declared else ""
    reason = f"{upto}{_calls(chain)} calls one behind the other{of}: each adds its time, and its failures"
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
        crossed[visit.journey] |= {*(visit.crossed or ()), *look.evidence.seen.by_itself}
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
    inner = [edge for edge in look.topology.edges.values() if edge.consumer != CUSTOMERS]
    passed_on = [edge for edge in inner if any(each.consumer == edge.provider for each in inner)]
    lacking = look.lacking()
    if open_ := [edge.name for edge in passed_on if edge.deadline is None]:
        lacking.append(f"no deadline is declared of {_first(open_)}")
    untried = [edge.name for edge in passed_on if edge.name not in look.traced.given_up]
    if untried and look.evidence.ran:
        more = "`harness audit --run` of a run with faults and spans tells"
        lacking.append(f"nobody was seen to give up on {_first(untried)}: {more}")
    tried = len(passed_on) - len(untried)
    how = "of calls seen one within the other" if look.traced.nested else "of all edges that meet in a service"
    how += ", as if nobody passed on with a request what is left of its time"
    looked_at = f"declared deadlines {how}; calls given up on {tried} of {len(passed_on)} edges that lead on"
    return told(Trait.TIMEOUT, [*_overruns(look), *_declared_timeouts(look)], looked_at, lacking)


def _first(names: Sequence[str]) -> str:
    return f"{', '.join(names[:SHOWN])} and {len(names) - SHOWN} others" if names[SHOWN:] else in_a_row(names)


def _overruns(look: Look) -> Iterator[Sign]:
    """Those who were seen to go on when nobody waited any more."""
    seen: dict[str, list[str]] = {}
    for each in sorted(look.traced.overruns, key=lambda one: -one.by_s):
        subject = f"{each.outer.consumer} -> {each.outer.provider} -> {each.inner.provider}"
        seen.setdefault(subject, []).append(in_words(each))
    for subject, proof in seen.items():
        first, middle, last = subject.split(" -> ")
        reason = f"{middle} went on waiting for {last} when {first} had given up: its work was for nobody"
        yield sign_of(Trait.TIMEOUT, subject, reason, look.topology, whose=[middle], evidence=proof[:SHOWN])


def _declared_timeouts(look: Look) -> Iterator[Sign]:
    """For each service, by whose declared deadlines it waits longer than those who wait for it."""
    topology = look.topology
    for middle in topology.system.services:
        pairs = sorted(_outlasting(look, middle), key=lambda pair: -pair.by_s)
        if not pairs:
            continue
        proof = [f"{each} (as declared)" for each in pairs[:SHOWN]]
        proof += [f"and {len(pairs) - SHOWN} more such pairs"] if pairs[SHOWN:] else []
        reason = f"it waits up to {Duration(pairs[0].by_s)} longer than the one who waits for it"
        yield sign_of(
            Trait.TIMEOUT, middle, reason, topology, whose=[middle], evidence=proof, declared=not look.traced.nested
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlasting:
    """A service waits longer for its provider than somebody waits for the service."""

    middle: str
    inner: Edge
    waiting: str
    """Who waits for the service."""
    lasts: Duration
    outer: Duration

    @property
    def by_s(self) -> float:
        """How much longer."""
        return self.lasts - self.outer

    def __str__(self) -> str:
        """`catalog waits 1 s for postgres, and pricing only 250 ms for catalog`."""
        return (
            f"{self.middle} waits {self.lasts} for {self.inner.provider}, "
            f"and {self.waiting} only {self.outer} for {self.middle}"
        )


def _outlasting(look: Look, middle: str) -> Iterator[Outlasting]:
    """By the edges that were seen one within the other, where spans tell; else by all that meet there.

    Without spans a broker is taken for one that nobody waits for.
    """
    topology, nested = look.topology, look.traced.nested
    outers = [(edge.name, edge.consumer, edge.deadline) for edge in topology.edges.values() if edge.provider == middle]
    for inner in topology.edges.values():
        if inner.consumer != middle or inner.deadline is None:
            continue
        if not nested and topology.is_store(inner.provider) and topology.store(inner.provider).kind is StoreKind.NATS:
            continue
        for name, waiting, outer in (*outers, *_customers(topology, inner)):
            known = not nested or waiting.startswith(CUSTOMERS) or (name, inner.name) in nested
            if known and outer is not None and inner.deadline > outer:
                yield Outlasting(middle=middle, inner=inner, waiting=waiting, lasts=inner.deadline, outer=outer)


def _customers(topology: Topology, inner: Edge) -> Iterator[tuple[str, str, Duration]]:
    """The journeys for which the entry waits for that provider, and how long their customers wait."""
    if inner.consumer != topology.system.entry:
        return
    for name, journey in topology.system.journeys.items():
        if inner.provider in (*journey.needs, *journey.usable_without):
            yield "", f"{CUSTOMERS} of {name}", journey.deadline
