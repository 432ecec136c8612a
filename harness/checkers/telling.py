"""Which cells tell most: what is tried first when there may be no time for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from harness.model.matrix import Cell, Kind

HARDEST = (
    Kind.TRUNCATE_HEAD,
    Kind.BLACK_HOLE,
    Kind.REFUSED,
    Kind.HTML_200,
    Kind.LATENCY,
    Kind.STATUS_500,
    Kind.MALFORMED,
    Kind.ONE_WAY,
    Kind.TRUNCATE_BODY,
    Kind.RESET,
    Kind.TRICKLE,
    Kind.TRUNCATE_0,
    Kind.STATUS_503,
    Kind.HALF_OPEN,
)
"""Kinds of failure as they are hard to survive. Neighbours differ: whoever survives one may die of the next."""
AGAIN = 8
"""A kind that was tried on an edge under another journey comes so many kinds later."""
STORE = 8
"""So does one on the way to a store or a broker. A service goes there through one client library and handles all its
failures alike, and these cells take longest, since a standing connection has to meet the fault; what is declared of
patience, fallbacks and retries is about other services."""
SECOND = 3
"""So does a cell under a first fault: two things must go wrong for it."""


def telling_order(cells: Iterable[Cell], critical: Sequence[str] = (), stores: Collection[str] = ()) -> list[Cell]:
    """The most telling cells first: hard kinds, one on every edge before the next, critical journeys before others.

    Args:
        cells: in the order in which those that tell as much are kept.
        critical: the journeys that matter most.
        stores: names of stores and brokers.
    """
    listed = sorted(cells, key=lambda each: each.journey not in critical)
    seen: Counter[tuple[str, Kind]] = Counter()
    ranked: list[tuple[int, bool, int, Cell]] = []
    for index, cell in enumerate(listed):
        later = (SECOND if cell.first else 0) + (STORE if cell.provider in stores else 0)
        rank = _rank(cell.kind) + AGAIN * seen[cell.edge, cell.kind] + later
        seen[cell.edge, cell.kind] += 1
        ranked.append((rank, cell.journey not in critical, index, cell))
    return [cell for *_, cell in sorted(ranked, key=lambda each: each[:3])]


def _rank(kind: Kind) -> int:
    return HARDEST.index(kind) if kind in HARDEST else len(HARDEST)
