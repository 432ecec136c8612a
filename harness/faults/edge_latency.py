"""Latency: every byte arrives later, on open connections too."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.faults.bent import BentFault
from harness.faults.spec import STREAMS, Direction
from harness.model.quantity import Duration
from harness.proxy.bends import Bend, Delay, Shape
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import LatencyAttributes, ToxicSpec

LEAST_DELAY_S = 0.001
"""Toxiproxy counts in milliseconds."""
LONGEST_DELAY_S = 3600.0
BELIEVED_FROM_S = 2.0
"""A delay of so much is believed when nothing came within `PROBE_WITHIN_S`; a shorter one is waited for."""
PROBE_WITHIN_S = 3.0
PROBE_SLACK_S = 1.0
NO_TIME = Duration(0)

Distribution = Literal["uniform", "normal", "pareto"]


class Latency(BentFault):
    """Delays what goes to the consumer (or to the provider), spread by the jitter.

    `uniform`: evenly to both sides of the delay. `normal`: the jitter is the standard deviation. `pareto`: the delay
    is the least, and the jitter what comes on top on average: most answers are quick, and a few take very long.

    Toxiproxy does what is constant; what hangs on chance is done by the relay, with a seed. Each piece of data has a
    delay of its own, and none overtakes another.
    """

    kind: ClassVar[str] = "latency"
    delay: Annotated[Duration, Field(ge=LEAST_DELAY_S, le=LONGEST_DELAY_S)]
    jitter: Duration = NO_TIME
    direction: Direction = "reply"
    distribution: Distribution = "uniform"

    @model_validator(mode="after")
    def _time_goes_forward(self) -> Self:
        if self.distribution != "pareto" and self.jitter > self.delay:
            message = f"expected a jitter of at most the delay ({self.delay}), found {self.jitter}"
            raise ValueError(message)
        if self.distribution != "uniform" and not self.jitter:
            message = f"expected a jitter for the distribution {self.distribution!r}, found none"
            raise ValueError(message)
        if self.spread.longest_s > LONGEST_DELAY_S:
            message = f"expected delays of at most {Duration(LONGEST_DELAY_S)}, found {self.spread.longest_s:g} s"
            raise ValueError(message)
        return self

    @property
    def spread(self) -> Delay:
        """How long the delays are."""
        return Delay(shape=Shape(self.distribution), middle_s=float(self.delay), spread_s=float(self.jitter))

    def describe(self) -> str:
        """See `FaultSpec`."""
        match self.distribution:
            case "uniform":
                jitter = f" ± {self.jitter}" if self.jitter else ""
            case "normal":
                jitter = f" ± {self.jitter} (normal)"
            case "pareto":
                jitter = f" and {self.jitter} more on average, with a long tail"
        way = " on requests" if self.direction == "request" else ""
        return f"latency {self.delay}{jitter}{way}{self.of_connections}"

    def bend(self, key: str) -> Bend:
        """See `BentFault`."""
        return Bend(key=key, share=self.share, seed=self.seed, delay=self.spread, delays=self.direction)

    def by_relay(self, line: Line) -> bool:
        """See `BentFault`; where there is no relay, Toxiproxy's own even jitter must do, which has no seed."""
        return self.chooses or self.distribution != "uniform" or (bool(self.jitter) and line.bendable)

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        attributes = LatencyAttributes(latency=round(self.delay * 1000), jitter=round(self.jitter * 1000))
        return (ToxicSpec(name=f"{key}latency", stream=STREAMS[self.direction], attributes=attributes),)

    def question(self) -> Question:
        """See `EdgeFault`; a provider that greets is delayed twice."""
        longest_s = self.spread.longest_s
        return Question(within_s=PROBE_WITHIN_S if longest_s >= BELIEVED_FROM_S else 2 * longest_s + PROBE_SLACK_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        late = seen.outcome is Outcome.ANSWERED and seen.took_s >= self.spread.shortest_s - LEAST_DELAY_S
        return late or (seen.outcome is Outcome.SILENT and self.spread.longest_s >= BELIEVED_FROM_S)


def latency(  # noqa: PLR0913 -- the attributes of the fault
    delay: str | Duration,
    *,
    jitter: str | Duration = NO_TIME,
    direction: Direction = "reply",
    distribution: Distribution = "uniform",
    share: float = 1.0,
    seed: int = 0,
) -> Latency:
    """Every byte toward the consumer arrives later: `latency("1s", jitter="100ms")`."""
    return Latency.model_validate(
        {
            "delay": delay,
            "jitter": jitter,
            "direction": direction,
            "distribution": distribution,
            "share": share,
            "seed": seed,
        }
    )
