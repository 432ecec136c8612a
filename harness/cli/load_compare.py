"""`harness load compare`: is the second of two load runs worse than the first?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.checkers.load_seen import LoadSeen
    from harness.model.bound import Measure

_RUN = click.Path(path_type=Path)


@click.command()
@click.argument("before", metavar="A", type=_RUN)
@click.argument("after", metavar="B", type=_RUN)
@click.option("--figures", default="", metavar="NAME,…", help="Only these: p50, p95, p99, failed, degraded, goodput, …")
@click.option("--allow", "allowed", default="5%", show_default=True, help="How much slower counts as no worse.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For whom."
)
@click.pass_context
def compare(context: click.Context, before: Path, after: Path, *, figures: str, allowed: str, form: str) -> None:
    """Compare two journals (or the directories of two runs): A as it was, B as it is now.

    By journey, step and phase: percentiles, shares of outcomes, goodput. All intervals hold together with 95 %.
    Exit codes: 0 no worse, 1 worse, 2 can't tell.
    """
    from harness.checkers.load_compare import compare_loads
    from harness.report.load_compare import compared_json, compared_text

    asked, slack = _figures(figures), _allowed(allowed)
    comparison = compare_loads(_read(before), _read(after), figures=asked, allowed=slack)
    tell = compared_json if form == "json" else compared_text
    click.echo(tell(comparison, before=str(before), after=str(after)))
    context.exit(comparison.verdict.exit_code)


def _read(run: Path) -> LoadSeen:
    from harness.checkers.load_seen import load_seen
    from harness.errors import JournalError
    from harness.observe.journal import journal_of, read_journal

    file = journal_of(run)
    try:
        return load_seen(read_journal(file).events)
    except ValueError as error:
        raise JournalError(f"{file}: {error}") from error


def _figures(text: str) -> tuple[Measure, ...]:
    from harness.checkers.load_compare import FIGURES
    from harness.declare.validate import nearest
    from harness.model.bound import Measure

    words = [word.strip() for word in text.split(",") if word.strip()]
    known = [each.value for each in Measure if each is not Measure.MAX]
    for word in words:
        if word not in known:
            message = f"unknown figure '{word}'; {nearest(word, known)}"
            raise click.BadParameter(message, param_hint="--figures")
    return tuple(Measure(word) for word in dict.fromkeys(words)) or FIGURES


def _allowed(text: str) -> float:
    from harness.model.quantity import Share

    try:
        return float(Share.parse(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--allow") from None
