"""A game day conducted: only when it may be, alone, guarded, written down, and everything healed however it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.clock import Clock
from harness.engine.concluding import INTERRUPTED, RunResult, conclusion, ended_early
from harness.engine.gameday_journal import (
    RUNS,
    Asked,
    Began,
    Diary,
    Ended,
    RunBegan,
    done_in,
    events_of,
    read_diary,
)
from harness.engine.gameday_lock import locked
from harness.engine.gameday_plan import Declared, plan_of
from harness.engine.gameday_preflight import GAMEDAYS, preflight
from harness.engine.gameday_telling import GameDayTelling
from harness.engine.gameday_when import refuse_outside
from harness.engine.prepare import Options, Plan
from harness.engine.run import run
from harness.engine.session import Say, Session, Settings
from harness.engine.told_run import Tell
from harness.errors import HarnessError, Stopped
from harness.model.events import FindingMade
from harness.model.experiment import Experiment, Role
from harness.model.gameday import OUTSIDE, Done, Part, remaining
from harness.model.notice import Occasion
from harness.model.verdict import Verdict, worst

LOOK_S = 1.0
"""How often the time of day is looked at, which may be set while one waits."""
AHEAD = dt.timedelta(days=2)

Ask = Callable[[str], Awaitable[str]]
Run = Callable[..., Awaitable[RunResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user asked for."""

    directory: Path
    seed: int
    max_late: dt.timedelta | None = None
    resume: bool = False
    again: bool = False
    """Whether an experiment that was cut short is run again."""
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a game day deals with besides the system."""

    clock: Clock
    say: Say
    ask: Ask
    others: Callable[[], Sequence[str]]
    tell: Tell | None = None
    run: Run = run


@dataclass(frozen=True, slots=True, kw_only=True)
class GameDayResult:
    """How it ended."""

    verdict: Verdict
    reason: str
    exit_code: int
    not_run: tuple[str, ...]
    run: RunResult | None
    """The run of this time; None when it was interrupted while the system was started."""
    told: str = ""
    """What people far away are told in place of the reason, which may hold anything."""


async def conduct_gameday(found: Declared, wish: Wish, world: World) -> GameDayResult:
    """Run what is to be run of it.

    Raises:
        Outside: when it may not be run now; nothing was started.
        Taken, NotReady: when another one is run, or something else is not as it must be; nothing was started.
        HarnessError: if the system can't be brought up at all.
    """
    gameday = found.gameday
    now = world.clock.wall()
    refuse_outside(gameday, now, max_late=wish.max_late)
    root = Path(found.topology.root)
    with locked(root, gameday.name, wish.directory):
        order = gameday.order(wish.seed)
        entries = read_diary(wish.directory) if wish.resume else ()
        done = done_in(events_of(wish.directory, entries)) if wish.resume else Done()
        parts = remaining(order, done, again=wish.again)
        if not parts:
            raise HarnessError(f"nothing is left of {gameday.name}; see {wish.directory}")
        number = 1 + sum(isinstance(each, RunBegan) for each in entries)
        place = wish.directory / RUNS / str(number)
        settings = Settings(directory=place, seed=wish.seed, tls=wish.tls)
        options, plan = plan_of(found.system, gameday, parts, settings)
        planned_s = sum(each.fault_s for each in plan.experiments if each.role is Role.EXPERIMENT)
        await preflight(
            gameday,
            earlier=wish.directory.parent,
            now=now,
            planned_s=planned_s,
            others=world.others(),
        )
        diary = Diary(wish.directory)
        try:
            if not wish.resume:
                diary.write(_began(found, wish, order, now))
            names = tuple(part.experiment for part in parts)
            below = place.relative_to(wish.directory)
            diary.write(
                RunBegan(
                    wall=now.isoformat(timespec="seconds"), directory=str(below), experiments=names, again=wish.again
                )
            )
            conducting = _Conducting(found=found, wish=wish, world=world, parts=parts, diary=diary)
            return await conducting.through(options, plan)
        finally:
            diary.close()


def _began(found: Declared, wish: Wish, order: Sequence[Part], now: dt.datetime) -> Began:
    gameday = found.gameday
    return Began(
        wall=now.isoformat(timespec="seconds"),
        gameday=gameday.name,
        title=gameday.title,
        file=str(Path(gameday.source).resolve()),
        digest=gameday.digest,
        system=str(found.system.resolve()),
        seed=wish.seed,
        order=tuple(part.experiment for part in order),
        roles=gameday.roles,
    )


@dataclass(slots=True, kw_only=True)
class _Conducting:
    """One run of a game day."""

    found: Declared
    wish: Wish
    world: World
    parts: tuple[Part, ...]
    diary: Diary
    outside: str = field(default="", init=False)
    """Why the time for it was over."""
    interrupted: bool = field(default=False, init=False)
    begun: int = field(default=0, init=False)
    telling: GameDayTelling = field(init=False)

    def __post_init__(self) -> None:
        """Nobody is told yet."""
        self.telling = GameDayTelling(
            tells=self.world.tell,
            gameday=self.found.gameday,
            system=self.found.topology.name,
            run=self.wish.directory.name,
            clock=self.world.clock,
            diary=self.diary,
            say=self.world.say,
        )

    async def through(self, options: Options, plan: Plan) -> GameDayResult:
        """Do it, tell people, and come to a verdict."""
        gameday = self.found.gameday
        self._guide()
        self.telling.tell(Occasion.START, f"{', '.join(each.experiment for each in self.parts)}; {self._roles()}")
        try:
            ended = self._conclude(await self._guarded_by_time(options, plan))
        except HarnessError as error:
            left = tuple(part.experiment for part in self.parts)
            code = error.exit_code
            ended = GameDayResult(
                verdict=Verdict.UNKNOWN,
                reason=f"it could not be run: {error}",
                exit_code=code,
                not_run=left,
                run=None,
                told="it could not be run",
            )
        self.diary.write(
            Ended(
                wall=self._wall(),
                verdict=ended.verdict,
                reason=ended.reason,
                exit_code=ended.exit_code,
                not_run=ended.not_run,
            )
        )
        self.world.say(f"game day {gameday.name}: {ended.verdict}: {ended.reason}")
        if ended.exit_code == Stopped.exit_code:
            self.telling.tell(Occasion.GUARD, ended.reason)
        self.telling.tell(Occasion.END, ended.told or ended.reason, ended.verdict, ended.exit_code)
        await self.telling.over()
        return ended

    def _guide(self) -> None:
        gameday, say = self.found.gameday, self.world.say
        say(f"game day {gameday.name}: {gameday.title}, seed {self.wish.seed}")
        say(f"in this order: {', '.join(part.experiment for part in self.parts)}")
        for role, who in gameday.roles.items():
            say(f"  {role}: {who}")

    def _roles(self) -> str:
        return ", ".join(f"{role}: {who}" for role, who in self.found.gameday.roles.items()) or "nobody has a role"

    async def _guarded_by_time(self, options: Options, plan: Plan) -> RunResult | None:
        """The run, stopped as soon as the time for it is over; however it ends, it has ended when this returns."""
        doing = asyncio.ensure_future(self.world.run(options, say=self.world.say, plan=plan, before=self._before))
        closing = asyncio.create_task(self._closing())
        told = False
        while not doing.done():
            try:
                await asyncio.wait({doing, closing} if not self._over else {doing}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                if not self._over:
                    told = self.interrupted = True
                    doing.cancel()
            else:
                if not doing.done() and not self._over:
                    told, self.outside = True, closing.result()
                    self.world.say(f"stopping: {self.outside}")
                    doing.cancel(self.outside)
        closing.cancel()
        result = None if doing.cancelled() else doing.result()
        if told and result is not None and result.exit_code != INTERRUPTED:
            # It was over already, and only put things right: what it came to stands.
            self.interrupted, self.outside = False, ""
        return result

    @property
    def _over(self) -> bool:
        """Whether the run was told to stop: it is told once, and then has the time that it needs to put all right."""
        return self.interrupted or bool(self.outside)

    async def _closing(self) -> str:
        """Why the time is over, once it is."""
        calendar, clock = self.found.gameday.calendar, self.world.clock
        while not (reason := calendar.barred(clock.wall())):
            await clock.sleep(LOOK_S)
        return f"the time for it is over: {reason}"

    async def _before(self, session: Session, experiment: Experiment) -> None:
        """Pause, ask, and look whether the experiment still fits into the time.

        Raises:
            Stopped: when it does not; it is not begun.
        """
        part = next((each for each in self.parts if each.experiment == experiment.name), None)
        if experiment.role is not Role.EXPERIMENT or part is None:
            return
        clock, say = self.world.clock, self.world.say
        if self.begun and part.pause:
            say(f"a pause of {part.pause} before {part.experiment}")
            await clock.sleep(part.pause)
        if part.ask:
            answer = await self.world.ask(f"{part.experiment}: {part.ask}")
            told = f"answered beforehand: {answer}" if answer else "nobody answered beforehand"
            session.recorder.note(f"{part.experiment}: {part.ask} {told}")
            self.diary.write(Asked(wall=self._wall(), experiment=part.experiment, question=part.ask, answer=answer))
        length = dt.timedelta(seconds=experiment.fault_s)
        closes = self.found.gameday.calendar.closes(clock.wall(), within=length)
        if closes is not None:
            local = closes[0].astimezone(self.found.gameday.calendar.zone)
            self.outside = f"{part.experiment} would not be over at {local:%H:%M}: {closes[1]}"
            raise Stopped(self.outside)
        self.begun += 1

    def _conclude(self, result: RunResult | None) -> GameDayResult:
        runs = events_of(self.wish.directory, read_diary(self.wish.directory))
        done = done_in(runs)
        over = {*done.ended, *done.cut}
        order = self.found.gameday.order(self.wish.seed)
        not_run = tuple(part.experiment for part in order if part.experiment not in over)
        findings = [event.finding for events in runs for event in events if isinstance(event, FindingMade)]
        verdict, reason = conclusion(findings)
        code: int | None = None
        unhealed = result.unhealed if result is not None else ()
        if self.interrupted:
            code, reason = INTERRUPTED, ended_early("interrupted", unhealed)
        elif self.outside:
            code, reason = OUTSIDE, ended_early(self.outside, unhealed)
        elif result is not None and result.exit_code == Stopped.exit_code:
            code, reason = Stopped.exit_code, _why(result)
        if done.cut:
            reason = f"{reason}; cut short: {', '.join(done.cut)}"
        if code is not None or not_run or done.cut:
            verdict = worst((verdict, Verdict.UNKNOWN))
        if not_run:
            reason = f"{reason}; not run: {', '.join(not_run)}"
        code = verdict.exit_code if code is None else code
        return GameDayResult(verdict=verdict, reason=reason, exit_code=code, not_run=not_run, run=result)

    def _wall(self) -> str:
        return self.world.clock.wall().isoformat(timespec="seconds")


def _why(result: RunResult) -> str:
    """The reason that the run gave last."""
    last = result.events[-1] if result.events else None
    return str(getattr(last, "reason", "")) or "stopped by a guard"


__all__ = ["GAMEDAYS", "GameDayResult", "Wish", "World", "conduct_gameday"]
