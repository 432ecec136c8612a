"""Monotonic writes: whoever sees a write sees what its writer was told to be done before it.

One of the four session guarantees of Terry et al., PDIS 1994 (see `read_your_writes`). A read that shows one of a
session's writes must show, in the other fields of the same thing, all that the session had acknowledged before.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.histories.acts import Act
from harness.checkers.histories.floors import floors
from harness.checkers.histories.proof import Proof, Trial, shown, told
from harness.checkers.histories.registers import Thing
from harness.checkers.histories.sightings import Sighting
from harness.model.guarantee import MonotonicWrites


def monotonic_writes(guarantee: MonotonicWrites, things: Sequence[Thing]) -> Proof:
    """Whether no read shows a write without an earlier one of the same session."""
    trial = Trial()
    for thing in things:
        for read in thing.reads:
            for newest in floors(thing, read, begins_empty=guarantee.begins == "empty").values():
                _judge(trial, thing, read, newest)
    return trial.proof(
        nothing=f"no read of a {guarantee.thing} shows a write whose customer had written something before it",
        held="each write is seen with all that its customer had written before it, or newer",
        broken="writes are seen without one that its customer had been told of before",
    )


def _judge(trial: Trial, thing: Thing, read: Act, newest: Sighting) -> None:
    for field in thing.fields_of.get(newest.writer, ()):
        register = thing.registers[field]
        write = register.own[newest.writer].before(newest.start)
        value = read.seen(field)
        if write is None or value is None:
            continue
        trial.tested += 1
        if register.source(value, read.end).is_older_than(newest.writer, write.start):
            later = shown(read.seen(newest.field) or "")
            reason = (
                f"{told(read)}, found {later} for {newest.field} of {read.thing}, which {newest.writer} wrote "
                f"after {told(write)}, of {shown(write.writes[field])} for {field}: but found {shown(value)} there"
            )
            trial.refute(reason, (write, read), field, newest.field)
