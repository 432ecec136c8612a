"""`harness gameday run`, `resume` and `stop`."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from harness.cli.console import Console, system_path, until_interrupted

if TYPE_CHECKING:
    from harness.engine.gameday import GameDayResult, Wish
    from harness.engine.gameday_journal import Began
    from harness.engine.gameday_plan import Declared
    from harness.engine.told_run import Tell

MAX_SEED = 2**31 - 1
ANSWER_WITHIN_S = 120.0
MOST_ANSWER_CHARS = 1000
STOPPED_WITHIN_S = 180.0
LOOK_S = 0.2
SUMMARY = "gameday.md"

Late: TypeAlias = dt.timedelta


class _Late(click.ParamType[dt.timedelta]):
    """How late something may come: `30min`."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dt.timedelta:
        """Read it; fails with a message."""
        from harness.model.quantity import Duration

        if isinstance(value, dt.timedelta):
            return value
        try:
            return dt.timedelta(seconds=float(Duration.parse(value)))
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)


SYSTEM = click.option(
    "--system", type=click.Path(path_type=Path), help="The system.yaml; found by itself if there is one."
)
LATE = click.option(
    "--max-late", type=_Late(), metavar="DURATION", help="Refuse when it was due longer ago: 30min. Exit code 4."
)


@click.command()
@click.argument("name", metavar="NAME|FILE")
@SYSTEM
@LATE
@click.option("--directory", type=click.Path(path_type=Path), help="Where its files go.")
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Of all chance in it; drawn and told if absent.")
@click.option("--tls", is_flag=True, help="Let the services speak TLS among themselves, where they can.")
@click.pass_context
def run(
    context: click.Context,
    name: str,
    system: Path | None,
    max_late: Late | None,
    directory: Path | None,
    seed: int | None,
    *,
    tls: bool,
) -> None:
    """Run a game day now, if it may be run now."""
    from harness.clock import SystemClock
    from harness.engine.gameday import GAMEDAYS, Wish
    from harness.engine.gameday_journal import DIARY
    from harness.engine.gameday_plan import declared
    from harness.engine.session import name_run
    from harness.errors import HarnessError

    clock = SystemClock()
    found = declared(system_path(system), name, now=clock.wall())
    root = Path(found.topology.root)
    place = (directory or root / GAMEDAYS / f"{found.gameday.name}-{name_run(clock)}").resolve()
    if (place / DIARY).exists():
        raise HarnessError(f"{place} holds a game day already; name another, or: harness gameday resume {place}")
    drawn = secrets.randbelow(MAX_SEED) if seed is None else seed
    context.exit(_conduct(found, Wish(directory=place, seed=drawn, max_late=max_late, tls=tls)))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--again", is_flag=True, help="Run an experiment again that was cut short, instead of the next one.")
@click.option("--tls", is_flag=True, help="As in the beginning.")
@click.pass_context
def resume(context: click.Context, directory: Path, *, again: bool, tls: bool) -> None:
    """Go on with a game day that was killed or stopped, at the next experiment; its files are in DIRECTORY."""
    from harness.clock import SystemClock
    from harness.engine.gameday import Wish
    from harness.engine.gameday_journal import Began, read_diary
    from harness.engine.gameday_plan import declared
    from harness.errors import HarnessError

    began: Began = next(each for each in read_diary(directory) if isinstance(each, Began))
    found = declared(Path(began.system), began.file, now=SystemClock().wall())
    if found.gameday.digest != began.digest:
        raise HarnessError(f"{began.file} was changed since this game day began; run it anew: harness gameday run")
    wish = Wish(directory=directory.resolve(), seed=began.seed, resume=True, again=again, tls=tls)
    context.exit(_conduct(found, wish))


@click.command()
@SYSTEM
def stop(system: Path | None) -> None:
    """Stop the game day that is being run on a system: everything is healed, the rest is not run."""
    from harness.clock import SystemClock, pause
    from harness.declare import load_system
    from harness.engine.gameday_lock import owner
    from harness.errors import HarnessError

    root = Path(load_system(system_path(system)).root)
    at_it = owner(root)
    if at_it is None:
        click.echo("no game day is being run")
        return
    os.kill(at_it.pid, signal.SIGTERM)
    click.echo(f"stopping {at_it.gameday}: process {at_it.pid}")
    clock = SystemClock()
    limit = clock.now() + STOPPED_WITHIN_S
    while at_it.alive:
        if clock.now() > limit:
            raise HarnessError(f"process {at_it.pid} still puts things right after {STOPPED_WITHIN_S:g} s; look at it")
        pause(LOOK_S)
    click.echo(f"stopped; see {at_it.directory}")


def _conduct(found: Declared, wish: Wish) -> int:
    return asyncio.run(_drive(found, wish))


async def _drive(found: Declared, wish: Wish) -> int:
    from harness.clock import SystemClock
    from harness.engine.gameday import World, conduct_gameday
    from harness.report.terminal import render

    console = Console()
    world = World(
        clock=SystemClock(),
        say=console.say,
        ask=_ask,
        others=lambda: _others(found.topology.name),
        tell=_tell(found),
    )
    result: GameDayResult = await until_interrupted(conduct_gameday(found, wish, world))
    if result.run is not None:
        from harness.cli.history import beside
        from harness.report import write_reports

        written = write_reports(
            result.run.events, result.run.directory, beside(result.run.directory, result.run.events)
        )
        click.echo()
        click.echo(render(result.run.events, colour=console.colour, report=written[0]))
    click.echo(_summary(wish.directory))
    return result.exit_code


def _summary(directory: Path) -> str:
    """Write down how the game day went, and tell where."""
    from harness.engine.gameday_journal import events_of, read_diary
    from harness.engine.gameday_told import tell_gameday
    from harness.errors import HarnessError

    entries = read_diary(directory)
    file = directory / SUMMARY
    lines = [*tell_gameday(entries, events_of(directory, entries))]
    try:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{file} can't be written: {error.strerror}") from error
    return f"game day: {file}"


def _tell(found: Declared) -> Tell | None:
    from harness.notify import Notifier

    notify = found.gameday.notify
    return Notifier.of(notify, root=Path(found.topology.root)).tell if notify is not None else None


def _others(system: str) -> Sequence[str]:
    """Who has the same system up from here."""
    from harness.cli.standing import all_standing

    return [
        f"{each.run} is up, kept by process {each.pid}; end it: harness down"
        for each in all_standing()
        if each.system == system
    ]


async def _ask(question: str) -> str:
    """What somebody at the terminal answers; nothing when there is nobody, or after a while."""
    if not sys.stdin.isatty():
        return ""
    click.echo(f"{question}\n(one line, within {ANSWER_WITHIN_S:g} s; nothing is an answer too) > ", nl=False)
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[str] = loop.create_future()

    def read() -> None:
        if not answered.done():
            answered.set_result(sys.stdin.readline().strip()[:MOST_ANSWER_CHARS])

    loop.add_reader(sys.stdin.fileno(), read)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await answered
    except TimeoutError:
        click.echo()
        return ""
    finally:
        loop.remove_reader(sys.stdin.fileno())
