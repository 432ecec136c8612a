"""The HTML report: one file, no network, no script, light and dark, on paper too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.model.events import Event
from harness.model.run_history import RunHistory
from harness.model.verdict import Verdict
from harness.report.charts import patterns
from harness.report.graph import edge_graph
from harness.report.heat import heat_map
from harness.report.html_capacity import capacity
from harness.report.html_experiment import experiment_article, faults_apart
from harness.report.html_findings import contracts, fuzz, other, safety
from harness.report.html_history import history
from harness.report.html_load import load
from harness.report.html_matrix import matrix
from harness.report.html_tried import tried_matrix
from harness.report.markup import Ids, Markup, el, joined
from harness.report.parts import (
    Row,
    card,
    chip,
    command,
    facts,
    figure,
    finding_block,
    head,
    link,
    nothing,
    section,
    table,
    text,
    whose,
)
from harness.report.story import RunStory, Told, edge_key
from harness.report.style import stylesheet
from harness.report.summary import PartSummary, advice, faults_told, parts_of, recovery_words, why
from harness.report.tell import tell
from harness.report.whole import put
from harness.report.words import MARKS, NOTHING, count, edge_label, seconds, share, utc

FILE_NAME = "report.html"


def write(events: Sequence[Event], directory: Path, earlier: RunHistory | None = None) -> Path:
    """Write `report.html` into the directory and say where it is; `earlier` has the system's runs till this one."""
    return put(directory / FILE_NAME, render(events, earlier))


