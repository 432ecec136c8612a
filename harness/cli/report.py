"""`harness report`: the reports of a journal, made again at any time."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("journal", type=click.Path(path_type=Path))
@click.option(
    "--directory", type=click.Path(path_type=Path), help="Where the reports go; beside the journal if absent."
)
def report(journal: Path, directory: Path | None) -> None:
    """Write all reports of a JOURNAL (a journal.ndjson, or the directory of a run) again."""
    from harness.observe.journal import JOURNAL, read_journal
    from harness.report import write_reports
    from harness.report.terminal import render

    file = journal / JOURNAL if journal.is_dir() else journal
    found = read_journal(file)
    target = directory or file.parent
    target.mkdir(parents=True, exist_ok=True)
    for written in write_reports(found.events, target):
        click.echo(f"wrote {written}")
    click.echo(render(found.events, colour=False))
    if found.cut:
        click.echo(f"{file}: the last line is cut short and was left out")
