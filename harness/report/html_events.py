"""What happened during one experiment, in order."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.observation import WindowKind
from harness.report.markup import Markup, el
from harness.report.parts import Row, figure, head, table, text
from harness.report.story import ExperimentStory, RunStory
from harness.report.timeline import WINDOW_WORDS
from harness.report.words import count, first_line

MOST_EVENTS = 60
_LETTERS = 300


def events(story: RunStory, experiment: ExperimentStory) -> Markup:
    """Faults, windows, notes and recovery by their time, folded."""
    told = sorted(_events(story, experiment), key=lambda each: each[0])
    if not told:
        return Markup()
    rows = [
        Row(cells=(figure(f"{t - experiment.zero:+.1f} s"), head(what), text(first_line(words, _LETTERS))))
        for t, what, words in told[:MOST_EVENTS]
    ]
    caption = "By the time from the start of the fault"
    made = table(caption, (figure("When"), text("What"), text("Of what")), rows, stacks=False)
    summary = el("summary", {}, f"{count(len(told), 'event')} in order")
    return el("details", {}, summary, el("div", {"class": "inside"}, made))


def _events(story: RunStory, experiment: ExperimentStory) -> Iterator[tuple[float, str, str]]:
    yield experiment.started.t, "begun", ""
    for each in experiment.windows:
        if each.kind is not WindowKind.BASELINE or each.start >= experiment.started.t:
            yield each.start, "window", WINDOW_WORDS[each.kind]
    for injection in experiment.injections:
        yield injection.armed_at, "in force" if injection.armed.in_force else "NOT in force", injection.what
        if injection.healed_at is not None and injection.healed is not None:
            word = "healed" if injection.healed.verified else "NOT proved healed"
            yield injection.healed_at, word, injection.what
    if experiment.recovered_at is not None:
        yield experiment.recovered_at, "well again", ""
    until = experiment.until if experiment.ended is None else max(experiment.until, experiment.ended.t)
    for note in story.notes:
        if experiment.started.t <= note.t <= until:
            yield note.t, "note", note.message
    if experiment.ended is not None:
        yield experiment.ended.t, "judged", str(experiment.verdict)
