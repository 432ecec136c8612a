"""The summary as Markdown, for a CI server's page: worst first, below its limit of 1 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.model.events import Event
from harness.model.finding import Finding
from harness.model.verdict import Verdict
from harness.report import capacity_table, load_table, matrix_table, measures, mermaid
from harness.report.load_story import LoadStory
from harness.report.matrix_story import MatrixJourney, MatrixStory, shown
from harness.report.story import ExperimentStory, RunStory, Told, edge_key
from harness.report.summary import (
    advice,
    also_undecided,
    faults_told,
    owner_words,
    parts_of,
    recovery_words,
    repeat_words,
    title_of,
    why,
)
from harness.report.tell import tell
from harness.report.whole import put
from harness.report.words import BADNESS, EXCUSED, MARKS, NOTHING, count, edge_label, printable, seconds, share, utc

FILE_NAME = "summary.md"
MAX_BYTES = 1_000_000
"""GitHub drops a step summary above 1 MiB; this leaves room for what else the step says."""
LEAST_BYTES = 1_000
"""With less room nothing can be told."""

_MAX_EVIDENCE_LINES = 30
_MAX_LINE = 1_000
_MAX_EXCUSED = 50
_SPECIAL = re.compile(r"[\\`*_\[\]|~$]|^[#+=-]|(?<=^\d)[.)](?=\s)")


def write(events: Sequence[Event], directory: Path) -> Path:
    """Write `summary.md` into the directory and say where it is."""
    return put(directory / FILE_NAME, render(events))


def render(events: Sequence[Event], limit: int = MAX_BYTES) -> str:
    """The summary, in at most `limit` bytes of UTF-8: what does not fit is left out from the end, and that is said.

    Raises:
        JournalError: if the events do not begin with `run-started`.
    """
    story = tell(events)
    matrix = _matrix(story.matrix) if story.matrix else ()
    findings = (_finding(story, each) for each in story.trouble)
    blocks = [*_top(story), *matrix, *findings, *_graph(story), *_tables(story)]
    kept: list[str] = []
    room = limit - 200
    for block in blocks:
        room -= len(block.encode()) + 2
        if room < 0:
            kept.append(f"_{count(len(blocks) - len(kept), 'more part')} left out: see the report._")
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _plain(text: str) -> str:
    """The text on one line, without meaning to Markdown or HTML."""
    line = " ".join(printable(text).split())
    line = line if len(line) <= _MAX_LINE else line[: _MAX_LINE - 1] + "…"
    marked = _SPECIAL.sub(lambda found: f"\\{found[0]}", line)
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(text: str) -> str:
    """Lines as a fenced block whose fence is longer than any in them."""
    lines = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{lines}\n{fence}"


def _mark(verdict: Verdict | None) -> str:
    return f"{MARKS[verdict]} **{verdict}**" if verdict else "not run"


def _top(story: RunStory) -> Iterator[str]:
    header, headline = story.header, story.headline
    yield f"# {MARKS[story.verdict]} {story.verdict}: {_plain(header.system)}"
    yield _plain(why(story))
    if headline and not story.cut:
        facts = {"Experiment": _broken_in(story, headline.finding), "Owner": _owner(story, headline.finding)}
        yield from _listed(facts)
    words, command = advice(story)
    yield f"{words}:\n\n{_code(command)}"
    rows = [[part.name, _mark(part.verdict), part.passed, part.unknown, part.failed] for part in parts_of(story)]
    yield _table(["Part", "Verdict", "Passed", "Unknown", "Failed"], rows)
    if story.excused:
        yield "\n".join(["Red, and accepted or known:", "", *_excused(story.excused)])


def _excused(findings: Sequence[Finding]) -> Iterator[str]:
    for each in findings[:_MAX_EXCUSED]:
        yield f"- {EXCUSED} {_plain(edge_label(each.name))}: {_plain(each.excused)}"
    if (more := len(findings) - _MAX_EXCUSED) > 0:
        yield f"- and {more} more: see the report"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _owner(story: RunStory, finding: Finding) -> str:
    words = owner_words(story, finding)
    return f"**{_plain(words)}**" if words else ""


def _broken_in(story: RunStory, finding: Finding) -> str:
    """The experiment of a finding, with what was broken in it."""
    experiment = next((each for each in story.experiments if each.name == finding.experiment), None)
    faults = faults_told(experiment) if experiment else ""
    return _plain(f"{finding.experiment} ({faults})" if faults else finding.experiment)


def _listed(facts: Mapping[str, str]) -> Iterator[str]:
    """Those facts that say something, as one block."""
    told = [f"- {name}: {value}" for name, value in facts.items() if value]
    if told:
        yield "\n".join(told)


def _shown(evidence: Sequence[str]) -> str:
    """As much of it as anybody reads here, and that there is more."""
    kept = [each if len(each) <= _MAX_LINE else each[: _MAX_LINE - 1] + "…" for each in evidence[:_MAX_EVIDENCE_LINES]]
    more = len(evidence) - len(kept)
    return "\n".join([*kept, *([f"… and {count(more, 'more line')}: see the report"] if more else [])])


def _finding(story: RunStory, told: Told) -> str:
    finding = told.finding
    facts = {
        "Experiment": _broken_in(story, finding),
        "Edge": _plain(edge_label(edge_key(finding.edge))),
        "Owner": _owner(story, finding),
        "Service": _plain(finding.service),
    }
    title = _plain(title_of(finding))
    lines = [
        f"## {MARKS[finding.verdict]} {finding.verdict}: {title}",
        _plain(finding.reason + also_undecided(story, told)),
        *_listed(facts),
    ]
    if finding.evidence:
        lines.append(f"<details><summary>Evidence</summary>\n\n{_code(_shown(finding.evidence))}\n\n</details>")
    if finding.replay:
        lines.append(f"{repeat_words(finding)}:\n\n{_code(finding.replay)}")
    return "\n\n".join(line for line in lines if line)


def _matrix(story: MatrixStory) -> Iterator[str]:
    for journey in story.journeys:
        heads = ["Edge", *(kind.value for kind in story.kinds)]
        rows = [
            [
                _plain(edge_label(row.edge) + (f" while {edge_label(str(row.first))}" if row.first else "")),
                *(_plain(shown(row, index)) for index in range(len(story.kinds))),
            ]
            for row in journey.rows
        ]
        trouble = journey.crossings.trouble if journey.crossings else ""
        remarks = [*([f"not clean: {trouble}"] if trouble else []), *matrix_table.never_crossed(journey)]
        told = _folded(journey, _table(heads, rows)) if rows else "No cell was tried."
        yield "\n\n".join([f"## Matrix of {_plain(journey.name)}", told, *map(_plain, remarks)])
    if story.outlook is not None and (figures := matrix_table.in_figures(story.outlook)):
        yield _plain(figures)


def _folded(journey: MatrixJourney, table: str) -> str:
    """The table, out of the way of those with trouble when all of it is green."""
    cells = [each for row in journey.rows for each in row.cells if each]
    untested = any(any(row.untested) for row in journey.rows)
    if untested or any(each.verdict is not Verdict.PASS for each in cells):
        return table
    return f"<details><summary>All passed: {count(len(cells), 'cell')}</summary>\n\n{table}\n\n</details>"


def _graph(story: RunStory) -> Iterator[str]:
    if story.load is None and story.edges:
        yield f"## Edges\n\n{mermaid.flowchart(story.edges)}"


def _load(story: LoadStory) -> Iterator[str]:
    rows = [[_plain(each.ended.name), *load_table.phase_cells(each)] for each in story.phases]
    yield "## Load\n\n" + _table(["Phase", *load_table.PHASE_HEADS], rows)
    rows = [
        [_plain(each.journey), _plain(each.phase), *load_table.journey_cells(each)]
        for each in load_table.journeys_of(story)
    ]
    if rows:
        yield "## Journeys\n\n" + _table(["Journey", "Phase", *load_table.JOURNEY_HEADS], rows)


def _tables(story: RunStory) -> Iterator[str]:
    if story.capacity is not None:
        rows = [[_plain(each.name), *capacity_table.step_cells(each)] for each in story.capacity.steps]
        yield "## Capacity\n\n" + _table(["Step", *capacity_table.STEP_HEADS], rows)
    if story.load is not None:
        yield from _load(story.load)
    if story.experiments:
        ordered = sorted(story.experiments, key=lambda each: BADNESS[each.verdict])
        heads = ["Experiment", "Fault", "Verdict", "Worst finding", "Recovery", "Degraded"]
        yield "## Experiments\n\n" + _table(heads, (_experiment(each) for each in ordered))
        measured = [each for each in ordered if each.measures is not None and not each.is_probe]
        if measured:
            rows = [[_plain(each.name), *map(_plain, measures.row(each.measures))] for each in measured]
            yield "## Measures\n\n" + _table(["Experiment", *measures.HEADS], rows)
    if story.phases:
        rows = [[_plain(each.name), seconds(each.took_s), _plain(each.detail)] for each in story.phases]
        yield "## Phases\n\n" + _table(["Phase", "Took", "What was done"], rows)
    header = story.header
    tools = ", ".join(f"{name} {version}" for name, version in sorted(header.tools.items()))
    yield (
        f"Run {_plain(header.run)}, {utc(header.wall)}, {seconds(story.last_t)}, seed {header.seed}, "
        f"harness {_plain(header.harness)}, Python {_plain(header.python)}; {_plain(tools)}."
    )


def _experiment(experiment: ExperimentStory) -> Sequence[str]:
    due, degraded = experiment.during()
    finding = experiment.worst.finding if experiment.worst else None
    role = f" ({experiment.started.role})" if experiment.is_probe else ""
    return [
        _plain(experiment.name) + role,
        _plain(faults_told(experiment)) or "nothing injected",
        _mark(experiment.verdict),
        _plain(f"{edge_label(finding.subject)}: {finding.reason}") if finding else NOTHING,
        recovery_words(experiment),
        share(degraded, due),
    ]
