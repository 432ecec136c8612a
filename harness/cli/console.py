"""What the commands share: progress on the terminal, the description they mean, an orderly end by a signal."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.clock import SystemClock

_Result = TypeVar("_Result")


class Console:
    """Prints what is being done, with the seconds since the command began."""

    def __init__(self, *, err: bool = False) -> None:
        self.colour = sys.stdout.isatty()
        self._err = err
        self._clock = SystemClock()
        self._began = self._clock.now()

    def say(self, message: str) -> None:
        """One line, at once."""
        click.echo(f"[{self._clock.now() - self._began:6.1f} s] {message}", err=self._err)
        sys.stdout.flush()


def system_path(named: Path | None) -> Path:
    """The description that was named, or the one that is found below the working directory.

    Raises:
        DeclarationError: if there is none.
    """
    from harness.declare import find_description
    from harness.declare.system import DESCRIPTION

    if named is None:
        return find_description(Path())
    return named / DESCRIPTION if named.is_dir() else named


STOPPING = "stopping: healing and removing everything, this takes a few seconds"


async def until_interrupted(work: Coroutine[Any, Any, _Result], *, saying: str = STOPPING) -> _Result:
    """Do the work as a task that the first SIGINT or SIGTERM cancels; later ones don't hurry its clean-up."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    asked = False

    def cancel() -> None:
        nonlocal asked
        if not asked:
            asked = True
            click.echo(saying, err=True)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise click.Abort from None
