"""Black hole: what is sent vanishes, on open connections too."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.faults.spec import SILENCE_S, STREAMS, Direction, EdgeFault
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import TimeoutAttributes, ToxicSpec

Way = Literal["both", "request", "reply"]
NEVER_CLOSES = TimeoutAttributes(timeout=0)


class BlackHole(EdgeFault):
    """Connections are accepted and nothing comes of them.

    With `reply` the provider does its work and only the answer is lost.
    Healing closes the connections that were held, so that none goes on with a hole in its bytes.
    """

    kind: ClassVar[str] = "black-hole"
    direction: Way = "both"

    def describe(self) -> str:
        """See `FaultSpec`."""
        return "black hole" if self.direction == "both" else f"black hole of {self.direction.replace('y', 'ie')}s"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        ways: tuple[Direction, ...] = ("request", "reply") if self.direction == "both" else (self.direction,)
        return tuple(
            ToxicSpec(name=f"{key}black-hole-{way}", stream=STREAMS[way], attributes=NEVER_CLOSES) for way in ways
        )

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=SILENCE_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; of a provider that greets, the greeting may come."""
        return seen.outcome is Outcome.SILENT


def black_hole(direction: Way = "both") -> BlackHole:
    """What is sent vanishes: `black_hole("reply")` loses the answers only."""
    return BlackHole(direction=direction)
