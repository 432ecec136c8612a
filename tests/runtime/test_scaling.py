from __future__ import annotations

import asyncio
import urllib.error
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from harness.clock import SystemClock
from harness.model.events import Event
from harness.model.fault import InstanceTarget
from harness.model.load_events import Noted, Observed
from harness.model.quantity import Duration
from harness.model.system import InstanceSpec, Scaling, Signal
from harness.model.topology import LineId, Topology
from harness.runtime.instance import State
from harness.runtime.process import ProcessDeployment
from harness.runtime.scaling import Scale, Step
from harness.runtime.supervisor_client import Supervisor
from tests.proxy.conftest import toxiproxy
from tests.runtime.fakes import system_of, until
from tests.runtime.test_process import BACK, COMMAND, FORKED, deployed, get, supervised

__all__ = ["toxiproxy"]

SECOND = InstanceTarget(service="back", index=2)


def rule(*, add: int = 1, most: int = 3, above: float = 20, lasts: float = 3) -> Scaling:
    return Scaling(signal=Signal.REQUESTS, above=above, lasts=Duration(lasts), add=add, most=most)


def steps(scale: Scale, load: Iterable[int], running: int, *, since: int = 0) -> list[tuple[int, int]]:
    """The seconds in which something was decided, with what, under so many requests in each second."""
    found = []
    for second, requests in enumerate(load, start=since):
        scale.hear(second, requests)
        if (step := scale.look(second, running)) is not None:
            found.append((second, step.by))
            running += step.by
    return found


def test_what_is_too_much_for_long_enough_adds_an_instance_and_says_why() -> None:
    scale = Scale(rule(), declared=1)
    for second in range(2):
        scale.hear(second, 34)
        assert scale.look(second, 1) is None
    scale.hear(2, 34)
    assert scale.look(2, 1) == Step(by=1, why="34 requests a second an instance for 3 s, above 20")


def test_it_is_the_load_of_each_instance_that_counts_and_the_lines_are_summed() -> None:
    assert steps(Scale(rule(), declared=2), [40] * 9, running=2) == []
    scale = Scale(rule(lasts=1), declared=1)
    scale.hear(0, 11)
    scale.hear(0, 11)
    assert scale.look(0, 1) is not None


def test_a_short_burst_or_one_with_a_gap_adds_nothing() -> None:
    assert steps(Scale(rule(), declared=1), [90, 90, 20, 90, 90, 0, 90, 90], running=1) == []
    scale = Scale(rule(), declared=1)
    assert steps(scale, [90, 90], running=1) == []
    assert steps(scale, [90, 90], running=1, since=3) == [], "nobody looked at second 2"


def test_each_instance_needs_its_own_time_and_there_are_never_more_than_most() -> None:
    assert steps(Scale(rule(), declared=1), [500] * 20, running=1) == [(2, 1), (5, 1)]
    assert steps(Scale(rule(add=5, most=4), declared=1), [500] * 20, running=1) == [(2, 3)]
    assert steps(Scale(rule(most=2), declared=2), [500] * 20, running=2) == []


def test_instances_go_three_times_as_slowly_as_they_come_and_never_the_declared_ones() -> None:
    assert steps(Scale(rule(), declared=1), [3] * 30, running=3) == [(8, -1), (17, -1)]
    assert steps(Scale(rule(), declared=3), [0] * 30, running=3) == []


def test_between_half_and_whole_nothing_changes() -> None:
    for load in (20, 30, 40):
        assert steps(Scale(rule(), declared=1), [load] * 30, running=2) == []


def test_so_few_go_at_once_that_those_left_are_not_overloaded_by_it() -> None:
    """Three with 9 each: with one of them left it would have 27, above the 20 at which more are wanted."""
    assert steps(Scale(rule(add=2), declared=1), [27] * 30, running=3) == [(8, -1)]


def test_a_service_of_which_nothing_runs_counts_as_one_instance() -> None:
    assert steps(Scale(rule(), declared=1), [21] * 3, running=0) == [(2, 1)]


@asynccontextmanager
async def scaled(
    topology: Topology, supervisor: Supervisor, root: Path, toxiproxy: Path
) -> AsyncIterator[tuple[ProcessDeployment, list[Event]]]:
    """As `deployed`, with the real relay and proxies."""
    events: list[Event] = []
    clock = SystemClock()
    deployment = await ProcessDeployment.deploy(
        topology,
        directory=root / "runs" / "this",
        supervisor=supervisor,
        toxiproxy=toxiproxy,
        clock=clock,
        run_began=clock.now(),
        progress=lambda _: None,
        on_event=events.append,
    )
    try:
        yield deployment, events
    finally:
        await deployment.stop()


