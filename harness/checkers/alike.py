"""Cells that could tell nothing new: what every service would see, it has seen in another cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.model.matrix import Cell

SHOWN = 3
"""Calls that are named."""


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """A call by its name: within which request of the customer, on which edge, what was asked, and which of them."""

    request: str
    """`GET /products/{}`"""
    edge: str
    asked: str
    nth: int = 1

    def __str__(self) -> str:
        """`POST /orders: orders->payments POST /charges #2`."""
        return f"{self.request}: {self.edge} {self.asked}" + (f" #{self.nth}" if self.nth > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that the services see while a journey crosses an edge, and what the journey is held to there."""

    calls: frozenset[Call] = frozenset()
    """On the edge; where nobody can read it, those to its consumer. Empty when nothing is known: then all is new."""
    perhaps: frozenset[Call] = frozenset()
    """Those of some visits only: a cell stands for another when it is sure to see these too."""
    held_to: tuple[object, ...] = ()
    """What the judgement depends on: declarations and deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """Which cells are conducted, and which of them stands for each of the others, and why."""

    kept: tuple[Cell, ...]
    stands: Mapping[Cell, tuple[Cell, str]] = field(default_factory=dict)


def prune(cells: Sequence[Cell], seen: Mapping[tuple[str, str], Seen], critical: Sequence[str] = ()) -> Pruning:
    """Leave out each cell all of whose calls are among those of another: the same edge, the same kind.

    Args:
        cells: all that could be conducted.
        seen: by journey and edge.
        critical: the journeys whose cells are rather kept than others'.
    """
    by_place: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        by_place.setdefault((cell.edge, cell.kind, cell.first), []).append(cell)
    stands: dict[Cell, tuple[Cell, str]] = {}
    for group in by_place.values():
        # The richest first: it stands for those that are a part of it.
        rich = sorted(
            group, key=lambda each: (-len(_seen(seen, each).calls), each.journey not in critical, cells.index(each))
        )
        kept: list[Cell] = []
        for cell in rich:
            mine = _seen(seen, cell)
            other = next((each for each in kept if _covers(_seen(seen, each), mine)), None)
            if other is None:
                kept.append(cell)
            else:
                stands[cell] = (other, f"{other.journey} makes the same calls: {_shown(mine.calls)}")
    return Pruning(kept=tuple(each for each in cells if each not in stands), stands=stands)


def _seen(seen: Mapping[tuple[str, str], Seen], cell: Cell) -> Seen:
    return seen.get((cell.journey, cell.edge), Seen()) if cell.first is None else Seen()


def _covers(one: Seen, other: Seen) -> bool:
    return bool(other.calls) and other.calls | other.perhaps <= one.calls and other.held_to == one.held_to


def _shown(calls: frozenset[Call]) -> str:
    listed = sorted(calls)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return "; ".join(map(str, listed[:SHOWN])) + more
