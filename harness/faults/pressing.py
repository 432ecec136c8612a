"""Leaving an instance with too little of a resource: what such faults have in common."""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from typing import ClassVar

from harness.errors import ProxyError
from harness.faults.spec import SILENCE_S, InstanceFault, Instances
from harness.faults.unable import Unable
from harness.model.fault import HealedBy, InstanceTarget, Pressable, Pressure
from harness.proxy.line import Line
from harness.proxy.probe import Question

RECOVERS_WITHIN_S = 10.0
"""How long an instance that was released gets to answer by itself."""


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

    async def mend(self, instances: Instances, target: InstanceTarget) -> str | None:
        """See `InstanceFault`; one that did not live through it, or hangs since, is started again, which is told."""
        if isinstance(instances, Pressable):
            await instances.release(target, self.pressure().resource)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECOVERS_WITHIN_S):
                await instances.start(target)
                return None
        try:
            await instances.kill(target)
        except ProxyError:  # Toxiproxy was still connecting to it, and is not any more
            await instances.kill(target)
        await instances.start(target)
        return f"{target} did not answer within {RECOVERS_WITHIN_S:g} s of being released, and was started anew"

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`."""
        return True, str(await line.probe(Question(within_s=SILENCE_S)))
