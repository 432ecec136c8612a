"""The generator follows a profile: what is due, what is measured, and that nothing gets lost."""

from __future__ import annotations

import asyncio
from math import ceil

import pytest

from harness.errors import LoadError
from harness.load.driver import LoadDriver
from harness.model import figures
from harness.model.load_profile import ArrivalKind, LoadPhase, LoadProfile
from harness.model.observation import JourneySecond, Outcome
from tests.load.conftest import OwnSpawner, Site
from tests.load.test_driver import CLOCK, LOCUSTFILES, Bench

pytestmark = pytest.mark.loopback

WAITING = LOCUSTFILES / "waiting.py"
STALL_S = 2.0
SLOW_S = 1.0


@pytest.fixture
def bench(site: Site, spawner: OwnSpawner, tmp_path: object) -> Bench:
    return Bench(site, spawner, tmp_path / "load")  # type: ignore[operator]  # a Path


def phase(name: str, length_s: float, rate: float = 0, end: float | None = None, users: int = 0) -> LoadPhase:
    end = rate if end is None else end
    return LoadPhase(name=name, length_s=length_s, start_rate=rate, end_rate=end, users=users)


def profile(*phases: LoadPhase, journey: str = "good", arrivals: ArrivalKind = "poisson") -> LoadProfile:
    return LoadProfile(name="any", weights={journey: 1.0}, phases=phases, arrivals=arrivals)


async def begun(driver: LoadDriver, bench: Bench, followed: LoadProfile) -> float:
    """Follow it from now on; gives when that was."""
    began = CLOCK.now() - bench.run_began
    await driver.follow(followed, began=began)
    return began


async def test_a_profile_is_followed_by_the_generators_own_clock_and_ends_by_itself(bench: Bench) -> None:
    watch = bench.watch
    followed = profile(phase("up", 1, 20, 60), phase("top", 1, 60), phase("rest", 1, 10), arrivals="constant")
    driver = await bench.start("good")
    try:
        began = await begun(driver, bench, followed)
        await watch.until(lambda: bool(watch.generator) and watch.generator[-1].second > began + 3)
        await bench.told(driver)
    finally:
        await driver.stop()
    assert watch.due == bench.site.requests.total() == 40 + 60 + 10
    assert sum(each.count for each in watch.journeys) == watch.due


async def test_all_that_were_due_ended_or_were_dropped_although_the_load_ends_while_the_server_stalls(
    bench: Bench,
) -> None:
    watch = bench.watch
    bench.site.gate.clear()
    driver = await bench.start("good", deadline_s=10, pool=30)
    try:
        began = await begun(driver, bench, profile(phase("short", 1, 100)))
        await watch.until(lambda: bool(watch.generator) and watch.generator[-1].second > began + 1)
        left = asyncio.create_task(driver.quiesce(10))
        assert not watch.journeys
        bench.site.gate.set()
        assert await left == 0
        await bench.told(driver)
    finally:
        await driver.stop()
    dropped = sum(each.dropped for each in watch.generator)
    assert dropped > 30
    assert sum(each.count for each in watch.journeys) == watch.due - dropped == bench.site.requests.total()
    assert watch.outcomes()["good"] == {Outcome.OK: 30}


async def test_a_manual_rate_takes_over_while_it_runs(bench: Bench) -> None:
    watch = bench.watch
    driver = await bench.start("good", "degraded-page")
    try:
        await begun(driver, bench, profile(phase("long", 600, 40)))
        await bench.site.until(10)
        await driver.drive(rate=100, weights={"degraded-page": 1})
        await driver.flush()
        before = watch.outcomes()["good"].total()
        await bench.site.until(before + 40)
        await bench.told(driver)
    finally:
        await driver.stop()
    assert watch.outcomes()["good"].total() <= before + 2  # those in flight
    assert watch.outcomes()["degraded-page"].total() >= 35