def render(events: Sequence[Event], earlier: RunHistory | None = None) -> str:
    """The whole page.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    return page(tell(events), earlier)


def page(story: RunStory, earlier: RunHistory | None = None) -> str:
    """The page of a story."""
    ids = Ids()
    anchors = [ids.take("experiment", each.name) for each in story.experiments]
    sections = [
        ("summary", "Summary", _summary(story)),
        ("edges", "Edges", _edges(ids, story, anchors)),
        ("matrix", "Resilience matrix", matrix(ids, story) or tried_matrix(story, anchors)),
        ("capacity", "Capacity", capacity(story.capacity)),
        ("load", "Load", load(ids, story)),
        ("experiments", "Experiments", _experiments_table(story, anchors)),
        ("requests", "Latency of all requests", _requests(ids, story)),
        ("contracts", "Contracts", contracts(ids, story)),
        ("fuzz", "Fuzzing", fuzz(story)),
        ("safety", "Safety", safety(story)),
        ("other", "Other findings", other(story)),
        ("faults", "Faults outside experiments", faults_apart(ids, story)),
        ("details", "Experiments in detail", _details(ids, story, anchors)),
        ("history", "History", history(ids, earlier)),
        ("run", "The run", _run(story)),
    ]
    made = [(identity, title, section(identity, title, content)) for identity, title, content in sections]
    main = [_verdict(story), _contents(made), *(markup for _, _, markup in made)]
    title = f"{MARKS[story.verdict]} {story.verdict}: {story.header.system}, run {story.header.run}"
    body = el(
        "body",
        {},
        el("a", {"class": "skip", "href": "#main"}, "Skip to the verdict"),
        patterns(),
        el("div", {"class": "wrap"}, _top(story), el("main", {"id": "main"}, *main), _footer(story)),
    )
    return "<!DOCTYPE html>\n" + el("html", {"lang": "en"}, _head(title), body) + "\n"


def _head(title: str) -> Markup:
    return el(
        "head",
        {},
        el("meta", {"charset": "utf-8"}),
        el("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        el("meta", {"name": "color-scheme", "content": "light dark"}),
        el("title", {}, title),
        el("style", {}, Markup(stylesheet())),
    )


def _top(story: RunStory) -> Markup:
    header = story.header
    until = f"{utc(header.wall)} to {utc(header.wall, story.last_t)}"
    return el(
        "header",
        {"class": "top"},
        el("h1", {}, f"{'Resilience' if story.load is None else 'Load'} report: {header.system}"),
        el("p", {}, f"Run {header.run}, {until} ({seconds(story.last_t)}), seed {header.seed}"),
    )


def _verdict(story: RunStory) -> Markup:
    reason, headline = why(story), story.headline
    tally = _tally(story)
    line = f"{MARKS[story.verdict]} {story.verdict}"
    told = "" if story.reason.startswith(reason) else story.reason
    return el(
        "section",
        {"class": f"card verdict {story.verdict.lower()}", "aria-labelledby": "verdict-title"},
        el("h2", {"id": "verdict-title"}, el("span", {"class": "word"}, line), el("span", {"class": "tally"}, tally)),
        el("p", {"class": "why"}, reason),
        el("p", {"class": "soft"}, told) if told else "",
        facts(
            [
                ("Whose it is", whose(story, headline.finding) if headline else ""),
                ("Edge", edge_label(edge_key(headline.finding.edge)) if headline else ""),
                ("Experiment", headline.finding.experiment if headline else ""),
                (advice(story)[0], command(advice(story)[1])),
            ]
        ),
    )


def _tally(story: RunStory) -> str:
    blamed = [each.finding.verdict for each in story.told if each.blames]
    parts = [
        f"{blamed.count(verdict):,} {words}"
        for verdict, words in ((Verdict.FAIL, "failed"), (Verdict.UNKNOWN, "unknown"), (Verdict.PASS, "passed"))
        if blamed.count(verdict)
    ]
    return ", ".join(parts) + (" of " + count(len(blamed), "finding") if parts else "no finding at all")


def _contents(made: Iterable[tuple[str, str, Markup]]) -> Markup:
    links = [el("li", {}, link(identity, title)) for identity, title, markup in made if markup]
    return el("nav", {"class": "contents", "aria-label": "On this page"}, el("ul", {}, *links))


def _summary(story: RunStory) -> Markup:
    heads = (text("Part"), text("Verdict"), *(figure(words) for words in ("Passed", "Unknown", "Failed")))
    rows = [_summary_row(part) for part in parts_of(story)]
    blocks = [finding_block(story, each, opened=False, title=_title(each)) for each in story.trouble]
    listed = joined([el("h3", {"class": "label"}, "What did not pass, worst first"), *blocks]) if blocks else ""
    return card(table("", heads, rows, stacks=False), listed)


def _title(told: Told) -> str:
    finding = told.finding
    place = f", in {finding.experiment}" if finding.experiment else ""
    return f"{finding.check}: {edge_label(finding.subject)}{place}"


def _summary_row(part: PartSummary) -> Row:
    name = link(part.anchor, part.name) if part.anchor and part.total else part.name
    return Row(
        cells=(
            head(name),
            text(chip(part.verdict, "not run")),
            figure(f"{part.passed}"),
            figure(f"{part.unknown}", bad=part.unknown > 0),
            figure(f"{part.failed}", bad=part.failed > 0),
        )
    )


def _experiments_table(story: RunStory, anchors: Sequence[str]) -> Markup:
    rows = []
    for each, anchor in zip(story.experiments, anchors, strict=True):
        due, degraded = each.during()
        finding = each.worst.finding if each.worst else None
        role = el("div", {"class": "soft small"}, each.started.role) if each.is_probe else ""
        told = f"{edge_label(finding.subject)}: {finding.reason}" if finding else NOTHING
        rows.append(
            Row(
                cells=(
                    head(joined([link(anchor, each.name), role])),
                    text(chip(each.verdict)),
                    text(faults_told(each)),
                    text(told),
                    figure(recovery_words(each)),
                    figure(share(degraded, due)),
                )
            )
        )
    if not rows:
        return Markup()
    heads = (text("Experiment"), text("Verdict"), text("Fault"), text("Worst finding"))
    return card(table("", (*heads, figure("Recovery"), figure("Degraded")), rows))


def _edges(ids: Ids, story: RunStory, anchors: Sequence[str]) -> Markup:
    if not story.edges:
        return Markup()
    by_name = dict(zip((each.name for each in story.experiments), anchors, strict=True))
    owners = story.header.owners
    rows = [
        Row(
            cells=(
                head(edge_label(each.name)),
                text(each.fact.need),
                text(each.fact.protocol),
                text(owners.get(each.fact.provider, NOTHING)),
                text(chip(each.verdict)),
                text(joined([link(by_name[name], name) for name in each.experiments], ", ") or NOTHING),
            )
        )
        for each in story.edges
    ]
    names = ("Edge", "Need", "Protocol", "Provider's owner", "Worst verdict", "Experiments")
    judged = sum(1 for each in story.edges if each.verdict)
    words = (
        f"{judged} of {count(len(story.edges), 'edge')} judged. A verdict stands where its edge arrives. "
        "Dashed lines are soft: the consumer can do without."
    )
    drawing = el(
        "div",
        {"class": "scroll", "role": "group", "tabindex": "0", "aria-label": "Drawing of the edges"},
        edge_graph(ids, story.edges, owners),
    )
    listed = el(
        "details",
        {},
        el("summary", {}, "The edges as a table"),
        el("div", {"class": "inside"}, table("", tuple(text(name) for name in names), rows)),
    )
    return card(el("p", {"class": "soft small"}, words), drawing, listed)


def _requests(ids: Ids, story: RunStory) -> Markup:
    drawn = heat_map(ids, story)
    return card(drawn) if drawn else Markup()


def _details(ids: Ids, story: RunStory, anchors: Sequence[str]) -> Markup:
    return joined(
        experiment_article(ids, anchor, story, each) for each, anchor in zip(story.experiments, anchors, strict=True)
    )


def _run(story: RunStory) -> Markup:
    header = story.header
    phases = [
        Row(cells=(head(each.name), figure(seconds(each.took_s)), text(each.detail or NOTHING)))
        for each in story.phases
    ]
    phase_table = table("", (text("Phase"), figure("Took"), text("What was done")), phases)
    tools = ", ".join(f"{name} {version}" for name, version in sorted(header.tools.items()))
    environment = facts(
        [
            ("Command", command(header.command)),
            ("Seed", f"{header.seed}"),
            ("Harness", f"{header.harness}, Python {header.python}"),
            ("Tools", tools),
            ("Journal", f"format {header.format}" + (", cut short" if story.cut else "")),
        ]
    )
    notes = [_note(story, index) for index in range(len(story.notes))]
    return joined(
        [
            card(el("h3", {}, "Phases"), phase_table if phases else nothing("No phase came to its end.")),
            card(el("h3", {}, "Notes"), el("ul", {}, *notes)) if notes else "",
            card(el("h3", {}, "Environment"), environment),
        ]
    )


def _note(story: RunStory, index: int) -> Markup:
    note = story.notes[index]
    at = el("span", {"class": "soft small"}, f"{utc(story.header.wall, note.t)} ")
    if not note.figures:
        return el("li", {}, at, note.message)
    rows = [Row(cells=(head(edge_label(name)), figure(f"{value:.4g}"))) for name, value in note.figures.items()]
    listed = table("", (text("Of"), figure("Figure")), rows, stacks=False)
    return el("li", {}, at, note.message, listed)


def _footer(story: RunStory) -> Markup:
    words = f"Made by harness {story.header.harness} from the run's journal alone. Times are UTC."
    return el("footer", {}, el("p", {}, words))
