"""How long faults take to be in force and to heal, idle and under load: `python -m tests.faults.bench_faults`.

One line with a relay and Toxiproxy. The load is `--rate` requests a second for answers of `--bytes`, each on a
connection of its own, whose clients give up after 0.25 s. It shares a process with what measures, which adds to every
figure.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from harness.faults import (
    EdgeFault,
    bandwidth,
    black_hole,
    down,
    flapping,
    half_open,
    latency,
    limit,
    one_way,
    reset,
    slice_,
    slow_close,
    truncate,
)
from harness.model.fault import Armed, Healed, HealedBy
from harness.proxy.provision import cache_directory, find_toxiproxy
from tests.faults.systems import CATALOG, injection, system
from tests.proxy.rigs import Server, answer, get

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
)
PATIENCE_S = 0.25
IN_FORCE_FOR_S = 0.3
SLOW_S = 0.5
"""A healing that took longer is told with its evidence."""


async def _ask(port: int) -> None:
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        await get(port, within_s=PATIENCE_S)


async def _ask_on(port: int, rate: float) -> None:
    async with asyncio.TaskGroup() as asking:
        while True:
            asking.create_task(_ask(port))
            await asyncio.sleep(1 / rate)


@asynccontextmanager
async def _load(port: int, rate: float) -> AsyncIterator[None]:
    asking = asyncio.create_task(_ask_on(port, rate)) if rate else None
    try:
        yield
    finally:
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def measure(times: int, rate: float, size: int) -> list[tuple[str, Armed, Healed]]:
    """Arm and heal each fault so many times."""
    toxiproxy = find_toxiproxy(environ=os.environ, cache=cache_directory(os.environ), say=click.echo).path
    rows: list[tuple[str, Armed, Healed]] = []

    def serve(asked: bytes) -> bytes:
        return answer(b"ok") if b"/livez" in asked else answer(bytes(size))

    with tempfile.TemporaryDirectory(prefix="harness-bench-") as room:
        async with (
            system(toxiproxy, Path(room), Server(answers=serve)) as (running, injector),
            _load(running.entry(CATALOG), rate),
        ):
            for name, fault in [(f"{fault.kind}-{turn}", fault) for turn in range(times) for fault in FAULTS]:
                armed = await injector.inject(injection(fault, name=name))
                await asyncio.sleep(IN_FORCE_FOR_S)
                rows.append((fault.describe(), armed, await injector.heal(name)))
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
