"""The section of the HTML report with the resilience matrix."""

from __future__ import annotations

from collections.abc import Mapping

from harness.model.events import SpansSeen
from harness.model.finding import Part
from harness.model.matrix import JourneyCrossings, Outlook
from harness.model.verdict import Verdict
from harness.report.markup import Ids, Markup, el, joined
from harness.report.matrix_shrunk import BUDGET_HEADS, budget_words
from harness.report.matrix_story import MatrixJourney, MatrixRow, MatrixStory, shown
from harness.report.matrix_table import in_figures
from harness.report.parts import Cell, Row, card, chip, finding_block, head, passes, table, text
from harness.report.story import RunStory, Told
from harness.report.waterfall import waterfall
from harness.report.words import NOTHING, count, edge_label


def matrix(ids: Ids, story: RunStory) -> Markup:
    """The tables of all journeys, what each edge looks like, and what each red cell saw; nothing without a matrix."""
    if story.matrix is None:
        return Markup()
    told = story.part(Part.MATRIX)
    anchors = {each.finding.subject: ids.take("cell", each.finding.subject) for each in told}
    made = [card(_legend(story.matrix), *(_journey(story.matrix, each, anchors) for each in story.matrix.journeys))]
    if story.matrix.outlook is not None and story.matrix.outlook.proposals:
        made.append(_proposals(story.matrix.outlook))
    made += [_shrunk(story.matrix)] if story.matrix.shrunk else []
    made += [_budgets(story.matrix)] if story.matrix.budgets else []
    trouble = [each for each in told if each.finding.verdict is not Verdict.PASS]
    good = [each for each in told if each.finding.verdict is Verdict.PASS]
    if told:
        traces = {each.experiment: each for each in story.spans}
        blocks = [_block(ids, story, each, anchors, traces.get(each.finding.subject)) for each in trouble]
        made.append(card(*blocks, passes(good, f"{count(len(good), 'cell')} passed", rows_at=anchors)))
    return joined(made)


def _block(ids: Ids, story: RunStory, told: Told, anchors: Mapping[str, str], trace: SpansSeen | None) -> Markup:
    beside = waterfall(ids, trace) if trace else Markup()
    return finding_block(story, told, opened=False, identity=anchors[told.finding.subject], beside=beside)


def _legend(story: MatrixStory) -> Markup:
    kinds = [joined([el("dt", {}, kind.value), el("dd", {}, kind.words)]) for kind in story.kinds]
    words = (
        "Each cell: one fault on one edge, a few visits, judged by what holds for every system. "
        "A cell whose edge no request crossed says nothing and is red too. "
        "In brackets: another cell, named when pointed at, stands for it, since every service would see the same. "
        "A dash: the edge can't have that kind of failure."
    )
    summary = el("summary", {}, "The kinds of failure")
    listed = el("details", {}, summary, el("div", {"class": "inside"}, el("dl", {"class": "facts"}, *kinds)))
    told = f"{in_figures(story.outlook)}. " if story.outlook else ""
    return joined([el("p", {"class": "soft small"}, told + words), listed if kinds else ""])


def _journey(story: MatrixStory, journey: MatrixJourney, anchors: Mapping[str, str]) -> Markup:
    placebo = journey.placebo
    beside = joined([" placebo ", chip(placebo.verdict)]) if placebo else Markup()
    heading = el("h3", {}, journey.name, el("span", {"class": "soft small"}, beside))
    heads = (text("Edge"), *(text(kind.value) for kind in story.kinds))
    columns = range(len(story.kinds))
    rows = [Row(cells=(head(_label(row)), *(_cell(row, index, anchors) for index in columns))) for row in journey.rows]
    listed = (
        table("", heads, rows, stacks=False, label=f"Cells of {journey.name}")
        if rows
        else el("p", {"class": "soft"}, "No cell was tried.")
    )
    return joined([heading, listed, _crossings(journey.crossings)])


def _label(row: MatrixRow) -> Markup:
    if row.first is None:
        return joined([edge_label(row.edge)])
    under = el("div", {"class": "soft small"}, f"while {edge_label(row.first.edge)} {row.first.kind}")
    return joined([edge_label(row.edge), under])


def _cell(row: MatrixRow, index: int, anchors: Mapping[str, str]) -> Cell:
    result = row.cells[index]
    if result is None:
        return text(shown(row, index))
    title = f"as {result.stands}: {result.pruned}" if result.stands else result.reason
    title += f" ({result.excused})" if result.excused else ""
    attributes = {"class": f"chip {result.verdict.lower()}", "title": title}
    # What stands for it has the evidence.
    anchor = anchors.get(str(result.cell)) or anchors.get(str(result.stands), "")
    if not anchor:
        return text(el("span", attributes, shown(row, index)))
    return text(el("a", {**attributes, "href": f"#{anchor}"}, shown(row, index)))


def _crossings(seen: JourneyCrossings | None) -> Markup:
    if seen is None:
        return Markup()
    told = [f"Not clean: {seen.trouble}."] if seen.trouble else []
    told += [] if seen.counted else ["Nothing counts what crosses the edges here."]
    if seen.not_seen:
        told.append(f"Never seen to cross: {', '.join(map(edge_label, seen.not_seen))}.")
    return el("p", {"class": "soft small"}, " ".join(told)) if told else Markup()


def _proposals(outlook: Outlook) -> Markup:
    rows = [
        Row(
            cells=(
                head(edge_label(each.edge)),
                text(each.declared),
                text(el("strong", {}, each.proposed) if each.differs and each.proposed else each.proposed or NOTHING),
                text(each.why),
            )
        )
        for each in outlook.proposals
    ]
    names = ("Edge", "Declared", "Looks", "Why")
    return card(el("h3", {}, "Hard or soft"), table("", tuple(text(name) for name in names), rows))


def _shrunk(story: MatrixStory) -> Markup:
    rows = [
        Row(cells=(head(str(each.cell)), text(each.sentence), text(each.fault), text(each.reproduction or NOTHING)))
        for each in story.shrunk
    ]
    names = ("Cell", "Breaks", "Smallest fault", "Test")
    return card(el("h3", {}, "Smallest faults"), table("", tuple(text(name) for name in names), rows))


def _budgets(story: MatrixStory) -> Markup:
    rows = [
        Row(cells=(head(edge_label(each.edge)), *(text(word) for word in budget_words(each)))) for each in story.budgets
    ]
    words = "Of the edges that a journey can do without: which delay it bears, and from where on its answers are less."
    heads = tuple(text(name) for name in ("Edge", *BUDGET_HEADS))
    return card(el("h3", {}, "Latency budget"), el("p", {"class": "soft small"}, words), table("", heads, rows))
