"""The section of the HTML report that tells of a load run."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.finding import Part
from harness.model.observation import AnswerClass
from harness.model.verdict import Verdict
from harness.report.load_charts import rows_of_charts
from harness.report.load_story import ALL, JourneyFigures, LoadStory, Percentiles, PhaseFigures, StepFigures
from harness.report.markup import Ids, Markup, el, joined
from harness.report.parts import Cell, Row, card, figure, finding_block, head, passes, table, text
from harness.report.story import RunStory
from harness.report.words import count, seconds, share

_OUTCOMES = ("n", "OK", "Degraded", "Failed", "Unknown")
_TIMES = ("p50", "p95", "p99")


def load(ids: Ids, story: RunStory) -> Markup:
    """Findings, phases, charts, journeys and steps; nothing of a run without load."""
    if story.load is None:
        return Markup()
    objectives = {each.name: each.p99_objective_s for each in story.header.journeys}
    drawn = [el("h3", {"class": "label"}, "Over time"), *rows_of_charts(ids, story.load, objectives)]
    return joined(
        [
            _findings(story),
            card(_phases(story.load), _generator(story.load)),
            card(*drawn),
            card(_journeys(story.load), _steps(story.load)),
        ]
    )


def _findings(story: RunStory) -> Markup:
    told = story.part(Part.LOAD)
    if not told:
        return Markup()
    trouble = [each for each in told if each.finding.verdict is not Verdict.PASS]
    good = [each for each in told if each.finding.verdict is Verdict.PASS]
    blocks = [finding_block(story, each, opened=True) for each in trouble]
    return card(*blocks, passes(good, f"{count(len(good), 'finding')} passed"))


def _phases(story: LoadStory) -> Markup:
    heads = (text("Phase"), *(figure(each) for each in ("Length", "Asked", "Begun", *_OUTCOMES, *_TIMES)))
    rows = [
        Row(
            cells=(
                head(each.ended.name),
                figure(seconds(each.ended.end - each.ended.start)),
                figure(each.asked),
                figure(f"{each.driven:.4g}/s"),
                *_outcomes(each.all),
                *_times(each.all.latency),
            )
        )
        for each in story.phases
    ]
    caption = "Journeys by the second they were due in; latency of the good ones, from the intended start"
    return table(caption, heads, rows, stacks=False)


def _generator(story: LoadStory) -> Markup:
    names = ("Due", "Begun", "Dropped", "Lost", "Lag, p99 at most", "CPU of one core, at most")
    rows = [Row(cells=(head(each.ended.name), *_health(each))) for each in story.phases]
    caption = "The load generator itself: whether its figures can be trusted"
    return joined(
        [
            el("h4", {}, "Health of the generator"),
            table(caption, (text("Phase"), *(figure(name) for name in names)), rows, stacks=False),
        ]
    )


def _health(phase: PhaseFigures) -> Iterable[Cell]:
    yield figure(f"{phase.due:,}")
    yield figure(f"{phase.started:,}")
    yield figure(f"{phase.dropped:,}", bad=phase.dropped > 0)
    yield figure(f"{phase.lost:,}", bad=phase.lost > 0)
    yield figure(seconds(phase.lag_s))
    yield figure(f"{phase.cpu_share * 100:.0f}%")


def _journeys(story: LoadStory) -> Markup:
    heads = (
        text("Journey"),
        text("Phase"),
        *(figure(name) for name in _OUTCOMES),
        *(figure(name) for name in _TIMES),
        *(figure(f"service {name}") for name in _TIMES),
    )
    rows = []
    for name in story.names:
        own = [each for phase in story.phases for each in phase.journeys if each.journey == name]
        rows += [_journey_row(each, begins=index == 0) for index, each in enumerate(own)]
    if len(story.names) != 1:
        rows += [_journey_row(each.all, begins=index == 0) for index, each in enumerate(story.phases)]
    caption = "p50 to p99 count from the intended start, service times from the actual one: what lies between is lag"
    return joined([el("h4", {}, "Journeys"), table(caption, heads, rows, stacks=False)])


def _journey_row(row: JourneyFigures, *, begins: bool) -> Row:
    name = el("em", {}, ALL) if row.journey == ALL else row.journey
    return Row(
        begins=begins,
        cells=(
            head(name),
            text(row.phase),
            *_outcomes(row),
            *_times(row.latency),
            *_times(row.service),
        ),
    )


def _steps(story: LoadStory) -> Markup:
    if not story.steps:
        return Markup()
    classes = (AnswerClass.FULL, AnswerClass.DEGRADED, AnswerClass.CLEAN, AnswerClass.DIRTY)
    heads = (
        text("Request"),
        text("Journey"),
        text("Phase"),
        figure("n"),
        *(figure(each.value.capitalize()) for each in classes),
        *(figure(name) for name in _TIMES),
    )
    ordered = sorted(story.steps, key=lambda each: (each.journey, each.request))
    rows, last = [], ("", "")
    for each in ordered:
        rows.append(_step_row(each, classes, begins=(each.journey, each.request) != last))
        last = (each.journey, each.request)
    steps = count(len({(each.journey, each.request) for each in ordered}), "step")
    made = table("All answers, by the second they came in", heads, rows, stacks=False)
    return el("details", {}, el("summary", {}, f"{steps} of the journeys"), el("div", {"class": "inside"}, made))


def _step_row(step: StepFigures, classes: Iterable[AnswerClass], *, begins: bool) -> Row:
    bad = (AnswerClass.CLEAN, AnswerClass.DIRTY)
    return Row(
        begins=begins,
        cells=(
            head(step.request),
            text(step.journey),
            text(step.phase),
            figure(f"{step.total:,}"),
            *(
                figure(share(step.answers[each], step.total), bad=each in bad and step.answers[each] > 0)
                for each in classes
            ),
            *_times(step.times),
        ),
    )


def _outcomes(row: JourneyFigures) -> Iterable[Cell]:
    yield figure(f"{row.total:,}")
    yield figure(share(row.ok, row.total))
    yield figure(share(row.degraded, row.total))
    yield figure(share(row.failed, row.total), bad=row.failed > 0)
    yield figure(share(row.unknown, row.total), bad=row.unknown > 0)


def _times(found: Percentiles) -> Iterable[Cell]:
    return (figure(seconds(each)) for each in (found.p50_s, found.p95_s, found.p99_s))
