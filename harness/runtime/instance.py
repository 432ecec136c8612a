"""One running copy of a service or of a store, from its first start to its last end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.clock import Clock
from harness.errors import DeployError, HarnessError
from harness.model.process import Process
from harness.model.topology import InstanceId
from harness.runtime.listening import why_not_there
from harness.runtime.logs import last_lines
from harness.runtime.ports import LOOPBACK

READY_WITHIN_S = 60.0
POLL_FIRST_S = 0.02
POLL_MOST_S = 0.25
POLL_GROWTH = 1.2
DRAIN_S = 5.0


class State(StrEnum):
    """Where an instance is in its life."""

    PLANNED = "planned"
    STARTING = "starting"
    READY = "ready"
    PAUSED = "paused"
    KILLED = "killed"
    """By the harness."""
    DEAD = "dead"
    """By itself, or by somebody else."""
    STOPPED = "stopped"


_DEATH_IS_NEWS = (State.READY, State.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """That an instance ended by itself, or by somebody else, but not by the harness."""

    instance: InstanceId
    t: float
    """Seconds since the run began."""
    how: str
    """`ended with code 3`, `was ended by SIGKILL`."""
    log: str
    """The last lines of its log at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How an instance is started, each time alike, and asked whether it can serve."""

    start: Callable[[], Awaitable[Process]]
    lacking: Callable[[], Awaitable[str | None]]
    """None when it can serve; else its last answer, in words. Ends within a second or so."""
    log: Path
    drains: bool
    """Whether SIGTERM lets it finish what it is at; a store, whose data is thrown away, is simply killed."""
    ends_by: int = signal.SIGTERM
    """The signal that lets it end in order; one that is none of its own is followed by SIGTERM."""
    ready_within_s: float = 0.0
    """When it may take longer than others until it can serve."""
    elsewhere: Callable[[int], Awaitable[str]] | None = None
    """Tells what that process does instead of listening where it was told, where it is not on the host's network."""


class Instance:
    """One instance; its methods don't expect to be called at once."""

    def __init__(  # noqa: PLR0913 -- each is a thing of its own
        self,
        id_: InstanceId,
        port: int,
        launch: Launch,
        *,
        clock: Clock,
        on_death: Callable[[Instance, int], Awaitable[None]],
        host: str = LOOPBACK,
    ) -> None:
        self.id = id_
        self.host = host
        self.port = port
        self.state = State.PLANNED
        self.log = launch.log
        self._launch = launch
        self._clock = clock
        self._on_death = on_death
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """`catalog-1`."""
        return self.id.name

    @property
    def alive(self) -> bool:
        """Whether its process is there; a paused one is."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id; raises DeployError when it was never started."""
        if self._process is None:
            raise DeployError(f"{self.name}: expected it to have been started, it is {self.state}")
        return self._process.pid

    async def start(self, *, within_s: float = READY_WITHIN_S) -> None:
        """Start it and wait until it can serve; nothing happens when it is there.

        Raises:
            DeployError: if it dies first, or can't serve in time; the message ends in its last log lines.
        """
        if not self.alive:
            await self._end_watch()
            self.state = State.STARTING
            await self._begin()
        await self._await_ready(within_s)

    async def ready(self) -> bool:
        """Whether it can serve now."""
        return self.alive and await self._launch.lacking() is None

    async def kill(self) -> None:
        """SIGKILL; returns when it and all that descends from it is gone."""
        with self._becoming(State.KILLED):
            if self._process is not None:
                await self._process.signal(signal.SIGKILL)
                await self._process.wait()

    async def pause(self) -> None:
        """SIGSTOP; raises DeployError when there is nothing to pause."""
        if self._process is None or not self.alive:
            raise DeployError(f"{self.name}: expected it to run, so that it can be paused; it is {self.state}")
        with self._becoming(State.PAUSED):
            await self._process.signal(signal.SIGSTOP)

    async def resume(self, *, within_s: float = READY_WITHIN_S) -> None:
        """SIGCONT; returns when it can serve. Raises DeployError as `start` does."""
        if self._process is not None:
            await self._process.signal(signal.SIGCONT)
        await self._await_ready(within_s)

    async def stop(self, *, gently: bool = False) -> None:
        """Let it drain where it does, then make sure that it is gone; gently, what is killed at the end ends in order.

        One that does not hear the signal in time is killed.
        """
        self.state = State.STOPPED
        if self._process is not None and (self._launch.drains or gently):
            if self._launch.ends_by != signal.SIGTERM:
                await self._process.signal(self._launch.ends_by)
            await self._process.stop(DRAIN_S)
        elif self._process is not None:
            await self._process.signal(signal.SIGKILL)
            await self._process.wait()
        await self._end_watch()

    @contextlib.contextmanager
    def _becoming(self, state: State) -> Iterator[None]:
        """What is done makes it so; not where it is refused."""
        before, self.state = self.state, state
        try:
            yield
        except HarnessError:
            self.state = before
            raise

    async def _begin(self) -> None:
        """Start its process; who is cancelled meanwhile still learns which one it is, so that it has an owner."""
        starting = asyncio.ensure_future(self._launch.start())
        try:
            await asyncio.shield(starting)
        finally:
            await asyncio.wait([starting])
            if starting.exception() is None:
                self._process = starting.result()
                self._watch = asyncio.create_task(self._await_death(self._process), name=f"watch {self.name}")

    async def _await_ready(self, within_s: float) -> None:
        within_s = max(within_s, self._launch.ready_within_s)
        deadline = self._clock.now() + within_s
        interval_s = POLL_FIRST_S
        while True:
            lacking = await self._launch.lacking()
            if self._process is None or self._process.returncode is not None:
                self.state = State.DEAD
                raise DeployError(f"{self.name} {self._end_in_words()} before it was ready; {self._tail()}")
            if lacking is None:
                self.state = State.READY
                return
            if self._clock.now() >= deadline:
                also = await self._elsewhere(self._process.pid)
                raise DeployError(
                    f"{self.name}: expected it to be ready within {within_s:g} s, "
                    f"but its last answer was: {lacking}{also}; {self._tail()}"
                )
            await self._clock.sleep(interval_s)
            interval_s = min(interval_s * POLL_GROWTH, POLL_MOST_S)

    async def _elsewhere(self, pid: int) -> str:
        """What it does instead of listening where it was told; empty where nobody told it, or nobody can know."""
        if self._launch.elsewhere is not None:
            told = await self._launch.elsewhere(pid)
            return f"; {told}" if told else ""
        elsewhere = await asyncio.to_thread(why_not_there, pid, self.port) if self.host == LOOPBACK and pid else ""
        return f"; {elsewhere}" if elsewhere else ""

    async def _await_death(self, process: Process) -> None:
        code = await process.wait()
        if process is self._process and self.state in _DEATH_IS_NEWS:
            self.state = State.DEAD
            await self._on_death(self, code)

    async def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    def _end_in_words(self) -> str:
        code = None if self._process is None else self._process.returncode
        return "was not started" if code is None else ended_in_words(code)

    def _tail(self) -> str:
        return f"last lines of {self.log}:\n{last_lines(self.log)}"


def ended_in_words(code: int) -> str:
    """How a process ended: `ended with code 3`, `was ended by SIGKILL`."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
