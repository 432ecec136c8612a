"""Leaving an instance with too little of a resource: what such faults have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from harness.faults.spec import SILENCE_S, InstanceFault, Instances
from harness.faults.unable import Unable
from harness.model.fault import HealedBy, InstanceTarget, Pressable, Pressure
from harness.proxy.line import Line
from harness.proxy.probe import Question


class PressureFault(InstanceFault):
    """It goes on as well as it can with what is left.

    That it is in force was read back from the kernel, or from the engine; what consumers notice of it is the question,
    so the probe tells only what it saw.
    """

    healed_by: ClassVar[HealedBy] = HealedBy.RELEASED

    @abstractmethod
    def pressure(self) -> Pressure:
        """What is asked of the runtime."""

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        pressure = self.pressure()
        if not isinstance(instances, Pressable):
            raise Unable(self.kind, f"leave its instances with too little {pressure.resource}")
        return await instances.press(target, pressure)

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`; one that did not live through it is started again."""
        if isinstance(instances, Pressable):
            await instances.release(target, self.pressure().resource)
        await instances.start(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`."""
        return True, str(await line.probe(Question(within_s=SILENCE_S)))
