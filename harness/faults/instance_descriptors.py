"""Descriptors: an instance can open no more files and connections than it has open."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.pressing import PressureFault
from harness.model.fault import Pressure, Resource

MOST = 1 << 20


class Descriptors(PressureFault):
    """Opening, connecting and accepting fail with EMFILE, until something is closed."""

    kind: ClassVar[str] = "descriptors"
    leaves: Annotated[int, Field(ge=0, le=MOST)] = 0

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"{self.leaves} descriptors to spare"

    def pressure(self) -> Pressure:
        """See `PressureFault`."""
        return Pressure(resource=Resource.DESCRIPTORS, leaves=self.leaves)


def descriptors(leaves: int = 0) -> Descriptors:
    """An instance can open only so many files and connections more: `descriptors(4)`."""
    return Descriptors(leaves=leaves)
