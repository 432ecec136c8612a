"""Any other database, cache or broker as a store of kind `tcp`: a command, and a port that takes connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from harness.errors import DeployError
from harness.model.process import ProcessSpec, Spawner
from harness.model.system import Run, StoreKind
from harness.model.topology import InstanceId
from harness.runtime.addresses import fill, names
from harness.runtime.config_files import TemplateError, write_files
from harness.runtime.ports import LOOPBACK
from harness.runtime.readiness import why_closed
from harness.runtime.stores.binaries import Binary
from harness.runtime.stores.driver import StorePlan

_SECRET = re.compile(r"secret\.(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """A program of the user's; nothing is known of it but where it listens."""

    kind: ClassVar[StoreKind] = StoreKind.TCP

    _plan: StorePlan
    _run: Run
    _asked_at: int | None = None

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Binary:
        """See `StoreDriver.find`; its program is whatever the description names."""
        del environ
        return Binary(path=Path(), version="", how="run.command")

    @classmethod
    def plan(cls, plan: StorePlan, binary: Binary) -> Self:
        """See `StoreDriver.plan`; raises DeployError when the description does not say how it is started."""
        del binary
        run = plan.store.run
        if run is None or run.command is None:
            raise DeployError(f"{plan.name}: expected run.command for a store of kind tcp, found none")
        return cls(_plan=plan, _run=run)

    def listening_on(self, port: int) -> Self:
        """The same store where it listens on another port than the one by which the harness gets at it."""
        return replace(self, _plan=replace(self._plan, port=port), _asked_at=self._plan.port)

    async def prepare(self, spawner: Spawner) -> None:
        """Its directory, and its files."""
        del spawner
        self._plan.directory.mkdir(parents=True)
        try:
            await asyncio.to_thread(
                write_files, self._run.files, Path(self._plan.root), self._plan.directory, self._value_of
            )
        except (TemplateError, OSError) as error:
            raise DeployError(f"{self._plan.name}: its files can't be written: {error}") from error

    def spec(self) -> ProcessSpec:
        """See `StoreDriver.spec`."""
        command = self._run.command or ()
        wanted = {name for part in command for name in names(part)}
        values = {name: value for name in wanted if (value := self._value_of(name)) is not None}
        return ProcessSpec(
            name=self._plan.name,
            command=tuple(fill(part, values) for part in command),
            log=str(self._plan.log),
            env=self._plan.env,
            cwd=str((Path(self._plan.root) / self._run.cwd).resolve()),
        )

    async def ready(self) -> str | None:
        """It takes a connection."""
        return await why_closed(self._asked_at or self._plan.port)

    def url(self, service: str, port: int) -> str:
        """See `StoreDriver.url`."""
        del service
        return f"tcp://{LOOPBACK}:{port}"

    def _value_of(self, name: str) -> str | None:
        """What the placeholders of `OF_A_STORE`, and secrets, stand for."""
        if found := _SECRET.fullmatch(name):
            return self._plan.secrets.of(found[1])
        store = self._plan.store
        values = {
            "port": str(self._plan.port),
            "zone": store.zone,
            "instance": InstanceId(service=self._plan.name).name,
            "owner": store.owner,
            "data": str(self._plan.directory),
        }
        return values.get(name)
