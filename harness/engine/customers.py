"""Who loads a system: what its description says of customers, as the load generator needs it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.declare.journeys import Conduct, read_conduct
from harness.errors import LoadError
from harness.load.driver import LoadPlan
from harness.load.launch import look_at
from harness.model.marks import run_marks
from harness.model.topology import Topology

if TYPE_CHECKING:
    from harness.checkers.exercised import Deed

NOTHING_SAID = "nothing says what customers do"
WAY_OUT = (
    "write loadtests/journeys.yaml (`harness init` writes a first one), a locustfile or a recording, "
    "or give the entry's operations examples in an OpenAPI document"
)


def conduct_that_loads(topology: Topology) -> Conduct:
    """What customers do.

    Raises:
        DeclarationError: if the file is wrong.
        LoadError: if nothing says it, or the locustfile isn't Python.
    """
    conduct = read_conduct(topology)
    if conduct.locustfile is None and not conduct.steps:
        message = f"{NOTHING_SAID} in {topology.name}; {WAY_OUT}"
        raise LoadError(message)
    if conduct.locustfile is not None:
        look_at(conduct.locustfile)
    if not topology.system.journeys:
        message = f"{conduct.file}: expected tasks or steps that customers do, found none; {WAY_OUT}"
        raise LoadError(message)
    return conduct


def deeds_of(topology: Topology, journeys: Iterable[str]) -> frozenset[Deed]:
    """What these journeys declare that they do; a locustfile declares nothing, and is known by what it was seen to do.

    Raises:
        DeclarationError: if the file is wrong.
    """
    from harness.checkers.exercised import deeds_declared

    steps = read_conduct(topology).steps
    return deeds_declared(step for name in set(journeys) & steps.keys() for step in steps[name].steps)


def load_plan(topology: Topology, *, hosts: tuple[str, ...], seed: int, run: str) -> LoadPlan:
    """What the load generator is to do; raises as `conduct_that_loads`."""
    conduct, system = conduct_that_loads(topology), topology.system
    return LoadPlan(
        locustfile=conduct.locustfile,
        steps={name: each for name, each in conduct.steps.items() if name in system.journeys},
        hosts=hosts,
        journeys=tuple(system.journeys),
        deadlines={name: float(journey.deadline) for name, journey in system.journeys.items()},
        degraded=system.degraded,
        seed=seed,
        headers=run_marks(run),
        traced=run if topology.otlp_url else "",
    )
