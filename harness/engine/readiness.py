"""Asks services that have lost a hard store, directly and once a second, whether they are ready."""

from __future__ import annotations

import asyncio

from harness.checkers.readiness import bereft
from harness.engine.bench import Bench, Progress
from harness.errors import HarnessError
from harness.model.experiment import Experiment
from harness.model.load_events import Observed
from harness.model.observation import ReadySeen
from harness.model.topology import InstanceId

LOOK_S = 1.0
ASK_WITHIN_S = 2.0


async def watch_readiness(bench: Bench, experiment: Experiment, progress: Progress) -> None:
    """Ask until cancelled; what an instance does not answer in time is a no."""
    session = bench.session
    topology = session.topology
    instances = [each for name in bereft(topology, experiment.injections) for each in topology.instances_of(name)]

    async def look(instance: InstanceId) -> ReadySeen:
        at = session.now()
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                ready = await session.deployment.ready(instance)
        except (TimeoutError, OSError, HarnessError):
            ready = False
        return ReadySeen(t=at, service=instance.service, instance=instance.name, ready=ready)

    while instances:
        seen = tuple(await asyncio.gather(*map(look, instances)))
        progress.readiness += seen
        session.recorder.record(Observed(readiness=seen))
        await session.clock.sleep(LOOK_S)
