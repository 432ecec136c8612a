"""What stops an experiment at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.engine.guard import Senses, Tripped, edge_misses, guarded, journey_misses, listening
from harness.errors import HarnessError
from harness.model.guard import CommandGuard, EdgeGuard, FileGuard, Guard, JourneyGuard, SignalGuard
from harness.model.observation import JourneySecond, Window, WindowKind
from harness.model.process import Process, ProcessSpec
from harness.model.quantity import Duration, Share
from tests.checkers.histories import Each, crossing_seconds, experiment, journey_seconds
from tests.fakes import run_locally

PAST = Window(kind=WindowKind.FAULT, start=0, end=10)
BROWSE = JourneyGuard(journey="browse", bad=Share(0.1))


def browsing(each: Each) -> tuple[JourneySecond, ...]:
    return tuple(journey_seconds(PAST, "browse", each))


def test_a_journey_that_keeps_its_objective_stops_nothing() -> None:
    assert journey_misses(BROWSE, browsing(Each()), 10) == ""
    assert journey_misses(BROWSE, browsing(Each(ok=9, failed=1)), 10) == ""
    assert journey_misses(BROWSE, (), 10) == ""


def test_a_journey_that_certainly_misses_it_does() -> None:
    reason = journey_misses(BROWSE, browsing(Each(ok=4, failed=3, unknown=3)), 10)
    assert reason == "30 of 50 browse of the last 5 s were bad, and at most 10% may be"


def test_what_was_bad_long_ago_is_forgotten() -> None:
    assert journey_misses(BROWSE, browsing(Each(ok=0, failed=10)), 16) == ""


def test_a_journey_that_is_certainly_too_slow_stops_it() -> None:
    slow = JourneyGuard(journey="browse", p99=Duration(0.8))
    assert journey_misses(slow, browsing(Each(latency_s=0.5)), 10) == ""
    assert "50 of 50 browse of the last 5 s took longer than 800 ms" in journey_misses(
        slow, browsing(Each(latency_s=1.0)), 10
    )


def test_an_edge_that_gets_no_answers_stops_it() -> None:
    guard = EdgeGuard(consumer="gateway", provider="orders", failing=Share(0.2))
    lines = frozenset({"gateway-1->orders-1"})
    well = tuple(crossing_seconds(PAST, "gateway-1->orders-1", requests=10))
    ill = tuple(replace(each, answers=3) for each in well)
    assert edge_misses(guard, well, lines, 10) == ""
    assert "35 of 50 requests on gateway → orders of the last 5 s got no answer" in edge_misses(guard, ill, lines, 10)
    assert edge_misses(guard, ill, frozenset({"other-1->orders-1"}), 10) == ""


class Local:
    """Starts processes without a supervisor."""

    async def spawn(self, spec: ProcessSpec) -> Process:
        return await run_locally(spec)


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., Senses]]:
    with listening([]) as heard:

        def senses(
            journeys: Iterable[JourneySecond] = (), *, signals: dict[str, asyncio.Event] | None = None
        ) -> Senses:
            async def refresh() -> None:
                return

            return Senses(
                clock=SystemClock(),
                now=lambda: 10.0,
                refresh=refresh,
                journeys=lambda: journeys,
                crossings=tuple,
                lines={},
                signals=heard if signals is None else signals,
                spawner=Local(),
                log=tmp_path / "guards.log",
            )

        yield senses


async def stopped(guard: Guard, senses: Senses, later: Callable[[], object] = lambda: None) -> tuple[str, list[str]]:
    """Why an endless work was stopped, and what it did."""
    deeds: list[str] = []

    async def work() -> None:
        deeds.append("injected")
        later()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            deeds.append("healed")

    with pytest.raises(Tripped) as caught:
        async with asyncio.timeout(20):
            await guarded(work, (guard,), lambda: senses)
    assert caught.value.trip.guard == guard
    return caught.value.trip.reason, deeds


async def test_a_file_that_appears_stops_it_and_it_has_healed(make: Callable[..., Senses], tmp_path: Path) -> None:
    file = tmp_path / "stop"
    reason, deeds = await stopped(FileGuard(path=str(file)), make(), file.touch)
    assert (reason, deeds) == (f"the file {file} is there", ["injected", "healed"])


async def test_a_file_that_is_there_already_starts_nothing(make: Callable[..., Senses], tmp_path: Path) -> None:
    _, deeds = await stopped(FileGuard(path=str(tmp_path)), make())
    assert deeds == []


async def test_a_command_that_fails_stops_it(make: Callable[..., Senses], tmp_path: Path) -> None:
    fine = tmp_path / "fine"
    fine.touch()
    guard = CommandGuard(command=("test", "-e", str(fine)), every=Duration(0.5))
    reason, deeds = await stopped(guard, make(), fine.unlink)
    assert (reason.endswith("ended with 1"), deeds) == (True, ["injected", "healed"])


async def test_a_command_that_can_not_be_started_stops_it(make: Callable[..., Senses]) -> None:
    reason, deeds = await stopped(CommandGuard(command=("/no/such/program",)), make())
    assert ("could not be asked" in reason, deeds) == (True, [])


async def test_a_signal_stops_it(make: Callable[..., Senses]) -> None:
    guard = SignalGuard(signal="SIGUSR1")
    question = experiment()
    with listening([replace(question, guards=(guard,))]) as heard:
        reason, deeds = await stopped(guard, make(signals=heard), lambda: os.kill(os.getpid(), signal.SIGUSR1))
    assert (reason, deeds) == ("the signal SIGUSR1 came", ["injected", "healed"])


async def test_a_signal_that_nobody_can_hear_is_told_beforehand() -> None:
    question = replace(experiment(), guards=(SignalGuard(signal="SIGUSR1"),))

    async def elsewhere() -> None:
        with listening([question]):
            pass

    with pytest.raises(HarnessError, match="only the main thread can hear"):
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))


async def test_an_objective_that_is_missed_stops_it(make: Callable[..., Senses]) -> None:
    journeys: list[JourneySecond] = []
    reason, deeds = await stopped(BROWSE, make(journeys), lambda: journeys.extend(browsing(Each(ok=0, failed=10))))
    assert ("50 of 50 browse" in reason, deeds) == (True, ["injected", "healed"])


async def test_work_that_ends_is_not_disturbed(make: Callable[..., Senses]) -> None:
    async def work() -> int:
        return 7

    assert await guarded(work, (BROWSE,), make) == 7
    assert await guarded(work, (), make) == 7


async def test_whoever_interrupts_it_finds_it_healed(make: Callable[..., Senses]) -> None:
    deeds: list[str] = []
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            deeds.append("healed")

    task = asyncio.create_task(guarded(work, (BROWSE,), make))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deeds == ["healed"]
