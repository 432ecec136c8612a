"""One experiment: steady? → inject under load → heal → recovered? → rest → final reads → judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import ceil

from harness.checkers import judge
from harness.checkers.recovery import recovered_at
from harness.checkers.safety import safety
from harness.engine.bench import Bench, Progress, history
from harness.engine.crashes import crashed
from harness.engine.session import Session
from harness.errors import HarnessError
from harness.model.events import (
    ExperimentEnded,
    ExperimentStarted,
    InjectionArmed,
    InjectionHealed,
    Observed,
    WindowEnded,
)
from harness.model.experiment import Experiment, owed
from harness.model.fault import Armed, EdgeTarget, Healed, Injection
from harness.model.finding import Finding, Part
from harness.model.history import Forced
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict, worst
from harness.observe.reads import read_all

STEADY_LIMIT_S = 20.0
"""How long the system may take to look as in the baseline before a fault is injected."""
RECOVERY_MARGIN_S = 5.0
"""How much longer than its bound recovery is watched, so that a late one is told from none."""
SETTLE_S = 2.0
"""Journeys take time: a second counts as complete once so much has passed since its end."""
QUIESCE_S = 12.0
"""How long the journeys in flight get to end."""
REST_LIMIT_S = 20.0
"""How long the system gets to come to rest, every operation final, before the last final reads."""
LOOK_S = 0.5


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
    """Run one experiment to its verdict; whatever happens, its faults are healed."""
    session = bench.session
    record = session.recorder.record
    progress = Progress(windows=[bench.baseline])
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
    recovery_s: float | None = None
    if await _steady(bench, experiment):
        try:
            await _break(bench, experiment, progress)
        finally:
            await _heal_rest(bench, experiment)
        recovery_s = await _recover(bench, experiment, progress)
        await _rest(bench, experiment, progress)
        findings = judge(history(bench, experiment, progress))
    else:
        await bench.driver.quiesce(QUIESCE_S)
        findings = (_unsteady(bench, experiment),)
    findings = (*findings, *await crashed(bench, experiment))
    session.recorder.find(*findings)
    verdict = worst(finding.verdict for finding in findings)
    record(ExperimentEnded(t=session.now(), name=experiment.name, verdict=verdict, recovery_s=recovery_s))
    return verdict


async def _steady(bench: Bench, experiment: Experiment) -> bool:
    """Whether the system looks as in the baseline, under this experiment's load."""
    session = bench.session
    await bench.driver.drive(rate=experiment.rate, weights=experiment.weights)
    start = session.now() + SETTLE_S
    while session.now() < start + STEADY_LIMIT_S:
        await session.clock.sleep(LOOK_S)
        if await _well_since(bench, experiment, start) is not None:
            return True
    return False


async def _well_since(bench: Bench, experiment: Experiment, since: float) -> float | None:
    await bench.driver.flush()
    return recovered_at(
        journeys=bench.session.recorder.journeys,
        baseline=bench.baseline,
        healed_at=since,
        until=bench.session.now() - SETTLE_S,
        names=tuple(experiment.weights),
    )


async def _break(bench: Bench, experiment: Experiment, progress: Progress) -> None:
    """Inject, watch the proxies, heal; the window runs from the first fault in force to the last one's healing."""
    session = bench.session
    await bench.driver.take_distinct()
    if experiment.surge is not None:
        await bench.driver.drive(rate=experiment.surge, weights=experiment.weights)
    watch = asyncio.create_task(_watch(bench, progress))
    try:
        async with asyncio.TaskGroup() as group:
            for injection in experiment.injections:
                group.create_task(_inject_and_heal(bench, experiment, injection, progress))
    except* HarnessError as errors:
        raise errors.exceptions[0] from None
    finally:
        watch.cancel()
        if experiment.surge is not None:
            await bench.driver.drive(rate=experiment.rate, weights=experiment.weights)
    start = min(forced.armed_at for forced in progress.forced.values())
    end = max((forced.healed_at or session.now()) - _took(forced) for forced in progress.forced.values())
    progress.distinct = await bench.driver.take_distinct()
    session.recorder.record(Observed(distinct=progress.distinct))
    _close(bench, experiment, progress, Window(kind=WindowKind.FAULT, start=start, end=max(start, end)))


def _took(forced: Forced) -> float:
    return forced.healed.took_s if forced.healed else 0.0


async def _watch(bench: Bench, progress: Progress) -> None:
    while True:
        try:
            progress.sick.update(await bench.session.deployment.mesh.alive())
        except HarnessError as error:
            progress.sick.add(f"the watch over the proxies ({error})")
        await bench.session.clock.sleep(LOOK_S)


async def _inject_and_heal(bench: Bench, experiment: Experiment, injection: Injection, progress: Progress) -> None:
    session, record = bench.session, bench.session.recorder.record
    await session.clock.sleep(injection.after)
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
        await session.clock.sleep(injection.lasts)
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


async def _recover(bench: Bench, experiment: Experiment, progress: Progress) -> float | None:
    """Seconds from the confirmed end of the last fault until the system is as before; None when it never was."""
    session = bench.session
    healed_at = max(forced.healed_at or session.now() for forced in progress.forced.values())
    recovered: float | None = None
    while recovered is None and session.now() < healed_at + experiment.recover_within + RECOVERY_MARGIN_S + SETTLE_S:
        await session.clock.sleep(LOOK_S)
        recovered = await _well_since(bench, experiment, healed_at)
    _close(bench, experiment, progress, Window(kind=WindowKind.RECOVERY, start=healed_at, end=session.now()))
    return None if recovered is None else max(0.0, recovered - healed_at)


async def _rest(bench: Bench, experiment: Experiment, progress: Progress) -> None:
    """No more load; wait until the final reads hold, or the time for it is over, and keep the last ones."""
    session = bench.session
    start = session.now()
    progress.lost = await bench.driver.quiesce(QUIESCE_S)
    await bench.driver.flush()
    while bench.invariants.invariants:
        progress.reads = await read_all(
            bench.invariants.reads,
            url_of=session.deployment.service_url,
            now=session.now,
            credentials=session.credentials,
        )
        held = worst(finding.verdict for finding in safety(history(bench, experiment, progress)))
        if held is Verdict.PASS or session.now() > start + QUIESCE_S + REST_LIMIT_S:
            break
        await session.clock.sleep(LOOK_S)
    session.recorder.record(Observed(reads=progress.reads))
    _close(bench, experiment, progress, Window(kind=WindowKind.REST, start=start, end=session.now()))


def _close(bench: Bench, experiment: Experiment, progress: Progress, window: Window) -> None:
    progress.windows.append(window)
    bench.session.recorder.record(WindowEnded(experiment=experiment.name, window=window))


def _unsteady(bench: Bench, experiment: Experiment) -> Finding:
    return Finding(
        check="steady-state",
        part=Part.VALIDITY,
        verdict=Verdict.UNKNOWN,
        reason=f"not as in the baseline within {STEADY_LIMIT_S:g} s, so nothing was injected",
        subject=experiment.name,
        experiment=experiment.name,
        replay=f"{bench.replay} {experiment.name}",
    )
