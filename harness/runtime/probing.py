"""A connection for one readiness probe, which ends in time whatever the other side does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator

from harness.runtime.ports import LOOPBACK

PROBE_DEADLINE_S = 1.0
"""How long one readiness probe may take."""


def in_words(error: Exception) -> str:
    """Why a probe failed: `Connection refused`, `no answer in time`."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return f"no TLS that can be trusted: {getattr(error, 'verify_message', '') or error.reason or error}"
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error) or type(error).__name__


@contextlib.asynccontextmanager
async def probing(
    port: int, trust: ssl.SSLContext | None = None, *, host: str = LOOPBACK
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection for a probe that ends within `PROBE_DEADLINE_S`; with `trust`, one of TLS.

    Raises:
        OSError: if nobody listens, or the deadline passes (TimeoutError).
    """
    async with asyncio.timeout(PROBE_DEADLINE_S):
        reader, writer = await asyncio.open_connection(host, port, ssl=trust)
        try:
            yield reader, writer
        finally:
            if trust is None:
                writer.close()
            else:  # the farewell of TLS would be waited for
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
