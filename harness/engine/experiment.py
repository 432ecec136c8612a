"""One experiment: steady? → inject under load → heal → recovered? → rest → final reads → judged."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from math import ceil

from harness.checkers import judge, measured
from harness.checkers.company import AWAY, crowd, crowded, doubted_for, told
from harness.checkers.disturbed import disturbed
from harness.checkers.recovery import still_ill
from harness.checkers.told_already import once
from harness.engine.bench import Bench, Progress, history, senses
from harness.engine.crashes import crashed
from harness.engine.guard import Trip, Tripped, guarded
from harness.engine.proxy_watch import watched
from harness.engine.readiness import watch_readiness
from harness.engine.recovering import LOOK_S, QUIESCE_S, SETTLE_S, close, recover, rest, well_since
from harness.engine.session import Session
from harness.engine.span_evidence import with_logs
from harness.errors import HarnessError
from harness.model.events import ExperimentEnded, ExperimentStarted, InjectionArmed, InjectionHealed, WindowEnded
from harness.model.experiment import Experiment, Role, owed
from harness.model.fault import Armed, EdgeTarget, Healed, Injection
from harness.model.finding import Finding, Part
from harness.model.guard import EdgeGuard
from harness.model.history import Forced
from harness.model.load_events import Observed
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict, worst

STEADY_LIMIT_S = 20.0
"""How long the system may take to look as in the baseline before a fault is injected."""
PACE_S = 1.0
"""How often a rate that changes is driven anew."""


async def measure_baseline(
    session: Session, *, warm_up_s: float, length_s: float, rate: float, weights: Mapping[str, float]
) -> Window:
    """Drive the journeys without a fault, and give the window that every experiment is compared with."""
    driver = await session.driver()
    await driver.drive(rate=rate, weights=weights)
    await session.clock.sleep(warm_up_s)
    start = float(ceil(session.now()))
    await session.clock.sleep(start + length_s + SETTLE_S - session.now())
    await driver.flush()
    window = Window(kind=WindowKind.BASELINE, start=start, end=start + length_s)
    session.recorder.record(WindowEnded(experiment="", window=window))
    return window


async def conduct(bench: Bench, experiment: Experiment) -> Verdict:
    """Run one experiment to its verdict; whatever happens, its faults are healed.

    When the machine kept it from telling anything, it is asked again, as often as the bench allows.
    """
    healed_at: float | None = None
    for _ in range(bench.again):
        progress = Progress(windows=[bench.baseline])
        ended = await _attempt(bench, experiment, progress, healed_at, last=False)
        if not ended.void:
            return ended.verdict
        healed_at = None if ended.recovery_s is not None else _healed_at(progress) or healed_at
        if bench.beside is not None:
            await bench.beside.quiet()
    return (await _attempt(bench, experiment, Progress(windows=[bench.baseline]), healed_at, last=True)).verdict


def _healed_at(progress: Progress) -> float | None:
    """When all that was forced was gone; None while something was not, or when nothing was."""
    healed = [each.healed_at for each in progress.forced.values()]
    return None if None in healed else max((each for each in healed if each is not None), default=None)


async def _attempt(
    bench: Bench, experiment: Experiment, progress: Progress, healed_at: float | None, *, last: bool
) -> ExperimentEnded:
    """Conduct it once; what it found is written down, unless it is to be asked again.

    `healed_at` is when the faults of the attempt before were gone, if nobody saw it get well since.
    """
    session = bench.session
    record = session.recorder.record
    expectations = {name: owed(session.topology, experiment, name).value for name in experiment.weights}
    record(
        ExperimentStarted(
            t=session.now(),
            name=experiment.name,
            hypothesis=experiment.hypothesis,
            role=experiment.role.value,
            source=experiment.source,
            injections=tuple(injection.describe() for injection in experiment.injections),
            expectations=expectations,
        )
    )
    if bench.beside is not None:
        bench.beside.begin()
    recovery_s, measures = None, None
    findings: tuple[Finding, ...]
    steady, warm_up = await _steady(bench, experiment)
    if not steady:
        await bench.driver.quiesce(QUIESCE_S)
    close(bench, experiment, progress, warm_up)
    if not steady:
        findings = _unsteady(bench, experiment, progress, healed_at)
    else:
        try:
            recovery_s = await guarded(
                lambda: _break_and_recover(bench, experiment, progress), experiment.guards, lambda: senses(bench)
            )
            await rest(bench, experiment, progress)
            closed = history(bench, experiment, progress)
            findings, measures = await with_logs(session, experiment.name, judge(closed)), measured(closed)
        except Tripped as tripped:
            findings = (await _stopped(bench, experiment, progress, tripped.trip),)
    findings = once((*findings, *await crashed(bench, experiment)), session.recorder.findings)
    void = "" if last or bench.stopped else disturbed(history(bench, experiment, progress), findings)
    if void:
        session.tell(f"{experiment.name} does not count, since the machine disturbed it, and is asked again: {void}")
    else:
        session.recorder.find(*findings)
    ended = ExperimentEnded(
        t=session.now(),
        name=experiment.name,
        verdict=worst(finding.verdict for finding in findings if not finding.excused),
        recovery_s=recovery_s,
        measures=measures,
        void=void,
    )
    record(ended)
    return ended


async def _break_and_recover(bench: Bench, experiment: Experiment, progress: Progress) -> float | None:
    """Inject, heal whatever happens, and watch it recover; gives how long that took."""
    try:
        await _break(bench, experiment, progress)
    finally:
        await _heal_rest(bench, experiment)
    return await recover(bench, experiment, progress)


async def _stopped(bench: Bench, experiment: Experiment, progress: Progress, trip: Trip) -> Finding:
    """A guard stopped it: everything is healed; no more load."""
    session = bench.session
    if progress.forced and not any(window.kind is WindowKind.FAULT for window in progress.windows):
        start = min(forced.armed_at for forced in progress.forced.values())
        close(bench, experiment, progress, Window(kind=WindowKind.FAULT, start=start, end=session.now()))
    await bench.driver.quiesce(QUIESCE_S)
    left = [injection.describe() for injection in session.injector.in_force]
    healed = f"NOT healed: {', '.join(left)}" if left else "everything was healed"
    bench.stopped.append(f"the guard of {experiment.name} stopped it: {trip.reason}")
    found = Finding(
        check="guard",
        part=Part.RESILIENCE,
        verdict=Verdict.FAIL if trip.refutes and not left else Verdict.UNKNOWN,
        reason=f"stopped at once by its guard ({trip.guard}): {trip.reason}; {healed}",
        subject=experiment.name,
        experiment=experiment.name,
        edge=trip.guard.edge if isinstance(trip.guard, EdgeGuard) else "",
        replay=f"{bench.replay} {experiment.ask}",
    )
    beside = crowd(history(bench, experiment, progress), (WindowKind.FAULT, WindowKind.RECOVERY))
    return doubted_for(beside, found) if beside is not None and found.verdict is Verdict.FAIL else found


async def _steady(bench: Bench, experiment: Experiment) -> tuple[bool, Window]:
    """Whether the system came to look as in the baseline, under this experiment's load, and the time until then."""
    session = bench.session
    await bench.driver.drive(rate=experiment.rate, weights=experiment.weights)
    start = session.now() + SETTLE_S
    while session.now() < start + STEADY_LIMIT_S:
        await session.clock.sleep(LOOK_S)
        if await well_since(bench, experiment, start) is not None:
            return True, Window(kind=WindowKind.WARM_UP, start=start, end=session.now())
    return False, Window(kind=WindowKind.WARM_UP, start=start, end=session.now())


