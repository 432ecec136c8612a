"""How long faults take to be in force and to heal, idle and under load: `python -m tests.faults.bench_faults`.

One line with a relay and Toxiproxy. The load is `--rate` requests a second for answers of `--bytes`, each on a
connection of its own, whose clients give up after 0.25 s. Clients and provider are processes of their own, as they are
in a run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import click

from harness.faults import (
    EdgeFault,
    bandwidth,
    black_hole,
    delay,
    down,
    drop_field,
    duplicate,
    flapping,
    half_open,
    html_200,
    latency,
    limit,
    malformed,
    one_way,
    reset,
    slice_,
    slow_close,
    stale,
    status,
    trickle,
    truncate,
    wrong_type,
)
from harness.model.fault import Armed, Healed, HealedBy
from harness.proxy.provision import cache_directory, find_toxiproxy
from tests.faults.bench_load import Elsewhere, worker
from tests.faults.systems import CATALOG, injection, system

FAULTS: tuple[EdgeFault, ...] = (
    latency("100ms"),
    latency("100ms", jitter="50ms"),
    down(),
    black_hole(),
    reset(),
    reset(2000),
    truncate(100),
    bandwidth(1000),
    slow_close("100ms"),
    half_open(),
    slice_(4096, pause="1ms"),
    limit(3000),
    flapping("1s"),
    one_way(),
    latency("100ms", share=0.3),
    status(),
    html_200(),
    delay("100ms"),
    malformed(),
    wrong_type(),
    drop_field("/name"),
    duplicate(),
    stale(),
    trickle(),
)
IN_FORCE_FOR_S = 0.3
SLOW_S = 0.5
"""A healing that took longer is told with its evidence."""


async def measure(times: int, rate: float, size: int) -> list[tuple[str, Armed, Healed]]:
    """Arm and heal each fault so many times."""
    toxiproxy = find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=click.echo).path
    rows: list[tuple[str, Armed, Healed]] = []
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as room:
        async with (
            system(toxiproxy, Path(room), Elsewhere(size=size)) as (running, injector),
            AsyncExitStack() as load,
        ):
            if rate:
                await load.enter_async_context(worker("ask", running.entry(CATALOG), rate))
            for name, fault in [(f"{fault.kind}-{turn}", fault) for turn in range(times) for fault in FAULTS]:
                armed = await injector.inject(injection(fault, name=name))
                await asyncio.sleep(IN_FORCE_FOR_S)
                rows.append((fault.describe(), armed, await injector.heal(name)))
            crossed = [each.bytes_down for each in running.crossings if each.line == CATALOG]
            click.echo(f"answers that crossed in the busiest second: {max(crossed, default=0) / 1e6:.0f} MB")
    return rows


def tell(rows: list[tuple[str, Armed, Healed]]) -> None:
    """The figures by fault, and of all."""
    click.echo(f"{'':60} {'on ms':>14} {'proved ms':>14} {'healed ms':>14}  restarts  not in force  not healed")
    names = [*dict.fromkeys(name for name, _, _ in rows)]
    for name in [*names, "all"]:
        mine = [row for row in rows if name in (row[0], "all")]
        figures = (
            [(armed.on_s or float("inf")) * 1000 for _, armed, _ in mine],
            [armed.took_s * 1000 for _, armed, _ in mine],
            [healed.took_s * 1000 for _, _, healed in mine],
        )
        told = " ".join(f"{f'{statistics.median(each):.0f} ≤{max(each):.0f}':>14}" for each in figures)
        restarts = sum(healed.by is HealedBy.RESTARTED for _, _, healed in mine)
        weak = sum(not armed.in_force for _, armed, _ in mine)
        left = sum(not healed.verified for _, _, healed in mine)
        click.echo(f"{name:60} {told}  {restarts:8}  {weak:12}  {left:10}")
    for name, armed, healed in rows:
        if not armed.in_force:
            click.echo(f"not in force: {name}: {armed.evidence}")
        if healed.took_s > SLOW_S or not healed.verified:
            click.echo(f"healed in {healed.took_s:.2f} s: {name}: {healed.evidence}")


def main() -> int:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--rate", type=float, default=0)
    options.add_argument("--bytes", type=int, default=200_000)
    chosen = options.parse_args()
    tell(asyncio.run(measure(chosen.times, chosen.rate, chosen.bytes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
