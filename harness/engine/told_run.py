"""A run that people are told of: that it starts, that a guard stopped it, how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from harness.clock import Clock, SystemClock
from harness.engine.concluding import INTERRUPTED, RunResult
from harness.engine.prepare import Options, Plan, prepare
from harness.engine.run import run
from harness.engine.session import Say, name_run
from harness.errors import HarnessError, Stopped
from harness.model.events import RunEnded
from harness.model.experiment import Role
from harness.model.notice import Notice, Occasion, Told
from harness.model.verdict import Verdict
from harness.notify import Notifier

Tell = Callable[[Notice], Awaitable[tuple[Told, ...]]]
"""As `Notifier.tell`."""
Run = Callable[..., Awaitable[RunResult]]
"""As `harness.engine.run.run`."""


class Telling:
    """Tells beside the run, so that it waits for nobody; one after the other, so that no end comes before its start."""

    def __init__(self, tell: Tell, heard: Callable[[Told], None]) -> None:
        """With who tells, and who wants to know what came of it."""
        self._tell = tell
        self._heard = heard
        self._tasks: list[asyncio.Task[None]] = []

    def tell(self, notice: Notice) -> None:
        """Begin to tell it, as soon as what was told before is over."""
        before = self._tasks[-1] if self._tasks else None
        self._tasks.append(asyncio.create_task(self._after(before, notice)))

    async def _after(self, before: asyncio.Task[None] | None, notice: Notice) -> None:
        try:
            if before is not None:
                await before
            for told in await self._tell(notice):
                self._heard(told)
        except asyncio.CancelledError:
            self._heard(Told(channel="somebody", occasion=notice.occasion, why_not="it was interrupted"))

    async def over(self) -> None:
        """Everything was told, or could not be. Who interrupts meanwhile ends only the telling: the run is over."""
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            await asyncio.gather(*self._tasks, return_exceptions=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """The notices of one run."""

    system: str
    run: str
    title: str
    clock: Clock

    def notice(self, occasion: Occasion, text: str, verdict: Verdict | None = None, code: int | None = None) -> Notice:
        return Notice(
            occasion=occasion,
            system=self.system,
            run=self.run,
            title=self.title,
            text=text,
            wall=self.clock.wall().isoformat(timespec="seconds"),
            verdict=verdict,
            exit_code=code,
        )


async def run_told(options: Options, *, title: str, say: Say, tell: Tell | None = None, drive: Run = run) -> RunResult:
    """Run it, and tell whom the description names; whether that can be told changes nothing of the run.

    Raises:
        HarnessError: as `harness.engine.run.run`; that is told too, but not why, since a log may hold anything.
    """
    plan = prepare(options)
    notify = plan.topology.system.notify
    if notify is None:
        return await drive(options, say=say, plan=plan)
    clock = SystemClock()
    name = options.settings.run or name_run(clock)
    options = replace(options, settings=replace(options.settings, run=name))

    def heard(told: Told) -> None:
        if not told.reached:
            say(f"notify: {told}")

    telling = Telling(tell or Notifier.of(notify, root=Path(plan.topology.root), clock=clock).tell, heard)
    story = _Story(system=plan.topology.name, run=name, title=title, clock=clock)
    telling.tell(story.notice(Occasion.START, _what(options, plan)))
    try:
        result = await drive(options, say=say, plan=plan)
    except HarnessError as error:
        telling.tell(story.notice(Occasion.END, "it could not be run", Verdict.UNKNOWN, error.exit_code))
        raise
    except asyncio.CancelledError:
        telling.tell(story.notice(Occasion.END, "interrupted while it was started", Verdict.UNKNOWN, INTERRUPTED))
        raise
    else:
        reason = next((each.reason for each in reversed(result.events) if isinstance(each, RunEnded)), "")
        if result.exit_code == Stopped.exit_code:
            telling.tell(story.notice(Occasion.GUARD, reason))
        telling.tell(story.notice(Occasion.END, reason, result.verdict, result.exit_code))
        return result
    finally:
        await telling.over()


def _what(options: Options, plan: Plan) -> str:
    """`verify, chaos; 12 experiments`."""
    parts = ", ".join(name for name in ("verify", "chaos", "fuzz") if name in options.parts)
    experiments = sum(each.role is Role.EXPERIMENT for each in plan.experiments)
    return f"{parts}; {experiments} experiments" if "chaos" in options.parts else parts
