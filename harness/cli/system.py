"""`harness system`: descriptions of systems."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def system() -> None:
    """Descriptions of systems: join those of many services."""


@system.command("compose")
@click.argument(
    "sources", nargs=-1, required=True, metavar="DIRECTORY|FILE…", type=click.Path(path_type=Path, exists=True)
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), default=Path("system.yaml"),
              show_default=True, help="What to write.")  # fmt: skip
@click.option("--name", help="What the system is called.")
@click.option("--entry", help="The service that customers talk to.")
@click.option(
    "--common",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with what belongs to no service: shared stores, journeys, access, runtime…",
)
def compose(sources: tuple[Path, ...], output: Path, name: str | None, entry: str | None, common: Path | None) -> None:
    """Join the service.yaml of each repository into the description of one system."""
    from harness.declare import load_system
    from harness.declare.joining import MARK, join_services
    from harness.declare.service_file import find_service_files
    from harness.errors import DeclarationError, Place, Problem

    files = find_service_files(sources)
    text = join_services(files, target=output, name=name, entry=entry, common=common)
    if output.exists() and not output.read_text(encoding="utf-8", errors="replace").startswith(MARK):
        message = "is there already, and was not made by `harness system compose`; it is left as it is"
        problem = Problem(place=Place(file=str(output)), message=message, remedy="move it away, or choose another -o")
        raise DeclarationError([problem])
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = Problem(place=Place(file=str(output)), message=f"can't be written: {error.strerror}")
        raise DeclarationError([problem]) from error
    topology = load_system(output)
    for file in files:
        click.echo(f"read {file}")
    services, stores, edges = len(topology.system.services), len(topology.system.stores), len(topology.system.edges)
    click.echo(f"wrote {output}: {topology.name}, {services} services, {stores} stores, {edges} edges")
