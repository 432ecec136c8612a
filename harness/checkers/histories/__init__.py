"""Guarantees over the histories of reads and writes: one file a guarantee, pure, from acts to a proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from harness.checkers.histories.acts import acts_of
from harness.checkers.histories.adds_kept import adds_kept
from harness.checkers.histories.linearizable import linearizable
from harness.checkers.histories.lost_updates import lost_updates
from harness.checkers.histories.monotonic_reads import monotonic_reads
from harness.checkers.histories.monotonic_writes import monotonic_writes
from harness.checkers.histories.proof import Proof
from harness.checkers.histories.read_your_writes import read_your_writes
from harness.checkers.histories.registers import Thing, things_of
from harness.checkers.histories.writes_follow_reads import writes_follow_reads
from harness.model.guarantee import (
    AddsKept,
    Guarantee,
    Linearizable,
    MonotonicReads,
    MonotonicWrites,
    NoLostUpdates,
    OfThings,
    ReadYourWrites,
    WritesFollowReads,
)
from harness.model.observation import Operation


class Book:
    """The operations of a run, put in order once for all guarantees about the same things."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._operations = operations
        self._things: dict[tuple[str, str], list[Thing]] = {}

    def things(self, guarantee: OfThings) -> list[Thing]:
        """The things that a guarantee is about, with all that was done to them."""
        key = (guarantee.thing, guarantee.degraded)
        if key not in self._things:
            self._things[key] = things_of(acts_of(guarantee, self._operations))
        return self._things[key]


def proved(guarantee: Guarantee, book: Book) -> Proof:  # noqa: PLR0911 -- one line a guarantee
    """What a guarantee comes to over the operations of a book."""
    things = book.things(guarantee)
    match guarantee:
        case ReadYourWrites():
            return read_your_writes(guarantee, things)
        case MonotonicReads():
            return monotonic_reads(guarantee, things)
        case MonotonicWrites():
            return monotonic_writes(guarantee, things)
        case WritesFollowReads():
            return writes_follow_reads(guarantee, things)
        case NoLostUpdates():
            return lost_updates(guarantee, things)
        case AddsKept():
            return adds_kept(guarantee, things)
        case Linearizable():
            return linearizable(guarantee, things)
        case _:
            assert_never(guarantee)


__all__ = ["Book", "Proof", "proved"]
