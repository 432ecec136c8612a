"""`harness chaos contracts`: while an edge of a service is broken, do its answers keep to its own contracts?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.declare import load_system, with_tls
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.cell import RECOVER_WITHIN_S
from harness.engine.concluding import RunResult
from harness.engine.ending import conducted
from harness.engine.matrix import ORDER
from harness.engine.permission import permit
from harness.engine.service_under_fault import ServiceUnderFault, Wanted
from harness.engine.session import Say, Session, Settings
from harness.errors import DeclarationError, HarnessError, Place, Problem
from harness.model.events import MatrixEnded, PhaseEnded
from harness.model.finding import Finding, Part
from harness.model.matrix import CellVerdict, JourneyCrossings, Kind, Outlook
from harness.model.quantity import Duration
from harness.model.system import CUSTOMERS, Ability
from harness.model.topology import Topology
from harness.model.verdict import Verdict
from harness.runtime.addresses import check_placeholders

BUDGET_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderFaultOptions:
    """What a user asked for; all services, edges or kinds where none are named."""

    system: Path
    services: tuple[str, ...] = ()
    edges: tuple[str, ...] = ()
    kinds: tuple[Kind, ...] = ()
    budget_s: float = BUDGET_S
    """Of asking, once the system is up."""
    deadline: Duration | None = None
    """Of each service's answers; without it, as long as any of its consumers waits."""
    pacts: bool = True
    cases: bool = True
    """Whether Schemathesis looks for requests besides those of pacts and examples."""
    recover_within_s: float = RECOVER_WITHIN_S
    settings: Settings = field(default_factory=Settings)


def prepare_under_fault(options: UnderFaultOptions) -> tuple[Topology, tuple[Wanted, ...]]:
    """Read all that is needed, and tell which services are to be looked at, each with some of its own edges.

    Raises:
        DeclarationError: with what is wrong in the description, or not allowed by it, or unknown.
    """
    topology = load_system(options.system)
    topology = with_tls(topology) if options.settings.tls else topology
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    own = [name for name, edge in topology.edges.items() if edge.consumer != CUSTOMERS]
    _known("service", options.services, [*topology.system.services], options.system)
    _known("edge", options.edges, own, options.system)
    permit(topology, {Ability.FAULTS, Ability.FUZZ}, place_of=place_of)
    restart = True
    try:
        permit(topology, {Ability.KILL}, place_of=place_of)
    except DeclarationError:
        restart = False
    kinds = tuple(kind for kind in ORDER if not options.kinds or kind in options.kinds)
    wanted = []
    for service in options.services or topology.system.services:
        edges = tuple(
            name
            for name in own
            if topology.edges[name].consumer == service and (not options.edges or name in options.edges)
        )
        if edges:
            wanted.append(Wanted(service=service, edges=edges, kinds=kinds, restart=restart))
    if not wanted:
        names = ", ".join(options.services) or topology.name
        problem = Problem(
            place=Place(file=str(options.system)),
            message=f"no edge of {names} to break",
            remedy="name a service that calls another or uses a store, and an edge of its own",
        )
        raise DeclarationError([problem])
    return topology, tuple(wanted)


def _known(what: str, names: Sequence[str], known: Sequence[str], file: Path) -> None:
    problems = [
        Problem(place=Place(file=str(file)), message=f"no {what} '{name}'", remedy=nearest(name, known))
        for name in names
        if name not in known
    ]
    if problems:
        raise DeclarationError(problems)


async def run_under_fault(options: UnderFaultOptions, *, say: Say) -> RunResult:
    """Look at all that is wanted; what was started is stopped again whatever happens.

    Raises:
        HarnessError: if nothing could be run at all; once the system was up, trouble ends in a verdict instead.

    When the task is cancelled, everything is put right, and the result says that it was interrupted.
    """
    topology, wanted = prepare_under_fault(options)
    session = await Session.open(topology, settings=options.settings, say=say)
    return await conducted(
        session,
        lambda: _conduct(session, options, wanted),
        broken=lambda error: _broken(str(error), "contracts under fault"),
        say=say,
    )


async def _conduct(session: Session, options: UnderFaultOptions, wanted: Sequence[Wanted]) -> None:
    began = session.now()
    ends = session.clock.now() + options.budget_s
    services: list[ServiceUnderFault] = []
    for each in wanted:
        service = ServiceUnderFault(session, options, each, ends=ends)
        services.append(service)
        try:
            await service.run()
        except DeclarationError:
            raise
        except HarnessError as error:
            session.recorder.find(_broken(str(error), each.service))
    results = [result for service in services for result in service.results]
    outlook = Outlook(
        journeys=tuple(_crossings(service) for service in services),
        figures=dict(_figures(services, results, session.now() - began)),
    )
    session.recorder.record(MatrixEnded(t=session.now(), outlook=outlook))
    session.recorder.record(PhaseEnded(name="contracts under fault", t=session.now(), took_s=session.now() - began))


def _crossings(service: ServiceUnderFault) -> JourneyCrossings:
    crossed = tuple(edge for edge in service.wanted.edges if service.usual.get(edge))
    return JourneyCrossings(
        journey=service.wanted.service,
        edges=crossed,
        not_seen=tuple(edge for edge in service.wanted.edges if edge not in crossed) if service.counted else (),
        trouble=service.trouble,
        counted=service.counted,
    )


def _figures(
    services: Sequence[ServiceUnderFault], results: Sequence[CellVerdict], took_s: float
) -> Iterator[tuple[str, float]]:
    tried = [each for each in results if each.cell.kind is not Kind.PLACEBO]
    yield "cells", float(len(tried))
    yield "operations", float(sum(len(service.operations) for service in services))
    yield "requests recorded", float(sum(len(service.healthy) for service in services))
    yield "requests replayed", float(sum(each.samples for each in tried))
    yield "seconds to record", round(sum(service.recorded_s for service in services), 3)
    yield "seconds in cells", round(sum(each.took_s for each in results), 3)
    yield "seconds in all", round(took_s, 3)


def _broken(reason: str, subject: str) -> Finding:
    return Finding(check="harness", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason=reason, subject=subject)
