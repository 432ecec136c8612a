"""Smallest faults and latency budgets in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.model.shrunk import LatencyBudget
from harness.report.matrix_story import MatrixStory
from harness.report.words import NOTHING, edge_label, first_line, seconds

BUDGET_HEADS = ("Journey", "Declared", "Deadline", "Full up to", "Bears", "Breaks from", "Slack")
SENTENCE_WIDTH = 240


def shrunk_lines(matrix: MatrixStory) -> Iterator[str]:
    """What a terminal shows of both; nothing of neither."""
    if matrix.shrunk:
        yield ""
        yield "Smallest faults"
        for each in matrix.shrunk:
            yield f"  {first_line(each.sentence, SENTENCE_WIDTH)}"
            if each.reproduction:
                yield f"    {each.reproduction}"
    if matrix.budgets:
        yield ""
        yield "Latency budget"
        yield from _table(matrix.budgets)


def budget_words(budget: LatencyBudget) -> tuple[str, ...]:
    """A budget under its heads, the edge left out."""
    doubt = "" if budget.complete else " ?"
    any_ = budget.breaks_s is None and budget.bears_s is not None
    slack = _signed(budget.slack_s, at_least=any_)
    return (
        budget.journey,
        budget.need.value,
        seconds(budget.deadline_s) if budget.deadline_s is not None else NOTHING,
        seconds(budget.full_s) if budget.full_s is not None else NOTHING,
        (f"any up to {seconds(budget.bears_s)}" if any_ else seconds(budget.bears_s)) + doubt,
        (seconds(budget.breaks_s) if budget.breaks_s is not None else NOTHING)
        + ("" if budget.monotone else ", not always"),
        slack,
    )


def _signed(slack_s: float | None, *, at_least: bool) -> str:
    if slack_s is None:
        return NOTHING
    sign = "-" if slack_s < 0 else "+"
    return f"{sign}{seconds(abs(slack_s))}" + (" at least" if at_least else "")


def _table(budgets: Sequence[LatencyBudget]) -> Iterator[str]:
    rows = [("edge", *(each.lower() for each in BUDGET_HEADS))]
    rows += [(edge_label(each.edge), *budget_words(each)) for each in budgets]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(f"{word:<{width}}" for word, width in zip(row, widths, strict=True)).rstrip()
