"""No-op: the placebo, which goes the way of every fault and does nothing."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import ANSWER_WITHIN_S, EdgeFault
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import LatencyAttributes, ToxicSpec

NOTHING = LatencyAttributes(latency=0)


class NoOp(EdgeFault):
    """A latency of 0, put on, read back and taken off like any other toxic."""

    kind: ClassVar[str] = "no-op"

    def describe(self) -> str:
        """See `FaultSpec`."""
        return "nothing (placebo)"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        return (ToxicSpec(name=f"{key}no-op", stream="downstream", attributes=NOTHING),)

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=ANSWER_WITHIN_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; to bite is to do nothing."""
        return seen.outcome is Outcome.ANSWERED


def no_op() -> NoOp:
    """The placebo."""
    return NoOp()
