"""Truncate: a connection ends after so many bytes of its answers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.spec import ANSWER_WITHIN_S, EdgeFault
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import LimitDataAttributes, ToxicSpec

FIRST_BYTES = 4096


class Truncate(EdgeFault):
    """Closes every new connection after so many bytes toward the consumer; live ones are cut when it is armed.

    The bytes are a budget of the connection, not of an answer: that is why only the first ones are offered.
    """

    kind: ClassVar[str] = "truncate"
    after_bytes: Annotated[int, Field(ge=0, le=FIRST_BYTES)] = 0

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"answers truncated after {self.after_bytes} bytes"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        limit = LimitDataAttributes(bytes=self.after_bytes)
        return (ToxicSpec(name=f"{key}truncate", stream="downstream", attributes=limit),)

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        read = await super().arm(line, key)
        return f"{read}, {await line.cut()} live connections cut"

    def question(self) -> Question:
        """See `EdgeFault`; it asks on until the budget must be spent."""
        return Question(within_s=ANSWER_WITHIN_S, beyond_bytes=self.after_bytes)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; a connection that ends earlier was ended by the provider."""
        return seen.outcome in {Outcome.CLOSED, Outcome.RESET} and seen.bytes == self.after_bytes


def truncate(after_bytes: int = 0) -> Truncate:
    """A connection ends after so many bytes of its answers."""
    return Truncate(after_bytes=after_bytes)
