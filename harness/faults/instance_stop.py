"""Stop: an instance is told to end, as an operator does it, and is started again when the injection ends."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.edge_down import refuses
from harness.faults.spec import InstanceFault, Instances
from harness.faults.unable import Unable
from harness.model.fault import HealedBy, InstanceTarget, Stoppable
from harness.proxy.line import Line


class Stop(InstanceFault):
    """SIGTERM; it drains and is gone, and what it listened on refuses connections until it is back."""

    kind: ClassVar[str] = "stop"
    passes_traffic: ClassVar[bool] = False
    healed_by: ClassVar[HealedBy] = HealedBy.STARTED

    def describe(self) -> str:
        """See `FaultSpec`."""
        return "SIGTERM"

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        if not isinstance(instances, Stoppable):
            raise Unable(self.kind, "end its instances by a signal that they hear")
        await instances.retire(target)
        return f"{target} has drained and is gone"

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`."""
        await instances.start(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`."""
        return await refuses(line)


def stop() -> Stop:
    """SIGTERM to an instance, which drains, and is started again when the injection ends."""
    return Stop()
