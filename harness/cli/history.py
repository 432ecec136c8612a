"""`harness history`: how verdicts, recovery times and flakiness went over the runs of a directory."""

from __future__ import annotations

from pathlib import Path

import click

MAX_RUNS = 500
_DEPTH = 4
"""So many directories below DIR journals are sought: `.harness/runs/<run>/journal.ndjson` and one more."""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For whom."
)
def history(directory: Path, form: str) -> None:
    """Tell the trend of verdicts, recovery times and flakiness over the journals below DIR.

    A journal that can't be read is told and left out; one that was cut short counts as far as it goes.
    """
    from harness.checkers.run_history import histories
    from harness.checkers.run_seen import RunSeen, run_seen
    from harness.errors import JournalError
    from harness.observe.journal import read_journal
    from harness.report.history import history_json, history_text

    if not directory.is_dir():
        raise JournalError(f"{directory}: expected a directory with runs in it, found none; name one")
    files = journals_below(directory)
    if len(files) > MAX_RUNS:
        click.echo(f"{directory}: {len(files)} runs, of which the latest {MAX_RUNS} are told", err=True)
    seen: list[tuple[str, RunSeen]] = []
    for file in files[-MAX_RUNS:]:
        try:
            seen.append((str(file), run_seen(read_journal(file, leave_out=("observed", "spans")).events)))
        except JournalError as error:
            click.echo(f"left out: {error}", err=True)
    if not seen:
        raise JournalError(f"{directory}: expected journals of runs in it, found none that can be read")
    tell = history_json if form == "json" else history_text
    click.echo(tell(histories(seen)))


def journals_below(directory: Path) -> list[Path]:
    """The journals in a directory and somewhat below it, the oldest first."""
    from harness.observe.journal import JOURNAL

    found = [file for depth in range(_DEPTH + 1) for file in directory.glob("*/" * depth + JOURNAL) if file.is_file()]
    return sorted(set(found), key=lambda file: (file.stat().st_mtime, file))
