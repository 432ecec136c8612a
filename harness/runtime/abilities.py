"""What no instance of a runtime can be made to suffer, known before anything is started."""

from __future__ import annotations

from harness.faults.pressing import PressureFault
from harness.model.fault import FaultSpec, InstanceTarget, Resource
from harness.model.system import RuntimeKind, StoreKind
from harness.model.topology import Topology

_BY_PROCESS = "run it as processes, or choose another fault"


def refusal(topology: Topology, fault: FaultSpec, target: object) -> str:
    """Why a fault can't be done to an instance of this system, and the way out; empty when it can, or may."""
    if not isinstance(fault, PressureFault) or not isinstance(target, InstanceTarget):
        return ""
    resource = fault.pressure().resource
    match topology.system.runtime:
        case RuntimeKind.ATTACH:
            return (
                f"the fault '{fault.kind}' on {target}: what an instance of a system that runs already may use is not "
                "the harness's to change; choose another fault"
            )
        case RuntimeKind.COMPOSE if resource in (Resource.DISK, Resource.DESCRIPTORS):
            return (
                f"the fault '{fault.kind}' on {target}: of a container that runs only CPU and memory can be limited; "
                f"{_BY_PROCESS}"
            )
        case RuntimeKind.PROCESS | RuntimeKind.NAMESPACES if resource is Resource.DISK:
            return _of_store(topology, fault, target)
    return ""


def _of_store(topology: Topology, fault: FaultSpec, target: InstanceTarget) -> str:
    if not topology.is_store(target.service):
        return ""
    kind = topology.store(target.service).kind
    if kind in (StoreKind.POSTGRES, StoreKind.TCP):
        return ""
    return (
        f"the fault '{fault.kind}' on {target}: {kind} would be ended by SIGXFSZ, and not see a write refused; "
        "choose another fault"
    )
