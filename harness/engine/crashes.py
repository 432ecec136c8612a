"""Services that crashed: found, told, and started again."""

from __future__ import annotations

from collections import defaultdict

from harness.engine.bench import Bench
from harness.errors import DeployError
from harness.model.experiment import Experiment
from harness.model.fault import InstanceTarget
from harness.model.finding import Finding, Part
from harness.model.topology import InstanceId
from harness.model.verdict import Verdict
from harness.runtime.instance import Death


async def crashed(bench: Bench, experiment: Experiment) -> tuple[Finding, ...]:
    """A service that ended without being killed by a fault has crashed, whoever has started it again since.

    One that is dead when every fault is healed is started again for what comes next.
    """
    deployment, topology = bench.session.deployment, bench.session.topology
    deaths: defaultdict[InstanceId, list[Death]] = defaultdict(list)
    for death in deployment.take_deaths():
        deaths[death.instance].append(death)
    dead = {instance for instance in topology.instances if not deployment.alive(instance)}
    found = []
    for instance in (*topology.instances, *topology.standbys):
        if instance not in dead and instance not in deaths:
            continue
        reason = f"{instance.name} ended by itself{_in_words(deaths[instance])}"
        log = deaths[instance][-1].log if deaths[instance] else deployment.log_tail(instance)
        if instance in dead:
            try:
                await deployment.start(InstanceTarget(service=instance.service, index=instance.index))
            except DeployError as error:
                reason += f", and can't be started again: {error}"
        elif deployment.alive(instance):
            reason += ", and was started again"
        found.append(
            Finding(
                check="crash",
                part=Part.RESILIENCE,
                verdict=Verdict.FAIL,
                reason=reason,
                subject=instance.service,
                experiment=experiment.name,
                service=instance.service,
                owner=topology.owner(instance.service),
                evidence=tuple(log.splitlines()),
                replay=f"{bench.replay} {experiment.name}",
            )
        )
    return tuple(found)


def _in_words(deaths: list[Death]) -> str:
    """How often, and how and when at last."""
    if not deaths:
        return ""
    often = f" {len(deaths)} times" if len(deaths) > 1 else ""
    return f"{often} (it {deaths[-1].how} at {deaths[-1].t:.1f} s)"
