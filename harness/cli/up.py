"""`harness up`: the system, up until Ctrl-C."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted

if TYPE_CHECKING:
    from harness.engine.session import Session


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
def up(system: Path | None, directory: Path | None) -> None:
    """Bring the SYSTEM up with a Toxiproxy on every edge, and keep it up until Ctrl-C."""
    asyncio.run(_up(system_path(system), directory))


async def _up(path: Path, directory: Path | None) -> None:
    from harness.engine.session import Session, Settings

    console = Console()
    opening = Session.open(path, settings=Settings(directory=directory), say=console.say)
    session: Session = await until_interrupted(opening)
    try:
        click.echo(_table(session))
        click.echo(f"\ncustomers enter at {session.deployment.entry_url()}; Ctrl-C stops it all")
        with suppress(click.Abort):  # the ordinary way to end it
            await until_interrupted(asyncio.Event().wait())
    finally:
        await session.close()


def _table(session: Session) -> str:
    rows = [("service", "instance", "zone", "owner", "address")]
    topology, deployment = session.topology, session.deployment
    rows += [
        (each.service, each.name, each.zone, topology.owner(each.service), deployment.direct_url(each))
        for each in topology.instances
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
