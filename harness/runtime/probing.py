"""A connection for one readiness probe, which ends in time whatever the other side does."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from harness.runtime.ports import LOOPBACK

PROBE_DEADLINE_S = 1.0
"""How long one readiness probe may take."""


def in_words(error: Exception) -> str:
    """Why a probe failed: `Connection refused`, `no answer in time`."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error) or type(error).__name__


@contextlib.asynccontextmanager
async def probing(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection for a probe that ends within `PROBE_DEADLINE_S`.

    Raises:
        OSError: if nobody listens, or the deadline passes (TimeoutError).
    """
    async with asyncio.timeout(PROBE_DEADLINE_S):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
