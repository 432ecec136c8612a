"""A load run: bring up or attach, follow the profile, let everything end, judge."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, assert_never

from harness.engine.ending import conducted
from harness.engine.load_plan import LoadRun
from harness.engine.load_steering import Plan, Steering
from harness.engine.loading import crashes, replay_of, start_generators
from harness.engine.session import Say, Session, Settings
from harness.errors import HarnessError, LoadError
from harness.load.driver import LoadDriver, Told
from harness.model.events import LoadPhaseEnded, PhaseEnded
from harness.model.figures import GOOD
from harness.model.finding import Finding, Part
from harness.model.load_events import Noted, Observed, WorkerJoined, WorkerLost
from harness.model.load_profile import LoadPhase
from harness.model.observation import JourneySecond
from harness.model.verdict import Verdict

if TYPE_CHECKING:
    from harness.engine.concluding import RunResult
    from harness.load.warm import WarmGenerator

QUIESCE_S = 30.0
"""How long the journeys in flight get to end."""
LOOK_S = 0.25
"""How often it is looked whether the generator is alive."""
NOTICE_S = 0.1
"""How long before its begin the generator knows the profile: it answers in milliseconds."""
FLEET_NOTICE_S = 0.5
"""The same of several, whom a master tells."""
WATCH_S = 1.0
"""How often it is looked whether the proxies are well."""


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What the run has come to so far."""

    phases: list[LoadPhaseEnded] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    """What went wrong with the harness's own parts."""
    sick: set[str] = field(default_factory=set)
    """Proxies that died or hung."""
    watch_failed: str = ""
    """Why nobody knows whether they did."""


class Onlooker(Protocol):
    """Somebody who looks on while there is load, and may have a hand in it."""

    @property
    def steering(self) -> Steering:
        """Where wishes for another rate are left."""
        ...

    async def join(self, session: Session, driver: LoadDriver) -> None:
        """All is up, and the load is about to begin."""
        ...

    async def leave(self) -> None:
        """The load is over: put right what was broken."""
        ...


async def load(
    run: LoadRun,
    settings: Settings,
    *,
    say: Say,
    onlooker: Onlooker | None = None,
    warm: WarmGenerator | None = None,
) -> RunResult:
    """Do it; what was started is stopped again whatever happens.

    `warm` is a generator that was started already; it is used if one is enough, and it has not ended.

    When the task is cancelled, no more journey begins, those in flight end, and what there is is judged and written.

    Raises:
        HarnessError: if nothing could be run at all; once there was load, trouble ends in a verdict instead.
    """
    session = await Session.open(run.topology, settings=settings, say=say if run.described else _silent)
    loading = _Loading(run, session, say, onlooker, warm)
    return await conducted(session, loading.work, broken=_broken, say=say)


