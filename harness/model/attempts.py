"""Experiments that were asked again: what a journal tells without the attempts that do not count."""

from __future__ import annotations

from collections.abc import Iterable

from harness.model.events import (
    CompanySeen,
    Event,
    ExperimentEnded,
    ExperimentStarted,
    InjectionArmed,
    InjectionHealed,
    WindowEnded,
)
from harness.model.observation import WindowKind


def that_count(events: Iterable[Event]) -> list[Event]:
    """All events but those of void attempts at an experiment; seconds and notes belong to nobody, and stay.

    Nor does a shared baseline count that was measured again before any experiment began.
    """
    events = list(events)
    void = {each.name: at for at, each in enumerate(events) if isinstance(each, ExperimentEnded) and each.void}
    again = _measured_again(events)
    return [each for at, each in enumerate(events) if at > void.get(_experiment(each), -1) and at not in again]


def _measured_again(events: Iterable[Event]) -> set[int]:
    """Where baselines stand that another one follows, and no experiment between."""
    found: set[int] = set()
    last: int | None = None
    for at, each in enumerate(events):
        match each:
            case WindowEnded(experiment="", window=window) if window.kind is WindowKind.BASELINE:
                found |= set() if last is None else {last}
                last = at
            case ExperimentStarted():
                last = None
            case _:
                pass
    return found


def _experiment(event: Event) -> str:
    match event:
        case ExperimentStarted() | ExperimentEnded():
            return event.name
        case WindowEnded() | InjectionArmed() | InjectionHealed() | CompanySeen():
            return event.experiment
        case _:
            return ""
