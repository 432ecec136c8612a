"""`harness chaos matrix`: each journey, each edge that it crosses, each kind of failure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.contracts import Length
from harness.model.matrix import KINDS, Kind
from harness.model.quantity import Duration

if TYPE_CHECKING:
    from harness.engine.matrix_run import MatrixOptions

MAX_SEED = 2**31 - 1
MOST_VISITS = 100
NAMES = tuple(kind.value for kind in KINDS)


@click.command("matrix")
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--journey", "journeys", multiple=True, help="Only this journey (may be repeated).")
@click.option("--edge", "edges", multiple=True, metavar="'A->B'", help="Only this edge (may be repeated).")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(NAMES), help="Only this kind of failure (may be repeated)."
)
@click.option("--changed", metavar="SERVICE", default="",
              help="Only edges from and to this service, in 80 s unless --budget says otherwise.")  # fmt: skip
@click.option("--budget", type=Length(), help="Of the whole run (`10m`); the most telling cells come first.")
@click.option("--resume", type=click.Path(path_type=Path), metavar="DIRECTORY",
              help="Go on where the run of that directory was cut short, or had no time left.")  # fmt: skip
@click.option("--against", type=click.Path(path_type=Path), metavar="JOURNAL|MATRIX.JSON",
              help="Fail on what is new only: what was red in that run is told as known.")  # fmt: skip
@click.option("--prune/--no-prune", default=True, show_default=True,
              help="Leave out cells in which every service would see what it sees in another.")  # fmt: skip
@click.option("--visits", type=click.IntRange(1, MOST_VISITS), default=2, show_default=True, help="Under each fault.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write matrix.json there."
)
@click.option("--restart/--no-restart", default=True, show_default=True, help="Restart services when state has leaked.")
@click.option("--recover-within", type=click.FloatRange(0.1, 600), default=10.0, show_default=True,
              help="Seconds that the answers may take to be as before once a fault is gone.")  # fmt: skip
@click.option("--shrink", is_flag=True, help="Look for the smallest fault that still breaks each red cell.")
@click.option("--latency-budget", is_flag=True,
              help="Look for the delay that each edge bears that a journey can do without.")  # fmt: skip
@click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")
@click.pass_context
def matrix(
    context: click.Context,
    system: Path | None,
    journeys: tuple[str, ...],
    edges: tuple[str, ...],
    kinds: tuple[str, ...],
    changed: str,
    budget: Duration | None,
    resume: Path | None,
    against: Path | None,
    visits: int,
    seed: int | None,
    directory: Path | None,
    json_file: Path | None,
    *,
    prune: bool,
    restart: bool,
    recover_within: float,
    shrink: bool,
    latency_budget: bool,
    tls: bool,
) -> None:
    """Break each edge of the SYSTEM in each way, one at a time, and judge by what holds for every system.

    Needs no declaration beyond services and edges: journeys come from `content.load`, else from OpenAPI examples.
    """
    from harness.engine.matrix_run import MatrixOptions
    from harness.engine.session import Settings

    options = MatrixOptions(
        system=system_path(system),
        journeys=journeys,
        edges=tuple(each.replace(" ", "").replace("→", "->") for each in edges),
        kinds=tuple(Kind(each) for each in kinds),
        changed=changed,
        prune=prune,
        budget_s=None if budget is None else float(budget),
        resume=resume,
        against=against,
        visits=visits,
        restart=restart,
        recover_within_s=recover_within,
        shrink=shrink,
        latency_budget=latency_budget,
        settings=Settings(directory=directory, seed=seed, tls=tls),
    )
    context.exit(asyncio.run(drive(options, json_file)))


async def drive(options: MatrixOptions, json_file: Path | None) -> int:
    """Conduct a matrix, write its reports and `json_file`, and tell of it; gives the exit code."""
    from harness.cli.history import beside
    from harness.engine.matrix_run import run_matrix
    from harness.report import write_reports
    from harness.report.matrix_json import write
    from harness.report.terminal import render

    console = Console()
    result = await until_interrupted(run_matrix(options, say=console.say))
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    if json_file is not None:
        _copy(write(result.events, result.directory), json_file)
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code


def _copy(made: Path, to: Path) -> None:
    from harness.errors import HarnessError

    try:
        to.write_bytes(made.read_bytes())
    except OSError as error:
        message = f"{to} can't be written: {error.strerror}; the matrix is in {made}"
        raise HarnessError(message) from error
