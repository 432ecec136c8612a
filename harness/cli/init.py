"""`harness init`: a first description of a system, with its content folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.declare.starting import Draft
    from harness.model.system import RuntimeKind

_RUNTIMES = ("process", "namespaces", "compose", "attach")
MOST_SERVICES = 50
"""That are asked for."""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option(
    "--from",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A docker-compose.yml, a Procfile, or OpenAPI documents (may be repeated). Without: five questions.",
)
@click.option("--name", help="The system's name.")
@click.option("--profile", "profiles", multiple=True, help="Of a compose file: take its services in (may be repeated).")
@click.option("--runtime", type=click.Choice(_RUNTIMES), help="Answers the question for what runs it.")
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME[:PORT]=COMMAND",
    help="Answers that for services (may be repeated).",
)
@click.option("--entry", help="Answers that for the service that customers talk to.")
@click.option("--path", help="Answers that for what a customer asks for.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing: what isn't answered is as proposed.")
@click.option("--force", is_flag=True, hidden=True)
def init(
    directory: Path,
    sources: tuple[Path, ...],
    name: str | None,
    profiles: tuple[str, ...],
    runtime: str | None,
    services: tuple[str, ...],
    entry: str | None,
    path: str | None,
    *,
    yes: bool,
    force: bool,
) -> None:
    """Write a first system.yaml into DIRECTORY, with contracts, an experiment and journeys. Overwrites nothing."""
    from harness.declare.starting import write, written

    if force:
        message = "there is no --force: what is there is never overwritten; move it away, or name another directory"
        raise click.UsageError(message)
    if (directory / "system.yaml").exists():  # before anybody answers questions in vain
        message = f"{directory / 'system.yaml'} is there already, and is left as it is; nothing was written"
        raise click.ClickException(message)
    if sources:
        if runtime or services or entry or path:
            message = "--runtime, --service, --entry and --path answer questions, which --from leaves none of"
            raise click.UsageError(message)
        draft = _read(sources, directory, name, profiles)
    else:
        draft = _asked(directory, name, runtime, services, entry, path, yes=yes)
    files = written(draft)
    write(files, directory)
    _prove(directory / "system.yaml")
    _tell(draft, directory, list(files))


def _read(sources: tuple[Path, ...], directory: Path, name: str | None, profiles: tuple[str, ...]) -> Draft:
    from harness.declare.starting import Source, from_compose, from_openapi, from_procfile, source_of

    match source_of(sources):
        case Source.COMPOSE:
            return from_compose(sources[0], environ=os.environ, directory=directory, name=name, profiles=profiles)
        case Source.PROCFILE:
            return from_procfile(sources[0], name=name)
        case Source.OPENAPI:
            return from_openapi(sources, directory=directory, name=name)


def _asked(
    directory: Path,
    name: str | None,
    runtime: str | None,
    services: tuple[str, ...],
    entry: str | None,
    path: str | None,
    *,
    yes: bool,
) -> Draft:
    """The five questions; those that an option answers are not asked."""
    from harness.declare.starting import Answers, from_answers
    from harness.declare.starting.names import normal
    from harness.declare.starting.questions import default_of, service_named
    from harness.model.system import RuntimeKind

    _hint(directory)
    proposed = normal(directory.resolve().name, otherwise="system")
    name = name or _ask("1. What is the system called?", proposed, yes=yes)
    kind = RuntimeKind(
        runtime or _ask("2. What runs it?", RuntimeKind.PROCESS.value, yes=yes, choice=click.Choice(_RUNTIMES))
    )
    services = services or _services(kind, yes=yes)
    first = service_named(services[0]) if services else default_of(kind)
    entry = entry or _ask("4. Which service do customers talk to?", first, yes=yes)
    path = path or _ask("5. What does a customer ask it for?", "/", yes=yes)
    return from_answers(Answers(name=name, runtime=kind, services=services, entry=entry, path=path))


def _services(kind: RuntimeKind, *, yes: bool) -> tuple[str, ...]:
    from harness.declare.starting.questions import default_of, expected_of

    question = f"3. Which services are there? One a line, {expected_of(kind)}; an empty line ends"
    found = [_ask(question, default_of(kind), yes=yes)]
    while not yes and len(found) < MOST_SERVICES:
        further = _ask("   and", "", yes=yes)
        if not further:
            break
        found.append(further)
    return tuple(found)


def _ask(question: str, default: str, *, yes: bool, choice: click.Choice[str] | None = None) -> str:
    if yes:
        return default
    try:
        answer: str = click.prompt(question, default=default, type=choice, show_default=bool(default))
    except click.Abort:
        message = "no answer came; give it by an option, or take what is proposed by --yes"
        raise click.ClickException(message) from None
    return answer.strip()


def _hint(directory: Path) -> None:
    from harness.declare.starting.source import nearby

    near = nearby(directory)
    if near is not None:
        click.echo(f"there is a {near.name}: `harness init --from {near}` asks nothing")


def _prove(description: Path) -> None:
    """What was written must load; if it doesn't, the message says what has to be mended in it."""
    from harness.declare import load_system

    load_system(description)


def _tell(draft: Draft, directory: Path, files: list[str]) -> None:
    for remark in draft.remarks:
        click.echo(f"note: {remark}")
    for file in files:
        click.echo(f"wrote {directory / file}")
    services, stores, edges = len(draft.services), len(draft.stores), len(draft.edges)
    click.echo(
        f"{draft.system}: {services} services, {stores} stores, {edges} edges; customers enter at {draft.entry.value}"
    )
    system = "" if directory == Path() else f" {directory}"
    click.echo(f"next: `harness learn{system}` sees who calls whom, `harness chaos matrix` breaks each edge once")
