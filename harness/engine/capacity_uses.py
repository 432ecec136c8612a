"""What each instance did in a stretch of load: the CPU of its processes, the requests on its lines."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

import psutil

from harness.engine.session import Session
from harness.errors import DeployError
from harness.model.capacity import MachineUse, Use
from harness.model.observation import CrossingSecond
from harness.model.system import RuntimeKind
from harness.model.topology import InstanceId, Topology
from harness.observe.cpu import CpuSeen, cores_between, machine_between

HARNESS = "the harness"
"""The name under which this process counts, with all it started that is not the system's."""

YIELD = 10
"""By so much nicer than the harness the system's processes are, so that a full machine is felt by them first."""
_NICEST = 19


def roots_of(session: Session) -> dict[str, int]:
    """The process of each instance that is of this machine, and the harness itself; 0 where nobody knows."""
    found = {HARNESS: os.getpid()}
    attached = session.topology.system.runtime is RuntimeKind.ATTACH
    for instance in session.deployment.instances:
        with contextlib.suppress(DeployError):
            pid = session.deployment.pid(instance) if session.deployment.alive(instance) else 0
            found[instance.name] = pid or (_listener(session.deployment.direct_url(instance)) if attached else 0)
    return found


def yielding(session: Session) -> int:
    """Let the system's own processes yield to what loads and measures them; gives how many do.

    What else runs here already is left as it is: its priority is not the harness's to choose.
    """
    if session.topology.system.runtime is not RuntimeKind.PROCESS:
        return 0
    done = 0
    for instance in session.deployment.instances:
        with contextlib.suppress(psutil.Error, DeployError):
            root = psutil.Process(session.deployment.pid(instance))
            for process in (root, *root.children(recursive=True)):
                process.nice(min(psutil.Process().nice() + YIELD, _NICEST))
                done += 1
    return done


def uses_between(
    topology: Topology,
    instances: Sequence[InstanceId],
    crossings: Sequence[CrossingSecond],
    cpu: tuple[CpuSeen, CpuSeen],
) -> tuple[Use, ...]:
    """Of each instance; requests are of the whole seconds between the two looks."""
    before, after = cpu
    cores = cores_between(before, after)
    start, end = round(before.t), round(after.t)
    requests: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    waited_ms: Counter[str] = Counter()
    for each in crossings:
        if start <= each.second < end:
            provider = each.line.partition("->")[2]
            requests[provider] += each.requests
            answers[provider] += each.answers
            waited_ms[provider] += round(each.answer_ms_sum)
    known = {line.provider.name for line in topology.lines} if crossings else set()
    return tuple(
        Use(
            instance=each.name,
            service=each.service,
            cores=cores.get(each.name),
            requests=requests[each.name] / max(end - start, 1) if each.name in known else None,
            answer_s=waited_ms[each.name] / answers[each.name] / 1000 if answers[each.name] else None,
        )
        for each in instances
    )


def machine_use(cpu: tuple[CpuSeen, CpuSeen]) -> MachineUse:
    """What the machine's cores did between two looks."""
    before, after = cpu
    return machine_between(before, after, cores_between(before, after).get(HARNESS, 0.0))


def _listener(url: str) -> int:
    """Whoever listens at a port of this machine; 0 when nobody may know."""
    with contextlib.suppress(psutil.Error, ValueError):
        port = urlsplit(url).port or 80
        for each in psutil.net_connections(kind="tcp"):
            if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
                return int(each.pid)
    return 0
