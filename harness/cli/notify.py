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
@click.pass_context
def notify(context: click.Context, system: Path | None) -> None:
    """Send a trial to every channel of 'notify:' in SYSTEM, and tell whether it arrived.

    Exit code 2: one of them could not be told.
    """
    told = asyncio.run(_try(system_path(system)))
    for each in told:
        click.echo(f"{each.channel}: told" if each.reached else f"{each.channel}: not told: {each.why_not}")
    context.exit(0 if all(each.reached for each in told) else 2)


async def _try(system: Path) -> tuple[Told, ...]:
    from harness.clock import SystemClock
    from harness.declare import load_system
    from harness.errors import DeclarationError, Place, Problem
    from harness.model.notice import Notice, Occasion
    from harness.notify import Notifier

    topology = load_system(system)
    declared = topology.system.notify
    if declared is None:
        place = Place(file=str(system))
        raise DeclarationError(
            [Problem(place=place, message="nobody is to be told", remedy="add 'notify:', see docs/notifications.md")]
        )
    clock = SystemClock()
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
