"""What every kind of store can do for the runtime."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol, Self

from harness.model.process import ProcessSpec, Spawner
from harness.model.system import Store, StoreKind
from harness.runtime.ports import LOOPBACK
from harness.runtime.stores.binaries import Binary

PROBE_DEADLINE_S = 1.0
"""How long one readiness probe may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlan:
    """One store that is to run."""

    name: str
    store: Store
    port: int
    directory: Path
    """Its data; made by the driver."""
    log: Path
    env: Mapping[str, str]


class StoreDriver(Protocol):
    """One store: how it is prepared, started, asked whether it is ready, and addressed."""

    kind: ClassVar[StoreKind]

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """Its program; raises ProvisionError when there is none."""
        ...

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """The store as it will run."""
        ...

    async def prepare(self, spawner: Spawner) -> None:
        """Lay out its data; raises DeployError when that fails."""
        ...

    def spec(self) -> ProcessSpec:
        """The process to start, now and after each kill."""
        ...

    async def ready(self) -> str | None:
        """None when it serves; else what is lacking, in words."""
        ...

    def url(self, service: str, port: int) -> str:
        """The address that a service uses to reach it through some port of 127.0.0.1."""
        ...


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
