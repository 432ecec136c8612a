"""All lines of a run: a Toxiproxy server for each consumer service, and the relay before them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from harness.clock import Clock
from harness.errors import ProxyError
from harness.model.fault import EdgeTarget, Hits, InstanceTarget
from harness.model.observation import CrossingSecond
from harness.model.process import Spawner
from harness.model.topology import InstanceId
from harness.proxy.control import NAME as RELAY
from harness.proxy.control import RelayControl
from harness.proxy.line import HIDDEN, Line, LinePlan, LineState
from harness.proxy.openers import Manners
from harness.proxy.relay import RelayLine
from harness.proxy.server import LOOPBACK, ListenerConfig, ToxiproxyServer
from harness.proxy.waiting import all_of

__all__ = ["Line", "LinePlan", "Mesh"]


class Mesh:
    """The running lines. Made by `start`."""

    def __init__(
        self, lines: tuple[Line, ...], servers: dict[str, ToxiproxyServer], relay: RelayControl | None, clock: Clock
    ) -> None:
        self._lines = lines
        self._servers = servers
        self._relay = relay
        self._clock = clock
        self._crossed: Mapping[str, Hits] = {}

    @classmethod
    async def start(  # noqa: PLR0913 -- agreed with the runtime; each is a thing of its own
        cls,
        plans: Sequence[LinePlan],
        *,
        binary: Path,
        spawner: Spawner,
        directory: Path,
        control_ports: Callable[[], int],
        clock: Clock,
        run_began: float,
        relay: bool,
        trust: Path | None = None,
        host: str = LOOPBACK,
        on_crossing: Callable[[CrossingSecond], None],
    ) -> Self:
        """Start all servers and the relay; returns when every line listens.

        `trust` is the file with the authority that vouches for providers with TLS; at `host` the servers are told
        what to do.

        Raises:
            ProxyError: when one of them can't be started; those that were are stopped again.
        """
        directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 -- one call, before anything runs
        states = {plan.line.name: LineState() for plan in plans}
        servers = {
            consumer: ToxiproxyServer(
                name=f"toxiproxy-{consumer}",
                binary=binary,
                spawner=spawner,
                directory=directory,
                port=control_ports(),
                listeners=_configuration(plans, states, consumer),
                clock=clock,
                host=host,
            )
            for consumer in dict.fromkeys(plan.line.consumer.service for plan in plans)
        }
        relays: list[RelayControl] = []
        crossed: defaultdict[str, Hits] = defaultdict(Hits)

        def hear(row: CrossingSecond) -> None:
            crossed[row.line] += Hits(
                connections=row.connections, requests=row.requests, bytes=row.bytes_up + row.bytes_down
            )
            on_crossing(row)

        async def start_relay() -> None:
            if relay:
                lines = [_relay_line(plan) for plan in plans]
                relays.append(
                    await RelayControl.start(
                        lines, spawner=spawner, directory=directory, run_began=run_began, on_crossing=hear
                    )
                )

        try:
            await all_of([*(server.start() for server in servers.values()), start_relay()])
        except BaseException:
            await _stop(servers, next(iter(relays), None))
            raise
        control = next(iter(relays), None)
        manners = Manners(clock)
        lines = tuple(
            Line(
                plan,
                states[plan.line.name],
                server=servers[plan.line.consumer.service],
                relay=control,
                clock=clock,
                trust=trust,
                manners=manners,
            )
            for plan in plans
        )
        mesh = cls(lines, servers, control, clock)
        mesh._crossed = crossed
        return mesh

    def lines(self, target: EdgeTarget) -> tuple[Line, ...]:
        """The lines that a target means.

        Raises:
            ProxyError: when there is no such edge, or no such instance at its end.
        """
        of_edge = [line for line in self._lines if line.id.edge == target.edge]
        if not of_edge:
            known = ", ".join(dict.fromkeys(line.id.edge for line in self._lines))
            raise ProxyError(f"expected an edge of the system, found {target.edge!r}; there are: {known}")
        meant = tuple(
            line
            for line in of_edge
            if target.consumer_index in (None, line.id.consumer.index)
            and target.provider_index in (None, line.id.provider.index)
        )
        if not meant:
            known = ", ".join(line.name for line in of_edge)
            wanted = f"consumer {target.consumer_index or 'any'}, provider {target.provider_index or 'any'}"
            raise ProxyError(f"expected an instance of {target.edge}, found {wanted}; there are: {known}")
        return meant

    def lines_to(self, target: InstanceTarget) -> tuple[Line, ...]:
        """The lines that lead to an instance; none for one that nobody calls.

        Raises:
            ProxyError: when no line knows of the instance.
        """
        name = str(target)
        if not any(name in (line.id.consumer.name, line.id.provider.name) for line in self._lines):
            known = dict.fromkeys(end.name for line in self._lines for end in (line.id.consumer, line.id.provider))
            raise ProxyError(f"expected an instance of the system, found {name!r}; there are: {', '.join(known)}")
        return tuple(line for line in self._lines if line.id.provider.name == name)

    async def hide(self, provider: InstanceId) -> None:
        """Let all lines to a dead instance refuse connections, until `show`; survives heals and restarts."""
        await all_of(line.close(HIDDEN) for line in self._lines_of(provider))

    async def turn_away(self, provider: InstanceId) -> None:
        """Let all lines to an instance that goes away refuse connections, and leave the live ones; then `hide`."""
        await all_of(line.turn_away() for line in self._lines_of(provider))

    async def show(self, provider: InstanceId) -> None:
        """The instance listens again."""
        await all_of(line.open(HIDDEN) for line in self._lines_of(provider))

    async def restart(self, consumer: str) -> tuple[str, ...]:
        """Kill a consumer's server, start it again, and put what should be on its lines back on; gives their names.

        Raises:
            ProxyError: when it does not come up, or something reads back wrong.
        """
        server = self._servers[consumer]
        lines = [line for line in self._lines if line.server is server]
        async with server.changing:
            await server.restart()
            for line in lines:
                await line.reinstate()
        return tuple(line.name for line in lines)

    async def alive(self) -> list[str]:
        """Names of the Toxiproxy servers that are dead or hang, and of the relay if it does."""
        parts: dict[str, ToxiproxyServer | RelayControl] = {server.name: server for server in self._servers.values()}
        if self._relay is not None:
            parts[RELAY] = self._relay
        answers = await asyncio.gather(*(part.alive() for part in parts.values()))
        return [name for name, answer in zip(parts, answers, strict=True) if not answer]

    async def put_right(self) -> list[str]:
        """Start anew what of the proxies is dead or hangs, and put what should be on their lines back on.

        Gives their names; when all are well, nothing is touched.

        Raises:
            ProxyError: when one does not come up again.
        """
        sick = await self.alive()
        if RELAY in sick:
            await self.relay_right()
        for consumer in self._consumers_behind(sick):
            await self.restart(consumer)
        return sick

    async def relay_right(self) -> None:
        """Start the relay anew if it is dead or hangs, and have it do what it should; raises ProxyError."""
        if self._relay is None or await self._relay.alive():
            return
        await self._relay.restart()
        for line in self._lines:
            await line.relay_again()

    def _consumers_behind(self, proxies: Sequence[str]) -> Sequence[str]:
        """One consumer for each of these servers, so that its restart is that of the server."""
        return list({server.name: name for name, server in self._servers.items() if server.name in proxies}.values())

    async def flush(self) -> bool:
        """Have all that crossed so far delivered; False when nothing counts it.

        Raises:
            ProxyError: when the relay is gone or does not answer in time.
        """
        if self._relay is None:
            return False
        await self._relay.tell("flush")
        return True

    async def crossed(self, lines: Sequence[Line]) -> dict[str, Hits] | None:
        """What crossed each of the lines since the mesh was started; None when nothing counts it.

        Raises:
            ProxyError: as `flush`.
        """
        if not await self.flush():
            return None
        return {line.name: self._crossed.get(line.name, Hits()) for line in lines}

    async def stop(self) -> None:
        """Stop everything; the relay's last figures are still delivered."""
        await _stop(self._servers, self._relay)

    def _lines_of(self, provider: InstanceId) -> list[Line]:
        return [line for line in self._lines if line.id.provider.name == provider.name]


def _configuration(
    plans: Sequence[LinePlan], states: dict[str, LineState], consumer: str
) -> Callable[[], list[ListenerConfig]]:
    mine = [plan for plan in plans if plan.line.consumer.service == consumer]
    return lambda: [states[plan.line.name].listener(plan) for plan in mine]


def _relay_line(plan: LinePlan) -> RelayLine:
    return RelayLine(
        name=plan.line.name,
        protocol=plan.protocol,
        host=plan.entry_host,
        listen=plan.entry_port,
        to_host=plan.proxy_host,
        to=plan.proxy_port,
    )


async def _stop(servers: dict[str, ToxiproxyServer], relay: RelayControl | None) -> None:
    """The relay first, so that its consumers see no more than the end of everything."""
    if relay is not None:
        await relay.stop()
    await asyncio.gather(*(server.stop() for server in servers.values()))
