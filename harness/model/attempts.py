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


def that_count(events: Iterable[Event]) -> list[Event]:
    """All events but those of void attempts at an experiment; seconds and notes belong to nobody, and stay."""
    events = list(events)
    void = {each.name: at for at, each in enumerate(events) if isinstance(each, ExperimentEnded) and each.void}
    return [each for at, each in enumerate(events) if at > void.get(_experiment(each), -1)]


def _experiment(event: Event) -> str:
    match event:
        case ExperimentStarted() | ExperimentEnded():
            return event.name
        case WindowEnded() | InjectionArmed() | InjectionHealed() | CompanySeen():
            return event.experiment
        case _:
            return ""
