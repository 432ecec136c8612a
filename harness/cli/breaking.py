"""`harness breaking`: what a change of a document or of an event breaks, and for whom."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.contracts.breaking.whole import Circumstances
    from harness.errors import Problem
    from harness.model.topology import Topology

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--pacts", type=click.Path(path_type=Path, file_okay=False), help="Those of the consumers.")
@click.option("--provider", help="Whose documents these are, when their names don't tell.")
@click.option("--system", type=click.Path(path_type=Path), help="The description that says who owns what.")
@click.option(
    "--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Also write it there, for a pull request."
)
@click.pass_context
def breaking(
    context: click.Context,
    old: Path,
    new: Path,
    pacts: Path | None,
    provider: str | None,
    system: Path | None,
    markdown: Path | None,
) -> None:
    """Compare two OpenAPI documents, or two schemas of an event, and tell which living consumers break.

    A consumer is alive when it has a pact. Exit code 1 when one breaks, 0 when nobody does, 2 when it can't be told.
    """
    from harness.contracts.breaking import tell
    from harness.contracts.breaking.whole import compare_documents, compare_events, is_event

    topology = _topology(system, needed=pacts is None)
    problems: list[Problem] = []
    there = _circumstances(topology, pacts, provider, problems)
    if is_event(old) and is_event(new):
        told = compare_events(old, new, there)
    else:
        told = compare_documents(old, new, there, program=_oasdiff())

    def owner(name: str) -> str:
        return topology.owner(name) if topology and name in topology.system.services else ""

    for line in tell.text(told, owner):
        click.echo(line)
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if markdown is not None:
        _write(markdown, tell.markdown(told, owner))
    context.exit(2 if problems else told.exit_code)


def _topology(system: Path | None, *, needed: bool) -> Topology | None:
    """The system, when one is named or here; without it nobody knows who owns what."""
    from harness.cli.console import system_path
    from harness.declare import load_system
    from harness.errors import DeclarationError

    try:
        path = system_path(system)
    except DeclarationError:
        if needed or system is not None:
            raise
        return None
    return load_system(path)


def _circumstances(
    topology: Topology | None, pacts: Path | None, provider: str | None, problems: list[Problem]
) -> Circumstances:
    from harness.cli.compare import contracts_of
    from harness.contracts.breaking.whole import Circumstances
    from harness.contracts.compare.whole import find_events
    from harness.errors import ContractError

    contracts = contracts_of(topology) if topology else None
    directory = pacts or (contracts / "pacts" if contracts else Path())
    files = tuple(sorted(directory.glob("*.json")))
    if not files:
        message = (
            f"expected pacts in {directory}, found none: without them nobody would ever break; name them by --pacts"
        )
        raise ContractError(message)
    return Circumstances(
        pacts=files,
        provider=provider,
        known=frozenset(topology.system.services) if topology else frozenset(),
        supplied={name.lower(): value for name, value in topology.system.access.headers.items()} if topology else {},
        events=find_events(contracts, problems) if contracts else (),
    )


def _oasdiff() -> Path:
    from harness.contracts.breaking.oasdiff import find_oasdiff
    from harness.proxy.provision import cache_directory

    def say(line: str) -> None:
        click.echo(line, err=True)

    return find_oasdiff(environ=os.environ, cache=cache_directory(os.environ), say=say).path


def _write(file: Path, text: str) -> None:
    from harness.errors import HarnessError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{file} can't be written: {error.strerror}"
        raise HarnessError(message) from error
