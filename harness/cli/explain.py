"""`harness explain`: the cause, the evidence and the likely mend of a red cell or finding, from a journal alone."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name", metavar="CELL")
@click.option(
    "--run", "run_", type=click.Path(path_type=Path), metavar="DIRECTORY",
    help="Of the run in that directory (or a journal.ndjson); the newest below .harness/runs if absent.",
)  # fmt: skip
def explain(name: str, run_: Path | None) -> None:
    """Tell the cause as far as it is known, the evidence, the likely mend, and the command that repeats a red CELL.

    CELL as it is shown: 'checkout, orders->payments refused'; or a finding of an experiment by experiment, check and
    subject: 'payments-killed availability checkout'.
    """
    from harness.observe.journal import journal_of, read_journal
    from harness.report.explaining import explain as explained

    for line in explained(read_journal(journal_of(run_ or _newest())).events, name):
        click.echo(line)


def _newest() -> Path:
    """The directory of the last run here that has a journal."""
    from harness.engine.session import RUNS
    from harness.errors import JournalError
    from harness.observe.journal import JOURNAL

    found = sorted(RUNS.glob(f"*/{JOURNAL}"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise JournalError(f"no run with a journal is below {RUNS.resolve()}; name one with --run")
    return found[-1].parent
