"""`harness heal`: the panic button; whatever is in force is taken back, and so once more does nothing."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.standing import Standing, all_recorded

if TYPE_CHECKING:
    from harness.faults.record import Record

RUNS = Path(".harness") / "runs"
GONE_WITHIN_S = 20.0
LOOK_S = 0.1
UNHEALED = 2


@click.command()
@click.argument("runs", nargs=-1)
def heal(runs: tuple[str, ...]) -> None:
    """Heal all faults in force on what is up from this directory, or on these RUNS.

    Where the process that keeps a system up is dead, its watchdog has put everything right, which is seen to;
    where that process hangs, it is ended, so that its watchdog does.
    """
    standing = {each.run: each for each in all_recorded()}
    left = _left_behind()
    known = left | {name: each.directory for name, each in standing.items()}
    for run in runs:
        if run not in known:
            message = f"no run {run!r} is up, and none left a fault; there are: {', '.join(known) or 'none'}"
            raise click.ClickException(message)
    chosen = [name for name in known if not runs or name in runs]
    if not chosen:
        click.echo("nothing is up, and nothing was left in force")
    sys.exit(max((_heal(name, known[name], standing.get(name)) for name in chosen), default=0))


def _heal(run: str, directory: Path, standing: Standing | None) -> int:
    if standing is not None and standing.kept:
        code = _by_its_keeper(standing)
        if code is not None:
            return code
    return _by_its_watchdog(run, directory, standing)


def _by_its_keeper(standing: Standing) -> int | None:
    """Let the process that keeps it up do it; None when that is not there any more, if need be by our hand."""
    from harness.cli.asking import HEALED_WITHIN_S, HangsError, NobodyListensError, answers, converse
    from harness.cli.control_words import HealRequest
    from harness.cli.inject import tell
    from harness.runtime import procfs

    name = f"{standing.system} ({standing.run})"
    if procfs.stands_still(standing.pid) and standing.kept:
        click.echo(f"{name}: process {standing.pid}, which keeps it up, was stopped; it goes on")
        os.kill(standing.pid, signal.SIGCONT)
    try:
        if not answers(standing.directory) and not standing.entry:
            click.echo(f"{name} is being brought up: nothing is in force")
            return 0
        found = list(converse(standing.directory, HealRequest(), within_s=HEALED_WITHIN_S))
    except (HangsError, NobodyListensError) as error:
        if standing.kept:
            click.echo(f"{name}: {error}; process {standing.pid} is ended, and its watchdog heals")
            os.kill(standing.pid, signal.SIGKILL)
        return None
    for answer in found:
        tell(answer)
    if not found:
        click.echo(f"{name}: nothing is in force")
    if all(answer.good for answer in found):
        return 0
    click.echo(f"{name}: not everything is healed; `harness down {standing.run}` ends it all", err=True)
    return UNHEALED


def _by_its_watchdog(run: str, directory: Path, standing: Standing | None) -> int:
    """See that the watchdog of a run that is dead has done its work, and do what it could not."""
    from harness.clock import SystemClock, pause
    from harness.engine.session import IN_FORCE
    from harness.faults.record import Record
    from harness.runtime import leftovers

    record, supervised = Record(directory / IN_FORCE), directory / leftovers.RECORD
    clock = SystemClock()
    limit = clock.now() + GONE_WITHIN_S
    # A run that is under way keeps itself; one that is dead is tidied by its supervisor, which removes its record.
    if standing is None and (keeper := _keeper(supervised)):
        click.echo(f"{run} is under way: `kill -TERM {keeper}` (or its Ctrl-C) ends it and heals everything", err=True)
        return UNHEALED
    while supervised.exists() and clock.now() < limit:
        leftovers.sweep(str(directory.parent))
        pause(LOOK_S)
    if supervised.exists():
        click.echo(f"{run}: its watchdog is still there after {GONE_WITHIN_S:g} s; see {supervised}", err=True)
        return UNHEALED
    if standing is not None:
        if standing.runtime == "docker":
            from harness.runtime.docker.engine import remove_run

            remove_run(run)
        standing.forget()
    _tell_left(run, record)
    return 0


def _tell_left(run: str, record: Record) -> None:
    from harness.clock import SystemClock

    left = record.left()
    for each in left:
        click.echo(f"{run}: {each} was in force; the harness that did it is gone, with all that it had started")
        record.close(each, SystemClock().now(), "by harness heal, after the watchdog")
    if not left:
        click.echo(f"{run} is gone: nothing is in force")


def _keeper(supervised: Path) -> int:
    """The process that conducts a run, when it is there; 0 when it is not, or nobody can tell."""
    import psutil

    from harness.runtime import procfs
    from harness.runtime.leftovers import Record

    record = Record.read(str(supervised))
    for pid, since in record.keepers if record is not None else ():
        try:
            *_, harness, _record = psutil.Process(pid).cmdline()
        except (psutil.Error, ValueError):
            continue
        if procfs.started(pid) == since and harness.isdigit() and procfs.alive(int(harness)):
            return int(harness)
    return 0


def _left_behind() -> dict[str, Path]:
    """The runs below this directory whose records have something in force."""
    from harness.engine.session import IN_FORCE
    from harness.faults.record import Record

    return {file.parent.name: file.parent for file in sorted(RUNS.glob(f"*/{IN_FORCE}")) if Record(file).left()}
