"""`harness up`: the system, up until Ctrl-C or `harness down`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import indent
from typing import Any

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.opened import Opened, open_as_processes, open_in_docker
from harness.cli.standing import Row, Standing, all_standing, table

LOOK_S = 0.5
OUTPUT = "up.log"
"""What one that was detached has to say, below `.harness`."""
READY_WITHIN_S = 300.0
_COMMAND = (sys.executable, "-c", "from harness.cli import main; main()", "up")


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option(
    "--runtime", type=click.Choice(["process", "docker"]), default="process", show_default=True, help="What runs it."
)
@click.option("--tls", is_flag=True, help="Let its services speak TLS among themselves, where they can.")
@click.option("--detach", "-d", is_flag=True, help="Come back when everything is ready; `harness down` ends it.")
def up(system: Path | None, directory: Path | None, runtime: str, *, tls: bool, detach: bool) -> None:
    """Bring the SYSTEM up with a Toxiproxy on every edge, and keep it up until Ctrl-C or `harness down`."""
    path = system_path(system)
    if detach:
        options = ["--runtime", runtime, *(("--directory", str(directory)) if directory else ())]
        _detach([str(path), *options, *(("--tls",) if tls else ())])
    else:
        opening = open_in_docker if runtime == "docker" else open_as_processes
        asyncio.run(_up(lambda say: opening(path, directory, tls=tls, say=say)))


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


async def _up(opening: Callable[[Callable[[str], None]], Coroutine[Any, Any, Opened]]) -> None:
    console = Console()
    opened = await until_interrupted(opening(console.say))
    view = _Live() if console.colour else Lines()

    def announce(standing: Standing) -> None:
        view.show(standing.rows)
        click.echo(f"\ncustomers enter at {standing.entry}; Ctrl-C or `harness down` stops it all")

    await stay(opened, announce, lambda standing: watch(opened, standing, view.show))


async def stay(
    opened: Opened,
    announce: Callable[[Standing], None],
    keep: Callable[[Standing], Coroutine[Any, Any, None]],
) -> None:
    """Keep it up, and listen to what is to be broken by hand, until somebody ends it; then stop it all."""
    from harness.cli.controlling import Control

    standing = opened.standing()
    control: Control | None = None
    try:
        control = await Control.open(opened.by_hand, opened.directory)
        standing.write()
        announce(standing)
        with suppress(click.Abort):  # the ordinary way to end it
            await until_interrupted(keep(standing))
    finally:
        standing.forget()
        if control is not None:
            await control.close()
        await opened.close()


async def watch(opened: Opened, standing: Standing, show: Callable[[Sequence[Row]], None]) -> None:
    """Look at everything, for ever, and tell what changed."""
    while True:
        await asyncio.sleep(LOOK_S)
        now = opened.standing()
        if now != standing:
            standing = now
            standing.write()
            show(standing.rows)


class Lines:
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
