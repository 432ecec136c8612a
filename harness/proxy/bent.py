"""The bends of one line: whom they choose, whom they hold, and when the line flaps."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.proxy.bends import Bend, Flap
from harness.proxy.lanes import Force

if TYPE_CHECKING:
    from harness.proxy.crossing import Crossing, LineCount

HELD_LIMIT = 4096
"""Connections that a line holds without their provider; beyond, the one that was held longest is reset."""
ENDED_LIMIT = 256
"""Bends that are over of which is still known what met them."""
PEEPHOLE_FOR_S = 10.0
"""How long a probe gets to connect."""

Cut = Callable[[], int]


class Held(asyncio.Protocol):
    """A connection whose provider never hears of it: what is said on it vanishes, and so does its end."""

    __slots__ = ("_count", "_gone", "_spoke", "force", "transport")

    def __init__(self, force: Force, count: LineCount, gone: Callable[[Held], None]) -> None:
        self.force = force
        self._count = count
        self._gone = gone
        self._spoke = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol`."""
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # sockets have both directions

    def data_received(self, data: bytes) -> None:
        """Count: all that a connection ever says here is one request, which nobody answers."""
        self._count.tally.bytes_up += len(data)
        self.force.bytes += len(data)
        if not self._spoke:
            self._spoke = True
            self._count.tally.requests += 1
            self.force.requests += 1

    def eof_received(self) -> bool:
        """It is not told that it was heard."""
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- however it ended
        """See `asyncio.BaseProtocol`."""
        if self._spoke:
            self._count.tally.aborted += 1
        self._gone(self)

    def reset(self, linger: bytes) -> None:
        """End it with a RST."""
        found = self.transport.get_extra_info("socket")
        if found is not None:
            with contextlib.suppress(OSError):
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


class Flapping:
    """A line that is refused and open by turns, down first; who stops it opens it."""

    def __init__(self, flap: Flap, *, down: Callable[[], object], up: Callable[[], object]) -> None:
        self._flap = flap
        self._down = down
        self._up = up
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._turns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._turn_down()

    def _turn_down(self) -> None:
        self._down()
        due = self._began + self._turns * self._flap.period_s
        self._timer = self._loop.call_at(due + self._flap.down_s, self._turn_up)

    def _turn_up(self) -> None:
        self._up()
        self._turns += 1
        self._timer = self._loop.call_at(self._began + self._turns * self._flap.period_s, self._turn_down)

    def stop(self) -> None:
        """No more turns; the line is open."""
        if self._timer is not None:
            self._timer.cancel()
        self._up()


class BentLine:
    """What is in force on a line, and the connections that it holds."""

    def __init__(
        self, name: str, count: LineCount, *, down: Callable[[str], object], up: Callable[[str], object]
    ) -> None:
        self._name = name
        self._count = count
        self._down = down
        self._up = up
        self.forces: dict[str, Force] = {}
        self._flapping: dict[str, Flapping] = {}
        self.held: dict[Held, None] = {}
        self._ended: dict[str, Force] = {}

    def set(self, bends: Sequence[Bend], linger: bytes) -> int:
        """From now on these are in force, and no others; gives how many live connections the new ones chose."""
        wanted = {bend.key: bend for bend in bends}
        for key in [key for key, force in self.forces.items() if wanted.get(key) != force.bend]:
            self._end(key, linger)
        return sum(self._begin(bend) for key, bend in wanted.items() if key not in self.forces)

    def _begin(self, bend: Bend) -> int:
        force = self.forces[bend.key] = Force.of(bend, self._name)
        if bend.flap is not None:
            self._flapping[bend.key] = Flapping(
                bend.flap, down=lambda: self._down(bend.key), up=lambda: self._up(bend.key)
            )
            return 0
        chosen = [crossing for crossing in self._live() if force.chooses_live()]
        force.connections += len(chosen)
        for crossing in chosen:
            if bend.cuts:
                crossing.abandon()
                crossing.reset()
            else:
                crossing.bend(force)
        return len(chosen)

    def _live(self) -> list[Crossing]:
        """Those that are open, in the order of their beginning: a choice must not hang on the order of a set."""
        live = [each for each in self._count.live if each.connected and not each.cut]
        return sorted(live, key=lambda each: each.born)

    def _end(self, key: str, linger: bytes) -> None:
        force = self._ended[key] = self.forces.pop(key)
        if len(self._ended) > ENDED_LIMIT:
            del self._ended[next(iter(self._ended))]
        if key in self._flapping:
            self._flapping.pop(key).stop()
        for crossing in list(self._count.live):
            crossing.unbend(force)
        for held in [each for each in self.held if each.force.bend.key == key]:
            held.reset(linger)

    def choose(self) -> tuple[Force, ...]:
        """Those that a new connection meets."""
        met = tuple(force for force in self.known if force.chooses())
        for force in met:
            force.connections += 1
        return met

    def still(self, chosen: tuple[Force, ...], known: tuple[Force, ...]) -> tuple[Force, ...]:
        """What a connection meets that was on its way here while bends came and went; `known` were in force before."""
        there = self.known
        if there == known:
            return chosen
        fresh = [force for force in there if force not in known and force.chooses()]
        for force in fresh:
            force.connections += 1
        return (*(force for force in chosen if force in there), *fresh)

    @property
    def known(self) -> tuple[Force, ...]:
        """Those in force that a connection may meet."""
        return tuple(force for force in self.forces.values() if force.bend.flap is None)

    def all_anew(self) -> tuple[Force, ...]:
        """What a probe meets: everything, and nothing is counted or drawn from anybody's chance by it."""
        bends = [force.bend for force in self.known]
        return tuple(Force.of(replace(bend, share=1.0, cuts=False), self._name) for bend in bends)

    def hold(self, held: Held, linger: bytes) -> None:
        """Keep a connection until what holds it ends."""
        if len(self.held) >= HELD_LIMIT:
            next(iter(self.held)).reset(linger)
        self.held[held] = None

    def let_go(self, held: Held) -> None:
        """A held connection is over."""
        self.held.pop(held, None)

    def met(self, key: str) -> dict[str, int]:
        """What met a bend, also when it is over; nothing of one that never was."""
        force = self.forces.get(key) or self._ended.get(key)
        if force is None:
            return {}
        return {"connections": force.connections, "requests": force.requests, "bytes": force.bytes}
