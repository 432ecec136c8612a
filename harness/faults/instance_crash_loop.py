"""Crash loop: an instance dies again each time it has come up."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.edge_down import refuses
from harness.faults.spec import InstanceFault, Instances
from harness.faults.unable import Unable
from harness.model.fault import Crashable, HealedBy, InstanceTarget
from harness.model.quantity import Duration
from harness.proxy.line import Line

AWAY, UP = Duration(1), Duration(0.2)
MOST = 100
"""Deaths in one injection; then it stays away."""


class CrashLoop(InstanceFault):
    """SIGKILL, started again after a while as an orchestrator does, and killed again once it could serve."""

    kind: ClassVar[str] = "crash-loop"
    passes_traffic: ClassVar[bool] = False
    """It is refused most of the time."""
    healed_by: ClassVar[HealedBy] = HealedBy.STARTED
    away: Annotated[Duration, Field(ge=0.2, le=60)] = AWAY
    """From each death to the next start."""
    up: Annotated[Duration, Field(ge=0, le=60)] = UP
    """How long it can serve each time."""

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"crash loop (away {self.away}, up {self.up})"

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        if not isinstance(instances, Crashable):
            raise Unable(self.kind, "kill its instances over and over")
        await instances.begin_crashing(target, away_s=self.away, up_s=self.up, most=MOST)
        return f"{target} is gone for the first time"

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`."""
        if isinstance(instances, Crashable):
            await instances.end_crashing(target)
        await instances.start(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`; it is looked at right after its first death."""
        return await refuses(line)


def crash_loop(away: Duration | str = AWAY, up: Duration | str = UP) -> CrashLoop:
    """SIGKILL to an instance, again each time that it has come up: `crash_loop("2s")` leaves it away for 2 s."""
    return CrashLoop(away=Duration.parse(away), up=Duration.parse(up))
