"""One-way: requests pass to the provider, and its replies never come back."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.bent import BentFault
from harness.faults.edge_black_hole import NEVER_CLOSES
from harness.faults.spec import SILENCE_S
from harness.proxy.bends import Bend
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import ToxicSpec


class OneWay(BentFault):
    """The provider does its work, and its consumer never hears of it: neither an answer nor the end of a connection.

    Healing resets the connections on which something was lost. Without a relay Toxiproxy does the nearest: when the
    provider closes a connection, the consumer is told.
    """

    kind: ClassVar[str] = "one-way"

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"one-way partition (no reply comes back){self.of_connections}"

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        return Bend(key=key, share=self.share, seed=self.seed, swallows=("reply",))

    def by_relay(self, line: Line) -> bool:
        """See `BentFault`."""
        return self.chooses or line.bendable

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        return (ToxicSpec(name=f"{key}one-way", stream="downstream", attributes=NEVER_CLOSES),)

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=SILENCE_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        return seen.outcome is Outcome.SILENT


def one_way(*, share: float = 1.0, seed: int = 0) -> OneWay:
    """Requests pass, replies don't."""
    return OneWay(share=share, seed=seed)
