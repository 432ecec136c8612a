"""`harness up`: the system, up until Ctrl-C or `harness down`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.standing import Row, Standing, all_standing, table

if TYPE_CHECKING:
    from harness.engine.session import Session

LOOK_S = 0.5
OUTPUT = "up.log"
"""What one that was detached has to say, below `.harness`."""
READY_WITHIN_S = 300.0
_COMMAND = (sys.executable, "-c", "from harness.cli import main; main()", "up")


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option("--tls", is_flag=True, help="Let its services speak TLS among themselves, where they can.")
@click.option("--detach", "-d", is_flag=True, help="Come back when everything is ready; `harness down` ends it.")
def up(system: Path | None, directory: Path | None, *, tls: bool, detach: bool) -> None:
    """Bring the SYSTEM up with a Toxiproxy on every edge, and keep it up until Ctrl-C or `harness down`."""
    path = system_path(system)
    if detach:
        _detach([str(path), *(("--directory", str(directory)) if directory else ()), *(("--tls",) if tls else ())])
    else:
        asyncio.run(_up(path, directory, tls=tls))


def _detach(arguments: Sequence[str]) -> None:
    """Start the same in a session of its own, and wait until it is ready; what it says goes to a file."""
    from harness.clock import SystemClock, pause
    from harness.errors import DeployError

    log = Path(".harness") / OUTPUT
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_COMMAND, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    clock = SystemClock()
    limit = clock.now() + READY_WITHIN_S
    while clock.now() < limit:
        ready = [each for each in all_standing() if each.pid == process.pid and each.entry]
        if ready:
            click.echo("\n".join(table(ready[0].rows)))
            click.echo(f"\ncustomers enter at {ready[0].entry}; `harness down` stops it all")
            return
        if process.poll() is not None:
            message = f"it ended with code {process.returncode} before it was ready:\n"
            raise DeployError(message + indent(log.read_text(encoding="utf-8", errors="replace").rstrip(), "  "))
        pause(LOOK_S / 5)
    process.terminate()
    message = f"expected it to be ready within {READY_WITHIN_S:g} s; see {log}; it was told to stop"
    raise DeployError(message)


async def _up(path: Path, directory: Path | None, *, tls: bool) -> None:
    from harness.engine.session import Session, Settings

    console = Console()
    opening = Session.open(path, settings=Settings(directory=directory, tls=tls), say=console.say)
    session: Session = await until_interrupted(opening)
    standing = _standing(session)
    try:
        standing.write()
        view = _Live() if console.colour else _Lines()
        view.show(standing.rows)
        click.echo(f"\ncustomers enter at {standing.entry}; Ctrl-C or `harness down` stops it all")
        with suppress(click.Abort):  # the ordinary way to end it
            await until_interrupted(_keep(session, standing, view.show))
    finally:
        standing.forget()
        await session.close()


async def _keep(session: Session, standing: Standing, show: Callable[[Sequence[Row]], None]) -> None:
    """Look at everything, for ever, and tell what changed."""
    while True:
        await session.clock.sleep(LOOK_S)
        rows = _rows(session)
        if rows != standing.rows:
            standing = standing.model_copy(update={"rows": rows})
            standing.write()
            show(rows)


def _standing(session: Session) -> Standing:
    from harness.runtime import procfs

    return Standing(
        run=session.run,
        system=session.topology.name,
        runtime="process",
        directory=session.directory,
        pid=os.getpid(),
        since=procfs.started(os.getpid()) or 0,
        entry=session.deployment.entry_url(),
        rows=_rows(session),
    )


def _rows(session: Session) -> tuple[Row, ...]:
    topology, deployment = session.topology, session.deployment
    return tuple(
        Row(
            service=each.service,
            instance=each.name,
            zone=each.zone,
            state=deployment.state(each).value,
            address=deployment.direct_url(each),
            owner=topology.owner(each.service),
        )
        for each in deployment.instances
    )


class _Lines:
    """The table once, then a line for each change: for files and pipes."""

    def __init__(self) -> None:
        self._shown: tuple[Row, ...] = ()

    def show(self, rows: Sequence[Row]) -> None:
        """Print what is new."""
        if not self._shown:
            click.echo("\n".join(table(rows)))
        for row in set(rows) - set(self._shown) if self._shown else ():
            click.echo(f"{row.instance} is {row.state}")
        self._shown = tuple(rows)
        sys.stdout.flush()


class _Live:
    """The table, drawn again in its place whenever something changes: for terminals."""

    def __init__(self) -> None:
        self._height = 0

    def show(self, rows: Sequence[Row]) -> None:
        """Draw it; below it stand two lines that are not its own."""
        lines = table(rows)
        if self._height:
            below = 2
            click.echo(f"\x1b[{self._height + below}A\x1b[J" + "\n".join(lines) + "\n" * below)
        else:
            click.echo("\n".join(lines))
        self._height = len(lines)
