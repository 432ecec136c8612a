"""Flapping: an edge that is down and up by turns."""

from __future__ import annotations

import asyncio
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harness.faults.spec import SILENCE_S, EdgeFault
from harness.model.quantity import Duration
from harness.proxy.bends import Bend, Flap
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question, Seen

SHORTEST_TURN_S = 0.1
LONGEST_PERIOD_S = 600.0
HALF = 0.5


class Flapping(EdgeFault):
    """Down for the first part of each period: connections are refused, and live ones are cut; then up.

    The relay keeps time by itself: nothing is written down at a turn, and nothing needs to be, since the line is up
    as soon as the relay is told so, or the relay is gone and so is the line. Healing ends it in either turn.
    """

    kind: ClassVar[str] = "flapping"
    passes_traffic: ClassVar[bool] = False
    period: Annotated[Duration, Field(le=LONGEST_PERIOD_S)]
    down_share: Annotated[float, Field(gt=0, lt=1)] = HALF
    """Of each period."""

    @model_validator(mode="after")
    def _turns_can_be_told_apart(self) -> Self:
        shorter = min(self.down_s, self.period - self.down_s)
        if shorter < SHORTEST_TURN_S - 1e-9:
            message = (
                f"expected each turn to last at least {SHORTEST_TURN_S * 1000:g} ms, found {shorter * 1000:.0f} ms"
            )
            raise ValueError(message)
        return self

    @property
    def down_s(self) -> float:
        """How long it is down at a time."""
        return self.period * self.down_share

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"flapping, {self.down_share * 100:g} % of every {self.period} down"

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        return await line.bend(Bend(key=key, flap=Flap(period_s=float(self.period), down_s=self.down_s)))

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:  # noqa: ARG002 -- the relay has its own limit
        """See `EdgeFault`."""
        await line.unbend(key)

    def question(self) -> Question:
        """See `EdgeFault`."""
        return Question(within_s=SILENCE_S)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`."""
        return seen.outcome is Outcome.REFUSED

    async def look(self, line: Line) -> tuple[bool, str]:
        """Where the consumer connects: it begins down, and whoever comes too late for that waits for the next turn."""
        seen = await line.probe_entry(self.question())
        try:
            async with asyncio.timeout(self.period + SILENCE_S):
                while not self.bites(seen):
                    seen = await line.probe_entry(self.question())
        except TimeoutError:
            return False, f"{seen}, all through a period"
        return True, str(seen)


def flapping(period: str | Duration, *, down_share: float = HALF) -> Flapping:
    """An edge that is down and up by turns: `flapping("2s", down_share=0.25)`."""
    return Flapping.model_validate({"period": period, "down_share": down_share})
