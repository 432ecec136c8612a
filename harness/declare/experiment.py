"""Experiments: from `chaos/experiments/*.yaml` to values, checked against a topology."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from harness.declare.validate import nearest, validated
from harness.declare.yaml import Document, Path_, read_yaml
from harness.errors import DeclarationError, Place, Problem
from harness.model.experiment import DEFAULT_RECOVERY, Expectation, Experiment
from harness.model.fault import AT_ONCE, EdgeTarget, FaultSpec, Injection, InstanceTarget, Target
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS, Declared, Name, edge_name
from harness.model.topology import Topology

DEFAULT_RATE = 20.0
"""Journeys a second when nothing else is declared."""

MAX_RATE = 10_000


class LoadSpec(Declared):
    """The load of an experiment: journeys a second, another rate during the faults, weights of the judged journeys."""

    rate: Annotated[float, Field(gt=0, le=MAX_RATE)] = DEFAULT_RATE
    surge: Annotated[float, Field(gt=0, le=MAX_RATE)] | None = None
    weights: Annotated[dict[Name, Annotated[float, Field(gt=0)]], Field(min_length=1)] | None = None


class OnlySpec(Declared):
    """Limits a fault on an edge to one instance of its consumer or of its provider (counted from 1)."""

    consumer: Annotated[int, Field(ge=1)] | None = None
    provider: Annotated[int, Field(ge=1)] | None = None


class InjectionSpec(Declared):
    """An injection as it is written; the keys it doesn't know are the fault's own."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, populate_by_name=False)

    fault: str
    edge: str | None = None
    instance: str | None = None
    only: OnlySpec = OnlySpec()
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
            injections.append(_injection(document, ("injections", index), injection, topology, faults))
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


def _injection(
    document: Document, at: Path_, spec: InjectionSpec, topology: Topology, faults: Mapping[str, type[FaultSpec]]
) -> Injection:
    if spec.fault not in faults:
        message, remedy = f"unknown fault '{spec.fault}'", nearest(spec.fault, faults)
        raise DeclarationError([document.problem((*at, "fault"), message, remedy)])
    kind = faults[spec.fault]
    target = _target(document, at, spec, topology, kind)
    attributes: dict[str, JsonValue] = dict(spec.model_extra or {})
    fault = validated(document, kind, at=at, part=attributes)
    if spec.lasts <= 0:
        raise DeclarationError([document.problem((*at, "for"), "a fault must last longer than 0 s", "give it time")])
    return Injection(id=f"{at[-1]}-{spec.fault}", fault=fault, target=target, after=spec.after, lasts=spec.lasts)


def _target(document: Document, at: Path_, spec: InjectionSpec, topology: Topology, kind: type[FaultSpec]) -> Target:
    wanted, other = ("edge", "instance") if kind.acts_on == "edge" else ("instance", "edge")
    if getattr(spec, wanted) is None or getattr(spec, other) is not None:
        example = "edge: consumer->provider" if wanted == "edge" else "instance: service-1"
        message = f"the fault '{spec.fault}' acts on an {wanted}"
        raise DeclarationError([document.problem(at, message, f"write '{example}', and no '{other}'")])
    if spec.edge is not None:
        return _edge(document, (*at, "edge"), spec.edge, spec.only, topology)
    return _instance(document, (*at, "instance"), spec.instance or "", topology)


def _edge(document: Document, at: Path_, text: str, only: OnlySpec, topology: Topology) -> EdgeTarget:
    consumer, _, provider = (part.strip() for part in text.replace("→", "->").partition("->"))
    name = edge_name(consumer, provider)
    if name not in topology.edges:
        message = f"the experiment names an unknown edge '{text}'"
        raise DeclarationError([document.problem(at, message, nearest(name, topology.edges))])
    for side, end, index in (("consumer", consumer, only.consumer), ("provider", provider, only.provider)):
        count = 1 if end == CUSTOMERS else len(topology.instances_of(end))
        if index is not None and index > count:
            message = f"'{end}' has {count} instance(s), and no instance {index}"
            raise DeclarationError([document.problem((*at[:-1], "only", side), message, "count from 1")])
    return EdgeTarget(consumer=consumer, provider=provider, consumer_index=only.consumer, provider_index=only.provider)


def _instance(document: Document, at: Path_, text: str, topology: Topology) -> InstanceTarget:
    known = {store.service: store for store in topology.store_instances}
    known |= {instance.name: instance for instance in (*topology.store_instances, *topology.instances)}
    if text not in known:
        message = f"the experiment names an unknown instance '{text}'"
        raise DeclarationError([document.problem(at, message, nearest(text, known))])
    return InstanceTarget(service=known[text].service, index=known[text].index)
