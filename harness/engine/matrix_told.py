"""What a matrix says beyond its cells: findings for every report, and the outlook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.checkers.proposals import propose
from harness.engine.familiar import Familiar
from harness.model.finding import Finding, Part
from harness.model.matrix import Cell, CellFinding, CellVerdict, JourneyCrossings, Kind, Outlook, Rule, Whose
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import Topology

VALIDITY_RULES = frozenset(
    {
        Rule.UNCLEAN,
        Rule.NOT_IN_FORCE,
        Rule.NOT_CROSSED,
        Rule.SHADOWED,
        Rule.PLACEBO,
        Rule.HARNESS,
        Rule.FLAKY,
        Rule.PROXY,
    }
)
CHECK = "matrix"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallied:
    """What a matrix took."""

    in_all_s: float
    known_s: float
    """Until the first cell but for placebos: getting to know the journeys."""
    visits: int
    requests: int | None
    """On all edges, what crosses by itself included; None when nothing counts."""
    not_applicable: int
    untested: int


def outlook_of(
    topology: Topology,
    journeys: Sequence[Familiar],
    results: Sequence[CellVerdict],
    untested: Sequence[Cell],
    tallied: Tallied,
) -> Outlook:
    """What the whole matrix says beyond its cells."""
    entry = edge_name(CUSTOMERS, topology.system.entry)
    conducted = [each for each in results if each.stands is None]
    tried = {each.cell.edge for each in results}
    crossings = tuple(
        JourneyCrossings(
            journey=known.journey,
            edges=tuple(known.usual),
            under_fault=tuple(known.found),
            not_seen=tuple(edge for edge in topology.edges if edge not in {*known.usual, *known.found, entry}),
            trouble=known.trouble,
            counted=known.counted,
        )
        for known in journeys
    )
    figures = {
        "journeys": float(len(journeys)),
        "edges": float(len({each.cell.edge for each in results if each.cell.edge})),
        "cells": float(sum(each.cell.kind is not Kind.PLACEBO for each in results) + len(untested)),
        "cells conducted": float(sum(each.cell.kind is not Kind.PLACEBO for each in conducted)),
        "cells pruned": float(sum(each.stands is not None for each in results)),
        "cells untested": float(tallied.untested),
        "cells of an earlier run": float(sum(bool(each.taken_from) for each in results)),
        "cells not applicable": float(tallied.not_applicable),
        "cells repeated": float(sum(each.trials > 1 for each in conducted)),
        "visits": float(tallied.visits),
        "seconds in all": round(tallied.in_all_s, 3),
        "seconds of getting to know": round(tallied.known_s, 3),
        "seconds of visits, faults and healing": round(sum(each.took_s for each in conducted), 3),
    }
    if tallied.requests is not None:
        figures["requests"] = float(tallied.requests)
    proposals = tuple(propose(name, edge.need, conducted) for name, edge in topology.edges.items() if name in tried)
    return Outlook(journeys=crossings, proposals=proposals, untested=tuple(untested), figures=figures)


def finding_of(topology: Topology, result: CellVerdict) -> Finding:
    """A cell as a finding, which every report tells: it is the consumer that should cope."""
    cell = result.cell
    worst_ = result.findings[0] if result.findings else None
    blamed = cell.consumer in topology.system.services and not _is_validity(worst_)
    whose = result.whose or Whose(service=cell.consumer if blamed else "", edge=cell.edge, reason="", inferred=blamed)
    told = (f"whose fault: {whose.reason}", *whose.evidence) if whose.reason else ()
    return Finding(
        check=f"{CHECK} {worst_.rule}" if worst_ else f"{CHECK} {cell.kind}",
        part=Part.MATRIX,
        verdict=result.verdict,
        reason=result.reason,
        subject=str(cell),
        edge=whose.edge or cell.edge,
        service=whose.service,
        owner=topology.owner(whose.service) if whose.service else "",
        inferred=whose.inferred,
        evidence=(*(line for each in result.findings for line in each.evidence), *result.remarks, *told),
        replay=result.replay,
    )


def _is_validity(found: CellFinding | None) -> bool:
    return found is not None and found.rule in VALIDITY_RULES
