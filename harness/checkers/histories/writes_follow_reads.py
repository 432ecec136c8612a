"""Writes follow reads: whoever sees a write sees what its writer had seen before it.

One of the four session guarantees of Terry et al., PDIS 1994 (see `read_your_writes`): an answer is never seen without
the question. It is judged within one thing, over its fields.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.histories.acts import Act
from harness.checkers.histories.floors import floors
from harness.checkers.histories.proof import Proof, Trial, shown, told
from harness.checkers.histories.registers import NOBODY, Thing
from harness.checkers.histories.sightings import Sighting, Sightings
from harness.model.guarantee import WritesFollowReads


def writes_follow_reads(guarantee: WritesFollowReads, things: Sequence[Thing]) -> Proof:
    """Whether no read shows a write without what its writer had seen before; her own reads are judged elsewhere."""
    trial = Trial()
    begins_empty = guarantee.begins == "empty"
    for thing in things:
        sightings = Sightings(thing, begins_empty=begins_empty)
        for read in thing.reads:
            for writer, newest in floors(thing, read, begins_empty=begins_empty).items():
                if writer != read.session:
                    _judge(trial, thing, sightings, read, newest)
    return trial.proof(
        nothing=f"no read of a {guarantee.thing} shows a write whose customer had seen another's before it",
        held="each write is seen with all that its customer had seen before it, or newer",
        broken="writes are seen without what their customers had seen before",
    )


def _judge(trial: Trial, thing: Thing, sightings: Sightings, read: Act, newest: Sighting) -> None:
    for field in sightings.fields.get(newest.writer, ()):
        value = read.seen(field)
        if value is None or sightings.newer_than(NOBODY, newest.writer, field, newest.start) is None:
            continue
        trial.tested += 1
        source = thing.registers[field].source(value, read.end)
        missed = sightings.newer_than(source, newest.writer, field, newest.start)
        if missed is not None:
            later, before = shown(read.seen(newest.field) or ""), shown(missed.read.seen(field) or "")
            reason = (
                f"{told(read)}, found {later} for {newest.field} of {read.thing}, which {newest.writer} wrote "
                f"having found {before} for {field} ({told(missed.read)}): but found {shown(value)} there"
            )
            trial.refute(reason, (missed.read, read), field, newest.field)
