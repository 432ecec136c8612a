"""Read your writes: whoever was told that her write is done never reads an older value.

One of the four session guarantees of Terry et al., "Session guarantees for weakly consistent replicated data",
PDIS 1994. A read may show her last acknowledged write, any write of hers that overlapped it or that nobody heard of,
and any write of somebody else, since nothing is said of the order between customers.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.checkers.histories.acts import Act
from harness.checkers.histories.proof import Proof, Trial, shown, told
from harness.checkers.histories.registers import Thing
from harness.checkers.histories.versions import versions_kept
from harness.model.guarantee import ReadYourWrites


def read_your_writes(guarantee: ReadYourWrites, things: Sequence[Thing]) -> Proof:
    """Whether every read shows what its session had written."""
    trial = Trial()
    for thing in things:
        for read in thing.reads:
            _judge(trial, thing, read)
        if guarantee.version is not None:
            versions_kept(trial, thing, guarantee.version, after="writes")
    return trial.proof(
        nothing=f"nobody read a {guarantee.thing} after writing it",
        held="each read shows what its own customer had written, or something newer",
        broken="reads of what one had written oneself show something older",
    )


def _judge(trial: Trial, thing: Thing, read: Act) -> None:
    for field in thing.fields_of.get(read.session, ()):
        register = thing.registers[field]
        write = register.own[read.session].before(read.start)
        value = read.seen(field)
        if write is None or value is None:
            continue
        trial.tested += 1
        if register.source(value, read.end).is_older_than(read.session, write.start):
            reason = (
                f"{told(read)}, found {shown(value)} for {field} of {read.thing}, "
                f"older than her own {told(write)}, of {shown(write.writes[field])}"
            )
            trial.refute(reason, (write, read), field)
