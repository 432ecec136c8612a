"""The runtime that runs a topology as processes on this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from pathlib import Path
from typing import Self

from harness.clock import Clock
from harness.errors import DeployError, HarnessError
from harness.model.credentials import Credentials
from harness.model.events import Event
from harness.model.fault import InstanceTarget, Pressure, Resource
from harness.model.load_events import Observed
from harness.model.observation import CrossingSecond
from harness.model.topology import InstanceId, LineId, Topology
from harness.proxy.mesh import Mesh
from harness.runtime.addresses import Addresses, check_placeholders
from harness.runtime.fleet import Fleet
from harness.runtime.instance import READY_WITHIN_S, Instance, Launch
from harness.runtime.launches import Launches
from harness.runtime.layout import Layout, lay_out
from harness.runtime.leftovers import remove_directory
from harness.runtime.logs import LOGS, last_lines
from harness.runtime.ports import LOOPBACK, PortPool
from harness.runtime.pressing import Presses
from harness.runtime.scaling import Scaler
from harness.runtime.secret import Secrets
from harness.runtime.stores import STORES, Binary, StoreDriver, StorePlan
from harness.runtime.supervised import Granter
from harness.runtime.supervisor_client import base_environment

DATA, PROXIES = "data", "proxies"
"""Directories in a run's directory."""

_PORT_IN_USE = ("in use", "EADDRINUSE")
"""What a server says that can't share its port with our holder."""

StartMesh = Callable[..., Awaitable[Mesh]]


