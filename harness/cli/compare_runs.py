"""`harness compare A B` of two runs: what got better or worse, with what certainty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.model.events import Event

_BEGINS = b'{"type":"run-started"'
_TWO = 2


def are_runs(files: Sequence[Path]) -> bool:
    """Whether two runs are to be compared; raises click.UsageError or JournalError where that is not clear.

    A directory can be nothing else than a run when there are two.
    """
    runs = [each for each in files if _is_run(each)]
    others = [each for each in files if each not in runs]
    if not runs and not (len(files) == _TWO and any(each.is_dir() for each in files)):
        return False
    if others:
        raise click.UsageError(f"expected two runs to compare, A as it was and B as it is now; {_no_run(others[0])}")
    if len(files) != _TWO:
        message = f"{runs[0]} is a run: expected two runs to compare, A as it was and B as it is now"
        raise click.UsageError(message)
    return True


def _is_run(path: Path) -> bool:
    """Whether it is a journal or the directory of a run."""
    from harness.observe.journal import JOURNAL

    if path.is_dir():
        return (path / JOURNAL).is_file()
    try:
        with path.open("rb") as opened:
            return path.suffix == ".ndjson" or opened.read(len(_BEGINS)) == _BEGINS
    except OSError:
        return False


def _no_run(path: Path) -> str:
    """Why not; raises JournalError where there are several runs below it."""
    from harness.observe.journal import JOURNAL, journal_of

    if not path.exists():
        return f"there is no {path}"
    return f"{path} has no {JOURNAL}" if journal_of(path) != path else f"{path} is no journal"


def compare_two(before: Path, after: Path, form: str) -> int:
    """Print the comparison; gives the exit code. Two load runs are compared as `harness load compare` does."""
    from harness.checkers.run_compare import compare_runs
    from harness.checkers.run_seen import run_seen
    from harness.model.events import LoadPhaseEnded
    from harness.report.run_compare import compared_json, compared_text

    first, second = _events(before), _events(after)
    if all(any(isinstance(each, LoadPhaseEnded) for each in events) for events in (first, second)):
        return _loads(before, after, first, second, form)
    comparison = compare_runs(run_seen(first), run_seen(second))
    tell = compared_json if form == "json" else compared_text
    click.echo(tell(comparison, before=str(before), after=str(after)))
    return comparison.verdict.exit_code


def _events(run: Path) -> tuple[Event, ...]:
    from harness.observe.journal import journal_of, read_journal

    file = journal_of(run)
    found = read_journal(file)
    if found.cut:
        click.echo(f"{file}: the last line is cut short and was left out", err=True)
    return found.events


def _loads(before: Path, after: Path, first: tuple[Event, ...], second: tuple[Event, ...], form: str) -> int:
    from harness.checkers.load_compare import compare_loads
    from harness.checkers.load_seen import load_seen
    from harness.errors import JournalError
    from harness.report.load_compare import compared_json, compared_text

    try:
        comparison = compare_loads(load_seen(first), load_seen(second))
    except ValueError as error:
        raise JournalError(f"{before}, {after}: {error}") from error
    tell = compared_json if form == "json" else compared_text
    click.echo(tell(comparison, before=str(before), after=str(after)))
    return comparison.verdict.exit_code
