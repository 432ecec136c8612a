"""`harness gameday`: look at, export, run, stop and resume game days."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.console import system_path
from harness.cli.gameday_run import LATE, SYSTEM, Late, resume, run, stop

if TYPE_CHECKING:
    from harness.engine.gameday_plan import Declared

MOST_SHOWN = 100


@click.group()
def gameday() -> None:
    """Game days: experiments in an order, at an allowed time, guarded, and told.

    Exit codes: 3 stopped by a guard, 4 it may not be run now, or its time was over, 130 interrupted;
    else that of the worst verdict.
    """


gameday.add_command(run)
gameday.add_command(resume)
gameday.add_command(stop)


class Moment(click.ParamType[dt.datetime]):
    """A time of day with its offset, as ISO 8601."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dt.datetime:
        """Read it; fails with a message."""
        if isinstance(value, dt.datetime):
            return value
        try:
            moment = dt.datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"expected a time such as 2026-12-01T10:00+01:00, found {value!r}", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value} has no offset from UTC; write {value}+00:00 or another", param, ctx)
        return moment


_AT = click.option("--at", type=Moment(), metavar="TIME", help="As if it were that time: 2026-12-01T10:00+01:00.")


@gameday.command()
@click.argument("name", metavar="NAME|FILE")
@SYSTEM
@LATE
@_AT
@click.option("--any-time", is_flag=True, help="Only whether it is sound, whatever the time.")
def check(name: str, system: Path | None, max_late: Late | None, at: dt.datetime | None, *, any_time: bool) -> None:
    """Tell whether a game day is sound, and may be run now; exit code 4 when it may not. Starts nothing."""
    from harness.engine.gameday_when import refuse_outside

    moment = at or _now()
    found = _declared(name, system, moment)
    click.echo(f"{found.gameday.source} is sound: {found.gameday.title}")
    for part in found.gameday.parts:
        click.echo(f"  {part.experiment}: faults for {found.experiments[part.experiment].fault_s:g} s")
    if not any_time:
        refuse_outside(found.gameday, moment, max_late=max_late)
        click.echo("it may be run now")


@gameday.command("next")
@click.argument("name", metavar="NAME|FILE")
@SYSTEM
@_AT
@click.option("--count", type=click.IntRange(1, MOST_SHOWN), default=5, show_default=True, help="How many.")
def next_(name: str, system: Path | None, at: dt.datetime | None, count: int) -> None:
    """Tell when a game day is due next, and which of these times will be refused."""
    import itertools

    from harness.engine.gameday_when import upcoming

    moment = at or _now()
    found = _declared(name, system, moment).gameday
    for due in itertools.islice(upcoming(found, moment), count):
        local = due.at.astimezone(found.calendar.zone)
        told = f"  refused: {due.barred}" if due.barred else ""
        click.echo(f"{local:%a %Y-%m-%d %H:%M} {found.calendar.zone.key}  {due.at:%Y-%m-%dT%H:%MZ}{told}")


@gameday.command()
@click.argument("name", metavar="NAME|FILE")
@SYSTEM
@click.option("--to", type=click.Choice(["cron", "github", "kubernetes"]), required=True, help="For whom.")
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Instead of here.")
@click.option("--machine-zone", default="UTC", show_default=True, help="In which zone the machine's cron reads times.")
@click.option(
    "--image", default="harness:latest", show_default=True, help="With the harness and the project, for Kubernetes."
)
@_AT
def export(
    name: str, system: Path | None, to: str, write: Path | None, machine_zone: str, image: str, at: dt.datetime | None
) -> None:
    """Write the schedule of a game day for those who run things on time."""
    from harness.declare.gameday import zone_named
    from harness.engine.gameday_export import Setting
    from harness.engine.gameday_export import export as exported

    try:
        zone = zone_named(machine_zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    moment = at or _now()
    found = _declared(name, system, moment).gameday
    setting = Setting(
        now=moment,
        file=found.source,
        folder=str(Path.cwd()),
        machine_zone=zone,
        image=image,
        system=str(system or ""),
        program=_program(),
        path=_path(),
    )
    _put(exported(found, to, setting), write)


@gameday.command()
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Instead of here.")
def schema(write: Path | None) -> None:
    """Print the JSON Schema of a game day's file, for editors."""
    from harness.declare.gameday import gameday_schema
    from harness.declare.schema import text_of

    _put(text_of(gameday_schema()), write)


def _put(text: str, write: Path | None) -> None:
    from harness.errors import HarnessError

    if write is None:
        click.echo(text, nl=False)
        return
    try:
        write.parent.mkdir(parents=True, exist_ok=True)
        write.write_text(text, encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{write} can't be written: {error.strerror}; choose another --write") from error
    click.echo(f"written: {write}")


def _program() -> str:
    """This very command, for those who look for it elsewhere."""
    beside = Path(sys.executable).with_name("harness")
    return str(beside) if beside.is_file() else shutil.which("harness") or "harness"


def _path() -> str:
    """Where programs are found here, each folder once."""
    folders = dict.fromkeys(os.environ.get("PATH", "").split(os.pathsep))
    return os.pathsep.join(each for each in folders if Path(each).is_absolute() and Path(each).is_dir())


def _declared(name: str, system: Path | None, now: dt.datetime) -> Declared:
    from harness.engine.gameday_plan import declared

    return declared(system_path(system), name, now=now)


def _now() -> dt.datetime:
    from harness.clock import SystemClock

    return SystemClock().wall()
