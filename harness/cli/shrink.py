"""`harness chaos shrink`: the smallest fault that still breaks a cell, and a pytest that shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from harness.cli.console import system_path
from harness.cli.contracts import Length
from harness.cli.matrix import MAX_SEED, MOST_VISITS, drive
from harness.model.quantity import Duration


@click.command("shrink")
@click.argument("cells", nargs=-1, required=True, metavar="CELL...")
@click.option("--system", type=click.Path(path_type=Path), help="The system.yaml; found by itself if there is one.")
@click.option("--budget", type=Length(), help="Of the whole run (`10m`).")
@click.option("--visits", type=click.IntRange(1, MOST_VISITS), default=2, show_default=True, help="Under each fault.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Also write matrix.json.")
@click.option("--recover-within", type=click.FloatRange(0.1, 600), default=10.0, show_default=True,
              help="Seconds that the answers may take to be as before once a fault is gone.")  # fmt: skip
@click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")
@click.pass_context
def shrink(
    context: click.Context,
    cells: tuple[str, ...],
    system: Path | None,
    budget: Duration | None,
    visits: int,
    seed: int | None,
    directory: Path | None,
    json_file: Path | None,
    *,
    recover_within: float,
    tls: bool,
) -> None:
    """Conduct each CELL (as it is shown: 'checkout, orders->payments latency'), and shrink those that are red.

    Writes a pytest for each, `repro/test_….py` in the run's directory.
    """
    from harness.declare.cell_names import cells_named
    from harness.engine.matrix_run import MatrixOptions
    from harness.engine.session import Settings

    description = system_path(system)
    wanted = cells_named(cells, description)
    placed = [(each.edge, each.kind) for each in wanted] + [
        (each.first.edge, each.first.kind) for each in wanted if each.first
    ]
    options = MatrixOptions(
        system=description,
        journeys=tuple(dict.fromkeys(each.journey for each in wanted)),
        edges=tuple(dict.fromkeys(edge for edge, _ in placed)),
        kinds=tuple(dict.fromkeys(kind for _, kind in placed)),
        cells=wanted,
        prune=False,
        shrink=True,
        budget_s=None if budget is None else float(budget),
        visits=visits,
        recover_within_s=recover_within,
        settings=Settings(directory=directory, seed=seed, tls=tls),
    )
    context.exit(asyncio.run(drive(options, json_file)))
