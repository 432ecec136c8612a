"""What the matrix stands on: who visits, what breaks and heals, what counts, and what tells the state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from pydantic import JsonValue

from harness.checkers.shape import parsed
from harness.checkers.state import Views
from harness.checkers.trial import Promised
from harness.clock import Clock
from harness.engine.beside import Beside
from harness.engine.cell_blame import Blaming, nobody
from harness.engine.hearing import Heard
from harness.engine.proxy_watch import PutRight
from harness.engine.session import Session
from harness.load.visits import Visitor
from harness.model.events import Event
from harness.model.fault import Armed, Healed, Hits, InstanceTarget
from harness.model.fault import Injection as Injection_
from harness.model.invariant import Read
from harness.model.marks import run_marks
from harness.model.matrix import Cell
from harness.model.topology import Topology
from harness.observe.reads import read_all

GET_TIMEOUT_S = 5.0
BODY_LIMIT_BYTES = 4 << 20
_OK = 200

Counts = Mapping[str, int]
"""Edge → requests since the run began."""


class Injecting(Protocol):
    """Who arms faults and heals them; the injector is one."""

    async def inject(self, injection: Injection_) -> Armed:
        """See `Injector.inject`."""
        ...

    async def heal(self, injection_id: str) -> Healed:
        """See `Injector.heal`."""
        ...


class Breaking(Injecting, Protocol):
    """Who also tells of a fault while it is armed and in force; the injector is one."""

    async def inject(self, injection: Injection_, on: Callable[[], None] = ...) -> Armed:
        """See `Injector.inject`."""
        ...

    async def hits(self, injection_id: str) -> Hits | None:
        """See `Injector.hits`."""
        ...


class Viewing(Protocol):
    """Who tells what a system says of its state; `SystemViews` is one."""

    async def __call__(self, paths: Sequence[str], among: Collection[str] | None = None) -> Views:
        """See `SystemViews`."""
        ...


class Listening(Protocol):
    """Who hears every exchange on some edges; `Hearing` is one."""

    async def start(self) -> None:
        """See `Hearing.start`."""
        ...

    async def take(self) -> list[Heard]:
        """See `Hearing.take`."""
        ...

    async def stop(self) -> None:
        """See `Hearing.stop`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Ground:
    """All that conducting a matrix needs of a system that is up."""

    topology: Topology
    visitor: Visitor
    injector: Breaking
    clock: Clock
    counts: Callable[[], Awaitable[Counts | None]]
    """None when nothing counts what crosses."""
    views: Viewing
    """What the system says of its state, beside that at some paths of its entry."""
    restart: Callable[[], Awaitable[None]]
    """Start every service anew; raises HarnessError."""
    deaths: Callable[[], tuple[str, ...]]
    """What ended by itself since the last call."""
    put_right: PutRight
    """Starts proxies anew that died or hang, and gives their names; raises HarnessError."""
    record: Callable[[Event], None]
    now: Callable[[], float]
    """Seconds since the run began."""
    say: Callable[[str], None]
    replay: Callable[[Cell], str]
    """The command that repeats a cell."""
    blame: Blaming = nobody
    """Says whose fault a red cell is."""
    declared: Callable[[str, str], frozenset[int]] = lambda _method, _path: frozenset()
    """The statuses that the entry's document declares for a request."""
    promised: Callable[[str, str], Mapping[int, Promised]] = lambda _method, _path: {}
    """What it promises of the answers to a request, by their status."""
    hearing: Callable[[Sequence[str]], Listening] | None = None
    """Hears what is asked and answered on edges of plain HTTP; None where nobody can."""
    beside: Beside | None = None
    """Looks at what else has the machine's processors; None where nobody does."""


class EdgeCounts:
    """Requests on each edge, from what the relay tells."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._edge_of = {line.name: line.edge for line in session.topology.lines}
        self._totals: dict[str, int] = {}
        self._seen = 0

    async def __call__(self) -> Counts | None:
        """All that crossed so far; raises ProxyError when the relay is gone."""
        if not await self._session.deployment.mesh.flush():
            return None
        crossings = self._session.recorder.crossings
        for each in crossings[self._seen :]:
            edge = self._edge_of.get(each.line, each.line)
            self._totals[edge] = self._totals.get(edge, 0) + each.requests
        self._seen = len(crossings)
        return dict(self._totals)


class SystemViews:
    """What a system says of its state: by the reads that are declared, past every proxy, and at paths of its entry."""

    def __init__(self, session: Session, reads: Mapping[str, Read]) -> None:
        self._session = session
        self._reads = reads

    async def __call__(self, paths: Sequence[str], among: Collection[str] | None = None) -> Views:
        """What could be read; what could not is left out. Only what is `among` these views is asked, if they are named.

        Each asks for all that there is of a kind, which grows with every visit.
        """
        deployment = self._session.deployment
        views: dict[str, JsonValue] = {}
        reads = {name: read for name, read in self._reads.items() if among is None or name in among}
        paths = [path for path in paths if among is None or _at(path) in among]
        if reads:
            read = await read_all(
                reads,
                url_of=deployment.service_url,
                now=self._session.now,
                credentials=self._session.credentials,
            )
            views |= {each.name: [dict(row) for row in each.rows] for each in read if not each.error}
        if paths:
            views |= await self._gets(paths)
        return views

    async def _gets(self, paths: Sequence[str]) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {}
        timeout = aiohttp.ClientTimeout(total=GET_TIMEOUT_S)
        marks = run_marks(self._session.run)
        entry = self._session.deployment.entry_url()
        async with aiohttp.ClientSession(timeout=timeout, headers=marks) as http:
            for path in paths:
                try:
                    async with http.get(entry + path, allow_redirects=False) as answer:
                        body = await answer.content.read(BODY_LIMIT_BYTES)
                        ok, document = parsed(body)
                except (aiohttp.ClientError, TimeoutError, OSError):
                    continue
                if answer.status == _OK and ok:
                    found[_at(path)] = document
        return found


async def restart_services(session: Session) -> None:
    """Start every instance of every service anew, one service after another in the order of their start.

    Raises:
        HarnessError: when one can't be restarted, or does not come back.
    """
    deployment, topology = session.deployment, session.topology
    for wave in topology.start_order:
        for name in wave:
            if topology.is_store(name):
                continue
            for each in topology.instances_of(name):
                target = InstanceTarget(service=name, index=each.index)
                if deployment.alive(target):
                    await deployment.restart(target)
                else:
                    await deployment.start(target)


def take_deaths(session: Session) -> tuple[str, ...]:
    """What ended by itself since the last call, in words."""
    return tuple(f"{death.instance.name} {death.how}" for death in session.deployment.take_deaths())


def _at(path: str) -> str:
    """The name of the view that is at a path of the entry."""
    return f"GET {path}"
