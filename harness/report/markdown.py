"""The summary as Markdown, for a CI server's page: worst first, below its limit of 1 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.model.events import Event
from harness.model.verdict import Verdict
from harness.report import capacity_table, load_table, measures, mermaid
from harness.report.load_story import LoadStory
from harness.report.matrix_story import MatrixStory, shown
from harness.report.story import ExperimentStory, RunStory, Told, edge_key
from harness.report.summary import advice, also_undecided, faults_told, parts_of, recovery_words, why
from harness.report.tell import tell
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
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE_NAME
    path.write_text(render(events), encoding="utf-8")
    return path


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
    owner = story.owner(headline.finding) if headline else ""
    inferred = " (inferred)" if headline and headline.finding.inferred else ""
    yield _plain(why(story))
    if owner:
        yield f"Owner: **{_plain(owner)}**{inferred}"
    words, command = advice(story)
    yield f"{words}:\n\n{_code(command)}"
    rows = [[part.name, _mark(part.verdict), part.passed, part.unknown, part.failed] for part in parts_of(story)]
    yield _table(["Part", "Verdict", "Passed", "Unknown", "Failed"], rows)
    if story.excused:
        told = [f"- {EXCUSED} {_plain(each.name)}: {_plain(each.excused)}" for each in story.excused[:_MAX_EXCUSED]]
        yield "Red, and accepted or known:\n\n" + "\n".join(told)


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _finding(story: RunStory, told: Told) -> str:
    finding = told.finding
    owner = story.owner(finding)
    inferred = " (inferred)" if finding.inferred else ""
    facts = {
        "Experiment": _plain(finding.experiment),
        "Edge": _plain(edge_label(edge_key(finding.edge))),
        "Owner": f"**{_plain(owner)}**{inferred}" if owner else "",
        "Service": _plain(finding.service),
    }
    title = f"{_plain(finding.check)}: {_plain(edge_label(finding.subject))}"
    lines = [
        f"## {MARKS[finding.verdict]} {finding.verdict}: {title}",
        _plain(finding.reason + also_undecided(story, told)),
        "\n".join(f"- {name}: {value}" for name, value in facts.items() if value),
    ]
    if finding.evidence:
        shown = "\n".join(line[:_MAX_LINE] for line in finding.evidence[:_MAX_EVIDENCE_LINES])
        lines.append(f"<details><summary>Evidence</summary>\n\n{_code(shown)}\n\n</details>")
    if finding.replay:
        lines.append(_code(finding.replay))
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
        yield f"## Matrix of {_plain(journey.name)}\n\n" + _table(heads, rows)


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
        rows = [[each.name, *capacity_table.step_cells(each)] for each in story.capacity.steps]
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
