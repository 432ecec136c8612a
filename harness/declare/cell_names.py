"""Cells as people name them, held against a description."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.declare.system import load_system
from harness.declare.validate import nearest
from harness.errors import DeclarationError, Place, Problem
from harness.model.cell_names import read_cell
from harness.model.matrix import KINDS, Cell
from harness.model.system import CUSTOMERS, edge_name
from harness.model.topology import Topology


def cells_named(names: Sequence[str], description: Path) -> tuple[Cell, ...]:
    """The cells of those names.

    Raises:
        DeclarationError: if the description is wrong, or there is no such cell in its system.
    """
    topology = load_system(description)
    cells, problems = list[Cell](), list[Problem]()
    for name in names:
        try:
            cell = read_cell(name)
        except ValueError as error:
            problems.append(Problem(place=Place(file=str(description)), message=str(error)))
            continue
        cells.append(cell)
        for message, remedy in wrong_with(cell, topology):
            problems.append(Problem(place=Place(file=str(description)), message=f"'{name}': {message}", remedy=remedy))
    if problems:
        raise DeclarationError(problems)
    return tuple(cells)


def wrong_with(cell: Cell, topology: Topology) -> Iterator[tuple[str, str]]:
    """What the system has not that a cell names, and what it has; journeys only where some are declared."""
    journeys = topology.system.journeys
    if journeys and cell.journey not in journeys:
        yield f"no journey '{cell.journey}'", nearest(cell.journey, journeys)
    known = [name for name in topology.edges if name != edge_name(CUSTOMERS, topology.system.entry)]
    for edge in (cell.edge, *([cell.first.edge] if cell.first else [])):
        if edge not in known:
            yield f"no edge '{edge}'", nearest(edge, known)
    for kind in (cell.kind, *([cell.first.kind] if cell.first else [])):
        if kind not in KINDS:
            yield f"no column of the matrix is called '{kind}'", nearest(kind, KINDS)
