"""Latency: every byte arrives later, on open connections too."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harness.faults.spec import STREAMS, Direction, EdgeFault
from harness.model.quantity import Duration
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import LatencyAttributes, ToxicSpec

LEAST_DELAY_S = 0.001
"""Toxiproxy counts in milliseconds."""
BELIEVED_FROM_S = 2.0
"""A delay of so much is believed when nothing came within `PROBE_WITHIN_S`; a shorter one is waited for."""
PROBE_WITHIN_S = 3.0
PROBE_SLACK_S = 1.0
NO_TIME = Duration(0)


class Latency(EdgeFault):
    """Delays what goes to the consumer (or to the provider), spread evenly by the jitter to both sides."""

    kind: ClassVar[str] = "latency"
    delay: Annotated[Duration, Field(ge=LEAST_DELAY_S)]
    jitter: Duration = NO_TIME
    direction: Direction = "reply"

    @model_validator(mode="after")
    def _time_goes_forward(self) -> Self:
        if self.jitter > self.delay:
            message = f"expected a jitter of at most the delay ({self.delay}), found {self.jitter}"
            raise ValueError(message)
        return self

    def describe(self) -> str:
        """See `FaultSpec`."""
        jitter = f" ± {self.jitter}" if self.jitter else ""
        return f"latency {self.delay}{jitter}" + (" on requests" if self.direction == "request" else "")

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        attributes = LatencyAttributes(latency=round(self.delay * 1000), jitter=round(self.jitter * 1000))
        return (ToxicSpec(name=f"{key}latency", stream=STREAMS[self.direction], attributes=attributes),)

    def question(self) -> Question:
        """See `EdgeFault`; a provider that greets is delayed twice."""
        longest_s = self.delay + self.jitter
        return Question(within_s=PROBE_WITHIN_S if longest_s >= BELIEVED_FROM_S else 2 * longest_s + PROBE_SLACK_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        shortest = self.delay - self.jitter
        late = seen.outcome is Outcome.ANSWERED and seen.took_s >= shortest - LEAST_DELAY_S
        return late or (seen.outcome is Outcome.SILENT and self.delay + self.jitter >= BELIEVED_FROM_S)


def latency(delay: str | Duration, *, jitter: str | Duration = NO_TIME, direction: Direction = "reply") -> Latency:
    """Every byte toward the consumer arrives later: `latency("1s", jitter="100ms")`."""
    return Latency.model_validate({"delay": delay, "jitter": jitter, "direction": direction})