async def test_closed_users_wait_as_their_class_says_and_are_measured_like_the_others(bench: Bench) -> None:
    watch = bench.watch
    followed = LoadProfile(
        name="closed",
        weights={"look": 3, "order": 1},
        phases=(phase("few", 2, users=4), LoadPhase(name="many", length_s=2, users=8, wanted={"sku-1": 9.0})),
    )
    driver = await bench.start("look", "order", locustfile=WAITING)
    try:
        began = await begun(driver, bench, followed)
        await watch.until(lambda: bool(watch.generator) and watch.generator[-1].second > began + 4)
        await bench.told(driver)
        operations = driver.operations()
    finally:
        await driver.stop()
    # Half a second to come on average, then one each 0.2 s: 4 x 1.5 x 5, then 8 x 5 x 2 less the coming of 4.
    assert watch.due == pytest.approx(30 + 70, abs=25)
    assert watch.due == sum(each.count for each in watch.journeys) == bench.site.requests.total()
    assert sum(each.dropped for each in watch.generator) == 0
    assert max(each.in_flight for each in watch.generator) <= 8
    assert watch.outcomes()["look"].total() > 2 * watch.outcomes()["order"].total() > 0
    assert len(operations) == watch.outcomes()["order"].total() == len({each.key for each in operations})
    assert {each.value["shared"] for each in operations} == {10}
    assert {bool(each.value["wanted"]) for each in operations} == {False, True}


async def test_closed_users_draw_the_same_journeys_from_the_same_seed(site: Site, bench: Bench) -> None:
    keys: list[list[str]] = []
    for _ in range(2):
        driver = await bench.start("look", "order", locustfile=WAITING)
        try:
            seen = site.requests.total()
            await begun(
                driver, bench, LoadProfile(name="x", weights={"order": 1}, phases=(phase("few", 600, users=2),))
            )
            await site.until(seen + 8)
            assert await driver.quiesce(5) == 0
            known = [each.key for each in driver.operations()]
        finally:
            await driver.stop()
        keys.append(known[sum(map(len, keys)) :])
    common = min(map(len, keys)) - 1  # the two users may have been a journey apart
    assert len({*keys[0]} & {*keys[1]}) >= common


async def test_a_profile_with_a_journey_that_is_not_there_is_refused_and_the_load_goes_on(bench: Bench) -> None:
    driver = await bench.start("good")
    try:
        await driver.drive(rate=50, weights={"good": 1})
        with pytest.raises(LoadError, match=r"expected one of the journeys good, found \['bad'\]"):
            await begun(driver, bench, profile(phase("only", 5, 5), journey="bad"))
        await bench.site.until(bench.site.requests.total() + 10)
    finally:
        await driver.stop()


def slow(journeys: list[JourneySecond]) -> int:
    """How many took longer than `SLOW_S`."""
    took = figures.merged(each.latencies for each in journeys)
    return round((figures.share_over_s(took, SLOW_S) or 0) * took.count)


async def stall(bench: Bench) -> None:
    bench.site.gate.clear()
    await CLOCK.sleep(STALL_S)  # the stall itself
    bench.site.gate.set()


async def test_the_p99_of_a_server_that_stalls_is_what_the_schedule_says(bench: Bench) -> None:
    watch = bench.watch
    rate, length_s = 50, 7
    driver = await bench.start("good", deadline_s=10, pool=400)
    try:
        began = await begun(driver, bench, profile(phase("only", length_s, rate), arrivals="constant"))
        await bench.site.until(2 * rate)
        await stall(bench)
        await watch.until(lambda: bool(watch.generator) and watch.generator[-1].second > began + length_s)
        await bench.told(driver)
    finally:
        await driver.stop()
    due = [bench.run_began + began + (number + 0.5) / rate for number in range(rate * length_s)]
    truth = sorted(answered - at for answered, at in zip(bench.site.answered, due, strict=True))
    took = figures.merged(each.latencies for each in watch.journeys)
    assert truth[ceil(0.99 * len(due)) - 1] > STALL_S * 0.9
    assert figures.percentile_s(took, 99) == pytest.approx(truth[ceil(0.99 * len(due)) - 1], rel=0.1)
    assert slow(watch.journeys) == pytest.approx(rate * (STALL_S - SLOW_S), rel=0.2)
    assert took.count == watch.due == len(due)


async def test_closed_users_do_not_see_the_stall_that_the_schedule_sees(bench: Bench) -> None:
    # Why arrivals are open: whoever waits for the server sends nothing meanwhile, and nothing tells of it.
    watch = bench.watch
    followed = profile(phase("only", 7, users=4), journey="hurry")
    driver = await bench.start("hurry", deadline_s=10, locustfile=WAITING)
    try:
        began = await begun(driver, bench, followed)
        await bench.site.until(100)
        await stall(bench)
        await watch.until(lambda: bool(watch.generator) and watch.generator[-1].second > began + 7)
        await bench.told(driver)
    finally:
        await driver.stop()
    assert slow(watch.journeys) == 4
