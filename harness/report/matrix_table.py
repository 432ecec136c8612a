"""The resilience matrix on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.model.matrix import Outlook, Proposal
from harness.model.verdict import Verdict
from harness.report.matrix_shrunk import shrunk_lines
from harness.report.matrix_story import MatrixJourney, MatrixRow, MatrixStory, shown
from harness.report.words import count, edge_label, first_line, seconds

EDGE_WIDTH = 40
"""Of the column of edges, at most."""
NOT_SEEN_SHOWN = 6

Paint = Callable[[str, Verdict | None], str]


def lines(matrix: MatrixStory, *, paint: Paint, width: int) -> Iterator[str]:
    """A table of each journey, then what each edge looks like."""
    for journey in matrix.journeys:
        yield from _journey(matrix, journey, paint, width)
        yield ""
    if matrix.outlook is not None:
        yield from _outlook(matrix.outlook, width)
    yield from shrunk_lines(matrix)


def _journey(matrix: MatrixStory, journey: MatrixJourney, paint: Paint, width: int) -> Iterator[str]:
    placebo = journey.placebo
    yield f"Matrix of {journey.name}" + (f" (placebo {placebo.verdict})" if placebo else "")
    trouble = journey.crossings.trouble if journey.crossings else ""
    if trouble:
        yield f"  not clean: {first_line(trouble, 200)}"
    if not journey.rows:
        yield "  no cell was tried"
        return
    yield from _tables(matrix, journey, paint, width)
    yield from (f"  {each}" for each in never_crossed(journey))


def _tables(matrix: MatrixStory, journey: MatrixJourney, paint: Paint, width: int) -> Iterator[str]:
    """As many kinds beside one another as there is room for, the others below."""
    labels = [_label(row) for row in journey.rows]
    edges = max([len("edge"), *map(len, labels)])
    columns = [
        max([len(kind.value), *(len(shown(row, index)) for row in journey.rows)])
        for index, kind in enumerate(matrix.kinds)
    ]
    left = list(range(len(columns)))
    while left:
        part = [left.pop(0)]
        while left and edges + 2 + sum(columns[each] + 2 for each in (*part, left[0])) <= width:
            part.append(left.pop(0))
        heads = [f"{matrix.kinds[index].value:<{columns[index]}}" for index in part]
        yield "  ".join([f"  {'edge':<{edges}}", *heads]).rstrip()
        for row, label in zip(journey.rows, labels, strict=True):
            cells = [paint(f"{shown(row, index):<{columns[index]}}", _verdict(row, index)) for index in part]
            yield "  ".join([f"  {label:<{edges}}", *cells]).rstrip()


def _label(row: MatrixRow) -> str:
    label = first_line(edge_label(row.edge), EDGE_WIDTH)
    return f"  {label} while {edge_label(row.first.edge)} {row.first.kind}" if row.first else label


def _verdict(row: MatrixRow, index: int) -> Verdict | None:
    result = row.cells[index]
    return result.verdict if result else None


def never_crossed(journey: MatrixJourney) -> Iterator[str]:
    """Which edges this journey did not cross, so that nothing was tried there."""
    seen = journey.crossings
    if seen is None:
        return
    if not seen.counted:
        yield "nothing counts what crosses the edges here"
    if seen.not_seen:
        shown = ", ".join(edge_label(each) for each in seen.not_seen[:NOT_SEEN_SHOWN])
        more = f" and {len(seen.not_seen) - NOT_SEEN_SHOWN} more" if len(seen.not_seen) > NOT_SEEN_SHOWN else ""
        yield f"never crossed: {shown}{more}"


def _outlook(outlook: Outlook, width: int) -> Iterator[str]:
    told = [each for each in outlook.proposals if each.proposed]
    if told:
        yield "Edges"
        yield from _proposals(told, width)
    if told_ := in_figures(outlook):
        yield f"  {told_}"


def in_figures(outlook: Outlook) -> str:
    """How many cells there were, and what they took."""
    figures = outlook.figures
    took, cells = figures.get("seconds in all"), figures.get("cells")
    if took is None or cells is None:
        return ""
    parts = (
        ("cells pruned", "told by another, in brackets"),
        ("cells untested", "untested"),
        ("cells of an earlier run", "of an earlier run"),
        ("cells not applicable", "not applicable and not counted"),
    )
    told = [f"{figures[name]:.0f} {words}" for name, words in parts if figures.get(name)]
    asked = f", {figures['requests']:.0f} requests" if "requests" in figures else ""
    beside = f" ({'; '.join(told)})" if told else ""
    return f"{count(int(cells), 'cell')} in {seconds(took)}{beside}{asked}"


def _proposals(proposals: Sequence[Proposal], width: int) -> Iterator[str]:
    names = [first_line(edge_label(each.edge), EDGE_WIDTH) for each in proposals]
    wide = max(map(len, names))
    for each, name in zip(proposals, names, strict=True):
        declared = f", declared {each.declared}" if each.differs else ""
        yield f"  {name:<{wide}}  " + first_line(f"looks {each.proposed}{declared}: {each.why}", width * 2 - wide)
