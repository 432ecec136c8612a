"""`harness run`, and its parts by themselves: `verify`, `fuzz`, `chaos run`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.console import Console, system_path, until_interrupted
from harness.cli.contracts import contracts
from harness.cli.matrix import matrix

if TYPE_CHECKING:
    from harness.engine.prepare import Options
    from harness.engine.run import RunResult

PARTS = ("verify", "chaos", "fuzz")
MAX_SEED = 2**31 - 1

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _common(command: _Command) -> _Command:
    """The options that every command that runs something has."""
    for option in (
        click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go."),
        click.option(
            "--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent."
        ),
        click.option(
            "--system", type=click.Path(path_type=Path), help="The system.yaml; found by itself if there is one."
        ),
    ):
        command = option(command)
    return _tls(command)


def _tls(command: _Command) -> _Command:
    return click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")(
        command
    )


@click.command()
@click.argument("system", type=click.Path(path_type=Path), required=False)
@click.option("--only", multiple=True, metavar="EXPERIMENT", help="Run only this experiment (may be repeated).")
@click.option("--skip", multiple=True, type=click.Choice(PARTS), help="Leave a part out (may be repeated).")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the run's files go.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in the run; drawn and told if absent.")
@_tls
@click.pass_context
def run(
    context: click.Context,
    system: Path | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    directory: Path | None,
    seed: int | None,
    *,
    tls: bool,
) -> None:
    """The main job: start the SYSTEM, verify its pacts, break it under load, fuzz it, and judge."""
    parts = frozenset(PARTS) - frozenset(skip)
    if not parts:
        message = "nothing is left to run; skip fewer parts"
        raise click.UsageError(message)
    context.exit(_run(system, parts=parts, only=only, directory=directory, seed=seed, tls=tls))


@click.command()
@click.option("--provider", "providers", multiple=True, help="Verify only this provider (may be repeated).")
@click.option("--consumer", help="Verify only the pacts of this consumer.")
@_common
@click.pass_context
def verify(
    context: click.Context,
    system: Path | None,
    providers: tuple[str, ...],
    consumer: str | None,
    directory: Path | None,
    seed: int | None,
    *,
    tls: bool,
) -> None:
    """Verify the consumers' pacts against the running providers."""
    part = frozenset({"verify"})
    context.exit(
        _run(system, parts=part, services=providers, consumer=consumer, directory=directory, seed=seed, tls=tls)
    )


@click.command()
@click.argument("services", nargs=-1)
@_common
@click.pass_context
def fuzz(
    context: click.Context,
    services: tuple[str, ...],
    system: Path | None,
    directory: Path | None,
    seed: int | None,
    *,
    tls: bool,
) -> None:
    """Fuzz the OpenAPI documents of all SERVICES, or of those named."""
    context.exit(_run(system, parts=frozenset({"fuzz"}), services=services, directory=directory, seed=seed, tls=tls))


@click.group()
def chaos() -> None:
    """Experiments: break the system under load and judge what its customers saw."""


chaos.add_command(matrix)
chaos.add_command(contracts)


@chaos.command("run")
@click.argument("names", nargs=-1)
@_common
@click.pass_context
def chaos_run(
    context: click.Context,
    names: tuple[str, ...],
    system: Path | None,
    directory: Path | None,
    seed: int | None,
    *,
    tls: bool,
) -> None:
    """Run all experiments, or those NAMES."""
    context.exit(_run(system, parts=frozenset({"chaos"}), only=names, directory=directory, seed=seed, tls=tls))


def _run(
    system: Path | None,
    *,
    parts: frozenset[str],
    directory: Path | None,
    seed: int | None,
    tls: bool,
    only: tuple[str, ...] = (),
    services: tuple[str, ...] = (),
    consumer: str | None = None,
) -> int:
    from harness.engine.prepare import Options
    from harness.engine.session import Settings

    options = Options(
        system=system_path(system),
        parts=parts,
        only=only,
        services=services,
        consumer=consumer,
        settings=Settings(directory=directory, seed=seed, tls=tls),
    )
    return asyncio.run(_drive(options))


async def _drive(options: Options) -> int:
    from harness.engine.run import run as engine_run
    from harness.report import write_reports
    from harness.report.terminal import render

    console = Console()
    result: RunResult = await until_interrupted(engine_run(options, say=console.say))
    written = write_reports(result.events, result.directory)
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code
