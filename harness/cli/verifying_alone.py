"""`harness verify service.yaml --pacts DIR|URL`: a provider in its own repository, the others not there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import Console, until_interrupted

if TYPE_CHECKING:
    from harness.engine.alone import AloneOptions


def describes_one_service(file: Path | None) -> bool:
    """Whether the file is a service.yaml; raises DeclarationError when it can't be read."""
    from harness.declare.lone_service import is_service_file
    from harness.declare.yaml import read_yaml

    return file is not None and file.is_file() and is_service_file(read_yaml(file))


def folder_of(pacts: str | None) -> Path | None:
    """Where the pacts of a whole system are, when somebody says so."""
    from harness.engine.published import is_url

    if pacts is None:
        return None
    if is_url(pacts) or not Path(pacts).is_dir():
        message = f"expected a folder of pacts for a whole system, found {pacts!r}; a URL goes with a service.yaml"
        raise click.BadParameter(message, param_hint="--pacts")
    return Path(pacts)


def verify_lone(
    file: Path,
    pacts: str | None,
    *,
    providers: tuple[str, ...],
    consumer: str | None,
    directory: Path | None,
    seed: int | None,
    tls: bool,
) -> int:
    """Do it; gives the exit code."""
    from harness.engine.alone import AloneOptions

    if tls or len(providers) > 1:
        message = f"{file} describes one service, which is verified by itself: leave --tls and other providers out"
        raise click.UsageError(message)
    options = AloneOptions(
        file=file,
        service=providers[0] if providers else None,
        pacts=pacts or str(file.parent / "contracts" / "pacts"),
        consumer=consumer,
        directory=directory,
        seed=seed,
    )
    return asyncio.run(_drive(options))


async def _drive(options: AloneOptions) -> int:
    from harness.cli.history import beside
    from harness.engine.alone import verify_alone
    from harness.report import write_reports
    from harness.report.terminal import render

    console = Console()
    result = await until_interrupted(verify_alone(options, say=console.say))
    written = write_reports(result.events, result.directory, beside(result.directory, result.events))
    click.echo()
    click.echo(render(result.events, colour=console.colour, report=written[0]))
    return result.exit_code
