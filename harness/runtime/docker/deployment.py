"""A topology that runs as containers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from harness.clock import Clock
from harness.errors import DeployError
from harness.model.events import Event
from harness.model.fault import InstanceTarget, Pressure, Resource
from harness.model.topology import CUSTOMERS_INSTANCE, InstanceId, LineId, Topology
from harness.proxy.mesh import LinePlan, Mesh
from harness.runtime.docker.containers import Containers, Dwelling, Limits
from harness.runtime.docker.image import TOXIPROXY_SERVER, Recipe, build
from harness.runtime.docker.lines import DOOR, TOXIPROXY, Servers
from harness.runtime.docker.places import Place, Places
from harness.runtime.docker.pressing import ContainerPresses
from harness.runtime.logs import LOGS
from harness.runtime.process import DATA, PROXIES, ProcessDeployment, StartMesh
from harness.runtime.secret import Secrets
from harness.runtime.stores import Binary, StoreDriver

READY_WITHIN_S = 120.0
"""What each instance gets: many start at once, and none is forked."""

NO_LIMITS = Limits()
EVERYWHERE = "0.0.0.0"  # noqa: S104 -- in a container: on the network that we made
"""What services are told to listen on, by HOST."""


async def deploy(  # noqa: PLR0913 -- as for processes; each is a thing of its own
    topology: Topology,
    *,
    directory: Path,
    clock: Clock,
    run_began: float,
    secrets: Secrets | None = None,
    progress: Callable[[str], None],
    on_event: Callable[[Event], None],
    recipe: Recipe | None = None,
    ready_within_s: float = READY_WITHIN_S,
) -> DockerDeployment:
    """Build the image if it is not there, start everything, and return when all of it can serve.

    Whatever fails, everything is removed again.

    Args:
        topology: what to run.
        directory: the run's directory (absolute), whose name is the run's id: gets `logs`, `proxies`, and `data`.
        clock: what time it is.
        run_began: the clock's time at the run's t = 0.
        secrets: those of the run; new ones when left out.
        progress: told what happens, a line at a time.
        on_event: told of unexpected deaths.
        recipe: what the image is built from; by default the next Dockerfile above the description.
        ready_within_s: what each instance gets to become ready.

    Raises:
        DeclarationError: before anything is started, if a placeholder can't be filled.
        ProvisionError: if the image can't be built for want of a base image, Toxiproxy or libraries.
        DeployError: if no engine answers, a build fails, or an instance dies or does not become ready.
        ProxyError: if the proxies can't be started.
    """
    if topology.tls:
        raise DeployError("TLS between services is not offered in containers yet: run it as processes")
    recipe = recipe or Recipe.of(Path(topology.root))
    image = await asyncio.to_thread(build, recipe, say=progress)
    (directory / LOGS).mkdir(parents=True, exist_ok=True)
    containers = await Containers.start(run=run_id(directory), system=topology.name, image=image, directory=directory)
    try:
        return await DockerDeployment.deploy(
            topology,
            directory=directory,
            supervisor=containers,
            toxiproxy=TOXIPROXY_SERVER,
            clock=clock,
            run_began=run_began,
            relay=False,
            secrets=secrets,
            progress=progress,
            on_event=on_event,
            ready_within_s=ready_within_s,
        )
    except BaseException:
        await containers.close()
        raise


class DockerDeployment(ProcessDeployment):
    """As the one of processes, and its instances can be limited. Made by this module's `deploy`."""

    _supervisor: Containers
    _places: Places
    _door: Mesh

    def line_url(self, line: LineId) -> str:
        """The URL that the consumer of a line is told; the host reaches it too."""
        customers = line.consumer == CUSTOMERS_INSTANCE
        return super().line_url(line) if customers else f"http://{self._places.lines[line]}"

    async def retire(self, instance: InstanceTarget) -> None:
        """Let it drain, and end it."""
        known = self._instance(instance)
        await self._restarts.call_off(known)
        await known.stop(gently=True)
        await self.mesh.hide(known.id)

    async def limit(
        self, instance: InstanceTarget, *, cpus: float | None = None, memory_bytes: int | None = None
    ) -> None:
        """Limit what an instance may use, also after it is started again; what is not given is not limited.

        An instance that needs more memory than that is ended by the kernel, which its log tells.

        Raises:
            DeployError: if the engine refuses.
        """
        await self._supervisor.limit(self._container(instance), Limits(cpus=cpus, memory_bytes=memory_bytes))

    async def unlimit(self, instance: InstanceTarget) -> None:
        """Take `limit` back."""
        await self._supervisor.limit(self._container(instance), Limits())

    async def press(self, instance: InstanceTarget, pressure: Pressure) -> str:
        """See `harness.model.fault.Pressable`."""
        return await self._limited.press(self._container(instance), pressure, NO_LIMITS)

    async def release(self, instance: InstanceTarget, resource: Resource) -> None:
        """See `harness.model.fault.Pressable`."""
        await self._limited.release(self._container(instance), resource, NO_LIMITS)

    @cached_property
    def _limited(self) -> ContainerPresses:
        async def limit(name: str, limits: Limits | None) -> None:
            await self._supervisor.limit(name, limits or NO_LIMITS)

        return ContainerPresses(limit, self._supervisor.used_bytes)

    def _container(self, instance: InstanceTarget) -> str:
        return _name_of(self.topology, self._instance(instance).id)

    def _program(self, driver: type[StoreDriver]) -> Binary:
        return self._supervisor.image.programs[driver.kind]

    async def _open_door(self, name: str) -> None:
        """Let the host reach an instance again that was hidden: it is by the door that it is asked if it is ready."""
        for id_ in self._places.instances:
            if _name_of(self.topology, id_) == name:
                target = InstanceTarget(service=id_.service, index=id_.index)
                if any(line.hidden for line in self._door.lines_to(target)):
                    await self._door.show(id_)

    async def _bring_up(self, toxiproxy: Path, *, relay: bool, start_mesh: StartMesh, ready_within_s: float) -> None:
        del start_mesh
        self._undo.push_async_callback(self._supervisor.close)
        self._places = Places.of(self.topology, self._layout, self._supervisor.network)
        self._supervisor.places = self._places
        self._settle()

        async def start(plans: Sequence[LinePlan], *, binary: Path, **_: object) -> Mesh:
            return await self._start_lines(plans, binary)

        await super()._bring_up(toxiproxy, relay=relay, start_mesh=start, ready_within_s=ready_within_s)

    async def _start_lines(self, plans: Sequence[LinePlan], binary: Path) -> Mesh:
        servers = Servers(
            spawner=self._supervisor,
            binary=binary,
            directory=self._directory / PROXIES,
            places=self._places,
            clock=self._clock,
        )
        control = self._pool.take()
        self._places.by_port[control] = Place(address=self._places.toxiproxy, port=control)
        customers = [plan.entry_port for plan in plans if plan.line.consumer == CUSTOMERS_INSTANCE]
        monitors = [ports.monitor for ports in self._layout.nodes.values()]
        self._door = await servers.door(self._pool.take(), self._layout.direct, [control, *customers, *monitors])
        self._supervisor.on_started = self._open_door
        return await servers.mesh(plans, control, self._door)

    def _settle(self) -> None:
        """Tell how each process is to live in its container."""
        places, containers = self._places, self._supervisor
        for id_, address in places.instances.items():
            if self.topology.is_store(id_.service):
                settled = Dwelling(address=address, mounts=(self._directory / DATA / id_.service,))
            else:
                mounts = (self._addresses.data_of(id_),)
                settled = Dwelling(address=address, mounts=mounts, env=(("HOST", EVERYWHERE),))
            containers.settle(_name_of(self.topology, id_), settled)
        proxies = self._directory / PROXIES
        aliases = (places.first_line, len(places.lines))
        containers.settle(TOXIPROXY, Dwelling(address=places.toxiproxy, mounts=(proxies / TOXIPROXY,), aliases=aliases))
        containers.settle(DOOR, Dwelling(address=None, mounts=(proxies / DOOR,)))


def _name_of(topology: Topology, instance: InstanceId) -> str:
    """What the process of an instance is asked for as: a store's goes by the name of the store."""
    return instance.service if topology.is_store(instance.service) else instance.name


def run_id(directory: Path) -> str:
    """The id of the run in a directory, as its containers are labelled and named."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", directory.name).strip("-_.") or "run"
