"""From what moment on a session's doings must be visible to whoever sees one of its writes."""

from __future__ import annotations

from harness.checkers.histories.acts import Act
from harness.checkers.histories.registers import Thing
from harness.checkers.histories.sightings import Sighting, seen_by


def floors(thing: Thing, read: Act, *, begins_empty: bool) -> dict[str, Sighting]:
    """Session → the newest of its writes that a read certainly shows; what it did before that one came before it."""
    found: dict[str, Sighting] = {}
    for sighting in seen_by(thing, read, begins_empty=begins_empty):
        newest = found.get(sighting.writer)
        if sighting.writer and (newest is None or newest.start < sighting.start):
            found[sighting.writer] = sighting
    return found
