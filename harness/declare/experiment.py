"""Experiments: from `chaos/experiments/*.yaml` to values, checked against a topology."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.declare.guards import GuardSpec, guard_of
from harness.declare.injections import InjectionReader, Step
from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.blast import BlastRadius, touched
from harness.model.bound import EVERY, Bound
from harness.model.declared import Declared, Name
from harness.model.experiment import DEFAULT_RECOVERY, Expectation, Experiment, LoadRamp
from harness.model.fault import FaultSpec, Injection
from harness.model.guard import Guard
from harness.model.quantity import Duration, Share
from harness.model.topology import Topology

DEFAULT_RATE = 20.0
"""Journeys a second when nothing else is declared."""

MAX_RATE = 10_000


Rate = Annotated[float, Field(gt=0, le=MAX_RATE)]


class RampSpec(Declared):
    """A rate that rises (or falls) evenly from the first fault on."""

    start: Annotated[Rate, Field(alias="from")]
    end: Annotated[Rate, Field(alias="to")]
    over: Annotated[Duration, Field(ge=1)]


class LoadSpec(Declared):
    """The load of an experiment: journeys a second, another rate during the faults, weights of the judged journeys."""

    rate: Rate = DEFAULT_RATE
    surge: Rate | None = None
    ramp: RampSpec | None = None
    weights: Annotated[dict[Name, Annotated[float, Field(gt=0)]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        if self.surge is not None and self.ramp is not None:
            message = "'surge' and 'ramp' both say what the load is during the faults; leave one out"
            raise ValueError(message)
        return self


class BlastRadiusSpec(Declared):
    """The most that may be touched; what would touch more is refused."""

    instances: Share | None = None
    zones: Share | None = None


class ExperimentSpec(Declared):
    """A file of `chaos/experiments/`."""

    experiment: Name
    hypothesis: Annotated[str, Field(min_length=10)]
    load: LoadSpec = LoadSpec()
    injections: Annotated[tuple[Step, ...], Field(min_length=1)]
    expect: Annotated[dict[Name, Expectation], Field(default_factory=dict)]
    during: Annotated[dict[str, str], Field(default_factory=dict)]
    """Figures of journeys, and what they are held to while the faults are in force."""
    after: Annotated[dict[str, str], Field(default_factory=dict)]
    """The same once the system is well again."""
    recover_within: Duration = DEFAULT_RECOVERY
    blast_radius: BlastRadiusSpec | None = None
    guards: tuple[GuardSpec, ...] = ()
    long: bool = False
    """Whether the main job leaves it to runs that have the time: `harness run --long`."""


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
    line = document.place(("experiment",)).line
    return read_experiment(document, topology, faults=faults, source=f"{_shown(file)}:{line}")


def read_experiment(
    document: Document, topology: Topology, *, faults: Mapping[str, type[FaultSpec]], source: str
) -> Experiment:
    """An experiment from what is written of it, wherever that is; raises DeclarationError with every problem found."""
    spec = validated(document, ExperimentSpec)
    weights = spec.load.weights or {name: float(journey.weight) for name, journey in topology.system.journeys.items()}
    reading = _Reading(document=document, topology=topology, weights=weights)
    injections = reading.injections(spec.injections, faults)
    experiment = Experiment(
        name=spec.experiment,
        hypothesis=spec.hypothesis,
        injections=injections,
        weights=reading.weighted(spec.load.weights or {}),
        rate=spec.load.rate,
        surge=spec.load.surge,
        ramp=_ramp(spec.load.ramp),
        expectations=reading.expected(spec.expect),
        during=reading.bounds("during", spec.during),
        after=reading.bounds("after", spec.after),
        recover_within=spec.recover_within,
        guards=reading.guards(spec.guards),
        long=spec.long,
        blast_radius=reading.radius(spec.blast_radius, injections),
        source=source,
    )
    if reading.problems:
        raise DeclarationError(reading.problems)
    return experiment


def _ramp(spec: RampSpec | None) -> LoadRamp | None:
    return LoadRamp(start=spec.start, end=spec.end, over=spec.over) if spec else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Reads the parts of one document, and gathers all that is wrong with them."""

    document: Document
    topology: Topology
    weights: dict[str, float]
    problems: list[Problem] = field(default_factory=list)

    def injections(self, steps: tuple[Step, ...], faults: Mapping[str, type[FaultSpec]]) -> tuple[Injection, ...]:
        reader = InjectionReader(document=self.document, topology=self.topology, faults=faults)
        try:
            return reader.read(steps)
        except DeclarationError as error:
            self.problems.extend(error.problems)
            return ()

    def weighted(self, declared: Mapping[str, float]) -> dict[str, float]:
        self.problems.extend(_unknown_journeys(self.document, ("load", "weights"), declared, self.topology))
        return self.weights

    def expected(self, declared: dict[str, Expectation]) -> dict[str, Expectation]:
        self.problems.extend(_unknown_journeys(self.document, ("expect",), declared, self.topology))
        return declared

    def bounds(self, part: str, declared: Mapping[str, str]) -> tuple[Bound, ...]:
        found = []
        known = {*self.weights, EVERY}
        for name, text in declared.items():
            try:
                bound = Bound.parse(name, text)
            except ValueError as error:
                self.problems.append(self.document.problem((part, name), str(error)))
                continue
            if bound.journey not in known:
                message = f"'{name}' is a figure of a journey that the load does not have"
                self.problems.append(
                    self.document.problem((part, name), message, nearest(bound.journey, known), key=True)
                )
            found.append(bound)
        return tuple(found)

    def guards(self, specs: tuple[GuardSpec, ...]) -> tuple[Guard, ...]:
        found = []
        for index, spec in enumerate(specs):
            try:
                found.append(guard_of(self.document, ("guards", index), spec, self.topology, {*self.weights}))
            except DeclarationError as error:
                self.problems.extend(error.problems)
        return tuple(found)

    def radius(self, spec: BlastRadiusSpec | None, injections: Iterable[Injection]) -> BlastRadius | None:
        if spec is None:
            return None
        radius = BlastRadius(instances=spec.instances, zones=spec.zones)
        for reason in touched(self.topology, injections).beyond(radius):
            remedy = "aim at less, or allow more"
            self.problems.append(self.document.problem(("blast_radius",), reason, remedy))
        return radius


def _shown(file: Path) -> Path:
    """The file as one would name it from here."""
    absolute = file.resolve()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute


def _unknown_journeys(document: Document, at: Path_, names: Iterable[str], topology: Topology) -> Iterable[Problem]:
    known = topology.system.journeys
    for name in names:
        if name not in known:
            yield document.problem((*at, name), f"unknown journey '{name}'", nearest(name, known), key=True)
