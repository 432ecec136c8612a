"""Lines through Toxiproxy servers that are not ours: nothing of theirs is restarted, and what was on stays on."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from harness.clock import Clock
from harness.errors import ProxyError
from harness.model.fault import EdgeTarget, InstanceTarget
from harness.model.topology import LineId, Topology
from harness.proxy.line import Line, LinePlan, LineState
from harness.proxy.mesh import Mesh
from harness.proxy.toxics import ToxicSpec
from harness.proxy.waiting import all_of
from harness.runtime.attach.places import Address, Places
from harness.runtime.attach.undo import Undo
from harness.runtime.ports import LOOPBACK

if TYPE_CHECKING:
    from harness.runtime.attach.servers import AttachedServer
    from harness.runtime.attach.snapshot import Snapshot

MARK = "harness."
"""What the names of all toxics of ours begin with there, whichever run put them on."""
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 -- where others listen


class AttachedLine(Line):
    """A line whose end is noted down for whoever puts things back, before anything is done to it."""

    server: AttachedServer
    undo: Undo
    _noted = False

    async def add_toxic(self, toxic: ToxicSpec) -> str:
        """See `Line`."""
        self._note()
        return await super().add_toxic(toxic)

    async def close(self, holder: str) -> int:
        """See `Line`."""
        self._note()
        return await super().close(holder)

    async def cut(self) -> int:
        """See `Line`."""
        self._note()
        return await super().cut()

    def _note(self) -> None:
        if not self._noted:
            self._noted = True
            step = {"do_by": "restore", "proxy": self.server.found.as_json(), "mark": self.server.mark}
            self.undo.note(self.name, step)


class AttachedMesh(Mesh):
    """The lines that have a proxy; what is asked of the others is refused."""

    def __init__(self, topology: Topology, lines: tuple[AttachedLine, ...], *, clock: Clock, undo: Undo) -> None:
        super().__init__(lines, {}, None, clock)
        self._attached = lines
        self._topology = topology
        self._undo = undo

    def lines(self, target: EdgeTarget) -> tuple[Line, ...]:
        """See `Mesh`; raises ProxyError too when a line that is meant has no proxy."""
        there = {line.id for line in self._attached}
        meant = [line for line in self._topology.lines if line.edge == target.edge and _means(target, line)]
        lacking = [line for line in meant if line not in there]
        if lacking and len(lacking) == len([line for line in self._topology.lines if line.edge == target.edge]):
            raise ProxyError(f"edge {target} has no proxy, so nothing can be broken on it; {_remedy(target.edge)}")
        if lacking:
            named = ", ".join(line.name for line in lacking)
            raise ProxyError(f"edge {target} has no proxy on {named}; {_remedy(target.edge)}, or name its instances")
        return super().lines(target)

    def lines_to(self, target: InstanceTarget) -> tuple[Line, ...]:
        """See `Mesh`; those without a proxy don't count."""
        known = (*self._topology.instances, *self._topology.store_instances)
        if str(target) not in {each.name for each in known}:
            named = ", ".join(each.name for each in known)
            raise ProxyError(f"expected an instance of the system, found {str(target)!r}; there are: {named}")
        return tuple(line for line in self._attached if line.id.provider.name == str(target))

    async def restart(self, consumer: str) -> tuple[str, ...]:
        """Make the proxies of a consumer's lines anew, and put what should be on them back on; gives their names."""
        mine = [line for line in self._attached if line.id.consumer.service == consumer]
        for line in mine:
            async with line.server.changing:
                await line.server.restart()
                await line.reinstate()
        return tuple(line.name for line in mine)

    async def alive(self) -> list[str]:
        """See `Mesh`."""
        answers = await asyncio.gather(*(line.server.alive() for line in self._attached))
        return [line.server.name for line, answer in zip(self._attached, answers, strict=True) if not answer]

    def _consumers_behind(self, proxies: Sequence[str]) -> Sequence[str]:
        return list(dict.fromkeys(line.id.consumer.service for line in self._attached if line.server.name in proxies))

    async def stop(self) -> None:
        """Take all of ours off; what that fails for, the undoer tries once more."""

        async def stop(line: AttachedLine) -> None:
            await line.server.stop()
            self._undo.forget(line.name)

        await all_of(stop(line) for line in self._attached)


def _means(target: EdgeTarget, line: LineId) -> bool:
    consumer, provider = target.consumer_index, target.provider_index
    return consumer in (None, line.consumer.index) and provider in (None, line.provider.index)


def _remedy(edge: str) -> str:
    return f"add proxies: [{{api: 'http://127.0.0.1:8474', proxy: NAME}}] to {edge} in the description"


async def attach_lines(  # noqa: PLR0913 -- each is a thing of its own
    topology: Topology, places: Places, *, run: str, clock: Clock, undo: Undo, say: Callable[[str], None]
) -> AttachedMesh:
    """All lines that have a proxy, each as it is found; tells what is on already.

    Raises:
        DeployError: if a server does not answer, or has no such proxy.
    """
    mark = f"{MARK}{run}."
    if not places.proxies:
        return AttachedMesh(topology, (), clock=clock, undo=undo)
    from harness.runtime.attach.servers import AttachedServer, found_at

    found = await found_at(places.proxies)
    edges = topology.edges
    lines = []
    for line, at in places.proxies.items():
        listen, provider = _listen(found[line]), places.instances[line.provider]
        plan = LinePlan(
            line=line,
            protocol=topology.protocol(edges[line.edge]),
            upstream_host=provider.host,
            upstream_port=provider.port,
            proxy_host=listen.host,
            proxy_port=listen.port,
            entry_host=listen.host,
            entry_port=listen.port,
        )
        server = AttachedServer(at, mark=mark, found=found[line])
        attached = AttachedLine(plan, LineState(), server=server, relay=None, clock=clock)
        attached.server, attached.undo = server, undo
        lines.append(attached)
        for told in _worth_telling(found[line], provider):
            say(f"{line.name}: {at} {told}")
    return AttachedMesh(topology, tuple(lines), clock=clock, undo=undo)


def _listen(found: Snapshot) -> Address:
    """Where the host of the API reaches the proxy."""
    host, _, port = found.listen.rpartition(":")
    host = host.strip("[]")
    return Address(host=found.host or LOOPBACK if host in _EVERYWHERE else host, port=int(port))


def _worth_telling(found: Snapshot, provider: Address) -> list[str]:
    told = []
    ours = [toxic for toxic in found.toxics if toxic["name"].startswith(MARK)]
    others = [toxic for toxic in found.toxics if not toxic["name"].startswith(MARK)]
    if others:
        told.append(f"has toxics already, which are left alone: {', '.join(map(_in_words, others))}")
    if ours:
        told.append(f"has toxics that another run of the harness left: {', '.join(map(_in_words, ours))}")
    if not found.enabled:
        told.append("is disabled, and stays so: nothing crosses it")
    if int(found.upstream.rpartition(":")[2]) != provider.port:
        told.append(f"leads to {found.upstream}, and the description says {provider}: one of them may be wrong")
    return told


def _in_words(toxic: Mapping[str, object]) -> str:
    attributes = toxic.get("attributes")
    figures = attributes.items() if isinstance(attributes, Mapping) else ()
    words = itertools.chain((str(toxic.get("type")), str(toxic.get("stream"))), (f"{k}={v}" for k, v in figures))
    return f"'{toxic.get('name')}' ({' '.join(words)})"
