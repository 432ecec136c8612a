"""After the faults: watched until it is well again, then at rest, then its state is read."""

from __future__ import annotations

from harness.checkers.before import own_warm_up
from harness.checkers.recovery import recovered_at
from harness.checkers.safety import at_rest
from harness.engine.bench import Bench, Progress, history
from harness.engine.resting import Resting
from harness.model.events import CompanySeen, WindowEnded
from harness.model.experiment import Experiment
from harness.model.load_events import Observed
from harness.model.neighbours import Company
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict, worst
from harness.observe.reads import read_all

RECOVERY_MARGIN_S = 5.0
"""How much longer than its bound recovery is watched, so that a late one is told from none."""
QUIESCE_S = 12.0
"""How long the journeys in flight get to end."""
REST_LEAST_S = 20.0
"""How long the system gets at least to come to rest, every operation final, before the last final reads."""
HALF_LOAD_S = 12.0
"""How long half the load gets to cure a system that did not get well by itself."""
SETTLE_S = 2.0
"""Journeys take time: a second counts as complete once so much has passed since its end."""
STAY_AT_LEAST_S, STAY_AT_MOST_S = 5.0, 120.0
"""How long a system that is well again is watched, where figures of it are held to something."""
LOOK_S = 0.5


async def well_since(bench: Bench, experiment: Experiment, since: float, warm_up: Window | None = None) -> float | None:
    """When it was as in the baseline again, looking from a moment on; None while it was not."""
    await bench.driver.flush()
    return recovered_at(
        journeys=bench.session.recorder.journeys,
        baseline=bench.baseline,
        healed_at=since,
        until=bench.session.now() - SETTLE_S,
        names=tuple(experiment.weights),
        warm_up=warm_up,
    )


async def recover(bench: Bench, experiment: Experiment, progress: Progress) -> float | None:
    """Seconds from the confirmed end of the last fault until the system is as before; None when it never was."""
    session = bench.session
    healed_at = max(forced.healed_at or session.now() for forced in progress.forced.values())
    warm_up = own_warm_up(experiment, session.recorder.journeys, progress.windows)
    recovered: float | None = None
    while recovered is None and session.now() < healed_at + experiment.recover_within + RECOVERY_MARGIN_S + SETTLE_S:
        await session.clock.sleep(LOOK_S)
        recovered = await well_since(bench, experiment, healed_at, warm_up)
    close(bench, experiment, progress, Window(kind=WindowKind.RECOVERY, start=healed_at, end=session.now()))
    if recovered is None:
        await _halve(bench, experiment, progress, warm_up)
        return None
    if experiment.after:
        await _stay(bench, experiment, progress)
    return max(0.0, recovered - healed_at)


async def _halve(bench: Bench, experiment: Experiment, progress: Progress, warm_up: Window | None) -> None:
    """It did not get well under the load it had before: watch it under half of that."""
    session = bench.session
    await bench.driver.drive(rate=experiment.rate / 2, weights=experiment.weights)
    start = session.now()
    while session.now() < start + HALF_LOAD_S + SETTLE_S:
        await session.clock.sleep(LOOK_S)
        if await well_since(bench, experiment, start, warm_up) is not None:
            break
    close(bench, experiment, progress, Window(kind=WindowKind.HALF_LOAD, start=start, end=session.now()))


async def _stay(bench: Bench, experiment: Experiment, progress: Progress) -> None:
    """It is well again: go on for as long as the faults lasted, so that there are figures of that."""
    session = bench.session
    start = session.now()
    await session.clock.sleep(min(max(experiment.fault_s, STAY_AT_LEAST_S), STAY_AT_MOST_S) + SETTLE_S)
    await bench.driver.flush()
    close(bench, experiment, progress, Window(kind=WindowKind.WELL, start=start, end=session.now() - SETTLE_S))


async def rest(bench: Bench, experiment: Experiment, progress: Progress) -> None:
    """No more load; wait until the final reads hold, or stay as they are, and keep the last ones."""
    session = bench.session
    start = session.now()
    resting = Resting(now=start, least_s=QUIESCE_S + REST_LEAST_S)
    progress.lost = await bench.driver.quiesce(QUIESCE_S)
    await bench.driver.flush()
    while bench.invariants.invariants:
        progress.reads = await read_all(
            bench.invariants.reads,
            url_of=session.deployment.service_url,
            now=session.now,
            credentials=session.credentials,
        )
        held = worst(finding.verdict for finding in at_rest(history(bench, experiment, progress)))
        broken = held is Verdict.FAIL
        if held is Verdict.PASS or not resting.may_change(progress.reads, now=session.now(), broken=broken):
            break
        await session.clock.sleep(LOOK_S)
    session.recorder.record(Observed(reads=bench.changed_rows.of(progress.reads)))
    close(bench, experiment, progress, Window(kind=WindowKind.REST, start=start, end=session.now()))


def close(bench: Bench, experiment: Experiment, progress: Progress, window: Window) -> None:
    """A window of the experiment is over; who had the processors since the last one is told of it."""
    session = bench.session
    progress.windows.append(window)
    session.recorder.record(WindowEnded(experiment=experiment.name, window=window))
    if (company := _seen_beside(bench, experiment, window.kind)) is not None:
        progress.company.append(company)


def _seen_beside(bench: Bench, experiment: Experiment, window: WindowKind) -> Company | None:
    """Who had the processors since the last look, written down; None where nobody looks."""
    if bench.beside is None:
        return None
    session, company = bench.session, bench.beside.until_now(window)
    session.recorder.record(CompanySeen(t=session.now(), experiment=experiment.name, company=company))
    return company
