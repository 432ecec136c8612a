"""One field of one thing with all its writes: who may have written a value, and which acknowledged write is the last.

What is known of the order of writes is little: those of one session that did not overlap are in their order; a write
that nobody heard of may take effect at any later time. Of two writes of different sessions neither is certainly older,
unless a guarantee speaks of real time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.checkers.histories.acts import ABSENT, Act


class Source(NamedTuple):
    """Who may have written a value that was seen: writes of it that began until a moment."""

    writes: int
    session: str | None
    """Whose they all are; None when they are of several sessions, or there are none."""
    first: float
    """When the first of them began."""
    last: float
    """When the last of them was acknowledged; infinite when one never was."""

    def is_older_than(self, session: str, start: float) -> bool:
        """Whether it was certainly written before a write of that session that began then, or never by anybody."""
        return not self.writes or (self.session == session and self.last < start)

    def is_older_in_time_than(self, start: float) -> bool:
        """The same in real time, whoever wrote."""
        return not self.writes or self.last < start


NOBODY = Source(writes=0, session=None, first=0.0, last=0.0)


class Written:
    """All writes of one value to one register."""

    def __init__(self, acts: list[Act]) -> None:
        self.acts = acts
        self._starts = [act.start for act in acts]
        self._last: list[float] = []
        self._sole: list[str | None] = []
        last, sole = 0.0, acts[0].session if acts else None
        for act in acts:
            last = max(last, act.end)
            sole = sole if sole == act.session else None
            self._last.append(last)
            self._sole.append(sole)

    def until(self, t: float) -> Source:
        """Who may have written it by then; one that began at that very moment may have."""
        count = bisect_right(self._starts, t)
        if not count:
            return NOBODY
        return Source(writes=count, session=self._sole[count - 1], first=self._starts[0], last=self._last[count - 1])


class Latest:
    """Of some acts, the one that began last among those that were acknowledged before a moment."""

    def __init__(self, acts: Iterable[Act]) -> None:
        by_end = sorted((act for act in acts if act.acknowledged), key=lambda act: act.end)
        self._ends = [act.end for act in by_end]
        self._best: list[Act] = []
        for act in by_end:
            best = self._best[-1] if self._best else act
            self._best.append(act if act.start >= best.start else best)

    def before(self, t: float) -> Act | None:
        """None when there is none."""
        count = bisect_left(self._ends, t)
        return self._best[count - 1] if count else None


@dataclass(slots=True)
class Register:
    """One field of one thing."""

    values: dict[str, Written]
    own: dict[str, Latest]
    """Session → its acknowledged writes."""

    def source(self, value: str, t: float) -> Source:
        """Who may have written a value that was seen until `t`."""
        written = self.values.get(value)
        return NOBODY if written is None else written.until(t)


@dataclass(slots=True)
class Thing:
    """One thing with its fields, and all that was done to it."""

    name: str
    acts: list[Act]
    reads: list[Act]
    registers: dict[str, Register]
    fields_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Session → the fields to which it wrote."""


def things_of(acts: Iterable[Act]) -> list[Thing]:
    """The things that were touched, each with its registers."""
    by_thing: dict[str, list[Act]] = {}
    for act in acts:
        by_thing.setdefault(act.thing, []).append(act)
    return [_thing(name, found) for name, found in by_thing.items()]


def _thing(name: str, acts: list[Act]) -> Thing:
    writes: dict[str, list[Act]] = {}
    fields_of: dict[str, dict[str, None]] = {}
    for act in acts:
        for each in act.writes:
            writes.setdefault(each, []).append(act)
            fields_of.setdefault(act.session, {})[each] = None
    return Thing(
        name=name,
        acts=acts,
        reads=[act for act in acts if act.saw is not None],
        registers={each: _register(each, found) for each, found in writes.items()},
        fields_of={session: tuple(fields) for session, fields in fields_of.items()},
    )


def _register(field_name: str, acts: list[Act]) -> Register:
    values: dict[str, list[Act]] = {}
    sessions: dict[str, list[Act]] = {}
    for act in acts:
        values.setdefault(act.writes[field_name], []).append(act)
        sessions.setdefault(act.session, []).append(act)
    return Register(
        values={value: Written(found) for value, found in values.items()},
        own={session: Latest(found) for session, found in sessions.items()},
    )


def surely_written(register: Register | None, value: str, t: float, *, begins_empty: bool) -> Source | None:
    """Who wrote a value that was seen until `t`, when it was certainly written; else it may have been there before."""
    if register is None or not begins_empty or value == ABSENT:
        return None
    source = register.source(value, t)
    return source if source.writes else None
