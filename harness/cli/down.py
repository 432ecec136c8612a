"""`harness down`, `harness ps`, `harness logs`: what is up from this directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.standing import Standing, all_standing, table

if TYPE_CHECKING:
    from collections.abc import Sequence

LINES = 20
LOOK_S = 0.2


@click.command()
@click.argument("runs", nargs=-1)
def down(runs: tuple[str, ...]) -> None:
    """Stop what `harness up` brought up from this directory: all of it, or only these RUNS."""
    for standing in _chosen(runs):
        click.echo(f"stopping {standing.system} ({standing.run}), kept up by process {standing.pid}")
        standing.down()
        if standing.runtime == "docker":
            _remove_containers(standing.run)
    click.echo("nothing is up" if not all_standing() else "the others stay up")


@click.command()
def ps() -> None:
    """List what is up from this directory: service, instance, zone, state, address, owner, and what is broken."""
    found = all_standing()
    if not found:
        click.echo("nothing is up")
    for standing in found:
        click.echo(f"{standing.system} ({standing.run}) on {standing.runtime}, customers enter at {standing.entry}")
        click.echo("\n".join(f"  {line}" for line in table(standing.rows)))
        for fault in standing.faults:
            click.echo(f"  broken by hand: {fault}")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(0, 100_000), default=LINES, show_default=True, help="Of each log.")
def logs(names: tuple[str, ...], *, follow: bool, lines: int) -> None:
    """Show the logs of what is up: of all services and stores, or of the services or instances NAMES."""
    from harness.clock import pause

    found = all_standing()
    if not found:
        message = (
            "nothing is up from this directory; start it by `harness up`, or read the logs of a run in its directory"
        )
        raise click.ClickException(message)
    files = [file for standing in found for file in _logs(standing, names)]
    if not files:
        known = ", ".join(sorted({row.service for standing in found for row in standing.rows}))
        message = f"no service or instance {' or '.join(names)}; there are: {known}"
        raise click.ClickException(message)
    ends = {file: _print(file, file.read_bytes(), lines) for file in files}
    while follow and all_standing():
        pause(LOOK_S)
        for file, end in ends.items():
            ends[file] = _print_since(file, end)


def _remove_containers(run: str) -> None:
    """What is left of a run whose harness had to be killed."""
    from harness.runtime.docker.engine import remove_run

    remove_run(run)


def _chosen(runs: Sequence[str]) -> list[Standing]:
    found = all_standing()
    for run in runs:
        if run not in {each.run for each in found}:
            known = ", ".join(each.run for each in found) or "none"
            message = f"no run {run!r} is up from this directory; there are: {known}"
            raise click.ClickException(message)
    return [each for each in found if not runs or each.run in runs]


def _logs(standing: Standing, names: Sequence[str]) -> list[Path]:
    wanted = [row.instance for row in standing.rows if not names or row.instance in names or row.service in names]
    files = [standing.directory / "logs" / f"{instance}.log" for instance in wanted]
    return [file for file in files if file.exists()]


def _print(file: Path, content: bytes, count: int | None = None) -> int:
    """Print whole lines, each with its instance before it; gives where they end."""
    whole = content[: content.rfind(b"\n") + 1]
    found = whole.decode(errors="replace").splitlines()
    for line in found if count is None else found[max(0, len(found) - count) :]:
        click.echo(f"{file.stem}  {line}")
    return len(whole)


def _print_since(file: Path, end: int) -> int:
    with file.open("rb") as log:
        log.seek(end)
        return end + _print(file, log.read())
