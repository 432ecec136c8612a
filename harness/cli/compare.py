"""`harness compare`: pacts against the providers' documents, without a running provider; or two runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.compare_runs import are_runs, compare_two
from harness.cli.console import system_path

if TYPE_CHECKING:
    from harness.contracts.compare.tell import Owner
    from harness.contracts.compare.whole import Documents
    from harness.errors import Problem
    from harness.model.topology import Topology

TWO_FILES = 2


@click.command()
@click.argument("files", metavar="[SYSTEM | PACT OPENAPI | RUN RUN]", type=click.Path(path_type=Path), nargs=-1)
@click.option("--provider", help="Only pacts with this provider.")
@click.option("--consumer", help="Only pacts of this consumer.")
@click.option("--warnings/--no-warnings", default=False, help="Also tell what is worth a look.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Of two runs: for whom.",
)
@click.pass_context
def compare(
    context: click.Context,
    files: tuple[Path, ...],
    provider: str | None,
    consumer: str | None,
    form: str,
    *,
    warnings: bool,
) -> None:
    """Hold every interaction of the pacts against the provider's OpenAPI document (or its events' schemas).

    Of a SYSTEM: `pacts/`, `openapi/` and `events/` below its contracts. Else one PACT against one OPENAPI document.
    Of two RUNs (journals, or directories of runs): what got better or worse from the first to the second, and with
    what certainty; exit codes 0 no worse, 1 worse, 2 can't tell.
    """
    if are_runs(files):
        context.exit(compare_two(files[0], files[1], form))
    from harness.contracts.compare.tell import tell
    from harness.contracts.compare.whole import Comparison, Documents, compare_all

    problems: list[Problem] = []
    if len(files) > TWO_FILES:
        message = "expected a SYSTEM, or a PACT and an OPENAPI document"
        raise click.UsageError(message)
    if len(files) == TWO_FILES:
        documents, pacts = Documents(openapi=_for_any(files[0], files[1])), [files[0]]
        owner: Owner = _nobody
    else:
        from harness.declare import load_system

        topology = load_system(system_path(files[0] if files else None))
        _known(topology, provider, consumer)
        documents, owner = _documents(topology, problems), topology.owner
        pacts = sorted((contracts_of(topology) / "pacts").glob("*.json"))
    found = compare_all(pacts, documents, provider=provider, consumer=consumer)
    found = Comparison(pacts=found.pacts, problems=(*problems, *found.problems))
    for line in tell(found, owner, warnings=warnings):
        click.echo(line, err=line.startswith("error: "))
    context.exit(found.exit_code)


def _for_any(pact: Path, document: Path) -> dict[str, Path]:
    """The one document, whatever the provider of the pact is called."""
    from harness.contracts.compare.whole import readable

    return {each.provider: document for each in readable([pact], [])}


def contracts_of(topology: Topology) -> Path:
    """The directory of a system's contracts, as seen from here."""
    return Path(os.path.relpath(Path(topology.root) / topology.system.content.contracts))


def _documents(topology: Topology, problems: list[Problem]) -> Documents:
    from harness.contracts.compare.whole import Documents, find_documents, find_events

    root, contracts = Path(topology.root), contracts_of(topology)
    named = {
        name: root / service.openapi
        for name, service in topology.system.services.items()
        if service.openapi is not None and not service.openapi.startswith(("/", "http"))
    }
    supplied = {name.lower(): value for name, value in topology.system.access.headers.items()}
    return Documents(
        openapi={**find_documents(contracts), **named},
        known=frozenset(topology.system.services),
        events=find_events(contracts, problems),
        supplied=supplied,
    )


def _known(topology: Topology, *names: str | None) -> None:
    from harness.errors import ContractError

    for name in names:
        if name is not None and name not in topology.system.services:
            message = f"{name!r} is no service of {topology.name} (there are: {', '.join(topology.system.services)})"
            raise ContractError(message)


def _nobody(_name: str) -> str:
    return ""
