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
from harness.checkers.histories.writes_follow_reads import writes_follow_reads
from harness.model.guarantee import (
    AddsKept,
    Guarantee,
    Linearizable,
    MonotonicReads,
    MonotonicWrites,
    NoLostUpdates,
    ReadYourWrites,
    WritesFollowReads,
)
from harness.model.observation import Operation


def proved(guarantee: Guarantee, operations: Sequence[Operation]) -> Proof:  # noqa: PLR0911 -- one line a guarantee
    """What a guarantee comes to over these operations."""
    acts = acts_of(guarantee, operations)
    match guarantee:
        case ReadYourWrites():
            return read_your_writes(guarantee, acts)
        case MonotonicReads():
            return monotonic_reads(guarantee, acts)
        case MonotonicWrites():
            return monotonic_writes(guarantee, acts)
        case WritesFollowReads():
            return writes_follow_reads(guarantee, acts)
        case NoLostUpdates():
            return lost_updates(guarantee, acts)
        case AddsKept():
            return adds_kept(guarantee, acts)
        case Linearizable():
            return linearizable(guarantee, acts)
        case _:
            assert_never(guarantee)


__all__ = ["Proof", "proved"]
