"""Whether a system's runtime can do what faults ask of it: proved before anything is started, and again before each."""

from __future__ import annotations

from collections.abc import Iterable

from harness.errors import DeclarationError, DeployError, Place, Problem
from harness.model.experiment import Experiment
from harness.model.fault import Injection
from harness.model.topology import Topology
from harness.runtime.abilities import refusal


def feasible(topology: Topology, experiments: Iterable[Experiment]) -> None:
    """Raise DeclarationError with each fault that can't be done to its target here."""
    problems = [
        Problem(place=_place(experiment), message=why)
        for experiment in experiments
        for injection in experiment.injections
        if (why := refusal(topology, injection.fault, injection.target))
    ]
    if problems:
        raise DeclarationError(problems)


def refuse_infeasible(topology: Topology, injection: Injection) -> None:
    """Raise DeployError when this can't be done here."""
    why = refusal(topology, injection.fault, injection.target)
    if why:
        raise DeployError(why)


def _place(experiment: Experiment) -> Place:
    file, _, line = experiment.source.rpartition(":")
    return Place(file=file, line=int(line)) if line.isdigit() else Place(file=experiment.source)