async def _break(bench: Bench, experiment: Experiment, progress: Progress) -> None:
    """Inject, watch the proxies, heal; the window runs from the first fault in force to the last one's healing."""
    session = bench.session
    await bench.driver.take_distinct()

    def break_off(sick: Iterable[str]) -> None:
        progress.sick.update(sick)
        progress.broken_off.set()

    watching = (_pace(bench, experiment), watch_readiness(bench, experiment, progress))
    beside = [asyncio.create_task(each) for each in watching]
    try:
        async with watched(session.deployment.mesh.put_right, break_off), asyncio.TaskGroup() as group:
            for injection in experiment.injections:
                group.create_task(_inject_and_heal(bench, experiment, injection, progress))
    except* HarnessError as errors:
        raise errors.exceptions[0] from None
    finally:
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        if experiment.surge is not None or experiment.ramp is not None:
            await bench.driver.drive(rate=experiment.rate, weights=experiment.weights)
    start = min(forced.armed_at for forced in progress.forced.values())
    end = max((forced.healed_at or session.now()) - _took(forced) for forced in progress.forced.values())
    progress.distinct = await bench.driver.take_distinct()
    session.recorder.record(Observed(distinct=progress.distinct))
    close(bench, experiment, progress, Window(kind=WindowKind.FAULT, start=start, end=max(start, end)))


