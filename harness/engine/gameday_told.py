"""A game day as people read it, from what it wrote down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.engine.gameday_journal import Asked, Began, Ended, Entry, RunBegan, Told, done_in
from harness.model.attempts import that_count
from harness.model.events import Event, ExperimentEnded


def tell_gameday(entries: Sequence[Entry], runs: Sequence[Sequence[Event]]) -> Iterator[str]:
    """Markdown, line by line; one that was killed is told as far as it came."""
    began = next(each for each in entries if isinstance(each, Began))
    ended = next((each for each in reversed(entries) if isinstance(each, Ended)), None)
    last_run = max(index for index, each in enumerate(entries) if isinstance(each, RunBegan | Began))
    killed = ended is None or entries.index(ended) < last_run
    yield f"# {began.title}"
    yield ""
    if killed or ended is None:
        yield "It has not ended: it is still run, or was killed. `harness gameday resume` goes on with it."
    else:
        yield f"**{ended.verdict}**, exit code {ended.exit_code}: {ended.reason}"
    yield ""
    yield f"Game day `{began.gameday}`, begun {began.wall}, seed {began.seed}."
    for role, who in began.roles.items():
        yield f"- {role}: {who}"
    yield ""
    yield "| experiment | verdict | asked beforehand | answer |"
    yield "| --- | --- | --- | --- |"
    done = done_in(runs)
    verdicts = {
        event.name: event.verdict for run in runs for event in that_count(run) if isinstance(event, ExperimentEnded)
    }
    asked = {each.experiment: each for each in entries if isinstance(each, Asked)}
    for name in began.order:
        verdict = verdicts.get(name) or ("cut short" if name in done.cut else "not run")
        question = asked.get(name)
        answer = (question.answer or "nobody answered") if question else ""
        yield f"| {name} | {verdict} | {_cell(question.question) if question else ''} | {_cell(answer)} |"
    yield ""
    for each in entries:
        if isinstance(each, Told):
            yield f"- {each.wall}: {each.message}"
        elif isinstance(each, RunBegan):
            yield f"- {each.wall}: run [{each.directory}]({each.directory}/report.html): {', '.join(each.experiments)}"


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
