"""The harness's end of the load: starts the generator's process, drives it, hands on what it measured."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, assert_never

from harness.clock import Clock
from harness.errors import LoadError
from harness.load.kinds_summed import summed
from harness.load.launch import START_LIMIT_S, STOP_GRACE_S, last_lines, launch, look_at
from harness.load.operations import file_of, read_histories
from harness.load.visits import VISIT_LIMIT_S
from harness.load.wire import (
    LINE_LIMIT,
    Begin,
    Command,
    Done,
    Drive,
    Exchanged,
    Flush,
    Follow,
    Gather,
    Gone,
    Listening,
    LocustTotal,
    Pay,
    Question,
    Quiesce,
    Ready,
    Refused,
    Show,
    TakeDistinct,
    Total,
    Totals,
    command_line,
    read_report,
)
from harness.model.declared import DegradedMark
from harness.model.load_events import Noted, Observed, WorkerJoined, WorkerLost
from harness.model.load_profile import LoadProfile
from harness.model.observation import DistinctAnswer, Operation
from harness.model.process import Process, Spawner
from harness.model.steps import StepJourneys
from harness.model.visits import Exchange, Visit

Told: TypeAlias = WorkerJoined | WorkerLost | Noted
"""What a master tells beside what was measured."""

WEB_SOCKET = "web.sock"
"""Where Locust's pages are shown, in the generator's directory."""

ANSWER_LIMIT_S = 15.0
"""The generator answers a command in milliseconds; when it is overloaded, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What is to be loaded: a locustfile's journeys against an entry."""

    locustfile: Path | None = None
    steps: StepJourneys = field(default_factory=dict)
    """Journeys whose steps are declared, in place of a locustfile."""
    hosts: tuple[str, ...]
    """The base URLs of the entry, `http://127.0.0.1:8000`: each customer begins at one, and finds the others."""
    journeys: tuple[str, ...]
    deadlines: dict[str, float]
    """Seconds, by journey: a request is given up a bit later."""
    degraded: DegradedMark
    seed: int
    pool: int = 200
    """How many journeys may be under way at once; one that is due beyond is dropped, and counted."""
    path: tuple[Path, ...] = ()
    """Directories put in front of `sys.path`, for what the locustfile imports."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent along with every request: the marks by which the system knows them."""
    traced: str = ""
    """The run's name when somebody takes spans: then every visit has a trace of its own."""


class Crew(Protocol):
    """The workers that were started for a master."""

    def dismiss(self) -> None:
        """They are about to end, and that is no loss."""
        ...

    async def stop(self) -> None:
        """End them all."""
        ...


