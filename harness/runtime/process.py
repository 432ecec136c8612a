"""The runtime that runs a topology as processes on this machine."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from harness.clock import Clock
from harness.errors import DeployError, HarnessError
from harness.model.credentials import Credentials
from harness.model.events import Event, Noted, Observed
from harness.model.fault import InstanceTarget
from harness.model.observation import CrossingSecond
from harness.model.system import Restart
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, LineId, Topology
from harness.proxy.mesh import Mesh
from harness.runtime.addresses import Addresses, check_placeholders
from harness.runtime.instance import READY_WITHIN_S, Death, Instance, Launch, State, ended_in_words
from harness.runtime.launches import Launches
from harness.runtime.layout import Layout, lay_out
from harness.runtime.leftovers import remove_directory
from harness.runtime.logs import last_lines
from harness.runtime.ports import LOOPBACK, PortPool
from harness.runtime.restarts import Restarts
from harness.runtime.scaling import Scaler
from harness.runtime.secret import Secrets
from harness.runtime.stores import STORES, Binary, StoreDriver, StorePlan
from harness.runtime.supervised import Granter
from harness.runtime.supervisor_client import base_environment
from harness.runtime.turnover import Turnover

LOGS, DATA, PROXIES = "logs", "data", "proxies"
"""Directories in a run's directory."""

DEATHS_KEPT = 200
"""The latest, while nobody takes them."""

_PORT_IN_USE = ("in use", "EADDRINUSE")
"""What a server says that can't share its port with our holder."""

StartMesh = Callable[..., Awaitable[Mesh]]


