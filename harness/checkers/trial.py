"""What happened in one cell of the matrix, and what it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from harness.checkers.clean_class import CleanClass
from harness.checkers.state import NO_STATE, StateSeen
from harness.model.fault import Armed, Healed
from harness.model.matrix import Cell, Rule
from harness.model.visits import Visit

BACKGROUND_SIGMAS = 3
"""By how much more than what crosses anyway something must cross to be the journey's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossed:
    """What met the fault."""

    count: int | None
    """Requests, as the relay counted them; None when nothing counts."""
    background: float = 0.0
    """How many would have crossed in that time without any visit."""
    unseen: float = 0.0
    """How many may have crossed in that time of what is too seldom to have been seen without visits."""
    visits: int = 0
    usual: float = 0.0
    """In a clean visit at least."""
    own: bool = False
    """Whether every clean visit is known to cross, however much crosses anyway."""
    opened: int = 0
    """Connections that met it, on an edge where one stands: where the provider speaks first, no request may come."""

    @property
    def met(self) -> bool:
        """Whether requests of the journey were counted."""
        if self.count is None:
            return False
        if self.own and self.visits and (self.visits <= self.count or self.opened):
            return True
        return told_apart(self.count, background=self.background, unseen=self.unseen, visits=self.visits)


def told_apart(count: int, *, background: float, unseen: float, visits: int) -> bool:
    """Whether so many crossings are some visits' own: more than what crosses anyway, and one in each, or too many."""
    each = 0 < visits <= count
    return beyond(count, background) and (each or beyond(count, unseen))


def beyond(count: int, background: float) -> bool:
    """Whether so many are more than what crosses anyway."""
    return count >= 1 and count > background + BACKGROUND_SIGMAS * sqrt(background)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What a document promises of every answer with a status."""

    headers: tuple[str, ...] = ()
    """Those that are required."""
    media: tuple[str, ...] = ()
    """Content types; none when it says nothing of a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a cell is held to beyond the defaults."""

    deadline_s: float
    soft: str = ""
    """Why the call does not matter; empty when it does, or nobody knows."""
    usable: str = ""
    """Where it is declared that the journey goes on without the provider; empty when it is not."""
    needed: str = ""
    """Where it is declared that the journey needs the provider, and may end without what it wanted."""
    declared: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Step → the statuses that its OpenAPI document declares."""
    refusals: Mapping[str, Mapping[int, Promised]] = field(default_factory=dict)
    """Step → status of an error → what its OpenAPI document promises of it."""
    edge_deadline_s: float | None = None
    """How long the consumer is declared to wait on the edge, with all its attempts."""
    marks: bool = False
    """Whether it is declared how a degraded answer says so."""
    recover_within_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One cell from arming to what came after its healing."""

    cell: Cell
    clean: CleanClass
    armed: Armed | None = None
    delay_s: float = 0.0
    """Of a latency."""
    visits: tuple[Visit, ...] = ()
    """While the fault was in force."""
    at_once: bool = False
    """Whether they were paid at the same time."""
    crossed: Crossed = Crossed(count=None)
    healed: Healed | None = None
    recovered_s: float | None = None
    """From the healing until the answers were of the clean class; None when they never were."""
    after: tuple[Visit, ...] = ()
    """The visit after the healing that was of the clean class, if one was."""
    ill: str = ""
    """Why the last visit after the healing was not of the clean class."""
    restarted: bool = False
    deaths: tuple[str, ...] = ()
    state: StateSeen = NO_STATE
    twice: tuple[str, ...] = ()
    """Commands that were sent again, and done again, each in a line."""
    already: frozenset[Rule] = frozenset()
    """What did not hold under the first fault alone."""
    usable_before: bool = True
    """Whether the journey was usable under the first fault alone; without one, True."""
    trouble: str = ""
    """What went wrong in the harness."""
    sick: tuple[str, ...] = ()
    """Proxies that died or hung while the fault was in force."""
    took_s: float = 0.0
    replay: str = ""
