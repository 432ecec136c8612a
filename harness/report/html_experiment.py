"""One experiment in the HTML report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.model.experiment import Role
from harness.model.fault import HealedBy
from harness.model.verdict import Verdict
from harness.report import charts, measures
from harness.report.charts import Frame, Lane
from harness.report.html_events import events
from harness.report.markup import Ids, Markup, el, joined
from harness.report.parts import Row, card, chip, command, figure, finding_block, head, passes, table, text, undecided
from harness.report.story import ExperimentStory, InjectionStory, RunStory
from harness.report.summary import recovery_words
from harness.report.timeline import WINDOW_WORDS, CrossingFigures, WindowFigures
from harness.report.waterfall import waterfall
from harness.report.words import NOTHING, count, edge_label, seconds, share

ROLE_WORDS: Mapping[str, str] = {
    Role.PLACEBO: "Placebo: a fault that does nothing, armed like any other. What is found in it is the harness's own.",
    Role.CONTROL: "Positive control: a fault that must be noticed. Silence would mean that the harness is blind.",
}


def experiment_article(ids: Ids, identity: str, story: RunStory, experiment: ExperimentStory) -> Markup:
    """The article of one experiment: what was asked, done, seen and found."""
    started = experiment.started
    heading = ids.take(identity, "title")
    role = ROLE_WORDS.get(started.role, "")
    content = [
        el(
            "header",
            {},
            chip(experiment.verdict),
            el("h3", {"id": heading}, experiment.name),
            el("span", {"class": "role"}, started.role) if role else "",
        ),
        el("p", {"class": "hypothesis"}, started.hypothesis),
        el("p", {"class": "soft small"}, _line(experiment)),
        el("p", {"class": "soft small"}, role) if role else "",
        _findings(story, experiment),
        _traces(ids, story, experiment),
        _injections(experiment),
        _timelines(ids, story, experiment),
        _before_during_after(experiment),
        _measures(experiment),
        _crossings(experiment),
        events(story, experiment),
    ]
    return el("article", {"class": "card experiment", "id": identity, "aria-labelledby": heading}, *content)


def faults_apart(ids: Ids, story: RunStory) -> Markup:
    """The faults that people or tests put in force, with the journeys over time; nothing when there were none."""
    if story.apart is None:
        return Markup()
    words = "Put in force by hand or by tests, who judge for themselves what they see meanwhile."
    charts_of = _charts(ids, story, story.apart)
    return card(el("p", {"class": "soft small"}, words), _injection_list(story.apart), *charts_of)


def _line(experiment: ExperimentStory) -> str:
    parts = []
    if experiment.ended is None:
        parts.append("The journal ends before this experiment did; what follows is what was seen until then.")
    if experiment.started.expectations:
        owed = ", ".join(f"{journey} {what}" for journey, what in experiment.started.expectations.items())
        parts.append(f"Owed during the fault: {owed}.")
    parts.append(f"Recovery: {recovery_words(experiment)}.")
    if experiment.started.source:
        parts.append(f"Declared in {experiment.started.source}.")
    return " ".join(parts)


def _findings(story: RunStory, experiment: ExperimentStory) -> Markup:
    if not experiment.told:
        return joined([el("h4", {}, "Findings"), el("p", {}, "No check came to a finding.")])
    trouble = [each for each in experiment.told if each.finding.verdict is not Verdict.PASS and not each.derived]
    good = [each for each in experiment.told if each.finding.verdict is Verdict.PASS]
    blocks = [finding_block(story, each, opened=each.blames) for each in trouble]
    replay = next((each.finding.replay for each in good if each.finding.replay), "")
    again = Markup()
    if replay and not trouble:
        again = joined([el("p", {"class": "soft small"}, "Repeat it with"), command(replay)])
    passed = passes(good, f"{count(len(good), 'check')} passed")
    return joined([el("h4", {}, "Findings"), *blocks, undecided(experiment.told), passed, again])


def _traces(ids: Ids, story: RunStory, experiment: ExperimentStory) -> Markup:
    drawn = [waterfall(ids, each) for each in story.spans if each.experiment == experiment.name]
    return joined([el("h4", {}, "Trace"), *drawn]) if any(drawn) else Markup()


def _injections(experiment: ExperimentStory) -> Markup:
    title = el("h4", {}, "Faults")
    if not experiment.injections:
        planned = "; ".join(experiment.started.injections)
        words = f"Nothing was injected. Planned: {planned}." if planned else "Nothing was injected."
        return joined([title, el("p", {}, words)])
    return joined([title, _injection_list(experiment)])


def _injection_list(experiment: ExperimentStory) -> Markup:
    return el("ul", {"class": "injections"}, *(el("li", {}, *_injection(each)) for each in experiment.injections))


def _injection(injection: InjectionStory) -> Iterable[Markup]:
    yield el("strong", {}, injection.what)
    armed, healed = injection.armed, injection.healed
    force = "in force" if armed.in_force else "NOT in force"
    yield el("div", {"class": "small"}, f"{force} after {seconds(armed.took_s)}: ", el("code", {}, armed.evidence))
    if healed is None:
        yield el("div", {"class": "small"}, "Healing: nothing is known of it.")
        return
    verified = "healed" if healed.verified else "NOT proved healed"
    how = "" if healed.by is HealedBy.NOTHING else f" ({healed.by})"
    lasted = injection.healed_at - injection.armed_at if injection.healed_at is not None else None
    words = f"{verified}{how} in {seconds(healed.took_s)}, {seconds(lasted)} after arming: "
    yield el("div", {"class": "small"}, words, el("code", {}, healed.evidence))
    if healed.also_cut:
        yield el("div", {"class": "small"}, f"The restart also cut: {', '.join(healed.also_cut)}.")


def _frame(experiment: ExperimentStory) -> Frame:
    zero = experiment.zero
    start, end = experiment.span
    lanes = tuple(
        Lane(
            start=each.armed_at - zero,
            end=(experiment.until if each.healed_at is None else each.healed_at) - zero,
            what=each.what,
        )
        for each in experiment.injections
    )
    recovered = experiment.recovered_at
    return Frame(
        start=start - zero,
        end=max(end, start + 1) - zero,
        zero=zero,
        lanes=lanes,
        recovered=None if recovered is None else recovered - zero,
    )


def _timelines(ids: Ids, story: RunStory, experiment: ExperimentStory) -> Markup:
    rows = _charts(ids, story, experiment)
    return joined([el("h4", {}, "Over time"), *rows]) if rows else Markup()


def _charts(ids: Ids, story: RunStory, experiment: ExperimentStory) -> list[Markup]:
    frame = _frame(experiment)
    objectives = {journey.name: journey.p99_objective_s for journey in story.header.journeys}
    rows = []
    for journey in sorted({row.journey for row in experiment.journeys}):
        bins = experiment.bins(journey)
        if not any(each.total for each in bins):
            continue
        objective = objectives.get(journey)
        limits = [(f"p99 objective {seconds(objective)}", objective)] if objective else []
        drawn = [
            charts.latency_chart(ids, frame, journey, bins, limits),
            charts.share_chart(ids, frame, journey, bins),
            charts.rate_chart(ids, frame, journey, bins),
        ]
        rows.append(el("div", {"class": "charts"}, *drawn))
    return rows


def _before_during_after(experiment: ExperimentStory) -> Markup:
    rows, last = [], ""
    for row in experiment.table:
        rows.append(_window_row(row, begins=row.journey != last))
        last = row.journey
    if not rows:
        return el("p", {"class": "soft"}, "No journey was observed.")
    heads = (text("Journey"), text("Window"), *(figure(name) for name in ("n", "OK", "Degraded", "Failed", "Unknown")))
    heads = (*heads, figure("p50"), figure("p99"))
    caption = "Journeys by the second they were due in; p50 and p99 of the good ones (OK or degraded)"
    return joined([el("h4", {}, "Before, during, after"), table(caption, heads, rows, stacks=False)])


def _window_row(row: WindowFigures, *, begins: bool) -> Row:
    return Row(
        begins=begins,
        cells=(
            head(row.journey),
            text(WINDOW_WORDS[row.kind]),
            figure(f"{row.total:,}"),
            figure(share(row.ok, row.total)),
            figure(share(row.degraded, row.total)),
            figure(share(row.failed, row.total), bad=bool(row.failed)),
            figure(share(row.unknown, row.total), bad=bool(row.unknown)),
            figure(seconds(row.p50_s)),
            figure(seconds(row.p99_s)),
        ),
    )


def _measures(experiment: ExperimentStory) -> Markup:
    found = experiment.measures
    if found is None:
        return Markup()
    rows = [
        Row(cells=(head(each.journey), *(figure(cell) for cell in measures.journey_cells(each))))
        for each in found.journeys
    ]
    heads = (text("Journey"), *(figure(name) for name in measures.JOURNEY_HEADS))
    parts = [
        el("h4", {}, "Measures"),
        el("p", {}, measures.sentence(found)),
        table("Good journeys a second, and what it cost", heads, rows, stacks=False),
    ]
    if found.calls:
        calls = [
            Row(cells=(head(edge_label(each.edge)), *(figure(cell) for cell in measures.call_cells(each))))
            for each in measures.calls_that_rose(found)
        ]
        heads = (text("Edge"), *(figure(name) for name in measures.CALL_HEADS))
        caption = "Calls on the faulted edges and on those that lead there, for each journey that was due"
        parts.append(table(caption, heads, calls, stacks=False))
        if others := measures.other_calls(found):
            parts.append(el("p", {}, others))
    return joined(parts)


def _crossings(experiment: ExperimentStory) -> Markup:
    if not experiment.crossed:
        return Markup()
    rows, last = [], ""
    for row in experiment.crossed:
        rows.append(_crossing_row(row, begins=row.edge != last))
        last = row.edge
    names = ("Requests", "a second", "Answered", "Aborted", "Connections", "First byte, mean")
    heads = (text("Edge"), text("Window"), *(figure(name) for name in names))
    caption = "What the relay in front of the proxy counted; attempts that a fault swallowed are among the requests"
    return joined([el("h4", {}, "Across the faulted edge"), table(caption, heads, rows, stacks=False)])


def _crossing_row(row: CrossingFigures, *, begins: bool) -> Row:
    per_second = f"{row.requests / row.length_s:.3g}" if row.length_s else NOTHING
    return Row(
        begins=begins,
        cells=(
            head(edge_label(row.edge)),
            text(WINDOW_WORDS[row.kind]),
            figure(f"{row.requests:,}"),
            figure(per_second),
            figure(f"{row.answers:,}"),
            figure(f"{row.aborted:,}"),
            figure(f"{row.connections:,}"),
            figure(seconds(row.first_byte_s)),
        ),
    )
