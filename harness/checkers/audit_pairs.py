"""An audit of calls that never come alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from harness.checkers.audit_look import NO_SPANS, SHOWN, Look, sign_of, told
from harness.model.audit import Told, Trait
from harness.model.system import edge_name

PAIR_LEAST = 5
"""Requests that cross an edge, before it is said what always comes with it."""
PAIR_KINDS = 2
"""Of so many kinds: what one kind of request needs says little."""


def pairs(look: Look) -> Told:
    """Edges between services that are crossed equally often by whatever request crosses any of them."""
    units, how = _units(look)
    between = {edge_name(*ends) for ends in look.calls}
    counts = {edge: tuple(unit.get(edge, 0) for _, unit in units) for edge in sorted(between)}
    groups: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for edge, vector in counts.items():
        if any(vector):
            groups[vector].append(edge)
    signs, few = [], []
    for vector, edges in groups.items():
        kinds = sorted({kind for (kind, _), count in zip(units, vector, strict=True) if count})
        times = sum(count > 0 for count in vector)
        if len(edges) < PAIR_KINDS:
            continue
        if times < PAIR_LEAST or len(kinds) < PAIR_KINDS:
            few.append(" and ".join(edges[:SHOWN]))
            continue
        reason = f"always crossed together and equally often, by {times} requests of {len(kinds)} kinds"
        proof = [f"kinds: {', '.join(kinds[:SHOWN])}", f"calls on each: {sum(vector)}", how]
        ends = dict.fromkeys(end for edge in edges for end in edge.split("->"))
        signs.append(sign_of(Trait.PAIR, " + ".join(edges), reason, look.topology, whose=ends, evidence=proof))
    lacking = look.lacking()
    hidden = [edge for edge in look.evidence.seen.by_itself if edge in between]
    if hidden and not look.traced.requests:
        lacking.append(f"what requests cross on {', '.join(hidden)} can't be told from what crosses anyway")
    if 0 < len(units) < PAIR_LEAST:
        lacking.append(f"{len(units)} requests are too few; {PAIR_LEAST} are needed: --visits")
    if not units and look.evidence.ran:
        lacking.append(f"nothing tells what a single request crosses; {NO_SPANS}")
    lacking += [f"{each}: by too few requests, or of one kind only" for each in few[:SHOWN]]
    return told(Trait.PAIR, signs, f"{len(units)} requests; {how}", lacking)


def _units(look: Look) -> tuple[list[tuple[str, Mapping[str, int]]], str]:
    """What single requests crossed, by spans; else what visits crossed, as the relay counts it."""
    requests = [(each.kind, each.crossed) for each in look.traced.requests if each.crossed]
    if len(requests) >= PAIR_LEAST:
        return requests, "told by spans of each request"
    visits = look.evidence.seen.visits
    return [
        (each.journey, each.crossed) for each in visits if each.crossed and each.exact
    ], "counted by the relay in each visit"
