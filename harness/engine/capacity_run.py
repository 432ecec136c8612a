"""A run that finds out how much a system bears: rate by rate to the knee, beyond it if asked, and what it all cost."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import psutil

from harness.checkers.capacity import Trial, judge_step, worked_on
from harness.checkers.capacity_costs import costs, needed, saturation
from harness.checkers.capacity_search import at_knee, bracket, knee_of, next_rate
from harness.checkers.limits import Rows
from harness.checkers.load_health import load_health
from harness.checkers.overload import RECOVER_WITHIN_S, Overloading, overload, overload_finding
from harness.engine.capacity_plan import OVERLOAD_TIMES, CapacityRun
from harness.engine.capacity_uses import machine_use, roots_of, uses_between, yielding
from harness.engine.concluding import RunResult
from harness.engine.ending import conducted
from harness.engine.loading import crashes, replay_of, start_generators
from harness.engine.session import Say, Session, Settings
from harness.errors import HarnessError, LoadError
from harness.load.driver import LoadDriver, Told
from harness.model.capacity import Capacity, Cost, FleetNeeded, Held, Knee, Overload, RateStep
from harness.model.events import CapacityMeasured, LoadPhaseEnded, PhaseEnded
from harness.model.finding import Finding, Part
from harness.model.load_events import Observed, WorkerLost
from harness.model.load_profile import LoadPhase, LoadProfile
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from harness.observe.cpu import CpuSeen, cores_between, cpu_seen

SETTLES = 0.2
"""The part of a step in which the system settles; it is not judged."""
QUIESCE_S = 30.0
"""How long the journeys in flight get to end after each step."""
IDLE_S = 5.0
"""For what instances have of the CPU before anybody comes."""
REST_S = 3.0
"""After a step that did not hold, for what it has left behind in a system whose CPU nobody can see."""
WORK_OFF_S = 60.0
"""How long a system gets to work off what a step has left to do, before the next."""
AT_REST = 0.1
"""Of the machine's cores: what a system may have beyond what it had before anybody came."""
WORK_LOOK_S = 1.0
LOOK_S = 0.25
NOTICE_S = 0.5
"""How long before its begin every generator knows a step."""
USUAL = 0.8
"""Of the knee: the load before and after an overload."""
OVERLOAD_STEPS = 2
"""Steps' lengths of each: goodput beyond the knee is uneven, and what is usual before is what it is held against."""
AFTER_S = RECOVER_WITHIN_S + 10
"""How long it is watched afterwards, at least."""


@dataclass(slots=True, kw_only=True)
class _Progress:
    """What the run has come to so far."""

    steps: list[RateStep] = field(default_factory=list)
    phases: list[LoadPhaseEnded] = field(default_factory=list)
    cpu: dict[str, tuple[CpuSeen, CpuSeen]] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    overload: Overload | None = None
    trouble: list[str] = field(default_factory=list)


async def measure_capacity(run: CapacityRun, settings: Settings, *, say: Say) -> RunResult:
    """Do it; what was started is stopped again whatever happens.

    When the task is cancelled, no more journey begins, those in flight end, and what there is is judged and written.

    Raises:
        HarnessError: if nothing could be run at all; once there was load, trouble ends in a verdict instead.
    """
    session = await Session.open(
        run.load.topology, settings=settings, say=say if run.load.described else lambda _message: None
    )
    measuring = _Measuring(run, session, say)
    return await conducted(session, measuring.work, broken=_broken, say=say)


