"""Truncate: a connection ends after so many bytes of its answers."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.bent import BentFault
from harness.faults.edge_limit import MOST_BYTES, WATCHED_BYTES, spending
from harness.proxy.bends import Bend, Budget
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import LimitDataAttributes, ToxicSpec


class Truncate(BentFault):
    """Closes every new connection after so many bytes toward the consumer; live ones are cut when it is armed.

    The bytes are a budget of the connection, not of an answer: 0 is before the first byte, a few are within the
    status line, some hundred within the body of its first answer, many within a later one.
    """

    kind: ClassVar[str] = "truncate"
    after_bytes: Annotated[int, Field(ge=0, le=MOST_BYTES)] = 0

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"answers truncated after {self.after_bytes} bytes{self.of_connections}"

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        return Bend(key=key, share=self.share, seed=self.seed, budget=Budget(bytes=self.after_bytes), cuts=True)

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        limit = LimitDataAttributes(bytes=self.after_bytes)
        return (ToxicSpec(name=f"{key}truncate", stream="downstream", attributes=limit),)

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        read = await super().arm(line, key)
        return read if self.by_relay(line) else f"{read}, {await line.cut()} live connections cut"

    def question(self) -> Question:
        """See `EdgeFault`."""
        return spending(self.after_bytes)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`.

        A connection that ends earlier was ended by the provider, and a budget that a probe does not spend is not seen
        by it: that one is believed when it is read back.
        """
        if self.after_bytes > WATCHED_BYTES:
            return seen.outcome in {Outcome.ANSWERED, Outcome.CLOSED, Outcome.RESET}
        return seen.outcome in {Outcome.CLOSED, Outcome.RESET} and seen.bytes == self.after_bytes


def truncate(after_bytes: int = 0, *, share: float = 1.0, seed: int = 0) -> Truncate:
    """A connection ends after so many bytes of its answers."""
    return Truncate(after_bytes=after_bytes, share=share, seed=seed)
