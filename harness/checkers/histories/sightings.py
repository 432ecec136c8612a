"""What each session has certainly seen written: nothing older may follow."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.checkers.histories.acts import Act
from harness.checkers.histories.registers import Source, Thing, surely_written


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One session's read of a value: whose write it saw, and when the first that it may have been began."""

    read: Act
    field: str
    writer: str
    """Empty when it may be the write of several."""
    start: float


@dataclass(slots=True)
class _Best:
    """Sightings of one writer's values, by the end of their reads: the newest so far."""

    ends: list[float] = field(default_factory=list)
    newest: list[Sighting] = field(default_factory=list)

    def add(self, sighting: Sighting) -> None:
        best = self.newest[-1] if self.newest else sighting
        self.ends.append(sighting.read.end)
        self.newest.append(sighting if sighting.start >= best.start else best)

    def before(self, t: float) -> Sighting | None:
        count = bisect_left(self.ends, t)
        return self.newest[count - 1] if count else None


class Sightings:
    """Of one thing: session, field and writer → what was seen."""

    def __init__(self, thing: Thing, *, begins_empty: bool) -> None:
        self._of: dict[tuple[str, str], dict[str, _Best]] = {}
        self.fields: dict[str, dict[str, None]] = {}
        """Session → the fields of which it saw something."""
        for read in sorted(thing.reads, key=lambda act: act.end):
            for sighting in seen_by(thing, read, begins_empty=begins_empty):
                of_field = self._of.setdefault((read.session, sighting.field), {})
                of_field.setdefault(sighting.writer, _Best()).add(sighting)
                self.fields.setdefault(read.session, {})[sighting.field] = None

    def newer_than(self, source: Source, session: str, field_name: str, t: float) -> Sighting | None:
        """What the session had seen before `t` that is certainly newer than what `source` wrote."""
        of_field = self._of.get((session, field_name), {})
        writers = of_field if not source.writes else ({source.session} & of_field.keys())
        for writer in writers:
            sighting = of_field[writer].before(t) if writer is not None else None
            if sighting is not None and source.is_older_than(sighting.writer, sighting.start):
                return sighting
        return None


def seen_by(thing: Thing, read: Act, *, begins_empty: bool) -> Iterable[Sighting]:
    """The fields of which a read shows what was certainly written."""
    for name, value in (read.saw or {}).items():
        source = surely_written(thing.registers.get(name), value, read.end, begins_empty=begins_empty)
        if source is not None:
            yield Sighting(read=read, field=name, writer=source.session or "", start=source.first)
