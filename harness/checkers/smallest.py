"""Bisects for the smallest fault that still breaks: which size to try next, and what is known by then."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PRECISION = 0.05
"""Two sizes are the same when they differ by less than this part of the greater."""
MOST_TRIALS = 14
UNSEEN = 0.2
"""So great a part of all sizes, by their logarithm, is looked into though bisection did not lead there."""
UNSEEN_AT_ALL = 0.6
"""The same where the mildest breaks: what is between hardly matters."""
CONFIRMED = 2
"""So often must the smallest that breaks have broken."""

Outcome = tuple[float, bool | None]
"""A size that was tried, and whether it broke; None when that could not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A size that is known to break, and the smallest fault that there is: which may be the greater number."""

    harsh: float
    mild: float
    whole: bool = False
    """Sizes are whole numbers."""
    precision: float = PRECISION
    most_trials: int = MOST_TRIALS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisected:
    """What is known."""

    smallest: float
    """The mildest size that breaks; all that were tried again did so."""
    holds: float | None
    """The harshest that holds among the milder ones; None when none did."""
    holds_above: tuple[float, ...] = ()
    """Harsher sizes that hold all the same, so that nothing follows from the smallest."""
    unsure: tuple[float, ...] = ()
    """Sizes that broke now and then, or could not be told."""
    complete: bool = False
    """Whether the two are as near to one another as was wanted, and what was asked twice agreed."""

    @property
    def monotone(self) -> bool:
        """Whether everything harsher was seen to break."""
        return not self.holds_above


def next_size(search: Search, tried: Sequence[Outcome]) -> float | None:
    """The size to try next; None when enough is known, or nothing more can be.

    The mildest comes first, then bisection, then a look where it did not lead, since a fault that is harsher may be
    borne where a milder one is not; at last the smallest that breaks once more.
    """
    if len(tried) >= search.most_trials:
        return None
    sizes = {size for size, _ in tried}
    if search.mild not in sizes:
        return search.mild
    found = bisected(search, tried)
    middle = _between(search, found.smallest, found.holds)
    if middle is not None and middle not in sizes:
        return middle
    look = _widest(search, sizes, UNSEEN_AT_ALL if found.smallest == search.mild else UNSEEN)
    if look is not None:
        return look
    again = sum(size == found.smallest for size, _ in tried) < CONFIRMED and found.smallest != search.harsh
    return found.smallest if again else None


def bisected(search: Search, tried: Sequence[Outcome]) -> Bisected:
    """What is known by some trials."""
    told = _told(search, tried)
    breaks = [size for size, broke in told.items() if broke]
    smallest = min(breaks, key=lambda size: _harshness(search, size))
    limit = _harshness(search, smallest)
    milder = [size for size, broke in told.items() if broke is False and _harshness(search, size) < limit]
    harsher = [size for size, broke in told.items() if broke is False and _harshness(search, size) > limit]
    holds = max(milder, key=lambda size: _harshness(search, size), default=None)
    near = holds is not None and _between(search, smallest, holds) is None
    confirmed = smallest == search.harsh or sum(size == smallest for size, _ in tried) >= CONFIRMED
    return Bisected(
        smallest=smallest,
        holds=holds,
        holds_above=tuple(sorted(harsher)),
        unsure=tuple(sorted(size for size, broke in told.items() if broke is None)),
        complete=(near or _same(search, smallest, search.mild)) and confirmed,
    )


def _told(search: Search, tried: Sequence[Outcome]) -> Mapping[float, bool | None]:
    """Size → whether it breaks, where all its trials agree; the harshest is known to, whatever follows."""
    outcomes: dict[float, set[bool]] = {search.harsh: {True}}
    for size, broke in tried:
        outcomes.setdefault(size, set()).update(() if broke is None else (broke,))
    return {size: next(iter(seen)) if len(seen) == 1 else None for size, seen in outcomes.items()} | {
        search.harsh: True
    }


def _scale(search: Search, size: float) -> float:
    return math.log(size + 1 if search.whole else size)


def _harshness(search: Search, size: float) -> float:
    """0 of the mildest, 1 of the harshest."""
    mild, harsh = _scale(search, search.mild), _scale(search, search.harsh)
    return (_scale(search, size) - mild) / (harsh - mild)


def _between(search: Search, harsh: float, mild: float | None) -> float | None:
    """The size in the middle; None when there is none that differs from both."""
    if mild is None or _same(search, harsh, mild):
        return None
    middle = math.exp((_scale(search, harsh) + _scale(search, mild)) / 2)
    size = float(round(middle - 1)) if search.whole else round(middle, 3)
    return None if size in {harsh, mild} else size


def _same(search: Search, one: float, other: float) -> bool:
    if search.whole and abs(one - other) > 1:
        return abs(one - other) <= search.precision * max(one, other)
    return abs(one - other) <= (1 if search.whole else search.precision * max(one, other))


def _widest(search: Search, sizes: set[float], unseen: float) -> float | None:
    """The middle of the widest gap, where nothing is known of too great a part of all sizes."""
    known = sorted({search.harsh, *sizes}, key=lambda size: _harshness(search, size))
    gaps = [
        (_harshness(search, harsh) - _harshness(search, mild), mild, harsh) for mild, harsh in itertools.pairwise(known)
    ]
    width, mild, harsh = max(gaps)
    middle = _between(search, harsh, mild)
    return middle if width > unseen and middle not in sizes else None
