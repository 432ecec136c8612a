"""Bandwidth: each connection carries only so many bytes a second."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.spec import STREAMS, Direction, EdgeFault
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import BandwidthAttributes, ToxicSpec

KILOBYTE = 1000
FASTEST_KB_S = 1_000_000
WATCHED_S = 0.1
"""A probe asks on until it should have taken so long."""
WATCHED_BYTES = 1024
PROBE_WITHIN_S = 3.0
NEARLY = 0.8
"""A rate is kept over the whole, and not in each moment."""
BELIEVED_BELOW_KB_S = 4
"""So slow, a single answer may not come within `PROBE_WITHIN_S`."""


class Bandwidth(EdgeFault):
    """Limits the rate of each connection on its own, in one direction; open ones too."""

    kind: ClassVar[str] = "bandwidth"
    kilobytes_per_s: Annotated[int, Field(ge=1, le=FASTEST_KB_S)]
    direction: Direction = "reply"

    def describe(self) -> str:
        """See `FaultSpec`."""
        way = " for requests" if self.direction == "request" else ""
        return f"bandwidth {self.kilobytes_per_s} KB/s per connection{way}"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        rate = BandwidthAttributes(rate=self.kilobytes_per_s)
        return (ToxicSpec(name=f"{key}bandwidth", stream=STREAMS[self.direction], attributes=rate),)

    def question(self) -> Question:
        """See `EdgeFault`."""
        enough = min(WATCHED_BYTES, round(self.kilobytes_per_s * KILOBYTE * WATCHED_S))
        return Question(within_s=PROBE_WITHIN_S, beyond_bytes=enough if self.direction == "reply" else 0)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; requests of a probe are too short to show it."""
        if seen.outcome is Outcome.SILENT:
            return self.kilobytes_per_s < BELIEVED_BELOW_KB_S
        least_s = seen.bytes / (self.kilobytes_per_s * KILOBYTE) if self.direction == "reply" else 0.0
        return seen.outcome is Outcome.ANSWERED and seen.took_s >= NEARLY * least_s


def bandwidth(kilobytes_per_s: int, *, direction: Direction = "reply") -> Bandwidth:
    """Each connection carries only so many thousand bytes a second."""
    return Bandwidth(kilobytes_per_s=kilobytes_per_s, direction=direction)
