"""`harness annotate`: a run where people look at it on GitHub."""

from __future__ import annotations

import os
from pathlib import Path

import click

SUMMARY = "GITHUB_STEP_SUMMARY"


@click.command()
@click.argument("journal", type=click.Path(path_type=Path))
def annotate(journal: Path) -> None:
    """Print a JOURNAL (or the directory of a run) as GitHub's annotations, worst first, and write the step's summary.

    The summary goes to the file that GITHUB_STEP_SUMMARY names; without it only the annotations are printed.
    """
    from harness.observe.journal import journal_of, read_journal
    from harness.report.github import annotated, append_summary

    found = read_journal(journal_of(journal))
    for each in annotated(found.events):
        click.echo(each.command())
    if (summary := os.environ.get(SUMMARY, "")) and not append_summary(found.events, Path(summary)):
        click.echo(f"::warning title=no summary::{SUMMARY} has no room left for it: see the report")