class _Measuring:
    """The search on one system that is up."""

    def __init__(self, run: CapacityRun, session: Session, say: Say) -> None:
        self._run = run
        self._session = session
        self._say = say
        self._driver: LoadDriver
        self._progress = _Progress()
        system = session.topology.system
        self._deadlines = {name: float(each.deadline) for name, each in system.journeys.items()}

    async def work(self) -> None:
        """Search, go beyond the knee if that is asked for, and judge."""
        self._driver = await start_generators(self._session, self._run.load, told=self._told)
        if yielding(self._session):
            self._session.recorder.note("the system's processes yield to the load generator (nice)")
        began = self._session.now()
        try:
            await self._idle()
            await self._search()
            await self._go_beyond()
            self._session.recorder.record(Observed(distinct=await self._driver.take_distinct()))
        except LoadError as error:
            self._progress.trouble.append(str(error))
        except asyncio.CancelledError:
            with contextlib.suppress(LoadError):
                await self._rest()
            raise
        finally:
            recorder = self._session.recorder
            recorder.record(PhaseEnded(name="load", t=recorder.now(), took_s=recorder.now() - began))
            self._judge()

    def _told(self, event: Told) -> None:
        self._session.recorder.record(event)
        if isinstance(event, WorkerLost):
            self._say(f"the worker {event.worker} on {event.machine} is lost ({event.why})")

    async def _idle(self) -> None:
        session = self._session
        roots = roots_of(session)
        before = await asyncio.to_thread(cpu_seen, roots, session.now())
        await self._until(session.now() + IDLE_S)
        self._progress.idle = cores_between(before, await asyncio.to_thread(cpu_seen, roots, session.now()))

    async def _search(self) -> None:
        steps = self._progress.steps
        while (rate := next_rate(steps, self._run.search)) is not None:
            step = await self._step(rate, f"step-{len(steps) + 1}")
            steps.append(worked_on(step, await self._work_off(step.name), length_s=self._run.step_s))
            self._say(_step_told(steps[-1]))
            if steps[-1].worked_on_s is None and step.held is not Held.HELD:
                await self._session.clock.sleep(REST_S)

    async def _work_off(self, step: str) -> float | None:
        """Wait until the system is at rest again, so that no step pays for the one before; how long it took."""
        session = self._session
        roots = {name: pid for name, pid in roots_of(session).items() if pid not in {0, os.getpid()}}
        if not roots:
            return None
        usual = sum(self._progress.idle.get(name, 0.0) for name in roots) + AT_REST * (psutil.cpu_count() or 1)
        _, seen = self._progress.cpu[step]
        ended = seen.t
        while seen.t - ended < WORK_OFF_S:
            await self._until(seen.t + WORK_LOOK_S)
            now = await asyncio.to_thread(cpu_seen, roots, session.now())
            cores = cores_between(seen, now)
            if sum(cores[name] for name in roots) <= usual:
                break
            seen = now
        return seen.t - ended

    async def _step(self, rate: float, name: str) -> RateStep:
        """One trial: even load, of which the beginning does not count."""
        phase = LoadPhase(name=name, length_s=self._run.step_s, start_rate=rate, end_rate=rate)
        settles_s = math.ceil(self._run.step_s * SETTLES)
        (ended,) = await self._follow([phase], settles_s=settles_s)
        trial = Trial(
            name=name,
            rate=rate,
            start=round(ended.start) + settles_s,
            end=round(ended.end),
            deadlines=self._deadlines,
            objectives=self._run.objectives,
            usually_degraded=_degraded_share(self._progress.steps),
            workers=self._workers(),
        )
        recorder = self._session.recorder
        return judge_step(trial, Rows(journeys=recorder.journeys, answers=recorder.answers), recorder.generator)

    async def _go_beyond(self) -> None:
        """Below the knee, twice the knee, below it again; nothing of it where no knee is known."""
        knee = knee_of(self._progress.steps, self._run.search)
        if not self._run.overload or knee.rate is None or knee.goodput is None:
            return
        usual, beyond = round(knee.rate * USUAL, 2), knee.rate * OVERLOAD_TIMES
        self._say(f"beyond the knee: {beyond:g} journeys a second, before and after it {usual:g}")
        length_s = self._run.step_s * OVERLOAD_STEPS
        phases = [
            LoadPhase(name="before", length_s=length_s, start_rate=usual, end_rate=usual),
            LoadPhase(name="overload", length_s=length_s, start_rate=beyond, end_rate=beyond),
            LoadPhase(name="back", length_s=max(length_s, AFTER_S), start_rate=usual, end_rate=usual),
        ]
        before, over, back = await self._follow(phases)
        recorder = self._session.recorder
        self._progress.overload = overload(
            Overloading(
                knee=knee.goodput.estimate,
                asked=beyond,
                usual=usual,
                before=_window(before, WindowKind.BASELINE),
                beyond=_window(over, WindowKind.FAULT),
                after=_window(back, WindowKind.RECOVERY),
                rows=Rows(journeys=recorder.journeys, answers=recorder.answers),
                generator=recorder.generator,
                deadlines=self._deadlines,
                workers=self._workers(),
            )
        )
        self._say(self._progress.overload.reason)

    async def _follow(self, phases: Sequence[LoadPhase], *, settles_s: float = 0.0) -> list[LoadPhaseEnded]:
        """Drive phases from a whole second on, let everything end, and give when they were."""
        session, loaded = self._session, self._run.load.profile
        zero = float(math.ceil(session.now() + NOTICE_S))
        profile = LoadProfile(name="capacity", weights=loaded.weights, phases=tuple(phases))
        await self._driver.follow(profile, began=zero)
        roots, ended = roots_of(session), []
        for start, end, phase in profile.stretches():
            await self._until(zero + start + settles_s)
            before = await asyncio.to_thread(cpu_seen, roots, session.now())
            await self._until(zero + end)
            self._progress.cpu[phase.name] = (before, await asyncio.to_thread(cpu_seen, roots, session.now()))
            ended.append(
                LoadPhaseEnded(
                    name=phase.name,
                    start=zero + start,
                    end=zero + end,
                    asked_start=phase.start_rate,
                    asked_end=phase.end_rate,
                )
            )
            session.recorder.record(ended[-1])
        self._progress.phases += ended
        await self._rest()
        return ended

    async def _until(self, t: float) -> None:
        while (left_s := t - self._session.now()) > 0:
            if not self._driver.alive:
                raise LoadError("the load generator died")
            await self._session.clock.sleep(min(LOOK_S, left_s))

    async def _rest(self) -> None:
        lost = await self._driver.quiesce(QUIESCE_S)
        await self._driver.flush()
        if lost:
            raise LoadError(f"{lost} journeys were still in flight {QUIESCE_S:g} s after the end of a step")

    def _workers(self) -> tuple[str, ...]:
        return tuple(sorted({each.worker for each in self._session.recorder.generator})) or ("",)

    def _judge(self) -> None:
        """What there is; also of a run that was broken off."""
        recorder, progress, run = self._session.recorder, self._progress, self._run
        steps = tuple(self._with_uses(each) for each in progress.steps)
        knee = knee_of(steps, run.search)
        own = at_knee(steps, knee)
        found = costs(own, tuple(self._session.topology.system.stores), progress.idle)
        _, bad = bracket(steps)
        capacity = Capacity(
            steps=steps,
            knee=knee,
            saturation=saturation([each for each in steps if bad is None or each.rate <= bad]),
            costs=found,
            fleet=_fleet(run, knee, found),
            overload=progress.overload,
            assumptions=_assumptions(run),
        )
        recorder.record(CapacityMeasured(t=recorder.now(), capacity=capacity))
        self._find(capacity, [each.name for each in own or steps[-1:]])

    def _with_uses(self, step: RateStep) -> RateStep:
        cpu = self._progress.cpu[step.name]
        session = self._session
        uses = uses_between(session.topology, session.deployment.instances, session.recorder.crossings, cpu)
        return replace(step, uses=uses, machine=machine_use(cpu))

    def _find(self, capacity: Capacity, names: Sequence[str]) -> None:
        recorder, replay = self._session.recorder, replay_of(self._session)
        lost = [each for each in recorder.events if isinstance(each, WorkerLost)]
        trouble = [*self._progress.trouble, *(f"the worker {each.worker} was lost: {each.why}" for each in lost)]
        health = load_health(
            phases=[each for each in self._progress.phases if each.name in names],
            generator=recorder.generator,
            answers=recorder.answers,
            distinct=[answer for each in recorder.events if isinstance(each, Observed) for answer in each.distinct],
            trouble=trouble,
            replay=replay,
        )
        told = [overload_finding(capacity.overload, replay=replay)] if capacity.overload else []
        recorder.find(*health, _knee_found(capacity.knee, replay), *told, *crashes(self._session))


