"""The experiments of a run: those that were declared, with a placebo before them and a positive control."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import ceil

from harness.checkers import samples_needed, tests_in
from harness.checkers.tally import DELTA, MIN_SAMPLES
from harness.faults import Down, NoOp
from harness.model.experiment import Expectation, Experiment, Role
from harness.model.fault import EdgeTarget, Injection
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS
from harness.model.topology import Topology

RUN_ERROR_RATE = 0.001
"""The chance that a run of a system that has not changed is refuted anywhere (VERDICTS.md)."""

CONTROL_S = 4.0
"""The least that the positive control lasts."""
CONTROL_SPARE = 2.0
"""So many times the journeys that it needs: it is to be noticed, however short."""
SPARE = 1.4
"""So many times the samples that would just do: a window begins and ends within seconds, and load may be dropped."""


def weights_of(experiments: Iterable[Experiment]) -> dict[str, float]:
    """All journeys of some experiments, in equal parts."""
    return dict.fromkeys((name for experiment in experiments for name in experiment.weights), 1.0)


def repeated(experiments: Sequence[Experiment], times: int) -> tuple[Experiment, ...]:
    """Each experiment so many times; those after the first have names of their own."""
    return tuple(
        replace(each, name=f"{each.name}, repeat {number}", repeats=each.name) if number > 1 else each
        for each in experiments
        for number in range(1, times + 1)
    )


def decisive_s(experiments: Sequence[Experiment], *, rate: float, alpha: float) -> float:
    """For how many whole seconds all journeys must be driven until each has samples enough to be judged."""
    return float(ceil(SPARE * samples_needed(DELTA, alpha) * len(weights_of(experiments)) / rate))


def with_proofs(topology: Topology, experiments: Sequence[Experiment], *, rate: float) -> tuple[Experiment, ...]:
    """The experiments, after a placebo on every edge that they touch and a positive control on the customers' edge."""
    weights = weights_of(experiments)
    entry = EdgeTarget(consumer=CUSTOMERS, provider=topology.system.entry)
    targets = dict.fromkeys(
        injection.target
        for experiment in experiments
        for injection in experiment.injections
        if isinstance(injection.target, EdgeTarget)
    ) or {entry: None}
    shortest = Duration(max(CONTROL_S, ceil(CONTROL_SPARE * MIN_SAMPLES / rate)))
    placebo = Experiment(
        name="placebo",
        hypothesis="A fault that does nothing, armed as all others are, changes nothing.",
        injections=tuple(
            Injection(id=f"placebo-{index}", fault=NoOp(), target=target, lasts=shortest)
            for index, target in enumerate(targets)
        ),
        weights=weights,
        rate=rate,
        expectations=dict.fromkeys(weights, Expectation.UNCHANGED),
        role=Role.PLACEBO,
    )
    control = Experiment(
        name="positive-control",
        hypothesis="When customers can't reach the system at all, the harness notices.",
        injections=(Injection(id="control", fault=Down(), target=entry, lasts=shortest),),
        weights=weights,
        rate=rate,
        expectations=dict.fromkeys(weights, Expectation.MAY_FAIL),
        role=Role.CONTROL,
    )
    alpha = error_rate_each(topology, (placebo, control, *experiments))
    lasts = Duration(decisive_s(experiments, rate=rate, alpha=alpha))
    injections = tuple(replace(injection, lasts=lasts) for injection in placebo.injections)
    return (replace(placebo, injections=injections), control, *experiments)


def error_rate_each(topology: Topology, experiments: Sequence[Experiment]) -> float:
    """What each single test may spend of the run's error rate."""
    tests = sum(tests_in(topology, experiment) for experiment in experiments)
    return RUN_ERROR_RATE / max(tests, 1)
