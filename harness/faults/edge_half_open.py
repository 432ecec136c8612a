"""Half-open: the other end is gone, and nobody was told."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.bent import BentFault
from harness.faults.edge_black_hole import NEVER_CLOSES
from harness.faults.spec import SILENCE_S, STREAMS
from harness.proxy.bends import WAYS, Bend
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import ToxicSpec


class HalfOpen(BentFault):
    """Connections are accepted, never answered and never closed; those that exist go silent too.

    The provider hears nothing of the new ones, and the end of none reaches the consumer, as when a machine loses its
    power. Healing resets them, as that machine does when it is back. Without a relay Toxiproxy does the nearest: the
    provider hears of connections, and when it closes one, the consumer is told.
    """

    kind: ClassVar[str] = "half-open"

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"half-open connections{self.of_connections}"

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        return Bend(key=key, share=self.share, seed=self.seed, swallows=WAYS, holds=True)

    def by_relay(self, line: Line) -> bool:
        """See `BentFault`."""
        return self.chooses or line.bendable

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        return tuple(
            ToxicSpec(name=f"{key}half-open-{way}", stream=STREAMS[way], attributes=NEVER_CLOSES) for way in WAYS
        )

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=SILENCE_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        return seen.outcome is Outcome.SILENT


def half_open(*, share: float = 1.0, seed: int = 0) -> HalfOpen:
    """The other end is gone, and nobody was told: `half_open(share=0.3)`."""
    return HalfOpen(share=share, seed=seed)
