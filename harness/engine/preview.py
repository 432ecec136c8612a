"""What a run of experiments would do, told beforehand; nothing is started for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.checkers import samples_needed
from harness.checkers.limits import samples_for
from harness.checkers.tally import DELTA
from harness.engine.beside import QUIET_WITHIN_S
from harness.engine.experiment import STEADY_LIMIT_S
from harness.engine.plan import error_rate_each
from harness.engine.resting import MOST_S
from harness.model.blast import touched
from harness.model.experiment import Experiment, Role, owed
from harness.model.quantity import Duration, Share
from harness.model.topology import Topology

USUAL_STEADY_S = 6.0
"""How long a system that is well takes to be seen to be steady."""
USUAL_RECOVERY_S = 6.0
"""How long one that gets well at once is watched."""
USUAL_REST_S = 4.0
LINES_SHOWN = 12


def preview(topology: Topology, experiments: Sequence[Experiment], *, again: int = 0) -> Iterator[str]:
    """The plan line by line: what is done when, what is touched by name, how long it takes, samples needed."""
    alpha = error_rate_each(topology, experiments)
    usual = sum(_usual_s(each) for each in experiments)
    longest = sum(_longest_s(each) * (1 + again) + QUIET_WITHIN_S * again for each in experiments)
    yield f"{len(experiments)} experiments, some {Duration(round(usual))}, {Duration(round(longest))} at most"
    yield f"each journey needs {samples_needed(DELTA, alpha)} samples to exclude a rise above {Share(DELTA)}"
    for each in experiments:
        yield ""
        yield from _experiment(topology, each, alpha)


def _usual_s(experiment: Experiment) -> float:
    stay = experiment.fault_s if experiment.after else 0.0
    return USUAL_STEADY_S + experiment.fault_s + USUAL_RECOVERY_S + stay + USUAL_REST_S


def _longest_s(experiment: Experiment) -> float:
    stay = experiment.fault_s if experiment.after else 0.0
    return STEADY_LIMIT_S + experiment.fault_s + experiment.recover_within + stay + MOST_S


def _experiment(topology: Topology, experiment: Experiment, alpha: float) -> Iterator[str]:
    role = "" if experiment.role is Role.EXPERIMENT else f" ({experiment.role.value})"
    source = f"  [{experiment.source}]" if experiment.source else ""
    yield f"{experiment.name}{role}{source}"
    yield f"  {experiment.hypothesis}"
    yield from _load(experiment)
    yield from _timeline(experiment)
    yield from _touched(topology, experiment)
    for name in experiment.weights:
        owes = owed(topology, experiment, name).value
        yield f"  {name} owes: {owes}, some {_expected(experiment, name):.0f} samples"
    for when, bounds in (("during", experiment.during), ("after", experiment.after)):
        for bound in bounds:
            needed = samples_for(bound, alpha)
            yield f"  {when}: {bound}" + (f", needs {needed} samples" if needed else "")
    for guard in experiment.guards:
        yield f"  stops at once: {guard}"
    yield f"  well again within {experiment.recover_within}; in all some {Duration(round(_usual_s(experiment)))}"


def _load(experiment: Experiment) -> Iterator[str]:
    rate = f"{experiment.rate:g} journeys a second"
    if experiment.surge is not None:
        rate += f", {experiment.surge:g} during the faults"
    if experiment.ramp is not None:
        ramp = experiment.ramp
        rate += f", during the faults from {ramp.start:g} to {ramp.end:g} over {ramp.over}"
    weights = ", ".join(f"{name} {weight:g}" for name, weight in experiment.weights.items())
    yield f"  load: {rate} ({weights})"


def _timeline(experiment: Experiment) -> Iterator[str]:
    for each in sorted(experiment.injections, key=lambda each: (each.after, each.id)):
        end = Duration(each.after + each.lasts)
        yield f"  {each.after!s:>8} to {end!s:<8} {each.describe()}"


def _touched(topology: Topology, experiment: Experiment) -> Iterator[str]:
    found = touched(topology, experiment.injections)
    names = ", ".join(found.instances) or "none"
    yield f"  touches {len(found.instances)} of {found.of_instances} instances: {names}"
    yield f"  in {len(found.zones)} of {found.of_zones} zones: {', '.join(found.zones) or 'none'}"
    more = f", and {len(found.lines) - LINES_SHOWN} more" if len(found.lines) > LINES_SHOWN else ""
    yield f"  on {len(found.lines)} lines: {', '.join(found.lines[:LINES_SHOWN]) or 'none'}{more}"


def _expected(experiment: Experiment, name: str) -> float:
    part = experiment.weights[name] / sum(experiment.weights.values())
    return experiment.due_under_fault(experiment.fault_s) * part