def notes(events: list[Event]) -> list[str]:
    return [event.message for event in events if isinstance(event, Noted)]


def crossed(events: list[Event], line: LineId) -> int:
    seconds = [each for event in events if isinstance(event, Observed) for each in event.crossings]
    return sum(each.requests for each in seconds if each.line == line.name)


async def burst(urls: list[str], over: asyncio.Event) -> None:
    """Ask each of the addresses in turn, as a consumer does: some 30 times a second."""
    for number in count():
        if over.is_set():
            return
        for url in (*urls[number % len(urls) :], *urls):
            try:
                await get(url)
                break
            except urllib.error.URLError:
                continue
        await asyncio.sleep(0.03)


@pytest.mark.loopback
@pytest.mark.parametrize("run", [COMMAND, FORKED], ids=["command", "forked"])
async def test_a_burst_adds_an_instance_that_takes_a_share_and_goes_again(
    run: object, supervisor: Supervisor, tmp_path: Path, toxiproxy: Path
) -> None:
    topology = system_of(
        tmp_path,
        run=run,  # type: ignore[arg-type]  # a Run
        front_env={"SAYS": "{edge.back.urls} {edge.back.instances}"},
        back=(InstanceSpec(zone="x", env={"SAYS": "{instance} in {zone}"}),),
        scaling=rule(above=4, lasts=1, most=2),
    )
    line = LineId(consumer=topology.instances_of("front")[0], provider=topology.standbys[0])
    async with scaled(topology, supervisor, tmp_path, toxiproxy) as (deployment, events):
        assert [each.name for each in deployment.instances] == ["front-1", "back-1", "back-2"]
        assert deployment.state(SECOND) is State.PLANNED
        told, named = (await get(deployment.entry_url())).split()
        urls = told.split(",")
        assert urls[1] == deployment.line_url(line)
        assert named == f"back-1={urls[0]},back-2={urls[1]}"
        with pytest.raises(OSError, match="refused"):
            await get(urls[1])
        over = asyncio.Event()
        bursting = asyncio.create_task(burst(urls, over))
        await until(lambda: crossed(events, line) > 0, within_s=30)
        assert await get(urls[1]) == "back-2 in x"
        over.set()
        await bursting
        await until(lambda: deployment.state(SECOND) is State.STOPPED and len(notes(events)) == 2, within_s=30)
        with pytest.raises(OSError, match="refused"):
            await get(urls[1])
        assert await get(urls[0]) == "back-1 in x"
        added, removed = notes(events)
        assert added.startswith("back: ")
        assert " requests a second an instance for 1 s, above 4: back-2 started, ready after " in added
        assert removed.endswith(" requests a second an instance for 3 s, below 2: back-2 stopped")
    assert supervised(supervisor) == []


@pytest.mark.loopback
async def test_a_deployment_that_ends_while_an_instance_is_being_added_leaves_nothing(
    supervisor: Supervisor, tmp_path: Path, toxiproxy: Path
) -> None:
    topology = system_of(
        tmp_path,
        run=COMMAND,
        front_env={"SAYS": "{edge.back.urls}"},
        scaling=rule(above=4, lasts=1, most=3, add=2),
    )
    async with scaled(topology, supervisor, tmp_path, toxiproxy) as (deployment, _):
        urls = (await get(deployment.entry_url())).split(",")
        over = asyncio.Event()
        bursting = asyncio.create_task(burst(urls, over))
        await until(lambda: deployment.state(SECOND) is not State.PLANNED, within_s=30)
        over.set()
        await bursting
    assert supervised(supervisor) == []


@pytest.mark.loopback
async def test_without_the_relay_nothing_is_scaled_and_that_is_told(supervisor: Supervisor, tmp_path: Path) -> None:
    topology = system_of(tmp_path, run=COMMAND, scaling=rule())
    async with deployed(topology, supervisor, tmp_path) as (deployment, heard):
        assert heard.notes == ["nothing counts requests in a run without the relay, so this is not scaled: back"]
        assert deployment.state(SECOND) is State.PLANNED
        assert await deployment.ready(BACK)
        assert not await deployment.ready(SECOND)
