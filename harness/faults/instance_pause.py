"""Pause: an instance freezes; it keeps its sockets and answers nothing."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import SILENCE_S, InstanceFault, Instances
from harness.model.fault import HealedBy, InstanceTarget
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question


class Pause(InstanceFault):
    """Frozen; its kernel still accepts connections."""

    kind: ClassVar[str] = "pause"
    healed_by: ClassVar[HealedBy] = HealedBy.RESUMED

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        await instances.pause(target)
        return f"{target} is frozen"

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`."""
        await instances.resume(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`."""
        seen = await line.probe(Question(within_s=SILENCE_S))
        return seen.outcome is Outcome.SILENT, str(seen)


def pause() -> Pause:
    """Freeze an instance, which goes on when the injection ends."""
    return Pause()
