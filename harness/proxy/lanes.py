"""Lanes: the two directions of one connection while something is done to its bytes."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from harness.proxy.bends import Bend, Way

if TYPE_CHECKING:
    from harness.proxy.crossing import Crossing, Side

WAITING_LIMIT_BYTES = 4 << 20
"""That are held back in one direction of a connection; beyond, its sender has to wait."""


@dataclass(eq=False, slots=True, kw_only=True)
class Force:
    """A bend that is in force on a line, and what met it."""

    bend: Bend
    chance: Random
    connections: int = 0
    requests: int = 0
    bytes: int = 0
    live: Random = field(default_factory=Random)
    delays: Random = field(default_factory=Random)

    @classmethod
    def of(cls, bend: Bend, line: str) -> Force:
        """In force from now on.

        Live connections and delays have chances of their own: how many of them there are changes no choice of new ones.
        """
        chance = bend.chance(line)
        delays, live = (Random(chance.random()) for _ in range(2))  # noqa: S311 -- as in `Bend.chance`
        return cls(bend=bend, chance=chance, live=live, delays=delays)

    def chooses(self) -> bool:
        """Whether the next connection is meant."""
        return self.chance.random() < self.bend.share

    def chooses_live(self) -> bool:
        """Whether the next of those is meant that lived when it began."""
        return self.live.random() < self.bend.share


class Lane:
    """What one side says, on its way to the other."""

    __slots__ = ("_due", "_ending", "_loop", "_spent", "_timer", "_waiting", "crossing", "full", "source", "way")

    def __init__(self, crossing: Crossing, source: Side, way: Way) -> None:
        self.crossing = crossing
        self.source = source
        self.way = way
        self.full = 0
        """Bytes that wait."""
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False
        self._spent: dict[str, int] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def swallows(self) -> bool:
        """Whether what is said vanishes."""
        return any(self.way in force.bend.swallows for force in self.crossing.forces)

    def send(self, data: bytes) -> None:
        """Pass on, or not, or later."""
        forces = self.crossing.forces
        for force in forces:
            force.bytes += len(data)
        if self.swallows:
            self.crossing.holed = True
            return
        wait_s = sum(
            force.bend.delay.sample(force.delays)
            for force in forces
            if force.bend.delay is not None and force.bend.delays == self.way
        )
        if wait_s <= 0 and not self._waiting:
            self._out(data)
            return
        self._due = max(self._due, self._loop.time() + wait_s)
        self._waiting.append((self._due, data))
        self.full += len(data)
        self.source.may_read()
        self._wake()

    def end(self) -> None:
        """The side says nothing more, which is told after all that it said."""
        if self.swallows:
            self.crossing.holed = True
        elif self._waiting:
            self._ending = True
        else:
            self.source.pass_end()

    def release(self) -> None:
        """Nothing holds it back any longer: what waits goes at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting and not self.source.peer.lost:
            self._out(self._next())
        self.source.may_read()
        if self._ending:
            self._ending = False
            self.source.pass_end()

    def drop(self) -> None:
        """The connection is over: what waits is lost."""
        self._waiting.clear()
        self.full = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = self._loop.call_at(self._waiting[0][0], self._let_go)

    def _let_go(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._waiting and self._waiting[0][0] <= now:
            self._out(self._next())
        self.source.may_read()
        if self._waiting:
            self._wake()
        elif self._ending:
            self._ending = False
            self.source.pass_end()

    def _next(self) -> bytes:
        _due, data = self._waiting.popleft()
        self.full -= len(data)
        return data

    def _out(self, data: bytes) -> None:
        for force in self.crossing.forces:
            budget = force.bend.budget
            if budget is None or budget.way != self.way:
                continue
            left = budget.bytes - self._spent.get(force.bend.key, 0)
            self._spent[force.bend.key] = budget.bytes - left + len(data)
            if len(data) >= left:
                self.source.peer.transport.write(data[:left])
                self.crossing.finish(reset=budget.end == "reset")
                return
        self.source.peer.transport.write(data)