def _fleet(run: CapacityRun, knee: Knee, found: Sequence[Cost]) -> FleetNeeded | None:
    if run.target is None or knee.pages is None:
        return None
    return needed(found, knee.pages, target=run.target, redundancy=run.redundancy)


def _step_told(step: RateStep) -> str:
    why = f": {step.why[0]}" if step.why else ""
    return f"{step.rate:g} journeys a second: {step.held}, {step.goodput:.4g} ended well{why}"


def _degraded_share(steps: Sequence[RateStep]) -> float:
    """Of the first step, before which nobody knows what is usual."""
    return steps[0].degraded / max(steps[0].good, steps[0].degraded, 1) if steps else 1.0


def _window(phase: LoadPhaseEnded, kind: WindowKind) -> Window:
    return Window(kind=kind, start=phase.start, end=phase.end)


def _knee_found(knee: Knee, replay: str) -> Finding:
    return Finding(
        check="capacity", part=Part.LOAD, verdict=knee.verdict, reason=knee.reason, subject="the knee", replay=replay
    )


def _assumptions(run: CapacityRun) -> tuple[str, ...]:
    objectives = ", ".join(str(each) for each in run.objectives) or "none were given"
    judged = (
        f"each step lasted {run.step_s:g} s, of which the first {SETTLES:.0%} do not count; its rate held when 95 % of "
        "the journeys due ended well, each answer within its deadline, hardly more of them lacked something than at "
        "the lowest rate, no more and more of them were under way, the system was soon at rest afterwards, "
        f"and no objective was certainly missed ({objectives})"
    )
    return (
        judged,
        "services sent no spans",
        "load generator, proxies and system shared this machine: on machines of their own each has more",
    )


def _broken(error: HarnessError) -> Finding:
    return Finding(
        check="harness", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason=str(error), subject="the capacity run"
    )
