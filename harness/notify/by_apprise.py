"""Telling by Apprise, where that is installed: in a process of its own, which can be ended when it takes too long."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path

from harness.model.notice import Notice, Occasion
from harness.model.notifying import Hidden
from harness.model.verdict import Verdict
from harness.notify.apprise_process import MISSING, NO_ADDRESS, TOLD
from harness.notify.body import as_text
from harness.notify.hidden import Keeper
from harness.notify.unsent import Unsent

PROGRAM = (sys.executable, "-I", str(Path(__file__).with_name("apprise_process.py")))


async def send(notice: Notice, addresses: Hidden, *, keeper: Keeper, program: tuple[str, ...] = PROGRAM) -> None:
    """Hand it to Apprise; raises Unsent when that is not installed, or did not reach all of them.

    What Apprise says is not shown, since that may hold the addresses; they are not on its command line either.
    """
    asked = {
        "addresses": keeper.read(addresses).split(),
        "title": notice.headline,
        "body": as_text(notice),
        "type": _colour(notice),
    }
    process = await asyncio.create_subprocess_exec(*program, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)
    try:
        await process.communicate(json.dumps(asked).encode())
    finally:
        if process.returncode is None:  # the time is over, or the run is
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    match process.returncode:
        case code if code == TOLD:
            return
        case code if code == MISSING:
            raise Unsent("Apprise is not installed; pip install 'harness[apprise]'")
        case code if code == NO_ADDRESS:
            raise Unsent(f"{addresses} holds an address that Apprise does not know")
        case _:
            raise Unsent(f"Apprise did not reach everybody of {addresses}")


def _colour(notice: Notice) -> str:
    """Apprise's word for how bad it is."""
    if notice.occasion is Occasion.GUARD or notice.verdict is Verdict.UNKNOWN:
        return "warning"
    if notice.verdict is None:
        return "info"
    return "success" if notice.verdict is Verdict.PASS else "failure"
