"""Black hole: what is sent vanishes, on open connections too."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.faults.bent import BentFault
from harness.faults.spec import SILENCE_S, STREAMS, Direction
from harness.proxy.bends import WAYS, Bend
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import TimeoutAttributes, ToxicSpec

Way = Literal["both", "request", "reply"]
NEVER_CLOSES = TimeoutAttributes(timeout=0)


class BlackHole(BentFault):
    """Connections are accepted and nothing comes of them.

    With `reply` the provider does its work and only the answer is lost.
    Healing closes the connections that were held, so that none goes on with a hole in its bytes.
    """

    kind: ClassVar[str] = "black-hole"
    direction: Way = "both"

    def describe(self) -> str:
        """See `FaultSpec`."""
        what = "" if self.direction == "both" else f" of {self.direction.replace('y', 'ie')}s"
        return f"black hole{what}{self.of_connections}"

    @property
    def ways(self) -> tuple[Direction, ...]:
        """What vanishes."""
        return WAYS if self.direction == "both" else (self.direction,)

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        return Bend(key=key, share=self.share, seed=self.seed, swallows=self.ways)

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        return tuple(
            ToxicSpec(name=f"{key}black-hole-{way}", stream=STREAMS[way], attributes=NEVER_CLOSES) for way in self.ways
        )

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=SILENCE_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; of a provider that greets, the greeting may come."""
        return seen.outcome is Outcome.SILENT


def black_hole(direction: Way = "both", *, share: float = 1.0, seed: int = 0) -> BlackHole:
    """What is sent vanishes: `black_hole("reply")` loses the answers only."""
    return BlackHole(direction=direction, share=share, seed=seed)
