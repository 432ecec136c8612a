"""Memory: an instance gets no more of it than it has, or not much more."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.pressing import PressureFault
from harness.model.fault import Pressure, Resource

MEGABYTE = 1 << 20
MOST_MB = 1 << 20


class Memory(PressureFault):
    """Asking for more fails; in a container the kernel ends whoever asks."""

    kind: ClassVar[str] = "memory"
    leaves_mb: Annotated[int, Field(ge=0, le=MOST_MB)] = 0

    def describe(self) -> str:
        """See `FaultSpec`."""
        return f"{self.leaves_mb} MB of memory to spare"

    def pressure(self) -> Pressure:
        """See `PressureFault`."""
        return Pressure(resource=Resource.MEMORY, leaves=self.leaves_mb * MEGABYTE)


def memory(leaves_mb: int = 0) -> Memory:
    """An instance gets no more memory than it has now, and so much: `memory(16)`."""
    return Memory(leaves_mb=leaves_mb)
