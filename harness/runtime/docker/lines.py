"""The lines of a run whose ends are containers, and the door by which the host gets at them.

All lines are listeners of one Toxiproxy container, each at an alias address of its own. The door is a second Toxiproxy,
which never has a toxic: it shares the host's network, listens on 127.0.0.1 only, and passes on to instances, to
the customers' lines and to the API of the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.clock import Clock
from harness.model.process import Spawner
from harness.model.topology import InstanceId, LineId
from harness.proxy.line import Line, LinePlan, LineState
from harness.proxy.mesh import Mesh
from harness.proxy.probe import LOOPBACK, Question, Seen, probe
from harness.proxy.server import ListenerConfig, ToxiproxyServer
from harness.runtime.docker.places import Place, Places

TOXIPROXY, DOOR = "harness_toxiproxy", "harness_door"
"""Names of containers; no declared name has an underscore."""

HOST = InstanceId(service="host")
"""The consumer of the door's lines."""


class ContainerLine(Line):
    """A line that is probed at the addresses of the run's network, which the host reaches."""

    at: Place
    provider: Place
    clock: Clock

    async def probe(self, question: Question) -> Seen:
        """Ask Toxiproxy's listener."""
        return await self._ask(self.at, question)

    async def probe_entry(self, question: Question) -> Seen:
        """Ask where the consumer does: the same, since no relay counts crossings here."""
        return await self._ask(self.at, question)

    async def probe_provider(self, question: Question) -> Seen:
        """Ask the provider itself, past Toxiproxy."""
        return await self._ask(self.provider, question)

    async def _ask(self, place: Place, question: Question) -> Seen:
        return await probe(place.port, self.plan.protocol, question, clock=self.clock, host=place.address)


class ContainerMesh(Mesh):
    """All lines; who hides a dead instance hides it from the host too."""

    door: Mesh

    async def hide(self, provider: InstanceId) -> None:
        """See `Mesh.hide`."""
        await super().hide(provider)
        await self.door.hide(provider)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Starts both Toxiproxy servers of a run as containers."""

    spawner: Spawner
    binary: Path
    directory: Path
    """Gets their configurations and logs, in a directory for each."""
    places: Places
    clock: Clock

    async def mesh(self, plans: Sequence[LinePlan], control: int, door: Mesh) -> ContainerMesh:
        """All lines, on one server whose API is at that port; raises ProxyError when it can't be started."""
        states = {plan.line.name: LineState() for plan in plans}
        server = self._server(TOXIPROXY, control, [(plan, states[plan.line.name]) for plan in plans])
        await server.start()
        lines = []
        for plan in plans:
            line = ContainerLine(plan, states[plan.line.name], server=server, relay=None, clock=self.clock)
            line.at = self.places.lines[plan.line]
            line.provider = Place(address=self.places.instances[plan.line.provider], port=plan.upstream_port)
            line.clock = self.clock
            lines.append(line)
        consumers = dict.fromkeys(plan.line.consumer.service for plan in plans)
        mesh = ContainerMesh(tuple(lines), dict.fromkeys(consumers, server), None, self.clock)
        mesh.door = door
        return mesh

    async def door(self, control: int, direct: Mapping[InstanceId, int], more: Iterable[int]) -> Mesh:
        """A line from the host to each instance, which can be hidden with it, and listeners for more ports.

        Raises:
            ProxyError: if it can't be started.
        """
        plans = [_to_instance(id_, port) for id_, port in direct.items()]
        states = {plan.line.name: LineState() for plan in plans}
        rest = [self._through(f"port {port}", port) for port in more]
        server = self._server(DOOR, control, [(plan, states[plan.line.name]) for plan in plans], rest)
        await server.start()
        lines = [Line(plan, states[plan.line.name], server=server, relay=None, clock=self.clock) for plan in plans]
        return Mesh(tuple(lines), {HOST.service: server}, None, self.clock)

    def _server(
        self, name: str, control: int, lines: list[tuple[LinePlan, LineState]], more: Sequence[ListenerConfig] = ()
    ) -> ToxiproxyServer:
        def listeners() -> list[ListenerConfig]:
            wanted = [state.listener(plan) for plan, state in lines]
            return [*(wanted if name == TOXIPROXY else map(self._outside, wanted)), *more]

        directory = self.directory / name
        directory.mkdir(parents=True, exist_ok=True)
        return ToxiproxyServer(
            name=name,
            binary=self.binary,
            spawner=self.spawner,
            directory=directory,
            port=control,
            listeners=listeners,
            clock=self.clock,
        )

    def _outside(self, listener: ListenerConfig) -> ListenerConfig:
        """A listener of the door, whose texts nobody tells anew: it is on the host's network."""
        upstream = self.places.tell(listener.upstream, LOOPBACK)
        return ListenerConfig(name=listener.name, listen=listener.listen, upstream=upstream, enabled=listener.enabled)

    def _through(self, name: str, port: int) -> ListenerConfig:
        at = f"{LOOPBACK}:{port}"
        return ListenerConfig(name=name, listen=at, upstream=self.places.tell(at, LOOPBACK), enabled=True)


def _to_instance(instance: InstanceId, port: int) -> LinePlan:
    line = LineId(consumer=HOST, provider=instance)
    return LinePlan(line=line, protocol="http", upstream_port=port, proxy_port=port, entry_port=port)
