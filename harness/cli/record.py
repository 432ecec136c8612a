"""`harness record`: drafts of pacts, from traffic that was seen."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted

if TYPE_CHECKING:
    from harness.engine.record import Recorded

MOST_VISITS = 100
MAX_SEED = 2**31 - 1


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--edge", "edges", multiple=True, metavar="'A->B'", help="Record only this edge (may be repeated).")
@click.option("--journey", "journeys", multiple=True, help="Run only this journey (may be repeated).")
@click.option("--visits", type=click.IntRange(1, MOST_VISITS), default=5, show_default=True, help="Of each journey.")
@click.option("--to", "into", type=click.Path(path_type=Path), help="Where drafts go; by default contracts/drafts.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.pass_context
def record(
    context: click.Context,
    system: Path | None,
    edges: tuple[str, ...],
    journeys: tuple[str, ...],
    visits: int,
    into: Path | None,
    seed: int | None,
    directory: Path | None,
) -> None:
    """Run the journeys of the SYSTEM, and draft a pact for each edge from what crosses it.

    Exit codes: 0 all that was drafted verifies, 1 some of it does not, 2 nothing was seen, or nobody knows.
    """
    from harness.engine.record import RecordOptions
    from harness.engine.record import record as engine_record
    from harness.engine.session import Settings

    options = RecordOptions(
        system=system_path(system),
        edges=edges,
        journeys=journeys,
        visits=visits,
        into=into,
        settings=Settings(directory=directory, seed=seed),
    )
    console = Console()

    async def work() -> Recorded:
        return await until_interrupted(engine_record(options, say=console.say))

    recorded = asyncio.run(work())
    _tell(recorded)
    context.exit(recorded.exit_code)


def _tell(recorded: Recorded) -> None:
    click.echo()
    for finding in recorded.findings:
        click.echo(f"{finding.verdict:7} {finding.subject}: {finding.reason}")
    for draft in recorded.drafts:
        for why in draft.left_out:
            click.echo(f"left out of {draft.consumer} → {draft.provider}: {why}")
    for name in recorded.silent:
        click.echo(f"{name}: nothing crossed it that could be drafted")
    for file in recorded.files:
        click.echo(f"draft written: {file}")
    if recorded.files:
        click.echo("a draft says what was seen; keep what the consumer reads, and write its test from that")
