"""Keeps this machine's processors from halting, which a host may answer by making them stand still.

A processor that has nothing to do halts, and is woken for the next message: some ten thousand times a second in a
system of services. In a virtual machine the host has a part in each, and a host to which that is dear then gives a
tenth of a processor for half a minute at a time. On one such, two processes that handed a byte to and fro stood still
in 70 of 94 seconds; in 0 of 148 while their processors waited awake. Two that only reckoned did so in 8 of 176.

Linux lets whoever may write `/dev/cpu_dma_latency` say how long a processor may take to wake ("PM Quality Of Service
Interface" of its documentation); with 0 it polls. The time stays idle time, and the wish ends with the file, so with
the process, however that ends.
"""

from __future__ import annotations

import os
from pathlib import Path

QUALITY = Path("/dev/cpu_dma_latency")
_AT_ONCE = bytes(4)
"""An int32 of microseconds."""


class Awake:
    """The wish that processors wait awake, once it is asked for."""

    def __init__(self, quality: Path = QUALITY) -> None:
        self._quality = quality
        self._held: int | None = None
        self.told = ""
        """What came of the wish; empty before it was asked for."""

    def keep(self) -> None:
        """From now on, where this process may say so; once is enough."""
        if self.told:
            return
        try:
            self._held = os.open(self._quality, os.O_WRONLY)
            os.write(self._held, _AT_ONCE)
        except OSError as error:
            self.let_go()
            self.told = (
                f"to keep them from halting may help, and is not permitted here: {error.strerror} ({self._quality})"
            )
        else:
            self.told = f"from now on they are kept from halting ({self._quality})"

    def let_go(self) -> None:
        """They may halt again."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