class _Loading:
    """The load on one system that is up."""

    def __init__(
        self, run: LoadRun, session: Session, say: Say, onlooker: Onlooker | None, warm: WarmGenerator | None
    ) -> None:
        self._run = run
        self._session = session
        self._say = say
        self._onlooker = onlooker
        self._warm = warm
        self._steering = onlooker.steering if onlooker else Steering(session.topology)
        self._driver: LoadDriver
        self._progress = _Progress()

    async def work(self) -> None:
        """Drive the profile to its end, or for as long as one may, then judge."""
        self._driver = await start_generators(self._session, self._run, told=self._told, warm=self._warm)
        if self._onlooker is not None:
            await self._onlooker.join(self._session, self._driver)
        zero, run_began = self._zero()
        began = self._session.now()
        watch = asyncio.create_task(self._watch())
        try:
            await self._follow(zero, run_began)
        except LoadError as error:
            self._progress.trouble.append(str(error))
        except asyncio.CancelledError:
            await self._end(watch, began)
            raise
        await self._end(watch, began)

    def _told(self, event: Told) -> None:
        """What somebody at the terminal must know at once."""
        self._session.recorder.record(event)
        match event:
            case Noted(message=message):
                self._say(message)
            case WorkerJoined(worker=worker, machine=machine):
                self._say(f"the worker {worker} on {machine} has joined")
            case WorkerLost(worker=worker, machine=machine, why=why, left=left):
                self._say(f"the worker {worker} on {machine} is lost ({why}); {left} go on")
            case _:
                assert_never(event)

    def _zero(self) -> tuple[float, float | None]:
        """From when on the load goes: a whole second, so that those of the phases are whole too.

        Where nothing but one generator goes by the run's clock, that is set forward to it, not waited for: the second
        value is when the run began by the generator's.
        """
        zero = self._soon()
        if self._run.described or self._run.fleet is not None:
            return zero, None
        return zero, self._session.advance_to(zero - NOTICE_S)

    async def _follow(self, zero: float, run_began: float | None) -> None:
        """Each phase after the other."""
        session, profile = self._session, self._run.profile
        await self._driver.follow(profile, began=zero, run_began=run_began)
        self._steering.plan = plan = Plan(profile, began=zero)
        try:
            for part in plan:
                await self._wait(part.start)
                self._say(f"{part.phase.name}: {in_words(part.phase)}")
                try:
                    await self._through(plan)
                finally:
                    end = plan.under_way.end  # it may have been brought forward
                    self._ended(part.phase, part.start, min(session.now(), end))
        finally:
            self._steering.plan = None

    def _soon(self) -> float:
        """The next whole second of which every generator can hear in time."""
        notice_s = NOTICE_S if self._run.fleet is None else FLEET_NOTICE_S
        return float(math.ceil(self._session.now() + notice_s))

    async def _through(self, plan: Plan) -> None:
        """Wait for the end of the phase under way, wherever that is meanwhile."""
        while self._session.now() < plan.under_way.end:
            await self._heed(plan)
            await self._wait(min(self._session.now() + LOOK_S, plan.under_way.end))

    async def _heed(self, plan: Plan) -> None:
        """Do what somebody wants of the load."""
        at = self._soon()
        if (wish := self._steering.take()) is None or at >= plan.end:
            return
        if wish.over:
            plan.cut(at)
            return
        await self._driver.follow(plan.turn(at, rate=wish.rate, slope=wish.slope), began=at)

    async def _wait(self, t: float) -> None:
        """Wait; raises LoadError when the generator dies meanwhile."""
        session = self._session
        while (left_s := t - session.now()) > 0:
            if not self._driver.alive:
                raise LoadError("the load generator died")
            await session.clock.sleep(min(LOOK_S, left_s))

    def _ended(self, phase: LoadPhase, start: float, end: float) -> None:
        """Told also of one that was cut short, with the rate that it had come to."""
        if end <= start:
            return
        self._progress.phases.append(
            LoadPhaseEnded(
                name=phase.name,
                start=start,
                end=end,
                asked_start=phase.start_rate,
                asked_end=phase.rate_at(end - start),
                users=phase.users,
            )
        )
        self._session.recorder.record(self._progress.phases[-1])

    async def _end(self, watch: asyncio.Task[None], began: float) -> None:
        """Whatever happened: nothing in flight is lost, and what there is is judged."""
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        if self._onlooker is not None:
            await self._onlooker.leave()
        try:
            await self._rest()
        except LoadError as error:
            self._progress.trouble.append(str(error))
        recorder = self._session.recorder
        recorder.record(PhaseEnded(name="load", t=recorder.now(), took_s=recorder.now() - began))
        self._tell_operations()
        self._judge()

    async def _rest(self) -> None:
        if not self._driver.alive:
            return
        self._say("letting the journeys in flight end")
        lost = await self._driver.quiesce(QUIESCE_S)
        await self._driver.flush()
        self._session.recorder.record(Observed(distinct=await self._driver.take_distinct()))
        if lost:
            self._progress.trouble.append(f"{lost} journeys were still in flight {QUIESCE_S:g} s after the load's end")

    def _tell_operations(self) -> None:
        """How the operations ended; they themselves are in the history beside the journal."""
        found = Counter(f"{each.name} {each.outcome}" for each in self._driver.operations())
        if found:
            self._session.recorder.note("operations on record", dict(sorted(found.items())))

    def _judge(self) -> None:
        from harness.checkers import thresholds
        from harness.checkers.limits import Rows
        from harness.checkers.load_health import doubted, load_health

        recorder, progress = self._session.recorder, self._progress
        replay = replay_of(self._session)
        observed = [each for each in recorder.events if isinstance(each, Observed)]
        health = load_health(
            phases=progress.phases,
            generator=recorder.generator,
            answers=recorder.answers,
            distinct=[answer for each in observed for answer in each.distinct],
            trouble=self._trouble(),
            replay=replay,
        )
        rows = Rows(journeys=recorder.journeys, answers=recorder.answers)
        judged = thresholds.judge(self._run.thresholds, rows, thresholds.phase_windows(progress.phases))
        kept = doubted(thresholds.findings(judged, replay=replay), health)
        recorder.find(*health, _served(recorder.journeys, replay), *crashes(self._session), *kept)

    def _trouble(self) -> list[str]:
        """What went wrong with the harness's own parts."""
        progress = self._progress
        lost = [each for each in self._session.recorder.events if isinstance(each, WorkerLost)]
        found = [f"the worker {each.worker} on {each.machine} was lost at {each.t:.1f} s: {each.why}" for each in lost]
        found += [f"{name} died or hung under the load" for name in sorted(progress.sick)]
        if progress.watch_failed:
            found.append(f"the proxies could not be watched: {progress.watch_failed}")
        if not self._driver.alive and not progress.trouble:
            found.append("the load generator died")
        return [*progress.trouble, *found]

    async def _watch(self) -> None:
        """Look whether the proxies are well; those that are not are started anew, and what was measured is in doubt."""
        while True:
            try:
                self._progress.sick.update(await self._session.deployment.mesh.put_right())
            except HarnessError as error:
                self._progress.watch_failed = str(error)
            await self._session.clock.sleep(WATCH_S)


def _silent(_message: str) -> None:
    """Nobody need hear that hosts have no proxies."""


def in_words(phase: LoadPhase) -> str:
    """What is asked of a phase."""
    if phase.users:
        return f"{phase.users} users for {phase.length_s:g} s"
    rates = (
        f"{phase.start_rate:g}" if phase.start_rate == phase.end_rate else f"{phase.start_rate:g} to {phase.end_rate:g}"
    )
    return f"{rates} journeys a second for {phase.length_s:g} s"


def _served(journeys: Sequence[JourneySecond], replay: str) -> Finding:
    """A load of which nobody got anything shows nothing of how the system bears it."""
    ended = sum(each.count for each in journeys)
    good = sum(each.count for each in journeys if each.outcome in GOOD)
    return Finding(
        check="served",
        part=Part.LOAD,
        verdict=Verdict.PASS if good else Verdict.UNKNOWN,
        reason=f"{good} of {ended} journeys ended well" if good else f"none of {ended} journeys ended well",
        subject="journeys",
        replay=replay,
    )


def _broken(error: HarnessError) -> Finding:
    return Finding(
        check="harness", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason=str(error), subject="the load run"
    )
