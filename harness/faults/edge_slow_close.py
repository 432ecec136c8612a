"""Slow close: the end of a connection reaches the consumer late."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.edge_latency import BELIEVED_FROM_S, LEAST_DELAY_S, PROBE_SLACK_S, PROBE_WITHIN_S
from harness.faults.spec import EdgeFault
from harness.model.quantity import Duration
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import SlowCloseAttributes, ToxicSpec

LONGEST_DELAY_S = 3600.0


class SlowClose(EdgeFault):
    """The provider closes, and the consumer hears of it only after the delay; what was said comes in time."""

    kind: ClassVar[str] = "slow-close"
    delay: Annotated[Duration, Field(ge=LEAST_DELAY_S, le=LONGEST_DELAY_S)]

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"connections closed {self.delay} late"

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        delay = SlowCloseAttributes(delay=round(self.delay * 1000))
        return (ToxicSpec(name=f"{key}slow-close", stream="downstream", attributes=delay),)

    def question(self) -> Question:
        """See `EdgeFault`: hang up, and see how long the other end takes."""
        believed = self.delay >= BELIEVED_FROM_S
        return Question(within_s=PROBE_WITHIN_S if believed else self.delay + PROBE_SLACK_S, hangs_up=True)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        late = seen.outcome is Outcome.CLOSED and seen.took_s >= self.delay - LEAST_DELAY_S
        return late or (seen.outcome is Outcome.SILENT and self.delay >= BELIEVED_FROM_S)


def slow_close(delay: str | Duration) -> SlowClose:
    """The end of a connection reaches the consumer late."""
    return SlowClose.model_validate({"delay": delay})
