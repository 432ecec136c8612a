"""How each instance of a topology is started: as a command, as a Python function, forked, or as a store."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import DeployError
from harness.model.process import Process, ProcessSpec
from harness.model.system import TCP_READY, Run, StoreKind
from harness.model.topology import InstanceId, Topology
from harness.runtime.addresses import Addresses, fill
from harness.runtime.config_files import TemplateError, ValueOf, write_files
from harness.runtime.instance import Launch
from harness.runtime.readiness import ask, why_closed
from harness.runtime.stores import StoreDriver
from harness.runtime.supervised import ForkSpec, Granter
from harness.runtime.supervisor_client import base_environment

CALL = """
import importlib, sys
module, _, function = sys.argv[1].partition(":")
getattr(importlib.import_module(module), function)()
"""
"""Calls the function that is its argument, as `module:function`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launches:
    """Makes the launches of one deployment."""

    topology: Topology
    addresses: Addresses
    supervisor: Granter
    logs: Path
    versions: dict[InstanceId, str] = field(default_factory=dict)
    """As what instances are started, where that is not as they are declared."""

    def of_service(self, instance: InstanceId) -> Launch:
        """How an instance of a service is started."""
        service = self.topology.service(instance.service)
        port = self.addresses.direct[instance]

        async def lacking() -> str | None:
            trust = self._trust(instance.service)
            if service.ready == TCP_READY:
                return await why_closed(port, trust=trust)
            answer = await ask(port, service.ready, trust=trust)
            return None if answer.good else f"GET {service.ready}: {answer}"

        run = self.topology.run_of(instance.service)
        start = self._fork(instance, run) if run.fork else self._spawn(instance, run)
        values, data = self.addresses.value_of(instance), self.addresses.data_of(instance)
        return Launch(
            start=self._with_files(instance, run, data, values, start) if run.files else start,
            lacking=lacking,
            log=self._log(instance),
            drains=True,
            ready_within_s=float(service.ready_within or 0.0),
        )

    def _trust(self, service: str) -> ssl.SSLContext | None:
        """What the certificate of a service is held against; None when it serves none in this run."""
        if not self.topology.speaks_tls(service):
            return None
        return ssl.create_default_context(cafile=self.addresses.certificates.ca)

    def of_store(self, instance: InstanceId, driver: StoreDriver) -> Launch:
        """How a store is started, once its data is laid out."""
        return Launch(
            start=lambda: self.supervisor.spawn(driver.spec()),
            lacking=driver.ready,
            log=self._log(instance),
            drains=False,
            ends_by=signal.SIGINT if driver.kind is StoreKind.POSTGRES else signal.SIGTERM,  # its SIGTERM waits for all
        )

    def _with_files(
        self, instance: InstanceId, run: Run, data: Path, value_of: ValueOf, start: Callable[[], Awaitable[Process]]
    ) -> Callable[[], Awaitable[Process]]:
        """Write its files before each start, as they were the first time."""

        async def start_with_files() -> Process:
            try:
                await asyncio.to_thread(write_files, run.files, Path(self.topology.root), data, value_of)
            except (TemplateError, OSError) as error:
                raise DeployError(f"{instance}: its files can't be written: {error}") from error
            return await start()

        return start_with_files

    async def warm(self) -> None:
        """Import the libraries of all services that are forked; raises DeployError when that fails."""
        for run in {run.preload: run for run in self._forked()}.values():
            await self.supervisor.warm(run.preload, self._common_path(run.preload), self.logs)

    def _fork(self, instance: InstanceId, run: Run) -> Callable[[], Awaitable[Process]]:
        spec = ForkSpec(
            name=instance.name,
            function=run.python or "",
            preload=run.preload,
            preload_path=self._common_path(run.preload),
            path=self._path(run),
            log=str(self._log(instance)),
            env=self._environment(instance),
            cwd=self._directory(run.cwd),
        )
        return lambda: self.supervisor.fork(replace(spec, env=self._environment(instance)))

    def _spawn(self, instance: InstanceId, run: Run) -> Callable[[], Awaitable[Process]]:
        values = self.addresses.values(instance)
        command = tuple(fill(part, values) for part in run.command or ())
        path = os.pathsep.join(self._path(run))
        before = {"PYTHONPATH": path} if path else {}
        spec = ProcessSpec(
            name=instance.name,
            command=command or (sys.executable, "-u", "-c", CALL, run.python or ""),
            log=str(self._log(instance)),
            env=before | self._environment(instance),
            cwd=self._directory(run.cwd),
        )
        return lambda: self.supervisor.spawn(replace(spec, env=before | self._environment(instance)))

    def _environment(self, instance: InstanceId) -> dict[str, str]:
        values = self.addresses.values(instance)
        service = self.topology.service(instance.service)
        declared = service.env | self.topology.spec(instance.service, instance.index).env
        if version := self.versions.get(instance):
            declared |= service.versions[version].env
        return base_environment() | {name: fill(text, values) for name, text in declared.items()}

    def _forked(self) -> list[Run]:
        runs = [service.run for service in self.topology.system.services.values() if service.run is not None]
        return [run for run in runs if run.fork]

    def _common_path(self, preload: tuple[str, ...]) -> tuple[str, ...]:
        """What all services that share these libraries have on their path: one process can serve them all."""
        first, *others = [self._path(run) for run in self._forked() if run.preload == preload]
        return tuple(entry for entry in first if all(entry in other for other in others))

    def _path(self, run: Run) -> tuple[str, ...]:
        return tuple(self._directory(entry) for entry in run.path)

    def _directory(self, relative: str) -> str:
        return str((Path(self.topology.root) / relative).resolve())

    def _log(self, instance: InstanceId) -> Path:
        return self.logs / f"{instance.name}.log"