class ProcessDeployment(Fleet):
    """A topology that runs as processes. Made by `deploy`."""

    def __init__(  # noqa: PLR0913 -- what `deploy` was given
        self,
        topology: Topology,
        *,
        layout: Layout,
        pool: PortPool,
        directory: Path,
        supervisor: Granter,
        secrets: Secrets,
        clock: Clock,
        run_began: float,
        progress: Callable[[str], None],
        on_event: Callable[[Event], None],
    ) -> None:
        super().__init__(
            topology, secrets=secrets, clock=clock, run_began=run_began, progress=progress, on_event=on_event
        )
        self._pool = pool
        self._layout = layout
        self._directory = directory
        self._supervisor = supervisor
        self._drivers = {name: self._driver(name) for name in topology.system.stores}
        self._addresses = self._addressing()
        self._launches = Launches(
            topology=topology, addresses=self._addresses, supervisor=supervisor, logs=directory / LOGS
        )
        self._presses = Presses(supervisor, logs=directory / LOGS, clock=clock)
        self._add(self._all_instances())
        self._scaler = Scaler(
            topology,
            fleet=self._instances,
            start=self._start_unless_tried,
            retire=self._retire,
            turn=self._rolling,
            clock=clock,
            run_began=run_began,
            note=self._note,
        )

    @classmethod
    async def deploy(  # noqa: PLR0913 -- agreed with the engine; each is a thing of its own
        cls,
        topology: Topology,
        *,
        directory: Path,
        supervisor: Granter,
        toxiproxy: Path,
        clock: Clock,
        run_began: float,
        relay: bool = True,
        secrets: Secrets | None = None,
        progress: Callable[[str], None],
        on_event: Callable[[Event], None],
        ready_within_s: float = READY_WITHIN_S,
        start_mesh: StartMesh = Mesh.start,
    ) -> Self:
        """Start everything, and return when all of it can serve; whatever fails, everything is stopped again.

        Args:
            topology: what to run.
            directory: the run's directory (absolute): gets `logs`, `proxies` and, until the stop, `data`.
            supervisor: who grants the processes.
            toxiproxy: the program of the Toxiproxy server.
            clock: what time it is.
            run_began: the clock's time at the run's t = 0.
            relay: whether the counting relay stands on every line.
            secrets: those of the run; new ones when left out.
            progress: told what happens, a line at a time.
            on_event: told of crossings and of unexpected deaths.
            ready_within_s: what each instance gets to become ready.
            start_mesh: how the proxies are started.

        Raises:
            DeclarationError: before anything is started, if a placeholder can't be filled.
            ProvisionError: before anything is started, if a store's program can't be found.
            DeployError: if a port is taken, or an instance dies or does not become ready.
            ProxyError: if the proxies can't be started.
        """
        check_placeholders(topology)
        pool = PortPool()
        try:
            deployment = cls(
                topology,
                layout=cls._lay_out(topology, pool, relay=relay),
                pool=pool,
                directory=directory,
                supervisor=supervisor,
                secrets=Secrets() if secrets is None else secrets,
                clock=clock,
                run_began=run_began,
                progress=progress,
                on_event=on_event,
            )
        except BaseException:
            pool.close()
            raise
        try:
            await deployment._bring_up(toxiproxy, relay=relay, start_mesh=start_mesh, ready_within_s=ready_within_s)
        except BaseException:
            await deployment.stop()
            raise
        return deployment

    def direct_url(self, instance: InstanceId | InstanceTarget) -> str:
        """`http://127.0.0.1:PORT` (or `https`) of the instance itself, past every proxy."""
        known = self._instance(instance)
        return f"{self.topology.scheme(known.id.service)}://{LOOPBACK}:{known.port}"

    def line_url(self, line: LineId) -> str:
        """The URL that the consumer of a line is told."""
        return f"{self.topology.scheme(line.provider.service)}://{LOOPBACK}:{self._layout.entry[line]}"

    def store_address(self, store: str, service: str) -> str:
        """The DSN or URL of a store as a service would use it, but direct, past every proxy."""
        return self._store_url(store, service, self._instance(InstanceTarget(service=store)).port)

    @property
    def credentials(self) -> Credentials:
        """What the harness sends along when it asks a service directly."""
        headers, secrets = self._addresses.access_headers(), self._secrets
        return Credentials(headers=headers, secrets=secrets.drawn, redact=secrets.redact, ca=self._ca)

    @property
    def _ca(self) -> Path | None:
        return self._addresses.certificates.ca if self.topology.tls else None

    async def pause(self, instance: InstanceTarget) -> None:
        """See `Deployment`; one that is stopped and continued by its throttle can't be frozen besides."""
        if self._presses.throttles(self._instance(instance)):
            raise DeployError(f"{instance} has too little CPU, and can't be frozen besides: heal that first")
        await super().pause(instance)

    async def press(self, instance: InstanceTarget, pressure: Pressure) -> str:
        """See `harness.model.fault.Pressable`."""
        return await self._presses.press(self._instance(instance), pressure)

    async def release(self, instance: InstanceTarget, resource: Resource) -> None:
        """See `harness.model.fault.Pressable`."""
        await self._presses.release(self._instance(instance), resource)

    def _check_version(self, service: str, version: str) -> None:
        versions = self.topology.service(service).versions if not self.topology.is_store(service) else {}
        if version and version not in versions:
            known = ", ".join(versions) or "none are declared"
            raise DeployError(f"expected a version of {service}, found {version!r}; known: {known}")

    def _equip(self, instance: Instance, version: str) -> None:
        self._launches.versions[instance.id] = version

    async def _start_unless_tried(self, known: Instance) -> None:
        """As `start`; nobody else tries again when it fails."""
        await self._restarts.call_off(known)
        await self._turnover.start(known)

    async def _retire(self, known: Instance) -> None:
        await self._restarts.call_off(known)
        await self._turnover.retire(known)

    async def _bring_up(self, toxiproxy: Path, *, relay: bool, start_mesh: StartMesh, ready_within_s: float) -> None:
        data = self._directory / DATA
        stores = [self._instances[store.name] for store in self.topology.store_instances]
        services = [instance for instance in self._instances.values() if instance not in stores]
        standbys = [self._instances[each.name] for each in self.topology.standbys]
        self._undo.callback(self._pool.close)
        self._undo.push_async_callback(asyncio.to_thread, remove_directory, str(data))
        await self._supervisor.remove_at_end(data)
        for instance in services:
            await asyncio.to_thread(self._addresses.data_of(instance.id).mkdir, parents=True)
        if self.topology.tls:
            servers = [name for name in self.topology.system.services if self.topology.speaks_tls(name)]
            await asyncio.to_thread(self._addresses.certificates.write, servers, self._clock.wall())

        async def mesh() -> None:
            self.mesh = await start_mesh(
                self._layout.plans,
                binary=toxiproxy,
                spawner=self._supervisor,
                directory=self._directory / PROXIES,
                control_ports=self._pool.take,
                clock=self._clock,
                run_began=self._run_began,
                relay=relay,
                trust=self._ca,
                on_crossing=self._on_crossing,
            )
            self._undo.push_async_callback(self.mesh.stop)
            self._say(f"{len(self._layout.plans)} proxied lines listen")

        async def store(instance: Instance) -> None:
            await self._drivers[instance.id.service].prepare(self._supervisor)
            await self._start(instance, ready_within_s)

        self._undo.push_async_callback(_stop_all, stores)
        await _all_or_first_error([mesh(), self._launches.warm(), *(store(each) for each in stores)])
        self._undo.push_async_callback(_stop_all, services)
        self._undo.push_async_callback(self._restarts.stop)
        self._undo.push_async_callback(self._presses.stop)
        for each in standbys:
            await self.mesh.hide(each.id)
        await _all_or_first_error([self._start(each, ready_within_s) for each in services if each not in standbys])
        if relay:
            self._undo.push_async_callback(self._scaler.stop)
            self._scaler.begin()
        elif standbys:
            names = ", ".join(dict.fromkeys(each.id.service for each in standbys))
            self._note(f"nothing counts requests in a run without the relay, so this is not scaled: {names}")

    async def _start(self, instance: Instance, within_s: float) -> None:
        try:
            await instance.start(within_s=within_s)
        except DeployError:
            tail = last_lines(instance.log)
            if instance.alive or not self._pool.holds(instance.port) or not any(sign in tail for sign in _PORT_IN_USE):
                raise
            # A server that does not set SO_REUSEADDR can't listen beside our holder.
            self._pool.release(instance.port)
            self._say(f"{instance.name} wants port {instance.port} alone: starting it again without holding that")
            await instance.start(within_s=within_s)
        self._say(f"{instance.name} ready")

    def _on_crossing(self, crossing: CrossingSecond) -> None:
        self._scaler.hear(crossing)
        self._on_event(Observed(crossings=(crossing,)))

    def _all_instances(self) -> Iterator[Instance]:
        for id_, port in self._layout.direct.items():
            yield Instance(id_, port, self._launch_of(id_), clock=self._clock, on_death=self._on_death)

    def _launch_of(self, instance: InstanceId) -> Launch:
        driver = self._drivers.get(instance.service)
        return self._launches.of_service(instance) if driver is None else self._launches.of_store(instance, driver)

    def _driver(self, name: str) -> StoreDriver:
        store = self.topology.store(name)
        driver = STORES[store.kind]
        (id_,) = self.topology.instances_of(name)
        plan = StorePlan(
            name=name,
            store=store,
            port=self._layout.direct[id_],
            directory=self._directory / DATA / name,
            log=self._directory / LOGS / f"{id_.name}.log",
            env=base_environment(),
            root=self.topology.root,
            secrets=self._secrets,
            nodes={node: self._layout.nodes[node] for node in self.topology.nodes_of(name)},
        )
        return driver.plan(plan, self._program(driver))

    @staticmethod
    def _lay_out(topology: Topology, pool: PortPool, *, relay: bool) -> Layout:
        return lay_out(topology, pool, relay=relay)

    def _addressing(self) -> Addresses:
        """What instances are told of where everything is."""
        return Addresses(
            topology=self.topology,
            direct=self._layout.direct,
            entry=self._layout.entry,
            store_url=self._store_url,
            secrets=self._secrets,
            data=self._directory / DATA,
        )

    def _program(self, driver: type[StoreDriver]) -> Binary:
        return driver.find(os.environ)

    def _store_url(self, store: str, service: str, port: int, /) -> str:
        return self._drivers[store].url(service, port)


async def _stop_all(instances: Iterable[Instance]) -> None:
    await asyncio.gather(*(instance.stop() for instance in instances))


async def _all_or_first_error(work: Iterable[Coroutine[None, None, None]]) -> None:
    """Do all at once; the first that fails ends the others, and is what is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for each in work:
                group.create_task(each)
    except* HarnessError as errors:
        raise _first_of(errors) from None


def _first_of(error: HarnessError | BaseExceptionGroup[HarnessError]) -> HarnessError:
    return _first_of(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
