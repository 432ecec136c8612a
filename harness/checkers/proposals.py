"""Is an edge hard or soft? A proposal, by what its cells showed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.model.matrix import CellVerdict, Kind, Proposal
from harness.model.system import Need

TELLING = frozenset({Kind.REFUSED, Kind.BLACK_HOLE, Kind.RESET, Kind.TRUNCATE_0, Kind.TRUNCATE_HEAD})
"""Kinds under which nothing comes of a call; latency alone can be waited for."""


def propose(edge: str, declared: Need, results: Sequence[CellVerdict]) -> Proposal:
    """Soft when every journey across it stays usable under some kind of failure that lets nothing through."""
    mine = [
        each
        for each in results
        if each.cell.edge == edge and each.cell.first is None and each.cell.kind in TELLING and each.usable is not None
    ] or [each for each in results if each.cell.edge == edge and each.cell.kind in TELLING and each.usable is not None]
    if not mine:
        return Proposal(edge=edge, declared=declared, proposed=None, why="no cell of it could be judged")
    journeys = tuple(dict.fromkeys(each.cell.journey for each in mine))
    cannot = [name for name in journeys if not any(each.usable for each in mine if each.cell.journey == name)]
    if cannot:
        first = next(each for each in mine if each.cell.journey == cannot[0])
        why = f"{', '.join(cannot)} can't do without it: {first.answer} when {first.cell.kind}"
        if len(cannot) < len(journeys):
            why += f"; {', '.join(name for name in journeys if name not in cannot)} can"
        return Proposal(edge=edge, declared=declared, proposed=Need.HARD, why=why)
    usable = _kinds(each for each in mine if each.usable)
    fails = _kinds(each for each in mine if not each.usable)
    why = f"{', '.join(journeys)} can do without it when {usable}"
    why += f"; to mend: not yet when {fails}" if fails else ""
    return Proposal(edge=edge, declared=declared, proposed=Need.SOFT, why=why)


def seen_soft(results: Sequence[CellVerdict], journey: str, edge: str) -> bool:
    """Whether a journey was usable while nothing came of the calls on an edge."""
    mine = [each for each in results if (each.cell.journey, each.cell.edge) == (journey, edge)]
    return any(each.usable for each in mine if each.cell.kind in TELLING)


def _kinds(results: Iterable[CellVerdict]) -> str:
    return ", ".join(dict.fromkeys(each.cell.kind.value for each in results))
