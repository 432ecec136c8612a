"""CPU: an instance gets only a share of the time, as beside a neighbour that burns it, or under a quota."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.pressing import PressureFault
from harness.model.fault import Pressure, Resource
from harness.model.quantity import Share

LEAVES = Share(0.1)


class Cpu(PressureFault):
    """It runs for a part of each tenth of a second, and stands still for the rest."""

    kind: ClassVar[str] = "cpu"
    leaves: Annotated[Share, Field(ge=0.01, le=0.95)] = LEAVES

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"{self.leaves} of the CPU"

    def pressure(self) -> Pressure:
        """See `PressureFault`."""
        return Pressure(resource=Resource.CPU, leaves=self.leaves)


def cpu(leaves: Share | str = LEAVES) -> Cpu:
    """An instance runs only a share of the time: `cpu("20%")`."""
    return Cpu(leaves=Share.parse(leaves))
