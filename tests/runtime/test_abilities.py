from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine.feasible import feasible, refuse_infeasible
from harness.errors import DeclarationError, DeployError
from harness.faults import cpu, descriptors, full_disk, kill, memory, stop
from harness.faults.spec import InstanceFault
from harness.model.experiment import Experiment
from harness.model.fault import Injection, InstanceTarget
from harness.model.quantity import Duration
from harness.model.system import RuntimeKind
from harness.model.topology import Topology
from harness.runtime.abilities import refusal
from tests.runtime.fakes import NATS, POSTGRES, system_of
from tests.runtime.test_process import BACK, COMMAND

EVERY = (stop(), kill(), cpu(), memory(), full_disk(), descriptors())


def _topology(root: Path, runtime: RuntimeKind) -> Topology:
    topology = system_of(root, run=COMMAND, stores={"rows": POSTGRES, "bus": NATS})
    system = topology.system.model_copy(update={"runtime": runtime})
    return Topology(system=system, root=topology.root, start_order=topology.start_order)


@pytest.mark.parametrize(
    ("runtime", "refused"),
    [
        (RuntimeKind.PROCESS, []),
        (RuntimeKind.NAMESPACES, []),
        (RuntimeKind.COMPOSE, ["full-disk", "descriptors"]),
        (RuntimeKind.ATTACH, ["cpu", "memory", "full-disk", "descriptors"]),
    ],
)
def test_each_runtime_refuses_what_it_can_not_do(tmp_path: Path, runtime: RuntimeKind, refused: list[str]) -> None:
    topology = _topology(tmp_path, runtime)
    assert [fault.kind for fault in EVERY if refusal(topology, fault, BACK)] == refused


def test_a_store_that_would_be_ended_by_a_full_disk_is_told_before_anything_starts(tmp_path: Path) -> None:
    topology = _topology(tmp_path, RuntimeKind.PROCESS)
    feasible(topology, [_experiment(full_disk(), InstanceTarget(service="rows"))])
    with pytest.raises(
        DeclarationError, match=r"^chaos/it.yaml:1: the fault 'full-disk' on bus-1: nats would be ended"
    ):
        feasible(topology, [_experiment(full_disk(), InstanceTarget(service="bus"))])
    with pytest.raises(DeployError, match="nats would be ended by SIGXFSZ"):
        refuse_infeasible(topology, _experiment(full_disk(), InstanceTarget(service="bus")).injections[0])


def _experiment(fault: InstanceFault, target: InstanceTarget) -> Experiment:
    injection = Injection(id="0", fault=fault, target=target, lasts=Duration(5))
    return Experiment(
        name="it", hypothesis="It holds.", injections=(injection,), weights={}, rate=1.0, source="chaos/it.yaml:1"
    )
