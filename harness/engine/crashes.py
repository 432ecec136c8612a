"""Services that crashed: found, told, and started again."""

from __future__ import annotations

from dataclasses import replace

from harness.engine.bench import Bench
from harness.errors import DeployError
from harness.model.experiment import Experiment
from harness.model.fault import InstanceTarget
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict


async def crashed(bench: Bench, experiment: Experiment) -> tuple[Finding, ...]:
    """A service that is dead when every fault is healed has crashed; it is started again for what comes next."""
    deployment, topology = bench.session.deployment, bench.session.topology
    found = []
    for instance in topology.instances:
        if deployment.alive(instance):
            continue
        finding = Finding(
            check="crash",
            part=Part.RESILIENCE,
            verdict=Verdict.FAIL,
            reason=f"{instance.name} ended by itself",
            subject=instance.service,
            experiment=experiment.name,
            service=instance.service,
            owner=topology.owner(instance.service),
            evidence=tuple(deployment.log_tail(instance).splitlines()),
            replay=f"{bench.replay} {experiment.name}",
        )
        try:
            await deployment.start(InstanceTarget(service=instance.service, index=instance.index))
        except DeployError as error:
            finding = replace(finding, reason=f"{finding.reason}, and can't be started again: {error}")
        found.append(finding)
    return tuple(found)
