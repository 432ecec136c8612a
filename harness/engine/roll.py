"""What is run to see what customers notice of a roll: the rest is as for any experiment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.declare import load_invariants, load_system, with_tls
from harness.declare.experiment import DEFAULT_RATE
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.customers import conduct_that_loads
from harness.engine.permission import abilities_of, permit, permit_rate
from harness.engine.plan import decisive_s, error_rate_each, with_proofs
from harness.engine.prepare import Options, Plan
from harness.errors import DeclarationError, Place, Problem
from harness.faults.deployment_roll import Roll
from harness.model.experiment import Expectation, Experiment, expected
from harness.model.fault import Injection, InstanceTarget
from harness.model.quantity import Duration
from harness.model.system import RuntimeKind
from harness.model.topology import Topology
from harness.runtime.addresses import check_placeholders

STEP_S = 8.0
"""What each instance gets at least, to drain and to become ready, before it is the next one's turn."""
TELL_VERSIONS = (RuntimeKind.PROCESS, RuntimeKind.NAMESPACES)
"""Where an instance can be started as another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollAsked:
    """What somebody wants to be rolled."""

    service: str
    to: str = ""
    """The version; a restart as it is declared when empty."""
    back: bool = False
    lasts_s: float = 0.0
    """Over how long the instances are spread; as long as it takes to judge the journeys when 0."""


def plan_roll(options: Options, asked: RollAsked) -> Plan:
    """Read all that the run needs.

    Raises:
        DeclarationError: if there is no such service or version, or it can't be told to an instance here.
        LoadError: if nothing says what customers do.
    """
    topology = load_system(options.system)
    topology = with_tls(topology) if options.settings.tls else topology
    document = read_yaml(options.system)
    check_placeholders(topology, place_of=document.place)
    _refuse(topology, asked, options.system, document.place(("services", asked.service), key=True))
    conduct_that_loads(topology)
    rate = topology.system.baseline.rate or DEFAULT_RATE
    experiment = roll_of(topology, asked, rate=rate)
    experiments = with_proofs(topology, (experiment,), rate=rate)
    permit(topology, abilities_of(experiments), place_of=document.place)
    permit_rate(topology, rate, place_of=document.place)
    invariants = load_invariants(Path(topology.root) / topology.system.content.chaos, topology)
    return Plan(topology=topology, experiments=experiments, invariants=invariants, rate=rate, command=_command(asked))


def roll_of(topology: Topology, asked: RollAsked, *, rate: float) -> Experiment:
    """The experiment that a roll is: the journeys that have to do with the service are driven and judged."""
    touched = [name for name, allowed in allowances(topology, asked.service).items() if allowed]
    names = touched or list(topology.system.journeys)
    steps = len(topology.instances_of(asked.service)) * (2 if asked.back else 1)
    shortest_s = asked.lasts_s or _decisive_s(topology, asked, names, rate=rate)
    return _experiment(topology, asked, names, lasts_s=max(shortest_s, STEP_S * steps), rate=rate)


def allowances(topology: Topology, service: str) -> dict[str, Expectation | None]:
    """What each journey may come to while one instance is away; None when it has nothing to do with the service."""
    away = Injection(id="roll", fault=Roll(over=Duration(0)), target=InstanceTarget(service=service), lasts=Duration(1))
    found = {name: expected(topology, name, away) for name in topology.system.journeys}
    return {name: None if each is Expectation.UNCHANGED else each for name, each in found.items()}


def alone(topology: Topology, service: str) -> str:
    """What customers will see of a service with one instance; empty when it has more."""
    if len(topology.instances_of(service)) > 1:
        return ""
    allowed = allowances(topology, service)
    fail = [name for name, each in allowed.items() if each is Expectation.MAY_FAIL]
    lack = [name for name, each in allowed.items() if each not in (None, Expectation.MAY_FAIL)]
    told = [f"{', '.join(fail)} may fail (cleanly)"] if fail else []
    told += [f"{', '.join(lack)} must go on without it"] if lack else []
    return f"{service} has one instance, so nobody serves while it is away: " + (
        "; ".join(told) or "no journey has to do with it"
    )


def _experiment(topology: Topology, asked: RollAsked, names: list[str], *, lasts_s: float, rate: float) -> Experiment:
    lasts = Duration(lasts_s)
    fault = Roll(to=asked.to, back=asked.back, over=lasts)
    what = f"{asked.service} is rolled to {asked.to}" if asked.to else f"{asked.service} is restarted"
    return Experiment(
        name=f"roll-{asked.service}",
        hypothesis=f"While {what}, an instance at a time, no customer gets a wrong answer, and nothing is lost.",
        injections=(Injection(id="roll", fault=fault, target=InstanceTarget(service=asked.service), lasts=lasts),),
        weights={name: float(topology.journey(name).weight) for name in names},
        rate=rate,
        repeats=asked.service,  # by that name the command repeats it
    )


def _command(asked: RollAsked) -> tuple[str, ...]:
    how = ("--to", asked.to) if asked.to else ("--restart",)
    lasts = ("--for", str(Duration(asked.lasts_s)).replace(" ", "")) if asked.lasts_s else ()
    return ("chaos", "roll", *how, *(["--back"] if asked.back else []), *lasts)


def _decisive_s(topology: Topology, asked: RollAsked, names: list[str], *, rate: float) -> float:
    drawn = _experiment(topology, asked, names, lasts_s=1.0, rate=rate)
    drawn_with_proofs = with_proofs(topology, (drawn,), rate=rate)
    return decisive_s((drawn,), rate=rate, alpha=error_rate_each(topology, drawn_with_proofs))


def _refuse(topology: Topology, asked: RollAsked, file: Path, service_place: Place) -> None:
    services = topology.system.services
    message = remedy = ""
    place = service_place
    if topology.is_store(asked.service):
        place = Place(file=str(file))
        message, remedy = f"'{asked.service}' is a store, which has no versions", "use the fault 'restart' on it"
    elif asked.service not in services:
        place = Place(file=str(file))
        message, remedy = f"no service '{asked.service}'", nearest(asked.service, services)
    elif asked.to and topology.system.runtime not in TELL_VERSIONS:
        message = f"an instance of '{asked.service}' can't be started as another version"
        remedy = "only what the harness starts as processes can; --restart it instead"
    elif asked.to and asked.to not in services[asked.service].versions:
        known = services[asked.service].versions
        message = f"'{asked.service}' has no version '{asked.to}'"
        remedy = f"{nearest(asked.to, known)}; or declare it: 'versions: {{{asked.to}: {{env: {{…}}}}}}'"
    if message:
        raise DeclarationError([Problem(place=place, message=message, remedy=remedy)])
