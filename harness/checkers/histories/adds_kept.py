"""Adds kept: what was acknowledged as added is in every later read, unless it may have been removed.

For sets, carts, lists: additions commute, so that neither the order of writers nor the value that was added matters,
only whether it is there. "Later" is real time, whoever reads; see Shapiro et al., "Conflict-free replicated data
types", SSS 2011, for what such a thing owes once its replicas have met.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.checkers.histories.acts import ABSENT, Act
from harness.checkers.histories.proof import Proof, Trial, told
from harness.checkers.histories.registers import Latest, Thing, Written
from harness.model.guarantee import AddsKept


def adds_kept(guarantee: AddsKept, things: Sequence[Thing]) -> Proof:
    """Whether no acknowledged addition is missing."""
    trial = Trial()
    for thing in things:
        additions = dict(_additions(thing))
        for read in thing.reads:
            for field, added in additions.items():
                _judge(trial, thing, read, field, added.before(read.start - guarantee.within))
    return trial.proof(
        nothing=f"nobody read a {guarantee.thing} to which something had been added before",
        held="nothing that was added is missing",
        broken="additions are missing from later reads",
    )


def _additions(thing: Thing) -> Iterator[tuple[str, Latest]]:
    for field, register in thing.registers.items():
        written = (act for value, each in register.values.items() if value != ABSENT for act in each.acts)
        yield field, Latest(written)


def _judge(trial: Trial, thing: Thing, read: Act, field: str, added: Act | None) -> None:
    value = read.seen(field)
    if added is None or value is None:
        return
    trial.tested += 1
    if value != ABSENT:
        return
    removed = thing.registers[field].values.get(ABSENT, Written([])).until(read.end)
    if removed.is_older_in_time_than(added.start):
        reason = (
            f"{told(read)}, did not find {field} in {read.thing}, which was added by {told(added)}, "
            "and since then removed by nobody"
        )
        trial.refute(reason, (added, read), field)
