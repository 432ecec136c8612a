"""An attempt that does not count is in the journal, and in nothing that is told of the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.checkers.run_seen import run_seen
from harness.engine.gameday_journal import done_in
from harness.model.attempts import that_count
from harness.model.events import Event, ExperimentEnded, ExperimentStarted, FindingMade, InjectionArmed, WindowEnded
from harness.model.load_events import Observed
from harness.model.verdict import Verdict
from harness.report.tell import tell
from tests.report.journals import clean

WHY = "fault: others had 41 % of this machine's 2 processors"


def last_of(events: Sequence[Event]) -> str:
    return next(each.name for each in reversed(events) if isinstance(each, ExperimentEnded))


def span(events: Sequence[Event], name: str) -> tuple[int, int]:
    """Where an experiment stands in a journal: from its start to behind its end."""
    begin = next(at for at, each in enumerate(events) if isinstance(each, ExperimentStarted) and each.name == name)
    end = next(at for at, each in enumerate(events) if isinstance(each, ExperimentEnded) and each.name == name)
    return begin, end + 1


def asked_again(events: Sequence[Event], name: str) -> list[Event]:
    """The journal in which that experiment has a void attempt before it, with a window and a recovery of its own."""
    begin, end = span(events, name)
    attempt: list[Event] = []
    for each in events[begin:end]:
        match each:
            case FindingMade() | Observed():
                continue
            case ExperimentEnded():
                attempt.append(replace(each, verdict=Verdict.UNKNOWN, recovery_s=77.0, void=WHY))
            case WindowEnded():
                attempt.append(replace(each, window=replace(each.window, end=each.window.end + 900.0)))
            case InjectionArmed():
                attempt.append(replace(each, armed=replace(each.armed, evidence="of the first attempt")))
            case _:
                attempt.append(each)
    return [*events[:begin], *attempt, *events[begin:]]


def test_only_the_attempt_that_counts_is_told() -> None:
    events = clean()
    again = asked_again(events, last_of(events))
    assert len(again) > len(events)
    assert that_count(again) == that_count(events) == events
    assert tell(again).experiments == tell(events).experiments
    assert run_seen(again).experiments == run_seen(events).experiments


def test_the_experiments_before_and_after_it_are_told_as_they_were() -> None:
    events = clean()
    names = [each.name for each in events if isinstance(each, ExperimentStarted)]
    for name in names:
        assert that_count(asked_again(events, name)) == events


def test_of_several_attempts_that_do_not_count_none_is_told() -> None:
    events = clean()
    name = last_of(events)
    assert that_count(asked_again(asked_again(events, name), name)) == events


def test_one_that_was_killed_before_it_was_asked_again_has_not_ended() -> None:
    events = clean()
    name = last_of(events)
    again = asked_again(events, name)
    _, end = span(again, name)
    cut = again[:end]
    assert name not in {each.name for each in tell(cut).experiments}
    assert name not in run_seen(cut).experiments
    assert name not in done_in([cut]).ended
    assert name not in done_in([cut]).cut


def test_of_baselines_that_were_measured_again_the_last_counts() -> None:
    events = clean()
    at, own = next(
        (at, each) for at, each in enumerate(events) if isinstance(each, WindowEnded) and not each.experiment
    )
    first = replace(own, window=replace(own.window, start=0.5))
    assert that_count([*events[:at], first, first, *events[at:]]) == events
    later = [*events, replace(first, window=replace(first.window, start=9000.0, end=9020.0))]
    assert that_count(later) == later, "a baseline of its own for what comes next is no second try"


def test_a_second_that_was_repeated_stays_two_experiments() -> None:
    """What `--repeat` brings counts each time; only what is void does not."""
    events = clean()
    name = last_of(events)
    begin, end = span(events, name)
    twice = [*events[:end], *events[begin:end], *events[end:]]
    assert len(run_seen(twice).experiments[name].verdicts) == 2
