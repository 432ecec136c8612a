"""A game day: experiments in an order, who looks on, what must be so before, and what it may cost."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field

from harness.model.calendar import Calendar, Schedule
from harness.model.guard import Guard
from harness.model.notifying import Notify
from harness.model.quantity import Duration

OUTSIDE = 4
"""The exit code when it may not be run now: outside the allowed time, or not as things are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An experiment of a game day."""

    experiment: str
    pause: Duration
    """How long nothing happens before it; not before the first."""
    ask: str = ""
    """What people are asked beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long faults may be in force in all game days of a system within a span."""

    under_fault: Duration
    over: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What must be so before anything is broken."""

    commands: tuple[tuple[str, ...], ...] = ()
    """Each must end with 0."""
    budget: Budget | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GameDay:
    """What is declared, and found to fit the system."""

    name: str
    title: str
    calendar: Calendar
    parts: tuple[Part, ...]
    draw: int | None = None
    """So many of the parts, in an order that the seed decides; all, in theirs, when None."""
    schedule: Schedule | None = None
    guards: tuple[Guard, ...] = ()
    """They watch over every experiment, besides its own."""
    roles: dict[str, str] = field(default_factory=dict)
    """Role → who has it."""
    preflight: Preflight = field(default_factory=Preflight)
    notify: Notify | None = None
    """Whom it tells: those of the system and its own."""
    source: str = ""
    """The file."""
    digest: str = ""
    """What the file held, in short: a resumed game day must be the same."""

    def order(self, seed: int) -> tuple[Part, ...]:
        """The parts that are run, in their order."""
        if self.draw is None:
            return self.parts
        return tuple(random.Random(seed).sample(self.parts, self.draw))  # noqa: S311 -- a draw that can be repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How far a game day came."""

    ended: tuple[str, ...] = ()
    """Experiments that came to a verdict."""
    cut: tuple[str, ...] = ()
    """Those that had begun, and did not."""


def remaining(order: Collection[Part], done: Done, *, again: bool) -> tuple[Part, ...]:
    """What is still to be run; what was cut short too when it is run again."""
    over = {*done.ended} | (set() if again else {*done.cut})
    return tuple(part for part in order if part.experiment not in over)
