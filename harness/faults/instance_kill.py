"""Kill: an instance dies at once, and is started again when the injection ends."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.edge_down import refuses
from harness.faults.spec import InstanceFault, Instances
from harness.model.fault import HealedBy, InstanceTarget
from harness.proxy.line import Line


class Kill(InstanceFault):
    """SIGKILL; what it listened on refuses connections until it is back."""

    kind: ClassVar[str] = "kill"
    passes_traffic: ClassVar[bool] = False
    healed_by: ClassVar[HealedBy] = HealedBy.STARTED

    def describe(self) -> str:
        """See `FaultSpec`."""
        return "SIGKILL"

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        await instances.kill(target)
        return f"{target} is gone"

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`."""
        await instances.start(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`."""
        return await refuses(line)


def kill() -> Kill:
    """SIGKILL to an instance, which is started again when the injection ends."""
    return Kill()
