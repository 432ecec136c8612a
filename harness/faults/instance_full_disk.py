"""Full disk: whatever an instance writes to a file is refused."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.pressing import PressureFault
from harness.model.fault import Pressure, Resource


class FullDisk(PressureFault):
    """Every write to a file fails, to its log too; what is there can be read.

    It is a limit on the size of files: the error is EFBIG, "File too large", where a disk that is full says ENOSPC.
    """

    kind: ClassVar[str] = "full-disk"

    def describe(self) -> str:
        """See `FaultSpec`."""
        return "a full disk"

    def pressure(self) -> Pressure:
        """See `PressureFault`."""
        return Pressure(resource=Resource.DISK)


def full_disk() -> FullDisk:
    """Whatever an instance writes to a file is refused."""
    return FullDisk()
