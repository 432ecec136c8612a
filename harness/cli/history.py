"""`harness history`: how verdicts, recovery times and flakiness went over the runs of a directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.checkers.run_seen import RunSeen
    from harness.model.events import Event
    from harness.model.run_history import RunHistory

MAX_RUNS = 500
MAX_RUNS_BESIDE = 20
MAX_BYTES_BESIDE = 512 << 20
"""What is read of the journals beside a run for its own report: some five full runs of a dozen experiments."""


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
    from harness.checkers.run_seen import run_seen
    from harness.errors import JournalError
    from harness.observe.journal import journals_below, read_journal
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


def beside(run: Path, events: Sequence[Event]) -> RunHistory | None:
    """The runs of the same system in the directory in which this run's own stands, the latest before it, and it last.

    None when there is no other. What can't be read is left out: a report is not kept waiting for it.
    """
    from harness.checkers.run_history import histories
    from harness.checkers.run_seen import run_seen
    from harness.model.load_events import Observed
    from harness.observe.journal import JOURNAL

    this = run_seen([each for each in events if not isinstance(each, Observed)])
    seen, left = [(str(run), this)], MAX_BYTES_BESIDE
    files = sorted(run.resolve().parent.glob(f"*/{JOURNAL}"), key=_written, reverse=True)
    for file in files:
        if len(seen) > MAX_RUNS_BESIDE or (left := left - _size(file)) < 0:
            break
        other = _other(file)
        same = other is not None and other.header.system == this.header.system
        if other is not None and same and other.header.wall < this.header.wall and other.verdict is not None:
            seen.append((str(file), other))
    return histories(seen)[0] if len(seen) > 1 else None


def _other(file: Path) -> RunSeen | None:
    from harness.checkers.run_seen import run_seen
    from harness.errors import JournalError
    from harness.observe.journal import read_journal

    try:
        return run_seen(read_journal(file, leave_out=("observed", "spans")).events)
    except JournalError:
        return None


def _written(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