def _took(forced: Forced) -> float:
    return forced.healed.took_s if forced.healed else 0.0


async def _pace(bench: Bench, experiment: Experiment) -> None:
    """Drive the load as it is to be under the fault: at once, and while it changes, once a second."""
    session, began = bench.session, bench.session.now()
    driven = experiment.rate
    while experiment.surge is not None or experiment.ramp is not None:
        elapsed_s = session.now() - began
        rate = experiment.rate_under_fault(elapsed_s)
        if rate != driven:
            await bench.driver.drive(rate=rate, weights=experiment.weights)
            driven = rate
        if experiment.ramp is None or elapsed_s >= experiment.ramp.over:
            return
        await session.clock.sleep(PACE_S)


async def _unless_broken_off(bench: Bench, progress: Progress, seconds: float) -> bool:
    """Wait so long, or until the experiment is broken off, which is told."""
    tasks = {
        asyncio.ensure_future(bench.session.clock.sleep(seconds)),
        asyncio.ensure_future(progress.broken_off.wait()),
    }
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return not progress.broken_off.is_set()


async def _inject_and_heal(bench: Bench, experiment: Experiment, injection: Injection, progress: Progress) -> None:
    session, record = bench.session, bench.session.recorder.record
    if not await _unless_broken_off(bench, progress, injection.after):
        armed = Armed(in_force=False, evidence="the experiment was broken off before it was its turn", took_s=0.0)
        progress.forced[injection.id] = Forced(injection=injection, armed=armed, armed_at=session.now())
        return
    try:
        armed = await session.injector.inject(injection)
    except HarnessError as error:
        armed = Armed(in_force=False, evidence=str(error), took_s=0.0)
    armed_at = session.now()
    forced = Forced(injection=injection, armed=armed, armed_at=armed_at)
    progress.forced[injection.id] = forced
    what = injection.describe()
    record(InjectionArmed(t=armed_at, experiment=experiment.name, injection=injection.id, what=what, armed=armed))
    if armed.in_force:
        await _unless_broken_off(bench, progress, injection.lasts)
    healed = await session.injector.heal(injection.id)
    healed_at = session.now()
    progress.forced[injection.id] = Forced(
        injection=injection, armed=armed, armed_at=armed_at, healed=healed, healed_at=healed_at
    )
    _record_healed(bench, experiment, injection, healed)


async def _heal_rest(bench: Bench, experiment: Experiment) -> None:
    """Take back what is still in force when an experiment was broken off: instances first, so that lines answer."""
    session = bench.session
    for injection in sorted(session.injector.in_force, key=lambda each: isinstance(each.target, EdgeTarget)):
        healed = await session.injector.heal(injection.id)
        _record_healed(bench, experiment, injection, healed)


def _record_healed(bench: Bench, experiment: Experiment, injection: Injection, healed: Healed) -> None:
    event = InjectionHealed(
        t=bench.session.now(),
        experiment=experiment.name,
        injection=injection.id,
        what=injection.describe(),
        healed=healed,
    )
    bench.session.recorder.record(event)


def _unsteady(bench: Bench, experiment: Experiment, progress: Progress, healed_at: float | None) -> tuple[Finding, ...]:
    """Nothing can be asked of it; but who was broken before, and is ill beside nobody, never got well."""
    beside = "".join(f"; {told(each)}: {AWAY}" for each in progress.company if crowded(each))
    unknown = Finding(
        check="steady-state",
        part=Part.VALIDITY,
        verdict=Verdict.UNKNOWN,
        reason=f"not as in the baseline within {STEADY_LIMIT_S:g} s, so nothing was injected{beside}",
        subject=experiment.name,
        experiment=experiment.name,
        replay=f"{bench.replay} {experiment.ask}",
    )
    seen = history(bench, experiment, progress)
    if experiment.role is not Role.EXPERIMENT or healed_at is None or seen.trouble or disturbed(seen, (unknown,)):
        return (unknown,)
    return still_ill(seen, healed_at) or (unknown,)
