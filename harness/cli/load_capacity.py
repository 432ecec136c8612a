"""`harness load capacity`: how much does a system bear, who gives out first, and what would a target need?"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.load_options import MAX_RATE, loaded, of_run, refuse_both

if TYPE_CHECKING:
    from harness.engine.capacity_plan import CapacityAsked
    from harness.load.fleet import FleetPlan

MAX_TARGET = 1e9
MAX_REDUNDANCY = 100
MOST_REPEATS = 10
SHORTEST_STEP_S = 5.0

_TARGET = re.compile(r"(?P<rate>\d[\d,_]*(?:\.\d+)?)\s*(?:/\s*s)?")


def _target(_context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """The pages a second of `85000/s`, `85,000/s` or `85000`."""
    if text is None:
        return None
    match = _TARGET.fullmatch(text.strip())
    rate = float(match["rate"].replace(",", "").replace("_", "")) if match else 0.0
    if not 0 < rate <= MAX_TARGET:
        message = f"expected pages a second such as '85000/s', at most {MAX_TARGET:,.0f}, found {text!r}"
        raise click.BadParameter(message, param=option)
    return rate


def _step(_context: click.Context, option: click.Parameter, text: str) -> float:
    from harness.model.quantity import Duration

    try:
        length_s = float(Duration.parse(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param=option) from None
    if length_s < SHORTEST_STEP_S:
        message = f"expected at least {SHORTEST_STEP_S:g} s, found {text!r}"
        raise click.BadParameter(message, param=option)
    return length_s


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--from", "lowest", type=click.FloatRange(0, MAX_RATE, min_open=True), default=5.0, show_default=True,
              help="Journeys a second to begin with.")  # fmt: skip
@click.option("--to", "highest", type=click.FloatRange(0, MAX_RATE, min_open=True), default=200.0, show_default=True,
              help="No more than so many are asked for (twice as many with --overload).")  # fmt: skip
@click.option("--step-for", "step_s", callback=_step, default="20s", show_default=True, metavar="DURATION",
              help="How long each rate is held.")  # fmt: skip
@click.option("--repeats", type=click.IntRange(1, MOST_REPEATS), default=3, show_default=True,
              help="How often the knee itself is measured, for the interval.")  # fmt: skip
@click.option("--objective", "objectives", multiple=True, metavar="THRESHOLD",
              help="What must hold: 'p99 < 800ms' of all, 'checkout.p99 < 2s' (may be repeated).")  # fmt: skip
@click.option(
    "--target", callback=_target, metavar="RATE", help="Reckon the fleet for so many pages a second: 85000/s."
)
@click.option("--redundancy", type=click.IntRange(1, MAX_REDUNDANCY), default=3, show_default=True,
              help="How many times the fleet is to be there.")  # fmt: skip
@click.option("--overload", is_flag=True, help="Then go to twice the knee: does it shed, and does it get well again?")
@loaded
@of_run
@click.pass_context
def capacity(
    context: click.Context,
    system: Path | None,
    lowest: float,
    highest: float,
    step_s: float,
    repeats: int,
    objectives: tuple[str, ...],
    target: float | None,
    redundancy: int,
    hosts: tuple[str, ...],
    journeys: Path | None,
    processes: int,
    directory: Path | None,
    seed: int | None,
    *,
    overload: bool,
    tls: bool,
) -> None:
    """Find the highest rate that a SYSTEM, or what already runs, bears: the knee.

    \b
      harness load capacity --to 100 --target 85000/s
      harness load capacity --overload --objective 'checkout.p99 < 2s'
      harness load capacity --host http://127.0.0.1:8000 --locustfile my.py

    The load rises step by step until goodput no longer keeps up or an objective is missed, and halves from there.
    Exit codes: 0 the knee is known, 1 the system collapsed or a service ended, 2 nobody knows or bad input.
    """  # noqa: D301 -- \b is click's
    refuse_both(system, hosts)
    if lowest >= highest:
        message = f"expected --from below --to, found {lowest:g} and {highest:g}"
        raise click.UsageError(message)
    from harness.checkers.capacity_search import Search
    from harness.engine.capacity_plan import CapacityAsked
    from harness.engine.load_plan import LoadAsked
    from harness.engine.session import Settings

    load = LoadAsked(
        system=None if hosts else system_path(system),
        hosts=hosts,
        journeys=journeys,
        fleet=_fleet(processes),
        settings=Settings(directory=directory, seed=seed, tls=tls, spans=False),
    )
    asked = CapacityAsked(
        load=load,
        search=Search(lowest=lowest, highest=highest, repeats=repeats),
        step_s=step_s,
        objectives=tuple(_of_all(each) for each in objectives),
        target=target,
        redundancy=redundancy,
        overload=overload,
    )
    context.exit(asyncio.run(_measure(asked)))


def _of_all(objective: str) -> str:
    """`p99 < 800ms` is that of all journeys."""
    return f"all.{objective.strip()}" if re.match(r"\s*[a-z]+[\d.]*\s*[<>]", objective) else objective


def _fleet(processes: int) -> FleetPlan | None:
    from harness.load.fleet import FleetPlan

    return FleetPlan(workers=processes) if processes > 1 else None


async def _measure(asked: CapacityAsked) -> int:
    from harness.cli.history import beside
    from harness.engine.capacity_plan import prepare_capacity
    from harness.engine.capacity_run import measure_capacity
    from harness.report import write_reports
    from harness.report.terminal import render

    console = Console()
    prepared = prepare_capacity(asked)
    result = await until_interrupted(measure_capacity(prepared, asked.load.settings, say=console.say))
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code
