"""Limit: every connection carries so many bytes more, then it ends."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.bent import BentFault
from harness.faults.spec import ANSWER_WITHIN_S, STREAMS, Direction
from harness.proxy.bends import Bend, Budget
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import LimitDataAttributes, ToxicSpec

MOST_BYTES = 1 << 40
WATCHED_BYTES = 4096
"""A probe spends a budget of at most so many bytes; a larger one is believed when it is read back."""
SPENT_PER_S = 1000
"""Bytes that a probe spends at least, by short answers from a provider that is busy."""


def spending(budget: int) -> Question:
    """The question that goes on until a budget must be spent; a single one when that would take too long."""
    spent = budget if budget <= WATCHED_BYTES else 0
    return Question(within_s=ANSWER_WITHIN_S + spent / SPENT_PER_S, beyond_bytes=spent)


class Limit(BentFault):
    """A budget of bytes for each connection, in one direction; for those that are open it begins when it is armed.

    Nothing is cut when it is armed: connections die in use, wherever in an answer that is. A connection that is
    opened after another died has a budget of its own.
    """

    kind: ClassVar[str] = "limit"
    bytes: Annotated[int, Field(ge=1, le=MOST_BYTES)]
    direction: Direction = "reply"

    def describe(self) -> str:
        """See `FaultSpec`."""
        what = "requests" if self.direction == "request" else "answers"
        return f"{self.bytes} bytes of {what} per connection{self.of_connections}"

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        budget = Budget(bytes=self.bytes, way=self.direction)
        return Bend(key=key, share=self.share, seed=self.seed, budget=budget)

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        attributes = LimitDataAttributes(bytes=self.bytes)
        return (ToxicSpec(name=f"{key}limit", stream=STREAMS[self.direction], attributes=attributes),)

    def question(self) -> Question:
        """See `EdgeFault`."""
        return spending(self.bytes) if self.direction == "reply" else Question(within_s=ANSWER_WITHIN_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; a budget that a probe does not spend is not seen by it."""
        if self.question().beyond_bytes == 0:
            return seen.outcome in {Outcome.ANSWERED, Outcome.CLOSED, Outcome.RESET}
        return seen.outcome in {Outcome.CLOSED, Outcome.RESET} and seen.bytes == self.bytes


def limit(bytes_: int, *, direction: Direction = "reply", share: float = 1.0, seed: int = 0) -> Limit:
    """Every connection carries so many bytes more, then it ends."""
    return Limit(bytes=bytes_, direction=direction, share=share, seed=seed)
