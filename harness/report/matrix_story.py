"""The resilience matrix as every report shows it: rows of edges, columns of kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.model.events import BudgetMeasured, CellShrunk, Event, MatrixCellEnded, MatrixEnded
from harness.model.matrix import KINDS, Cell, CellVerdict, FirstFault, JourneyCrossings, Kind, Outlook
from harness.model.shrunk import LatencyBudget, Shrunk
from harness.model.verdict import Verdict
from harness.report.words import EXCUSED, MARKS

UNTESTED = "untested"
NOT_APPLICABLE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One edge under one journey, perhaps under a first fault; None where a kind was not tried."""

    edge: str
    first: FirstFault | None
    cells: tuple[CellVerdict | None, ...]
    untested: tuple[bool, ...]
    """Of each kind, whether there was no time for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixJourney:
    """The rows of one journey."""

    name: str
    rows: tuple[MatrixRow, ...]
    placebo: CellVerdict | None
    crossings: JourneyCrossings | None
    """None in a journal that was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixStory:
    """The whole matrix."""

    kinds: tuple[Kind, ...]
    journeys: tuple[MatrixJourney, ...]
    outlook: Outlook | None
    """None in a journal that was cut."""
    shrunk: tuple[Shrunk, ...] = ()
    budgets: tuple[LatencyBudget, ...] = ()

    @property
    def cells(self) -> tuple[CellVerdict, ...]:
        """All cells, placebos left out."""
        return tuple(each for journey in self.journeys for row in journey.rows for each in row.cells if each)


def matrix_of(events: Sequence[Event]) -> MatrixStory | None:
    """The matrix of a journal; None when it has none."""
    results = [each.result for each in events if isinstance(each, MatrixCellEnded)]
    outlook = next((each.outlook for each in events if isinstance(each, MatrixEnded)), None)
    if not results and outlook is None:
        return None
    untested = outlook.untested if outlook else ()
    cells = [*(each.cell for each in results), *untested]
    kinds = tuple(kind for kind in KINDS if any(each.kind is kind for each in cells))
    names = dict.fromkeys(each.journey for each in cells)
    return MatrixStory(
        kinds=kinds,
        journeys=tuple(_journey(name, kinds, results, outlook) for name in names),
        outlook=outlook,
        shrunk=tuple(each.shrunk for each in events if isinstance(each, CellShrunk)),
        budgets=tuple(each.budget for each in events if isinstance(each, BudgetMeasured)),
    )


def _journey(
    name: str, kinds: Sequence[Kind], results: Sequence[CellVerdict], outlook: Outlook | None
) -> MatrixJourney:
    mine = [each for each in results if each.cell.journey == name]
    placebo = next((each for each in mine if each.cell.kind is Kind.PLACEBO), None)
    untested = {each for each in (outlook.untested if outlook else ()) if each.journey == name}
    cells = [*(each.cell for each in mine if each.cell.kind is not Kind.PLACEBO), *untested]
    found = {(each.cell.edge, each.cell.first, each.cell.kind): each for each in mine}
    seen = next((each for each in outlook.journeys if each.journey == name), None) if outlook else None
    return MatrixJourney(
        name=name,
        rows=tuple(
            MatrixRow(
                edge=edge,
                first=first,
                cells=tuple(found.get((edge, first, kind)) for kind in kinds),
                untested=tuple(Cell(journey=name, edge=edge, kind=kind, first=first) in untested for kind in kinds),
            )
            for edge, first in _rows(cells, seen)
        ),
        placebo=placebo,
        crossings=seen,
    )


def _rows(cells: Sequence[Cell], seen: JourneyCrossings | None) -> list[tuple[str, FirstFault | None]]:
    """In the order of the description where that is known, those under a first fault after the others."""
    order = {edge: index for index, edge in enumerate((*seen.edges, *seen.under_fault) if seen else ())}
    rows = dict.fromkeys((each.edge, each.first) for each in cells)
    return sorted(rows, key=lambda row: (row[1] is not None, order.get(row[0], len(order))))


def shown(row: MatrixRow, index: int) -> str:
    """A cell as it stands in a table; in brackets when another stands for it, `-` when the edge can't have the kind."""
    result = row.cells[index]
    if result is None:
        return UNTESTED if row.untested[index] else NOT_APPLICABLE
    told = f"{EXCUSED if result.excused else MARKS[result.verdict]} {in_a_word(result)}"
    return f"({told})" if result.stands else told


def in_a_word(result: CellVerdict | None) -> str:
    """What came of a cell, as it stands in the table: `usable`, `degraded`, `503`, `hang`, `not-crossed`."""
    if result is None:
        return ""
    if result.verdict is not Verdict.PASS and result.findings:
        more = sum(each.verdict is result.verdict for each in result.findings) - 1
        return str(result.findings[0].rule) + (f" +{more}" if more else "")
    if not result.usable:
        return result.answer
    return "degraded" if result.degraded else "usable"
