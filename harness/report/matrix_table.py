"""The resilience matrix on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.model.matrix import CellVerdict, Outlook, Proposal
from harness.model.verdict import Verdict
from harness.report.matrix_story import MatrixJourney, MatrixRow, MatrixStory, in_a_word
from harness.report.words import MARKS, count, edge_label, first_line, seconds

EDGE_WIDTH = 40
"""Of the column of edges, at most."""
NOT_SEEN_SHOWN = 6

Paint = Callable[[str, Verdict | None], str]


def lines(matrix: MatrixStory, *, paint: Paint, width: int) -> Iterator[str]:
    """A table of each journey, then what each edge looks like."""
    for journey in matrix.journeys:
        yield from _journey(matrix, journey, paint)
        yield ""
    if matrix.outlook is not None:
        yield from _outlook(matrix.outlook, width)


def _journey(matrix: MatrixStory, journey: MatrixJourney, paint: Paint) -> Iterator[str]:
    labels = [_label(row) for row in journey.rows]
    edges = max([len("edge"), *map(len, labels)])
    columns = [
        max([len(kind.value), *(len(_word(row.cells[index])) for row in journey.rows)])
        for index, kind in enumerate(matrix.kinds)
    ]
    placebo = journey.placebo
    yield f"Matrix of {journey.name}" + (f" (placebo {placebo.verdict})" if placebo else "")
    trouble = journey.crossings.trouble if journey.crossings else ""
    if trouble:
        yield f"  not clean: {first_line(trouble, 200)}"
    if not journey.rows:
        yield "  no cell was tried"
        return
    heads = [f"{kind.value:<{wide}}" for kind, wide in zip(matrix.kinds, columns, strict=True)]
    yield "  ".join([f"  {'edge':<{edges}}", *heads]).rstrip()
    for row, label in zip(journey.rows, labels, strict=True):
        cells = [
            paint(f"{_word(each):<{wide}}", each.verdict if each else None)
            for each, wide in zip(row.cells, columns, strict=True)
        ]
        yield "  ".join([f"  {label:<{edges}}", *cells]).rstrip()
    yield from _never(journey)


def _label(row: MatrixRow) -> str:
    label = first_line(edge_label(row.edge), EDGE_WIDTH)
    return f"  {label} while {edge_label(row.first.edge)} {row.first.kind}" if row.first else label


def _word(result: CellVerdict | None) -> str:
    return f"{MARKS[result.verdict]} {in_a_word(result)}" if result else "-"


def _never(journey: MatrixJourney) -> Iterator[str]:
    seen = journey.crossings
    if seen is None:
        return
    if not seen.counted:
        yield "  nothing counts what crosses the edges here"
    if seen.not_seen:
        shown = ", ".join(edge_label(each) for each in seen.not_seen[:NOT_SEEN_SHOWN])
        more = f" and {len(seen.not_seen) - NOT_SEEN_SHOWN} more" if len(seen.not_seen) > NOT_SEEN_SHOWN else ""
        yield f"  never crossed: {shown}{more}"


def _outlook(outlook: Outlook, width: int) -> Iterator[str]:
    told = [each for each in outlook.proposals if each.proposed]
    if told:
        yield "Edges"
        yield from _proposals(told, width)
    took, cells = outlook.figures.get("seconds in all"), outlook.figures.get("cells")
    if took is not None and cells is not None:
        yield f"  {count(int(cells), 'cell')} in {seconds(took)}"


def _proposals(proposals: Sequence[Proposal], width: int) -> Iterator[str]:
    names = [first_line(edge_label(each.edge), EDGE_WIDTH) for each in proposals]
    wide = max(map(len, names))
    for each, name in zip(proposals, names, strict=True):
        declared = f", declared {each.declared}" if each.differs else ""
        yield f"  {name:<{wide}}  " + first_line(f"looks {each.proposed}{declared}: {each.why}", width * 2 - wide)
