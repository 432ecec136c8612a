"""`harness fuzz --consumer`: bring a system up, try a consumer with unseen answers, take it down; a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.contracts.conformance import Conformance
from harness.contracts.pacts import Interaction, read_pacts
from harness.declare import load_system
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.concluding import RunResult
from harness.engine.consumer_fuzz import ConsumerFuzz, Provider
from harness.engine.documents import document_of, read_document
from harness.engine.ending import conducted
from harness.engine.permission import permit
from harness.engine.session import Say, Session, Settings, replay_command
from harness.engine.visiting import open_visitor
from harness.errors import ContractError, DeclarationError, Place, Problem
from harness.load.visits import Visitor
from harness.model.events import PhaseEnded
from harness.model.finding import Finding, Part
from harness.model.system import Ability, Edge
from harness.model.topology import Topology
from harness.model.verdict import Verdict
from harness.runtime.addresses import check_placeholders

WITHIN_S = 900.0
"""For how long answers are tried; what is left then is UNKNOWN."""

OpenVisitor = Callable[[Session], Awaitable[Visitor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerFuzzOptions:
    """What a user asked for; all providers or journeys where none are named."""

    system: Path
    consumer: str
    providers: tuple[str, ...] = ()
    journeys: tuple[str, ...] = ()
    within_s: float = WITHIN_S
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerFuzzPlan:
    """Everything that was declared, read and found sound before anything starts."""

    topology: Topology
    edges: tuple[Edge, ...]
    pacts: dict[str, tuple[Interaction, ...]]
    """Provider → what the consumer agreed with it."""


def prepare_consumer_fuzz(options: ConsumerFuzzOptions) -> ConsumerFuzzPlan:
    """Read all that is needed.

    Raises:
        DeclarationError: with what is wrong in the description or a pact, or not allowed, or unknown.
    """
    topology = load_system(options.system)
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    if options.consumer not in topology.system.services:
        refuse("service", options.consumer, [*topology.system.services], options.system)
    edges = edges_of(topology, options.consumer)
    if not edges:
        problem = Problem(
            place=Place(file=str(options.system)), message=f"'{options.consumer}' calls no service over HTTP"
        )
        raise DeclarationError([problem])
    for name in options.providers:
        if name not in {edge.provider for edge in edges}:
            refuse(f"provider of {options.consumer}", name, [edge.provider for edge in edges], options.system)
    permit(topology, {Ability.LOAD, Ability.FAULTS, Ability.FUZZ}, place_of=place_of)
    pacts = Path(topology.root) / topology.system.content.contracts / "pacts"
    agreed = {each.provider: each.interactions for each in read_pacts(pacts) if each.consumer == options.consumer}
    chosen = tuple(edge for edge in edges if not options.providers or edge.provider in options.providers)
    return ConsumerFuzzPlan(topology=topology, edges=chosen, pacts=agreed)


def edges_of(topology: Topology, consumer: str) -> tuple[Edge, ...]:
    """The edges on which a service calls others over HTTP."""
    return tuple(
        edge
        for edge in topology.edges.values()
        if edge.consumer == consumer and not topology.is_store(edge.provider) and topology.protocol(edge) == "http"
    )


def refuse(what: str, name: str, known: Sequence[str], file: Path) -> None:
    """Raise DeclarationError for a name that nobody knows."""
    problem = Problem(place=Place(file=str(file)), message=f"no {what} '{name}'", remedy=nearest(name, known))
    raise DeclarationError([problem])


def chosen_journeys(wanted: tuple[str, ...], visitor: Visitor, file: Path) -> tuple[str, ...]:
    """Those that were named, or all; raises DeclarationError for one that nobody can visit."""
    for name in wanted:
        if name not in visitor.journeys:
            refuse("journey", name, visitor.journeys, file)
    return wanted or visitor.journeys


async def run_consumer_fuzz(
    options: ConsumerFuzzOptions, *, say: Say, visitor_of: OpenVisitor = open_visitor
) -> RunResult:
    """Do it; what was started is stopped again whatever happens.

    Raises:
        HarnessError: if nothing could be run at all; once the system was up, trouble ends in a verdict instead.

    When the task is cancelled, everything is put right, and the result says that it was interrupted.
    """
    plan = prepare_consumer_fuzz(options)
    session = await Session.open(plan.topology, settings=options.settings, say=say)
    return await conducted(
        session,
        lambda: _conduct(session, plan, options, visitor_of),
        broken=lambda error: _untried(options.consumer, str(error)),
        say=say,
    )


async def _conduct(
    session: Session, plan: ConsumerFuzzPlan, options: ConsumerFuzzOptions, visitor_of: OpenVisitor
) -> None:
    began = session.now()
    visitor = await visitor_of(session)
    try:
        journeys = chosen_journeys(options.journeys, visitor, options.system)
        providers = [await _provider(session, plan, edge) for edge in plan.edges]
        entry = None
        if session.topology.system.entry == options.consumer:
            entry, _ = await conformance_of(session, options.consumer)
        replay = {edge.name: _replay(options, edge, session.seed) for edge in plan.edges}
        await ConsumerFuzz(
            session,
            visitor,
            providers,
            entry=entry,
            journeys=journeys,
            within_s=options.within_s,
            replay=replay,
        ).run()
    finally:
        await asyncio.shield(visitor.close())
    session.recorder.record(PhaseEnded(name="fuzz the consumer", t=session.now(), took_s=session.now() - began))


async def _provider(session: Session, plan: ConsumerFuzzPlan, edge: Edge) -> Provider:
    conformance, trouble = await conformance_of(session, edge.provider)
    return Provider(edge=edge, conformance=conformance, interactions=plan.pacts.get(edge.provider, ()), trouble=trouble)


async def conformance_of(session: Session, service: str) -> tuple[Conformance | None, str]:
    """What a service declares of its answers, and why that can't be read; neither when it has no document."""
    where = document_of(session.topology, service, session.deployment.service_url(service))
    if not where:
        return None, ""
    try:
        document = await read_document(where, credentials=session.credentials)
        if not isinstance(document, dict):
            return None, f"the OpenAPI document {where} is not a mapping; mend 'openapi:'"
        return Conformance(service, document), ""
    except ContractError as error:
        return None, str(error)


def _replay(options: ConsumerFuzzOptions, edge: Edge, seed: int) -> str:
    journeys = [part for name in options.journeys for part in ("--journey", name)]
    named = ("--consumer", edge.consumer, "--provider", edge.provider, *journeys)
    return replay_command("fuzz", *named, "--seed", str(seed), "--system", str(options.system))


def _untried(consumer: str, reason: str) -> Finding:
    return Finding(
        check="harness", part=Part.VALIDITY, verdict=Verdict.UNKNOWN, reason=reason, subject=f"fuzzing {consumer}"
    )
