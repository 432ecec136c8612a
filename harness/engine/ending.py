"""How every run of its own ends: what was started is stopped, the verdict is written down, whatever happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from harness.engine.concluding import INTERRUPTED, RunResult, conclusion, ended_early
from harness.engine.session import Say, Session
from harness.errors import DeclarationError, HarnessError, LoadError
from harness.model.events import Event, PhaseEnded, RunEnded
from harness.model.finding import Finding
from harness.model.verdict import Verdict, worst


async def conducted(
    session: Session,
    work: Callable[[], Awaitable[None]],
    *,
    broken: Callable[[HarnessError], Finding],
    say: Say,
    told: Callable[[Sequence[Event], Verdict, str], tuple[Verdict, str]] = lambda _events, *said: said,
) -> RunResult:
    """Do the work on a system that is up, then stop it; trouble is a finding, made by `broken`.

    `told` may say more of the verdict than its findings do.

    Raises:
        LoadError, DeclarationError: what the user wrote does not fit the system; after all was stopped.

    When the task is cancelled, everything is put right, and the result says that it was interrupted.
    """
    recorder = session.recorder
    recorder.record(PhaseEnded(name="start", t=recorder.now(), took_s=recorder.now()))
    interrupted = False
    refused: LoadError | DeclarationError | None = None
    try:
        await work()
    except asyncio.CancelledError:
        interrupted = True
    except (LoadError, DeclarationError) as error:
        refused = error
    except HarnessError as error:
        recorder.find(broken(error))
    finally:
        say("stopping")
        await stopped(session)
    verdict, reason = told(recorder.events, *conclusion(recorder.findings))
    if interrupted:
        verdict, reason = worst((verdict, Verdict.UNKNOWN)), ended_early("interrupted", session.unhealed)
    code = INTERRUPTED if interrupted else verdict.exit_code
    recorder.record(RunEnded(t=session.now(), verdict=verdict, reason=reason, exit_code=code))
    recorder.close()
    if refused is not None:
        raise refused
    return RunResult(verdict=verdict, exit_code=code, directory=session.directory, events=tuple(recorder.events))


async def stopped(session: Session) -> None:
    """Stop to the end: who cancels meanwhile hurries nothing, and still hears what was found."""
    stopping = asyncio.ensure_future(session.stop())
    while not stopping.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(stopping)
    stopping.result()
