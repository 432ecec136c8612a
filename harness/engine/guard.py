"""Guards: what stops an experiment at once, watched from just before its first fault until it has recovered."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, assert_never

from harness.checkers.statistics import lower_bound
from harness.clock import Clock
from harness.errors import HarnessError
from harness.model.experiment import Experiment
from harness.model.figures import GOOD, merged, share_over_s
from harness.model.guard import CommandGuard, EdgeGuard, FileGuard, Guard, JourneyGuard, SignalGuard
from harness.model.observation import CrossingSecond, JourneySecond
from harness.model.process import ProcessSpec, Spawner

GUARD_ERROR = 1e-6
"""The chance that one look at an objective that is just kept stops an experiment."""
SLOW_SHARE = 0.01
"""The share of slow journeys that a p99 leaves."""
LOOK_S = 0.25
COMMAND_WITHIN_S = 10.0
"""How long a command gets to answer; one that takes longer stops the experiment."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A guard stopped the experiment."""

    guard: Guard
    reason: str

    @property
    def refutes(self) -> bool:
        """Whether somebody noticed who must not; else somebody wanted it stopped, and nobody knows how it would end."""
        return isinstance(self.guard, JourneyGuard | EdgeGuard)


class Tripped(HarnessError):  # noqa: N818 -- a stop that was declared is no error
    """Raised where a guard stopped the work."""

    def __init__(self, trip: Trip) -> None:
        self.trip = trip
        super().__init__(trip.reason)


def journey_misses(guard: JourneyGuard, journeys: Iterable[JourneySecond], now: float) -> str:
    """How a journey certainly misses what the guard holds it to; empty while nobody can say so."""
    recent = [each for each in journeys if each.journey == guard.journey and _recent(each.second, guard.span, now)]
    n = sum(each.count for each in recent)
    bad = sum(each.count for each in recent if each.outcome not in GOOD)
    if guard.bad is not None and _certainly(bad, n, guard.bad):
        return f"{bad} of {n} {guard.journey} of the last {guard.span} were bad, and at most {guard.bad} may be"
    good = merged(each.latencies for each in recent if each.outcome in GOOD)
    if guard.p99 is not None and good.count:
        slow = round((share_over_s(good, guard.p99) or 0.0) * good.count)
        if _certainly(slow, good.count, SLOW_SHARE):
            return f"{slow} of {good.count} {guard.journey} of the last {guard.span} took longer than {guard.p99}"
    return ""


def edge_misses(guard: EdgeGuard, crossings: Iterable[CrossingSecond], lines: frozenset[str], now: float) -> str:
    """How an edge certainly misses what the guard holds it to; empty while nobody can say so."""
    recent = [each for each in crossings if each.line in lines and _recent(each.second, guard.span, now)]
    n = sum(each.requests for each in recent)
    unanswered = n - sum(each.answers for each in recent)
    failing = min(max(unanswered, sum(each.aborted for each in recent), 0), n)
    if not _certainly(failing, n, guard.failing):
        return ""
    edge = f"{guard.consumer} → {guard.provider}"
    return f"{failing} of {n} requests on {edge} of the last {guard.span} got no answer, at most {guard.failing} may"


def _recent(second: int, span: float, now: float) -> bool:
    return math.floor(now) - span <= second


def _certainly(bad: int, n: int, limit: float) -> bool:
    return n > 0 and lower_bound(bad, n, GUARD_ERROR) > limit


@contextlib.contextmanager
def listening(experiments: Iterable[Experiment]) -> Iterator[dict[str, asyncio.Event]]:
    """Hear the signals that some experiments are stopped by, while the body runs.

    Raises:
        HarnessError: where signals can't be heard, which is outside the main thread.
    """
    wanted = {guard.signal for each in experiments for guard in each.guards if isinstance(guard, SignalGuard)}
    if wanted and threading.current_thread() is not threading.main_thread():
        raise HarnessError(f"a guard waits for {min(wanted)}, which only the main thread can hear; leave it out")
    heard = {name: asyncio.Event() for name in wanted}
    loop = asyncio.get_running_loop()
    for name, event in heard.items():
        loop.add_signal_handler(getattr(signal, name), event.set)
    try:
        yield heard
    finally:
        for name in heard:
            loop.remove_signal_handler(getattr(signal, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What guards look at."""

    clock: Clock
    now: Callable[[], float]
    refresh: Callable[[], Awaitable[None]]
    """When it returns, what has ended so far is among the journeys."""
    journeys: Callable[[], Iterable[JourneySecond]]
    crossings: Callable[[], Iterable[CrossingSecond]]
    lines: Mapping[str, frozenset[str]]
    """Edge → names of its lines."""
    signals: Mapping[str, asyncio.Event]
    spawner: Spawner
    log: Path


async def look(guard: Guard, senses: Senses) -> str:
    """Why the guard stops the experiment now; empty when it does not. One that can't look stops it."""
    try:
        match guard:
            case JourneyGuard():
                await senses.refresh()
                return journey_misses(guard, senses.journeys(), senses.now())
            case EdgeGuard():
                return edge_misses(guard, senses.crossings(), senses.lines[guard.edge], senses.now())
            case CommandGuard():
                return await _asked(guard, senses)
            case FileGuard():
                return f"{guard} is there" if await asyncio.to_thread(Path(guard.path).exists) else ""
            case SignalGuard():
                return f"{guard} came" if senses.signals[guard.signal].is_set() else ""
            case _:
                assert_never(guard)
    except (HarnessError, OSError) as error:
        return f"{guard} could not be asked: {error}"


async def _asked(guard: CommandGuard, senses: Senses) -> str:
    spec = ProcessSpec(name="guard", command=guard.command, log=str(senses.log), env=dict(os.environ), cwd=os.getcwd())  # noqa: PTH109 -- text is wanted
    process = await senses.spawner.spawn(spec)
    try:
        async with asyncio.timeout(COMMAND_WITHIN_S):
            code = await process.wait()
    except TimeoutError:
        return f"{guard} did not end within {COMMAND_WITHIN_S:g} s"
    finally:
        if process.returncode is None:
            await asyncio.shield(process.stop(0.0))
    return f"{guard} ended with {code}" if code else ""


async def watch(guards: Iterable[Guard], senses: Senses) -> Trip:
    """Look again and again until a guard stops the experiment."""
    tasks = {asyncio.create_task(_watch_one(guard, senses)) for guard in guards}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result()
    finally:
        await _ended(tasks)


async def _watch_one(guard: Guard, senses: Senses) -> Trip:
    pause_s = guard.every if isinstance(guard, CommandGuard) else LOOK_S
    while not (reason := await look(guard, senses)):
        await senses.clock.sleep(pause_s)
    return Trip(guard=guard, reason=reason)


async def guarded(
    work: Callable[[], Coroutine[Any, Any, _T]], guards: tuple[Guard, ...], senses: Callable[[], Senses]
) -> _T:
    """Do the work unless a guard stops it: not at all when one does so beforehand.

    However it ends, the work's own clean-up has ended too.

    Raises:
        Tripped: when a guard stopped it.
    """
    if not guards:
        return await work()
    sense = senses()
    for guard in guards:
        if reason := await look(guard, sense):
            raise Tripped(Trip(guard=guard, reason=reason))
    doing, watching = asyncio.create_task(work()), asyncio.create_task(watch(guards, sense))
    try:
        await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        done = doing.done()
        await _ended({doing, watching})
    if done:
        return doing.result()
    raise Tripped(watching.result())


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel them and wait for their ends."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
