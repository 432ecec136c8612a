"""What a user asked for, and everything that was declared, read and proved sound before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.checkers import checker_table
from harness.checkers.excuses import Earlier
from harness.contracts.fuzz_baseline import read_baseline
from harness.contracts.pacts import read_sound_pacts
from harness.declare import load_experiments, load_fuzz, load_invariants, load_system, with_tls
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.customers import conduct_that_loads
from harness.engine.excusing import excuses_of
from harness.engine.feasible import feasible
from harness.engine.fuzzing import FuzzOptions
from harness.engine.permission import abilities_of, permit, permit_rate
from harness.engine.plan import repeated, with_proofs
from harness.engine.session import Settings
from harness.errors import DeclarationError, Place, Problem
from harness.experiments.files import is_file, read_files
from harness.faults import fault_table
from harness.model.experiment import Experiment
from harness.model.fuzzing import FuzzSettings
from harness.model.invariant import Invariants
from harness.model.system import Ability
from harness.model.topology import Topology
from harness.model.waiver import Waiver
from harness.runtime.addresses import check_placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a user asked for. `parts` are those of verify, chaos and fuzz that are to run."""

    system: Path
    parts: frozenset[str] = frozenset({"verify", "chaos", "fuzz"})
    only: tuple[str, ...] = ()
    """Names of experiments, and files of some; all that are declared when empty."""
    long: bool = True
    """Whether experiments that are `long` are run when none is named."""
    repeat: int = 1
    """How often each experiment is run."""
    again: int = 1
    """How often the baseline, and each experiment, is asked again when the machine disturbed it."""
    consumer: str | None = None
    services: tuple[str, ...] = ()
    """Providers to verify and services to fuzz; all when empty."""
    pacts: Path | None = None
    """A directory of pacts to verify instead of those that are checked out."""
    version: str = ""
    """Of the providers that are verified, where somebody says it."""
    fuzzing: FuzzOptions = field(default_factory=FuzzOptions)
    against: Path | None = None
    """An earlier run: what was red in it does not make this one red."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that was declared, read and found sound before anything starts."""

    topology: Topology
    experiments: tuple[Experiment, ...]
    invariants: Invariants
    rate: float
    fuzzing: FuzzSettings = field(default_factory=FuzzSettings)
    command: tuple[str, ...] = ("chaos", "run")
    """What repeats an experiment, before its name."""
    waivers: tuple[Waiver, ...] = ()
    against: Earlier | None = None
    left_out: tuple[str, ...] = ()
    """Experiments that are run only when asked for."""


def prepare(options: Options) -> Plan:
    """All that is declared, what excuses red included; raises as `_prepared`."""
    plan = _prepared(options)
    waivers, against = excuses_of(plan.topology, options.against)
    return replace(plan, waivers=waivers, against=against)


def _prepared(options: Options) -> Plan:
    """Read all that the run needs.

    Raises:
        DeclarationError: with every problem of the first file or folder that has any.
        LoadError: if nothing says what customers do, or the locustfile isn't Python.
    """
    topology = load_system(options.system)
    topology = with_tls(topology) if options.settings.tls else topology
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    _known("service", options.services, topology.system.services, options.system)
    root, content = Path(topology.root), topology.system.content
    if "fuzz" in options.parts:
        _documented(options, topology)
        if options.fuzzing.baseline:
            read_baseline(options.fuzzing.baseline)
    if "verify" in options.parts:
        _some_sound_pacts(options.pacts or root / content.contracts / "pacts")
    fuzzing = {Ability.FUZZ} if "fuzz" in options.parts else set()
    how = load_fuzz(root / content.contracts, topology) if fuzzing else FuzzSettings()
    if "chaos" not in options.parts:
        permit(topology, fuzzing, place_of=place_of)
        return Plan(topology=topology, experiments=(), invariants=Invariants(), rate=0.0, fuzzing=how)
    chaos = root / content.chaos
    directory = chaos / "experiments"
    chosen, left_out = _within(options, directory, chosen_of(options.only, directory, topology))
    feasible(topology, chosen)
    conduct_that_loads(topology)
    rate = topology.system.baseline.rate or max(experiment.rate for experiment in chosen)
    experiments = with_proofs(topology, repeated(chosen, options.repeat), rate=rate)
    permit(topology, fuzzing | abilities_of(experiments), place_of=place_of)
    permit_rate(topology, max(each.highest_rate for each in experiments), place_of=place_of)
    return Plan(
        topology=topology,
        experiments=experiments,
        invariants=load_invariants(chaos, topology),
        rate=rate,
        left_out=left_out,
    )


def _within(
    options: Options, directory: Path, chosen: tuple[Experiment, ...]
) -> tuple[tuple[Experiment, ...], tuple[str, ...]]:
    """Those that are run, and the names of those that take too long to be run unasked."""
    long = {each.name for each in chosen if each.long and not options.long and not options.only}
    if len(long) == len(chosen):
        problem = Problem(place=Place(file=str(directory)), message="holds only long experiments", remedy="add --long")
        raise DeclarationError([problem])
    return tuple(each for each in chosen if each.name not in long), tuple(sorted(long))


def chosen_of(wanted: Sequence[str], directory: Path, topology: Topology) -> tuple[Experiment, ...]:
    """The experiments that were named, or whose files were; all of a directory when none was.

    Raises:
        DeclarationError: with every problem of what was read, or if there is no such experiment.
    """
    faults = fault_table()
    checker_table()  # one of a package that can't be loaded is refused now, not when it should judge
    files = [Path(each) for each in wanted if is_file(each)]
    names = {each for each in wanted if not is_file(each)}
    declared = load_experiments(directory, topology, faults=faults) if names or not files else ()
    _known("experiment", sorted(names), {experiment.name for experiment in declared}, directory)
    by_name = [each for each in declared if not wanted or each.name in names]
    found = (*by_name, *read_files(files, topology, faults=faults))
    _distinct(found)
    if not found:
        problem = Problem(place=Place(file=str(directory)), message="holds no experiment", remedy="write one")
        raise DeclarationError([problem])
    return found


def _distinct(experiments: Sequence[Experiment]) -> None:
    """Reports tell experiments apart by their names."""
    known: dict[str, Experiment] = {}
    for each in experiments:
        if each.name in known:
            message = f"the experiment '{each.name}' is also in {known[each.name].source}"
            place = Place(file=each.source)
            raise DeclarationError([Problem(place=place, message=message, remedy="rename one, or name only one")])
        known[each.name] = each


def _some_sound_pacts(directory: Path) -> None:
    """A broken pact is reported with the others' verification, unless there are no others."""
    sound, problems = read_sound_pacts(directory)
    if problems and not sound:
        raise DeclarationError(list(problems))


def _documented(options: Options, topology: Topology) -> None:
    """Who names a service to fuzz must not be shown the green of others when it has no document."""
    for name in options.services:
        if topology.service(name).openapi is None:
            place = read_yaml(options.system).place(("services", name), key=True)
            message = f"'{name}' does not say where its OpenAPI document is, so it can't be fuzzed"
            raise DeclarationError([Problem(place=place, message=message, remedy="add 'openapi: /openapi.json'")])


def _known(what: str, names: Sequence[str], known: Iterable[str], file: Path) -> None:
    declared = set(known)
    for name in names:
        if name not in declared:
            remedy = nearest(name, declared)
            raise DeclarationError([Problem(place=Place(file=str(file)), message=f"no {what} '{name}'", remedy=remedy)])
