"""Monotonic reads: whoever has seen a write never reads an older value after.

One of the four session guarantees of Terry et al., PDIS 1994 (see `read_your_writes`). That one value is older than
another is told by the order in which one session wrote both; that nothing is there is older than anything written.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.histories.acts import Act
from harness.checkers.histories.proof import Proof, Trial, shown, told
from harness.checkers.histories.registers import NOBODY, Thing
from harness.checkers.histories.sightings import Sighting, Sightings
from harness.checkers.histories.versions import versions_kept
from harness.model.guarantee import MonotonicReads


def monotonic_reads(guarantee: MonotonicReads, things: Sequence[Thing]) -> Proof:
    """Whether no read shows something older than an earlier read of its session."""
    trial = Trial()
    for thing in things:
        sightings = Sightings(thing, begins_empty=guarantee.begins == "empty")
        for read in thing.reads:
            _judge(trial, thing, sightings, read)
        if guarantee.version is not None:
            versions_kept(trial, thing, guarantee.version, after="reads")
    return trial.proof(
        nothing=f"nobody read a {guarantee.thing} twice, the first time what had certainly been written",
        held="no read shows something older than its customer had seen before",
        broken="later reads show something older than an earlier one",
    )


def _judge(trial: Trial, thing: Thing, sightings: Sightings, read: Act) -> None:
    for field in sightings.fields.get(read.session, ()):
        value = read.seen(field)
        if value is None or sightings.newer_than(NOBODY, read.session, field, read.start) is None:
            continue
        trial.tested += 1
        source = thing.registers[field].source(value, read.end)
        newer = sightings.newer_than(source, read.session, field, read.start)
        if newer is not None:
            trial.refute(_reason(read, field, value, newer), (newer.read, read), field)


def _reason(read: Act, field: str, value: str, newer: Sighting) -> str:
    before = shown(newer.read.seen(field) or "")
    return (
        f"{told(read)}, found {shown(value)} for {field} of {read.thing}, "
        f"although {told(newer.read)}, had found {before}, which is newer"
    )
