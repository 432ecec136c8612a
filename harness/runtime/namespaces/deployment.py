"""A topology whose services run each in a network namespace, in which the addresses of their code lead to the proxies.

Toxiproxy, the relay, and the stores that the harness knows stay outside, where everything is as for processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.clock import Clock
from harness.errors import DeployError
from harness.model.events import Event
from harness.model.topology import InstanceId, Topology
from harness.proxy.mesh import Mesh
from harness.runtime.addresses import Addresses, check_placeholders
from harness.runtime.instance import READY_WITHIN_S, Instance, Launch
from harness.runtime.layout import Layout, lay_out
from harness.runtime.namespaces.granting import Rooms, Sight
from harness.runtime.namespaces.places import Places, check, own_port, process_of
from harness.runtime.ports import PortPool
from harness.runtime.process import ProcessDeployment, StartMesh
from harness.runtime.secret import Secrets
from harness.runtime.stores import StoreDriver
from harness.runtime.stores.tcp import Tcp
from harness.runtime.supervised import Granter

ROOMS = "rooms"
"""Directory in a run's directory."""


async def deploy(  # noqa: PLR0913 -- as for processes; each is a thing of its own
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
) -> NamespaceDeployment:
    """Start everything, and return when all of it can serve; whatever fails, everything is stopped again.

    The relay runs in any case, since it is what listens at the addresses of the services' code.

    Args:
        topology: what to run.
        directory: the run's directory (absolute): gets `logs`, `proxies`, `rooms` and, until the stop, `data`.
        supervisor: who grants the processes.
        toxiproxy: the program of the Toxiproxy server.
        clock: what time it is.
        run_began: the clock's time at the run's t = 0.
        relay: has no meaning here.
        secrets: those of the run; new ones when left out.
        progress: told what happens, a line at a time.
        on_event: told of crossings and of unexpected deaths.
        ready_within_s: what each instance gets to become ready.
        start_mesh: how the proxies are started.

    Raises:
        DeclarationError: before anything is started, if a placeholder can't be filled, or addresses collide.
        ProvisionError: before anything is started, if a store's program can't be found.
        DeployError: if the kernel makes no namespaces, or an instance dies or does not become ready.
        ProxyError: if the proxies can't be started.
    """
    del relay
    if topology.tls:
        raise DeployError("TLS between services is not offered in namespaces: run without it, or as processes")
    check(topology)
    check_placeholders(topology)
    return await NamespaceDeployment.deploy(
        topology,
        directory=directory,
        supervisor=Rooms(supervisor, directory / ROOMS),
        toxiproxy=toxiproxy,
        clock=clock,
        run_began=run_began,
        secrets=secrets,
        progress=progress,
        on_event=on_event,
        ready_within_s=ready_within_s,
        start_mesh=start_mesh,
    )


class NamespaceDeployment(ProcessDeployment):
    """As the one of processes. Made by this module's `deploy`."""

    _supervisor: Rooms
    _places: Places

    @staticmethod
    def _lay_out(topology: Topology, pool: PortPool, *, relay: bool) -> Layout:
        return lay_out(topology, pool, relay=relay, fixed=False)

    def _addressing(self) -> Addresses:
        self._places = Places.of(self.topology, self._layout)
        plain = super()._addressing()
        return AddressesInRooms(
            topology=plain.topology,
            direct=plain.direct,
            entry=plain.entry,
            store_url=plain.store_url,
            secrets=plain.secrets,
            data=plain.data,
            places=self._places,
        )

    def _driver(self, name: str) -> StoreDriver:
        driver = super()._driver(name)
        if not isinstance(driver, Tcp):
            return driver
        (id_,) = self.topology.instances_of(name)
        return driver.listening_on(own_port(self.topology, id_, self._layout.direct[id_]))

    async def _bring_up(self, toxiproxy: Path, *, relay: bool, start_mesh: StartMesh, ready_within_s: float) -> None:
        self._undo.push_async_callback(self._supervisor.close)
        names = {process_of(self.topology, id_): room for id_, room in self._places.rooms.items()}
        await self._supervisor.build(self._places, names, self._clock)
        self._say(f"{len(names)} network namespaces are there")
        await super()._bring_up(toxiproxy, relay=relay, start_mesh=start_mesh, ready_within_s=ready_within_s)

    def _launch_of(self, instance: InstanceId) -> Launch:
        launch = super()._launch_of(instance)
        if instance not in self._places.rooms:
            return launch

        async def elsewhere(_pid: int) -> str:
            return not_there(self._places.rooms[instance].port, (await self._seen(instance)).listens)

        return replace(launch, elsewhere=elsewhere)

    async def _start(self, instance: Instance, within_s: float) -> None:
        if instance.id not in self._places.rooms:
            await super()._start(instance, within_s)
            return
        try:
            await instance.start(within_s=within_s)
        except DeployError as error:
            sought = (await self._seen(instance.id)).outside
            raise DeployError(f"{error}{looked_for(instance.name, sought)}") from error
        self._say(f"{instance.name} ready")

    async def _seen(self, instance: InstanceId) -> Sight:
        return await self._supervisor.seen(process_of(self.topology, instance))


def not_there(port: int, listens: Sequence[int]) -> str:
    """What a service does instead of listening on its port, and the way out; empty when it does that."""
    if port in listens:
        return ""
    if not listens:
        return f"nothing listens on any port in its namespace, and it should on {port}"
    found = ", ".join(map(str, listens))
    return (
        f"in its namespace port {found} is listened on, and not {port}, on which it is called: "
        f"declare the port that it insists on: 'instances: [{{port: {listens[0]}}}]'"
    )


def looked_for(name: str, sought: Sequence[str]) -> str:
    """That a service wanted more than the system has, and the way out; empty when it did not."""
    if not sought:
        return ""
    return (
        f"\n{name} looked for what is not in the system, and was refused: {', '.join(sought)}; "
        "declare an edge to it ('names' of the provider, 'at' of the edge), or let the service do without"
    )


@dataclass(frozen=True, kw_only=True)
class AddressesInRooms(Addresses):
    """As they are seen from the rooms."""

    places: Places

    def values(self, instance: InstanceId) -> dict[str, str]:
        """See `Addresses`."""
        return {**super().values(instance), "port": str(self.places.rooms[instance].port)}

    def _of_edge(self, consumer: InstanceId, provider: str) -> dict[str, str]:
        told = {name: self.places.tell(value) for name, value in super()._of_edge(consumer, provider).items()}
        host, _, port = self.places.aliases[self.entries(consumer, provider)[0]].rpartition(":")
        return told | {"host": host, "port": port}
