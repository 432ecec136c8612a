"""Experiments: from `chaos/experiments/*.yaml` to values, checked against a topology."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.declare.targets import AimSpec, aimed
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.experiment import DEFAULT_RECOVERY, Expectation, Experiment
from harness.model.fault import AT_ONCE, FaultSpec, Injection
from harness.model.quantity import Duration
from harness.model.system import Declared, Name
from harness.model.topology import Topology

DEFAULT_RATE = 20.0
"""Journeys a second when nothing else is declared."""

MAX_RATE = 10_000


class LoadSpec(Declared):
    """The load of an experiment: journeys a second, another rate during the faults, weights of the judged journeys."""

    rate: Annotated[float, Field(gt=0, le=MAX_RATE)] = DEFAULT_RATE
    surge: Annotated[float, Field(gt=0, le=MAX_RATE)] | None = None
    weights: Annotated[dict[Name, Annotated[float, Field(gt=0)]], Field(min_length=1)] | None = None


class InjectionSpec(AimSpec):
    """An injection as it is written: an aim, from when, and for how long."""

    after: Duration = AT_ONCE
    lasts: Annotated[Duration, Field(alias="for")]


class ExperimentSpec(Declared):
    """A file of `chaos/experiments/`."""

    experiment: Name
    hypothesis: Annotated[str, Field(min_length=10)]
    load: LoadSpec = LoadSpec()
    injections: Annotated[tuple[InjectionSpec, ...], Field(min_length=1)]
    expect: Annotated[dict[Name, Expectation], Field(default_factory=dict)]
    recover_within: Duration = DEFAULT_RECOVERY


def load_experiments(
    directory: Path, topology: Topology, *, faults: Mapping[str, type[FaultSpec]]
) -> tuple[Experiment, ...]:
    """Read all experiments of a directory, in the order of their files' names.

    Raises:
        DeclarationError: with every problem of every file; also when two have one name.
    """
    experiments: list[Experiment] = []
    problems: list[Problem] = []
    for file in sorted(directory.glob("*.yaml")):
        try:
            experiments.append(load_experiment(file, topology, faults=faults))
        except DeclarationError as error:
            problems += error.problems
    seen: dict[str, str] = {}
    for experiment in experiments:
        if experiment.name in seen:
            place = Place(file=experiment.source.rsplit(":", 1)[0])
            message = f"the experiment '{experiment.name}' is also in {seen[experiment.name]}"
            problems.append(Problem(place=place, message=message, remedy="rename one"))
        seen[experiment.name] = experiment.source
    if problems:
        raise DeclarationError(problems)
    return tuple(experiments)


def load_experiment(file: Path, topology: Topology, *, faults: Mapping[str, type[FaultSpec]]) -> Experiment:
    """Read one experiment; raises DeclarationError with every problem found."""
    document = read_yaml(file)
    spec = validated(document, ExperimentSpec)
    weights = spec.load.weights or {name: float(journey.weight) for name, journey in topology.system.journeys.items()}
    problems = [
        *_unknown_journeys(document, ("load", "weights"), spec.load.weights or {}, topology),
        *_unknown_journeys(document, ("expect",), spec.expect, topology),
    ]
    injections: list[Injection] = []
    for index, injection in enumerate(spec.injections):
        try:
            injections += _injected(document, ("injections", index), injection, topology, faults)
        except DeclarationError as error:
            problems += error.problems
    if problems:
        raise DeclarationError(problems)
    return Experiment(
        name=spec.experiment,
        hypothesis=spec.hypothesis,
        injections=tuple(injections),
        weights=weights,
        rate=spec.load.rate,
        surge=spec.load.surge,
        expectations=spec.expect,
        recover_within=spec.recover_within,
        source=f"{_shown(file)}:{document.place(('experiment',)).line}",
    )


def _shown(file: Path) -> Path:
    """The file as one would name it from here."""
    absolute = file.resolve()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute


def _unknown_journeys(document: Document, at: Path_, names: Iterable[str], topology: Topology) -> Iterable[Problem]:
    known = topology.system.journeys
    for name in names:
        if name not in known:
            yield document.problem((*at, name), f"unknown journey '{name}'", nearest(name, known), key=True)


def _injected(
    document: Document, at: Path_, spec: InjectionSpec, topology: Topology, faults: Mapping[str, type[FaultSpec]]
) -> Iterator[Injection]:
    """One declared injection as those that it comes to; of many, each has its number in its id."""
    found = aimed(document, at, spec, topology, faults)
    if spec.lasts <= 0:
        raise DeclarationError([document.problem((*at, "for"), "a fault must last longer than 0 s", "give it time")])
    for number, aim in enumerate(found.aims, start=1):
        name = f"{at[-1]}-{found.word}" if found.single else f"{at[-1]}-{found.word}-{number}"
        yield Injection(id=name, fault=aim.fault, target=aim.target, after=spec.after, lasts=spec.lasts)
