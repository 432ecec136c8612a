"""A system of three edges that exists in memory only, with a clock of its own: what the matrix stands on in tests."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from harness.checkers.state import Views
from harness.declare import load_system
from harness.engine.ground import Counts, Ground
from harness.engine.hearing import Heard
from harness.errors import DeployError, ProxyError
from harness.model.changes import KeptExchange
from harness.model.events import Event
from harness.model.fault import Armed, EdgeTarget, Healed, HealedBy, Hits, Injection
from harness.model.topology import Topology
from harness.model.visits import Exchange, Trouble, Visit

DESCRIPTION = """
system: small
entry: web
services:
  web: {owner: us, run: {command: [web]}}
  stock: {owner: us, run: {command: [stock]}}
  ads: {owner: us, run: {command: [ads]}}
  house: {owner: us, run: {command: [house]}}
edges:
  - {from: web, to: stock, need: hard}
  - {from: web, to: ads, need: hard}
  - {from: web, to: house, need: hard}
journeys:
  browse: {deadline: 1 s}
"""


def topology(directory: Path, description: str = DESCRIPTION) -> Topology:
    """The system's description, read as always."""
    file = directory / "system.yaml"
    file.write_text(description)
    return load_system(file)


class OwnClock:
    """A clock that moves when someone sleeps, and when a visit takes time."""

    def __init__(self) -> None:
        self.t = 0.0

    def now(self) -> float:
        return self.t

    def wall(self) -> dt.datetime:
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    async def sleep(self, seconds: float) -> None:
        self.t += seconds


@dataclass
class Reply:
    """What the system answers, and which edges it crosses for that."""

    status: int | None = 200
    document: JsonValue = "tea"
    crosses: tuple[str, ...] = ("web->stock",)
    took_s: float = 0.01
    degraded: bool = False
    trouble: Trouble | None = None
    method: str = "GET"


Behaviour = Callable[["World"], Reply]
"""What the system does while some faults are in force."""


@dataclass
class World:
    """The system: its behaviour, the faults that are in force, and what was done to it."""

    behaves: Behaviour
    clock: OwnClock = field(default_factory=OwnClock)
    in_force: dict[str, Injection] = field(default_factory=dict)
    counted: bool = True
    crossed: dict[str, int] = field(default_factory=dict)
    visits: int = 0
    orders: int = 0
    restarts: int = 0
    deaths: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    bites: bool = True
    relay_gone: bool = False
    restartable: bool = True
    sick: list[str] = field(default_factory=list)
    """Proxies that died and were not yet started anew."""
    without_proxy: frozenset[str] = frozenset()
    names: tuple[str, ...] = ("browse",)
    """The journeys, which do all the same."""
    heard: list[Heard] | None = None
    """What crosses the edges while somebody listens."""
    beats: Mapping[str, float] = field(default_factory=dict)
    """Edge → requests a second that cross it without any visit."""
    memory: dict[str, float] = field(default_factory=dict)
    """What the system remembers, a breaker say."""
    opened: int = 0
    """Connections that meet whatever is in force."""
    looked_at: list[tuple[str, ...]] = field(default_factory=list)
    """What was asked of its state, look by look."""

    def faults(self) -> dict[str, str]:
        """Edge → the word of the fault that is in force on it; a placebo is none."""
        return {
            each.target.edge: each.fault.kind
            for each in self.in_force.values()
            if isinstance(each.target, EdgeTarget) and each.fault.kind != "no-op"
        }

    @property
    def journeys(self) -> tuple[str, ...]:
        return self.names

    async def visit(self, journey: str, *, number: int) -> Visit:
        del number
        self.visits += 1
        reply = self.behaves(self)
        self.clock.t += reply.took_s
        for edge in reply.crosses:
            if self.faults().get(edge) != "down":
                self.crossed[edge] = self.crossed.get(edge, 0) + 1
            self._hear(edge)
        self._hear("customers->web")
        exchange = Exchange(
            step="one",
            method=reply.method,
            path="/",
            request_body=b"",
            status=reply.status,
            headers={"content-type": "application/json"},
            body=json.dumps(reply.document).encode() if reply.status else b"",
            trouble=reply.trouble,
            took_s=reply.took_s,
            degraded=reply.degraded,
        )
        good = reply.status is not None and reply.status < 400
        return Visit(journey=journey, exchanges=(exchange,), failed=None if good else f"answered {reply.status}")

    def _hear(self, edge: str) -> None:
        if self.heard is not None:
            exchange = KeptExchange(
                line=edge,
                t=self.clock.t + len(self.heard) * 1e-6,
                method="GET",
                path="/",
                request_headers=(),
                request_body=b"",
                status=200,
                headers=(),
                body=b"",
                cut=False,
            )
            self.heard.append(Heard(edge=edge, exchange=exchange))

    async def start(self) -> None:
        self.heard = []

    async def take(self) -> list[Heard]:
        taken, self.heard = self.heard or [], []
        return taken

    async def stop(self) -> None:
        self.heard = None

    async def close(self) -> None:
        pass

    async def inject(self, injection: Injection, on: Callable[[], None] = lambda: None) -> Armed:
        del on
        if isinstance(injection.target, EdgeTarget) and injection.target.edge in self.without_proxy:
            raise ProxyError(f"expected an edge with a proxy, found {injection.target.edge}")
        self.in_force[injection.id] = injection
        return Armed(in_force=self.bites, evidence="seen to bite" if self.bites else "it answers", took_s=0.0)

    async def heal(self, injection_id: str) -> Healed:
        by = HealedBy.REMOVED if self.in_force.pop(injection_id, None) else HealedBy.NOTHING
        return Healed(verified=True, by=by, evidence="it answers", took_s=0.0)

    async def hits(self, injection_id: str) -> Hits | None:
        opened = self.opened if injection_id in self.in_force else 0
        return Hits(connections=opened)

    async def counts(self) -> Counts | None:
        if self.relay_gone:
            raise ProxyError("the relay is gone")
        if not self.counted:
            return None
        beats = {edge: self.crossed.get(edge, 0) + int(self.clock.t * rate) for edge, rate in self.beats.items()}
        return {**self.crossed, **beats}

    async def views(self, paths: Sequence[str], among: Collection[str] | None = None) -> Views:
        del paths
        found: Views = {"orders": self.orders, "products": ["tea"]}
        asked = {name: found[name] for name in found if among is None or name in among}
        self.looked_at.append(tuple(asked))
        return asked

    async def restart(self) -> None:
        if not self.restartable:
            raise DeployError("nothing says how")
        self.restarts += 1
        self.memory.clear()

    def take_deaths(self) -> tuple[str, ...]:
        taken = tuple(self.deaths)
        self.deaths.clear()
        return taken

    async def put_right(self) -> tuple[str, ...]:
        taken = tuple(self.sick)
        self.sick.clear()
        return taken

    def ground(self, of: Topology) -> Ground:
        """The system as the ground of a matrix."""
        return Ground(
            topology=of,
            visitor=self,
            injector=self,
            clock=self.clock,
            counts=self.counts,
            views=self.views,
            restart=self.restart,
            deaths=self.take_deaths,
            put_right=self.put_right,
            record=self.events.append,
            now=self.clock.now,
            say=self.said.append,
            replay=str,
            hearing=lambda _edges: self,
        )
