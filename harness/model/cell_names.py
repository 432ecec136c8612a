"""Cells by the names under which they are shown: `checkout, orders->payments refused`."""

from __future__ import annotations

import re

from harness.model.matrix import Cell, FirstFault, Kind

FORM = "'checkout, orders->payments refused'"
_PLACE = r"(?P<{0}edge>[^\s,()]+->[^\s,()]+)\s+(?P<{0}kind>[a-z0-9-]+)"
_CELL = re.compile(rf"(?P<journey>[^,]+?)\s*,\s*{_PLACE.format('')}(?:\s*\(\s*under\s+{_PLACE.format('first_')}\s*\))?")
_ARROW = re.compile(r"\s*(?:->|→)\s*")


def looks_like_a_cell(name: str) -> bool:
    """Whether somebody meant a cell by that, and no finding of an experiment."""
    return "," in name and bool(_ARROW.search(name))


def read_cell(name: str) -> Cell:
    """The cell of that name, however its arrow was typed.

    Raises:
        ValueError: when it is no name of a cell, with what is wrong.
    """
    plain = _ARROW.sub("->", " ".join(name.split()))
    match = _CELL.fullmatch(plain)
    if match is None:
        message = f"expected a cell such as {FORM}, found {name!r}"
        raise ValueError(message)
    first = FirstFault(edge=match["first_edge"], kind=_kind(match["first_kind"])) if match["first_edge"] else None
    return Cell(journey=match["journey"], edge=match["edge"], kind=_kind(match["kind"]), first=first)


def _kind(word: str) -> Kind:
    if word not in set(Kind):
        message = f"no kind of failure is called {word!r}; there are {', '.join(Kind)}"
        raise ValueError(message)
    return Kind(word)
