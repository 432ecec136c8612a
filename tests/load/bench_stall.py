"""What a server's stall of 2 s looks like to the generator, and to Vegeta at the same rate on the same machine.

`PATH=$PATH:DIRECTORY_OF_VEGETA pytest -s tests/load/bench_stall.py`; without `vegeta` it skips itself and says so.
Vegeta is an open model as wrk2 is: it sends when a request is due, whatever became of those before. It is no
dependency: `go build github.com/tsenart/vegeta/v12` in a module that requires it makes one for the comparison.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path

import pytest

from harness.model import figures
from tests.load.conftest import OwnSpawner, Site
from tests.load.test_driven_by_profile import begun, phase, profile, stall
from tests.load.test_driver import Bench

pytestmark = pytest.mark.loopback

RATE = 100
LENGTH_S = 8
STALL_AT_REQUEST = 2 * RATE
LIMIT_S = 60
LAG_LIMIT_S = 0.1


@pytest.fixture
def vegeta() -> str:
    found = shutil.which("vegeta")
    if found is None:
        pytest.skip("no 'vegeta' in the PATH to compare with")
    return found


async def ours(bench: Bench) -> float:
    driver = await bench.start("good", deadline_s=10, pool=400)
    try:
        followed = profile(phase("only", LENGTH_S, RATE), arrivals="constant")
        began = await begun(driver, bench, followed)
        await bench.site.until(STALL_AT_REQUEST)
        await stall(bench)
        await bench.watch.until(lambda: bench.watch.generator[-1].second > began + LENGTH_S)
        await bench.told(driver)
    finally:
        await driver.stop()
    found = figures.percentile_s(figures.merged(each.latencies for each in bench.watch.journeys), 99)
    assert found is not None
    return found


async def theirs(vegeta: str, site: Site, directory: Path) -> float:
    seen = site.requests.total()
    target = directory / "target"
    target.write_text(f"GET {site.url}/good\n")
    results = directory / "results"
    attack = await asyncio.create_subprocess_exec(
        *(vegeta, "attack", f"-targets={target}", f"-rate={RATE}", f"-duration={LENGTH_S}s", "-timeout=10s"),
        *("-max-workers=1000", f"-output={results}"),
    )
    async with asyncio.timeout(LIMIT_S):
        await site.until(seen + STALL_AT_REQUEST)
        gate = asyncio.create_task(stall(Bench(site, OwnSpawner(), directory)))
        assert await attack.wait() == 0
        await gate
        report = await asyncio.create_subprocess_exec(
            *(vegeta, "report", "-type=json", str(results)), stdout=asyncio.subprocess.PIPE
        )
        told, _ = await report.communicate()
    return float(json.loads(told)["latencies"]["99th"]) / 1e9


async def test_the_p99_with_a_stall_is_that_of_another_open_model(
    vegeta: str, site: Site, spawner: OwnSpawner, tmp_path: Path
) -> None:
    bench = Bench(site, spawner, tmp_path / "load")
    own_s = await ours(bench)
    other_s = await theirs(vegeta, site, tmp_path)
    lag_s = max(each.lag_p99_s for each in bench.watch.generator)
    told = f"p99 with a stall of 2 s at {RATE}/s: {own_s:.3f} s, vegeta {other_s:.3f} s; schedule lag p99 {lag_s:.3f} s"
    sys.stdout.write(told + "\n")
    if lag_s > LAG_LIMIT_S:
        pytest.fail(f"nothing can be compared while the machine is so busy: {told}")
    assert own_s == pytest.approx(other_s, rel=0.1)
