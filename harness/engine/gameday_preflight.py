"""What must be so before a game day breaks anything."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.engine.gameday_journal import DIARY, Began, events_of, read_diary, under_fault_s
from harness.errors import HarnessError, JournalError
from harness.model.gameday import OUTSIDE, Budget, GameDay
from harness.model.quantity import Duration

GAMEDAYS = Path(".harness") / "gamedays"
COMMAND_WITHIN_S = 60.0
MOST_OUTPUT_CHARS = 300


class NotReady(HarnessError):  # noqa: N818 -- a refusal beforehand is no error
    """It is better not begun; nothing was started."""

    exit_code = OUTSIDE


async def preflight(
    gameday: GameDay,
    *,
    earlier: Path,
    now: dt.datetime,
    planned_s: float,
    others: Sequence[str],
) -> None:
    """Let it pass when nobody else is at it, the budget is there, and every command says so.

    Args:
        gameday: what is to be run.
        earlier: the folder of the game days so far.
        now: the time of day.
        planned_s: how long faults will be in force.
        others: who else is at the system.

    Raises:
        NotReady: with every reason why not.
    """
    reasons = [f"somebody else is at it: {each}" for each in others]
    if (budget := gameday.preflight.budget) is not None:
        spent_s = sum(await asyncio.to_thread(lambda: [*_spent(earlier, now, budget)]))
        if spent_s + planned_s > budget.under_fault:
            reasons.append(_over(budget, spent_s, planned_s))
    asked = [await _asked(command) for command in gameday.preflight.commands]
    reasons += [each for each in asked if each]
    if reasons:
        raise NotReady("\n".join(f"{gameday.name} is not begun: {each}" for each in reasons))


def _over(budget: Budget, spent_s: float, planned_s: float) -> str:
    return (
        f"its faults would be in force for {Duration(round(planned_s))}, those of the last {budget.over} were for "
        f"{Duration(round(spent_s))}, and the budget is {budget.under_fault}; wait, or raise it"
    )


def _spent(earlier: Path, now: dt.datetime, budget: Budget) -> Iterator[float]:
    """How long faults were in force, in each run of the game days within the budget's span."""
    for diary in sorted(earlier.glob(f"*/{DIARY}")):
        with contextlib.suppress(JournalError):
            entries = read_diary(diary.parent)
            began = next(each for each in entries if isinstance(each, Began))
            if now - dt.datetime.fromisoformat(began.wall) <= dt.timedelta(seconds=float(budget.over)):
                yield from (under_fault_s(events) for events in events_of(diary.parent, entries))


async def _asked(command: Sequence[str]) -> str:
    """Why a command does not let it pass; empty when it does."""
    line = " ".join(command)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return f"the command {line} can't be run: {error.strerror}"
    try:
        async with asyncio.timeout(COMMAND_WITHIN_S):
            said, _ = await process.communicate()
    except TimeoutError:
        return f"the command {line} did not end within {COMMAND_WITHIN_S:g} s"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.returncode == 0:
        return ""
    told = said.decode(errors="replace").strip()[-MOST_OUTPUT_CHARS:]
    return f"the command {line} ended with {process.returncode}" + (f": {told}" if told else "")
