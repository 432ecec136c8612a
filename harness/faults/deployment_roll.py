"""Roll: the instances of a service are ended and started again one after another, perhaps as another version."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import ANSWER_WITHIN_S, InstanceFault, Instances
from harness.faults.unable import Unable
from harness.model.fault import HealedBy, InstanceTarget, Rollable
from harness.model.quantity import Duration
from harness.proxy.line import Line
from harness.proxy.probe import Question


class Roll(InstanceFault):
    """Of the whole service of its target, from the moment that it is armed; healed when the last one is ready.

    It stands in no table, since an experiment names instances: `harness chaos roll` makes it.
    """

    kind: ClassVar[str] = "roll"
    healed_by: ClassVar[HealedBy] = HealedBy.STARTED
    to: str = ""
    """The version; as it is declared when left out."""
    back: bool = False
    over: Duration
    """The instances are spread over so long, so that there are both versions for most of it."""

    def describe(self) -> str:
        """See `FaultSpec`."""
        what = f"roll to {self.to}" if self.to else "rolling restart"
        return f"{what} and back" if self.back else what

    async def strike(self, instances: Instances, target: InstanceTarget) -> str:
        """See `InstanceFault`."""
        if not isinstance(instances, Rollable):
            raise Unable(self.kind, "end its instances and start them again")
        instances.begin_rolling(target.service, to=self.to, back=self.back, over_s=self.over)
        return f"all instances of {target.service} are being rolled"

    async def mend(self, instances: Instances, target: InstanceTarget) -> None:
        """See `InstanceFault`: it is waited for, and told when it could not be done."""
        if isinstance(instances, Rollable):
            await instances.end_rolling(target.service)
        await instances.start(target)

    async def look(self, line: Line) -> tuple[bool, str]:
        """See `InstanceFault`; whether one of many is away right now says nothing."""
        return True, str(await line.probe(Question(within_s=ANSWER_WITHIN_S)))