class LoadDriver:
    """A load generator that runs. Made by `start`, ended by `stop`."""

    def __init__(  # noqa: PLR0913 -- what a run lends to its parts
        self,
        plan: LoadPlan,
        directory: Path,
        *,
        process: Process,
        connection: socket.socket,
        on_observed: Callable[[Observed], None],
        on_told: Callable[[Told], None] | None = None,
    ) -> None:
        self._journeys = plan.journeys
        self._process = process
        self._connection = connection
        self._directory = directory
        self._on_observed = on_observed
        self._on_told = on_told or _ignore
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Done]] = {}
        self._distinct: list[DistinctAnswer] = []
        self._totals: tuple[LocustTotal, ...] = ()
        self._listening_at: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._crew: Crew | None = None
        self._paid: dict[int, list[Exchange]] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._trouble = ""

    @classmethod
    async def start(  # noqa: PLR0913 -- what a run lends to its parts
        cls,
        plan: LoadPlan,
        *,
        spawner: Spawner,
        directory: Path,
        clock: Clock,
        run_began: float,
        on_observed: Callable[[Observed], None],
    ) -> LoadDriver:
        """Start the generator; returns when the locustfile is loaded and nothing is sent yet.

        Args:
            plan: what to load.
            spawner: starts the process.
            directory: where the history of operations and the log are written; both are appended to.
            clock: waits for the generator.
            run_began: `clock.now()` when the run began; all times told count from there.
            on_observed: called in the event loop with what was measured, about once a second. A journey
                counts in the second of its intended start, so a late one adds to a second told before:
                several rows of one second, journey and outcome are increments, to be summed.

        Raises:
            LoadError: if the locustfile can't be used, or the process dies, or is not ready in time.
        """
        if plan.locustfile is not None:
            look_at(plan.locustfile)
        process, connection = await launch(spawner, directory)
        driver = cls(plan, directory, process=process, connection=connection, on_observed=on_observed)
        try:
            await driver.open(begin_of(plan, directory, run_began))
            await driver.ready(clock, START_LIMIT_S)
        except BaseException:
            await driver.stop()
            raise
        return driver

    async def open(self, first: Begin | Gather) -> None:
        """Say the first word; see `ready`."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._connection, limit=LINE_LIMIT)
        self._listening = asyncio.create_task(self._listen(reader), name="load reports")
        self._writer.write(command_line(first))

    async def ready(self, clock: Clock, limit_s: float) -> None:
        """Wait until everything is loaded; raises LoadError when it can't be, or is not in time."""
        await self._await(self._ready, clock, limit_s, "was not ready")

    async def listening(self, clock: Clock) -> int:
        """The port at which a master waits for its workers; raises LoadError when it can't."""
        await self._await(self._listening_at, clock, START_LIMIT_S, "did not listen")
        return self._listening_at.result()

    def accompany(self, crew: Crew) -> None:
        """Others that end with it: the workers that were started for it."""
        self._crew = crew

    @property
    def alive(self) -> bool:
        """Whether the generator can still be driven."""
        return self._listening is not None and not self._listening.done() and self._process.returncode is None

    async def drive(self, *, rate: float, weights: Mapping[str, float]) -> None:
        """Let `rate` journeys a second be due from now on, each chosen by `weights`.

        Raises:
            LoadError: if the generator is gone, or a rate or a weight makes no sense.
        """
        if strangers := weights.keys() - set(self._journeys):
            message = f"expected weights for the journeys {', '.join(self._journeys)}, found {sorted(strangers)}"
            raise LoadError(message)
        await self._ask(Drive(id=next(self._ids), rate=rate, weights=dict(weights)))

    async def follow(
        self, profile: LoadProfile, *, began: float, since: float | None = None, run_began: float | None = None
    ) -> None:
        """Let the load go as a profile says, in place of what was driven before; it ends by itself.

        Args:
            profile: what to follow.
            began: when it begins, in seconds since the run began: now or in a moment.
                From then on the generator goes by its own clock.
            since: what lies before is left out; without it nothing is. `drive` takes over from a profile,
                and who follows it again with the same `began`, `since` now, goes on where it would be.
            run_began: CLOCK_MONOTONIC at the run's t = 0, if that is another than at the start.

        Raises:
            LoadError: if the generator is gone, or the profile speaks of journeys that it does not know.
        """
        since = began if since is None else since
        await self._ask(Follow(id=next(self._ids), profile=profile, began=began, since=since, run_began=run_began))

    async def quiesce(self, timeout_s: float) -> int:
        """No more arrivals; wait for the journeys in flight, and give how many are left at the time-out.

        Raises:
            LoadError: if the generator is gone.
        """
        done = await self._ask(Quiesce(id=next(self._ids), timeout_s=timeout_s), timeout_s + ANSWER_LIMIT_S)
        return done.in_flight

    async def flush(self) -> None:
        """When this returns, all journeys and answers that ended have reached `on_observed`.

        The generator's own row of the current second follows when that second is over.

        Raises:
            LoadError: if the generator is gone.
        """
        await self._ask(Flush(id=next(self._ids)))

    async def visit(self, journey: str, number: int) -> Visit:
        """Pay one visit, which is not counted as load; `number` makes the customer one of her own.

        Raises:
            LoadError: if the generator is gone, or knows no such journey.
        """
        command = Pay(id=next(self._ids), journey=journey, number=number)
        exchanges: list[Exchange] = []
        self._paid[command.id] = exchanges
        try:
            done = await self._ask(command, VISIT_LIMIT_S + ANSWER_LIMIT_S)
        finally:
            del self._paid[command.id]
        return Visit(journey=journey, exchanges=tuple(exchanges), failed=done.failed, trace=done.trace)

    async def totals(self) -> tuple[LocustTotal, ...]:
        """Locust's own totals of all workers; none where there is no master.

        Raises:
            LoadError: if the generator is gone.
        """
        if self._crew is None:
            return ()
        await self._ask(Total(id=next(self._ids)))
        return self._totals

    async def gone(self, worker: str, why: str) -> None:
        """Tell the master that the process of a worker has ended.

        Raises:
            LoadError: if the master is gone too.
        """
        await self._ask(Gone(id=next(self._ids), worker=worker, why=why))

    async def show(self) -> Path:
        """Have Locust's own pages shown at a unix socket, which only its owner can reach; gives its path.

        Raises:
            LoadError: if the generator is gone, or can't show them.
        """
        place = (self._directory / WEB_SOCKET).resolve()
        await self._ask(Show(id=next(self._ids), place=str(place)))
        return place

    async def take_distinct(self) -> tuple[DistinctAnswer, ...]:
        """The kinds of answers seen since the last call, each with a sample and a count; they are forgotten.

        Raises:
            LoadError: if the generator is gone.
        """
        await self._ask(TakeDistinct(id=next(self._ids)))
        taken, self._distinct = summed(self._distinct), []
        return taken

    def operations(self) -> tuple[Operation, ...]:
        """All operations in the history of this directory, those of an earlier generator included.

        It can be asked at any time, also after the generator has died.
        """
        return read_histories(self._directory)

    async def stop(self) -> None:
        """End the generator at once; journeys in flight are lost (call `quiesce` before)."""
        if self._crew is not None:
            self._crew.dismiss()
        if self._writer is not None:
            self._writer.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if self._crew is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_GRACE_S):
                    await self._process.wait()  # it lets its workers go first, wherever they are
            await self._crew.stop()
        await self._process.stop(STOP_GRACE_S)
        self._give_up("it was stopped")

    async def _await(self, wanted: asyncio.Future[Any], clock: Clock, limit_s: float, failing: str) -> None:
        late = asyncio.create_task(clock.sleep(limit_s))
        try:
            await asyncio.wait({wanted, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
        if not wanted.done():
            message = f"the load generator {failing} within {limit_s:g} s"
            raise LoadError(message + last_lines(self._directory))
        wanted.result()

    async def _ask(self, command: Question, limit_s: float = ANSWER_LIMIT_S) -> Done:
        if self._writer is None or not self.alive:
            raise LoadError(self._obituary())
        answer: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = answer
        self._send(command)
        try:
            async with asyncio.timeout(limit_s):
                done = await answer
        except TimeoutError:
            message = f"the load generator did not answer {command.do!r} within {limit_s:g} s"
            raise LoadError(message + last_lines(self._directory)) from None
        finally:
            del self._waiting[command.id]
        if done.error:
            raise LoadError(done.error)
        return done

    def _send(self, command: Command) -> None:
        assert self._writer is not None  # noqa: S101 -- told to the type checker; `_ask` has looked
        self._writer.write(command_line(command))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._hear(line)
        except Exception as error:  # noqa: BLE001 -- whatever it is, also of `on_observed`: whoever waits must hear of it
            self._trouble = f" ({type(error).__name__}: {error})"
        self._give_up("it died")

    def _hear(self, line: bytes) -> None:
        report = read_report(line)
        match report:
            case Ready():
                self._ready.set_result(None)
            case Refused(reason=reason):
                self._fail(LoadError(reason))
            case Listening() | Totals() | WorkerJoined() | WorkerLost() | Noted():
                self._hear_master(report)
            case Done():
                self._answered(report)
            case Exchanged(id=number, exchange=exchange):
                if (exchanges := self._paid.get(number)) is not None:
                    exchanges.append(exchange)
            case Observed(distinct=distinct):
                self._distinct.extend(distinct)
                if report.journeys or report.answers or report.generator:
                    self._on_observed(report)
            case _:
                assert_never(report)

    def _answered(self, done: Done) -> None:
        if (answer := self._waiting.get(done.id)) is not None and not answer.done():
            answer.set_result(done)

    def _hear_master(self, report: Listening | Totals | Told) -> None:
        match report:
            case Listening(port=port):
                self._listening_at.set_result(port)
            case Totals(totals=totals):
                self._totals = totals
            case _:
                self._on_told(report)

    def _give_up(self, why: str) -> None:
        error = LoadError(self._obituary(why))
        self._fail(error)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(error)

    def _fail(self, error: LoadError) -> None:
        """It will not become ready; whoever waits hears why, and when nobody does, asyncio need not complain."""
        for each in (self._listening_at, self._ready):
            if not each.done():
                each.set_exception(error)
                each.exception()

    def _obituary(self, why: str = "it died or was stopped") -> str:
        return f"the load generator can't be driven: {why}{self._trouble}" + last_lines(self._directory)


def _ignore(_told: Told) -> None:
    """What becomes of news that nobody wants."""


def begin_of(plan: LoadPlan, directory: Path, run_began: float) -> Begin:
    """What a generator in this directory is told first."""
    return Begin(
        locustfile="" if plan.locustfile is None else str(plan.locustfile.resolve()),
        steps=plan.steps,
        headers=plan.headers,
        traced=plan.traced,
        hosts=plan.hosts,
        journeys=plan.journeys,
        deadlines=plan.deadlines,
        degraded=plan.degraded,
        seed=plan.seed,
        pool=plan.pool,
        path=tuple(str(each.resolve()) for each in plan.path),
        history=str(file_of(directory.resolve())),
        run_began=run_began,
    )
