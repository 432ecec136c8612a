"""`harness notify`: tries whether people can be told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import system_path

if TYPE_CHECKING:
    from harness.model.notice import Told


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--gameday", metavar="NAME|FILE", help="Whom this game day tells: those of SYSTEM, and its own.")
@click.pass_context
def notify(context: click.Context, system: Path | None, gameday: str | None) -> None:
    """Send a trial to every channel of 'notify:' in SYSTEM, and tell whether it arrived.

    Exit code 2: one of them could not be told.
    """
    told = asyncio.run(_try(system_path(system), gameday))
    for each in told:
        click.echo(f"{each.channel}: told" if each.reached else f"{each.channel}: not told: {each.why_not}")
    context.exit(0 if all(each.reached for each in told) else 2)


async def _try(system: Path, gameday: str | None) -> tuple[Told, ...]:
    from harness.clock import SystemClock
    from harness.declare import load_system
    from harness.errors import DeclarationError, Place, Problem
    from harness.model.notice import Notice, Occasion
    from harness.notify import Notifier

    clock = SystemClock()
    topology = load_system(system)
    declared, file = topology.system.notify, str(system)
    if gameday is not None:
        from harness.engine.gameday_plan import declared as read

        found = read(system, gameday, now=clock.wall()).gameday
        declared, file = found.notify, found.source
    if declared is None:
        place = Place(file=file)
        raise DeclarationError(
            [Problem(place=place, message="nobody is to be told", remedy="add 'notify:', see docs/notifications.md")]
        )
    notifier = Notifier.of(declared, root=Path(topology.root), clock=clock)
    notice = Notice(
        occasion=Occasion.TRIAL,
        system=topology.name,
        run="trial",
        title="telling people",
        text="Nothing is broken, and nothing will be.",
        wall=clock.wall().isoformat(timespec="seconds"),
    )
    return await notifier.tell(notice)
