"""Restart: an instance is ended and started again at once, as an operator does it: one blip."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import ANSWER_WITHIN_S, InstanceFault, Instances
from harness.faults.unable import Unable
from harness.model.fault import HealedBy, InstanceTarget, Stoppable
from harness.proxy.line import Line
from harness.proxy.probe import Outcome, Question


class Restart(InstanceFault):
    """SIGTERM, and started again as soon as it is gone; the rest of the injection's time passes with it back.

    That it was away is proved by the ability itself, which returns only when its process is gone.
    """

    kind: ClassVar[str] = "restart"
    passes_traffic: ClassVar[bool] = False
    healed_by: ClassVar[HealedBy] = HealedBy.STARTED
    strike_within_s: ClassVar[float] = 75.0
    """Longer than an instance gets to drain and to become ready."""

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        if not isinstance(instances, Stoppable):
            raise Unable(self.kind, "end its instances by a signal that they hear")
        await instances.retire(target)
        await instances.start(target)
        return f"{target} was gone, and is back"

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`; it is there, unless it did not come back."""
        await instances.start(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`: the blip is over, so it answers."""
        seen = await line.probe(Question(within_s=ANSWER_WITHIN_S))
        return seen.outcome is Outcome.ANSWERED, str(seen)


def restart() -> Restart:
    """SIGTERM to an instance, which is started again as soon as it is gone."""
    return Restart()
