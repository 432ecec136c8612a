"""What `harness load` and `harness load capacity` take alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

MAX_RATE = 100_000
MAX_SEED = 2**31 - 1
MAX_WORKERS = 256

_Command = TypeVar("_Command", bound=Callable[..., Any])

_LOADED = (
    click.option("--host", "hosts", multiple=True, metavar="URL",
                 help="Load what already runs there, on this machine (may be repeated)."),
    click.option("--locustfile", "journeys", type=click.Path(path_type=Path), metavar="FILE",
                 help="What customers do: a locustfile, journeys.yaml or a .har."),
    click.option("--processes", type=click.IntRange(1, MAX_WORKERS), default=1, show_default=True,
                 help="Generators on this machine, among which the load is shared."),
)  # fmt: skip
_RUN = (
    click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go."),
    click.option(
        "--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent."
    ),
    click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can."),
)


def loaded(command: _Command) -> _Command:
    """With the options that say what is loaded, and by how many."""
    return _with(_LOADED, command)


def of_run(command: _Command) -> _Command:
    """With the options of every run."""
    return _with(_RUN, command)


def refuse_both(system: Path | None, hosts: tuple[str, ...]) -> None:
    """Raise click.UsageError when two things are named that are to be loaded."""
    if system is not None and hosts:
        message = "expected either a SYSTEM or --host, found both"
        raise click.UsageError(message)


def _with(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command