class ProcessDeployment:
    """A topology that runs as processes; satisfies `Killable` and `Pausable`. Made by `deploy`."""

    mesh: Mesh

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
        self.topology = topology
        self._pool = pool
        self._layout = layout
        self._directory = directory
        self._supervisor = supervisor
        self._clock = clock
        self._run_began = run_began
        self._progress = progress
        self._on_event = on_event
        self._began = clock.now()
        self._secrets = secrets
        self._drivers = {name: self._driver(name) for name in topology.system.stores}
        self._addresses = self._addressing()
        self._launches = Launches(
            topology=topology, addresses=self._addresses, supervisor=supervisor, logs=directory / LOGS
        )
        self._instances = self._all_instances()
        self._deaths: deque[Death] = deque(maxlen=DEATHS_KEPT)
        self._turnover = Turnover(lambda: self.mesh, clock=clock)
        self._restarts = Restarts(self._turnover.start, clock=clock, note=self._note)
        self._rolling: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """Held while instances of a service are taken out one after another, or added or removed."""
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
        self._undo = AsyncExitStack()

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

    @property
    def instances(self) -> tuple[InstanceId, ...]:
        """All instances, those of stores and those that scaling may add included."""
        return tuple(instance.id for instance in self._instances.values())

    def direct_url(self, instance: InstanceId | InstanceTarget) -> str:
        """`http://127.0.0.1:PORT` (or `https`) of the instance itself, past every proxy."""
        known = self._instance(instance)
        return f"{self.topology.scheme(known.id.service)}://{LOOPBACK}:{known.port}"

    def service_url(self, service: str) -> str:
        """The direct URL of a service's first instance."""
        return self.direct_url(InstanceTarget(service=service))

    def line_url(self, line: LineId) -> str:
        """The URL that the consumer of a line is told."""
        return f"{self.topology.scheme(line.provider.service)}://{LOOPBACK}:{self._layout.entry[line]}"

    def entry_url(self) -> str:
        """The URL of the entry's first instance, as customers use it."""
        return self.entry_urls()[0]

    def entry_urls(self) -> tuple[str, ...]:
        """The URLs that customers use, through their edge: one for each instance of the entry service."""
        ports = self._addresses.entries(CUSTOMERS_INSTANCE, self.topology.system.entry)
        return tuple(f"http://{LOOPBACK}:{port}" for port in ports)

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

    def state(self, instance: InstanceId | InstanceTarget) -> State:
        """Where an instance is in its life."""
        return self._instance(instance).state

    def alive(self, instance: InstanceId | InstanceTarget) -> bool:
        """Whether its process is there; a paused one is."""
        return self._instance(instance).alive

    def pid(self, instance: InstanceId | InstanceTarget) -> int:
        """Its process id."""
        return self._instance(instance).pid

    def log_tail(self, instance: InstanceId | InstanceTarget) -> str:
        """The last lines of its log."""
        return last_lines(self._instance(instance).log)

    def take_deaths(self) -> tuple[Death, ...]:
        """What has ended since the last call without being told to, whether or not it is back."""
        deaths = tuple(self._deaths)
        self._deaths.clear()
        return deaths

    async def ready(self, instance: InstanceId | InstanceTarget) -> bool:
        """Whether it can serve now, asked directly."""
        return await self._instance(instance).ready()

    async def kill(self, instance: InstanceTarget) -> None:
        """SIGKILL; returns when the process is gone and its listeners refuse connections.

        Where its description says so, it is started again a moment later.
        """
        known = self._instance(instance)
        await self._restarts.call_off(known)
        await known.kill()
        await self.mesh.hide(known.id)
        self._restart(known)

    async def start(self, instance: InstanceTarget) -> None:
        """Start it again on the same port; returns when it is ready and its listeners accept again.

        Raises:
            DeployError: if it dies or does not become ready; then its listeners refuse.
        """
        known = self._instance(instance)
        await self._restarts.call_off(known)
        await self._start_again(known)

    async def restart(self, instance: InstanceTarget) -> None:
        """Let it drain, end it, and start it again; returns when it is ready and its listeners accept again.

        Raises:
            DeployError: as `start`.
        """
        known = self._instance(instance)
        await self._retire(known)
        await self._start_again(known)

    async def roll(self, service: str) -> None:
        """Restart the instances of a service that run, one after another, each ready before the next one goes.

        Raises:
            DeployError: if one does not come back; then those after it are left as they are.
        """
        self._instance(InstanceTarget(service=service))
        async with self._rolling[service]:
            for known in [each for each in self._instances.values() if each.id.service == service and each.alive]:
                await self.restart(InstanceTarget(service=service, index=known.id.index))

    async def _start_unless_tried(self, known: Instance) -> None:
        """As `start`; nobody else tries again when it fails."""
        await self._restarts.call_off(known)
        await self._turnover.start(known)

    async def _retire(self, known: Instance) -> None:
        await self._restarts.call_off(known)
        await self._turnover.retire(known)

    async def _start_again(self, known: Instance) -> None:
        try:
            await self._turnover.start(known)
        except DeployError:
            self._restart(known)
            raise

    async def pause(self, instance: InstanceTarget) -> None:
        """Freeze it: it keeps its sockets and answers nothing."""
        await self._restarts.settle(self._instance(instance))
        await self._instance(instance).pause()

    async def resume(self, instance: InstanceTarget) -> None:
        """Let it go on; returns when it is ready."""
        await self._instance(instance).resume()

    async def stop(self) -> None:
        """Drain and end the services, then the proxies and the stores; remove the data. Safe to call twice."""
        await self._undo.aclose()

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

    def _say(self, text: str) -> None:
        self._progress(f"{text} ({self._clock.now() - self._began:.1f} s)")

    async def _on_death(self, instance: Instance, code: int) -> None:
        death = Death(
            instance=instance.id,
            t=self._clock.now() - self._run_began,
            how=ended_in_words(code),
            log=last_lines(instance.log),
        )
        self._deaths.append(death)
        self._note(f"{instance.name} {death.how} unexpectedly; last lines of {instance.log}:\n{death.log}")
        try:
            await self.mesh.hide(instance.id)
        except HarnessError as error:
            self._note(f"the lines to {instance.name}, which is dead, could not be made to refuse: {error}")
        self._restart(instance)

    def _on_crossing(self, crossing: CrossingSecond) -> None:
        self._scaler.hear(crossing)
        self._on_event(Observed(crossings=(crossing,)))

    def _restart(self, instance: Instance) -> None:
        """Start a dead instance again where its description says so."""
        services = self.topology.system.services
        if instance.id.service in services and services[instance.id.service].restart is Restart.ALWAYS:
            self._restarts.begin(instance)

    def _note(self, message: str) -> None:
        self._on_event(Noted(t=self._clock.now() - self._run_began, message=message))

    def _instance(self, wanted: InstanceId | InstanceTarget) -> Instance:
        name = wanted.name if isinstance(wanted, InstanceId) else str(wanted)
        if name not in self._instances:
            known = ", ".join(self._instances)
            raise DeployError(f"expected an instance of {self.topology.name}, found {name!r}; there are: {known}")
        return self._instances[name]

    def _all_instances(self) -> dict[str, Instance]:
        found = {}
        for id_, port in self._layout.direct.items():
            found[id_.name] = Instance(id_, port, self._launch_of(id_), clock=self._clock, on_death=self._on_death)
        return found

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
