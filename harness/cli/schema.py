"""`harness chaos schema`: what an experiment's file may say, for editors."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Into a file, instead of here."
)
def schema(write: Path | None) -> None:
    """Print the JSON Schema of an experiment's file, with the faults that are installed.

    An editor that speaks YAML takes it from a first line in the file:
    "# yaml-language-server: $schema=experiment.schema.json"
    """
    from harness.declare.schema import experiment_schema, text_of
    from harness.errors import HarnessError
    from harness.faults import fault_table

    text = text_of(experiment_schema(fault_table()))
    if write is None:
        click.echo(text, nl=False)
        return
    try:
        write.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{write} can't be written: {error.strerror}; choose another --write") from error
    click.echo(f"written: {write}")
