"""`harness report`: the reports of journals, made again at any time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.observe.journal import Read

MAX_JOURNALS = 100
_USUAL = "html,junit,allure,markdown"


@click.command()
@click.argument("journals", metavar="JOURNAL…", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Where the reports go; beside the journal if absent. Of several journals: one directory each below it.",
)
@click.option(
    "--format",
    "formats",
    default=_USUAL,
    metavar="NAME,…",
    show_default=True,
    help="Which reports; also json. With all of the usual ones come matrix.json and capacity.json.",
)
@click.option(
    "--allure",
    "allure",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Also make Allure 3's single page, DIR/<run>.html; needs Node, gets Allure by npm once.",
)
def report(journals: tuple[Path, ...], directory: Path | None, formats: str, allure: Path | None) -> None:
    """Write the reports of each JOURNAL (a journal.ndjson, or the directory of a run) again.

    A journal that was cut short is reported as far as it goes, and the cut is told.
    """
    from harness.observe.journal import journal_of, read_journal

    names = _names(formats)
    if len(journals) > MAX_JOURNALS:
        raise click.UsageError(f"expected at most {MAX_JOURNALS} journals, found {len(journals)}")
    files = [journal_of(each) for each in journals]
    # No report tells what was read at the end of an experiment, and it is most of a journal.
    found = [(file, read_journal(file, leave_out=("observed.reads",))) for file in files]
    targets = _targets(found, directory)
    for target in (*targets, *([allure] if allure else [])):
        _writable(target)
    if allure is not None:
        _need_allure()
        # Its page shows the results, and attaches ours.
        names = _names(",".join((*names, "html", "allure")))
    for (file, read), target in zip(found, targets, strict=True):
        _report(file, read, target, names)
        if allure is not None:
            _allure_page(read, target, allure)


def _need_allure() -> None:
    """Get it before anything is written; raises ProvisionError, which tells how."""
    from harness.report.allure_page import find_allure

    find_allure(environ=os.environ, say=_say)


def _allure_page(read: Read, target: Path, directory: Path) -> None:
    from harness.model.events import RunStarted
    from harness.report.allure import DIRECTORY_NAME
    from harness.report.allure_page import build_page

    header = read.events[0]
    run = header.run if isinstance(header, RunStarted) else ""
    page = directory / f"{Path(run).name.lstrip('.') or 'run'}.html"
    build_page(
        target / DIRECTORY_NAME,
        page,
        environ=os.environ,
        say=_say,
        title=f"{header.system}, run {run}" if isinstance(header, RunStarted) else "run",
    )
    click.echo(f"wrote {page}")


def _say(words: str) -> None:
    click.echo(words, err=True)


def _names(formats: str) -> tuple[str, ...]:
    from harness.declare.validate import nearest
    from harness.report import FORMATS

    names = [name.strip() for name in formats.split(",") if name.strip()]
    for name in names:
        if name not in FORMATS:
            message = f"unknown format '{name}'; {nearest(name, list(FORMATS))}"
            raise click.BadParameter(message, param_hint="--format")
    if not names:
        raise click.BadParameter(f"expected some of {', '.join(FORMATS)}", param_hint="--format")
    # The order of the table: Allure attaches the page that is written before it.
    return tuple(name for name in FORMATS if name in names)


def _targets(found: list[tuple[Path, Read]], directory: Path | None) -> list[Path]:
    """Where each one's reports go, no two of them to the same place."""
    from harness.errors import JournalError
    from harness.model.events import RunStarted

    if directory is None:
        targets = [file.parent for file, _ in found]
    elif len(found) == 1:
        targets = [directory]
    else:
        runs = [read.events[0].run for _, read in found if isinstance(read.events[0], RunStarted)]
        targets = [directory / (Path(run).name.lstrip(".") or "run") for run in runs]
    for number, target in enumerate(targets):
        if target in targets[:number]:
            first, second = found[targets.index(target)][0], found[number][0]
            raise JournalError(f"the reports of {first} and {second} would both go to {target}; report one at a time")
    return targets


def _writable(target: Path) -> None:
    """Make the directory before anything is written; raises HarnessError when that can't be done."""
    from harness.errors import HarnessError

    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarnessError(_unwritable(target, error)) from error
    if not os.access(target, os.W_OK | os.X_OK):
        raise HarnessError(f"{target} can't be written to; name another --directory")


def _unwritable(target: Path, error: OSError) -> str:
    return f"{error.filename or target} can't be written: {error.strerror}; name another --directory"


def _report(file: Path, read: Read, target: Path, names: tuple[str, ...]) -> None:
    from harness.cli.history import beside
    from harness.errors import HarnessError
    from harness.report import write_some
    from harness.report.terminal import render

    try:
        earlier = beside(file.parent, read.events) if "html" in names else None
        written = write_some(read.events, target, names, earlier)
    except OSError as error:
        raise HarnessError(_unwritable(target, error)) from error
    for path in written:
        click.echo(f"wrote {path}")
    click.echo(render(read.events, colour=False))
    if read.cut:
        click.echo(f"{file}: the last line is cut short and was left out")
