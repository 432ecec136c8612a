"""`harness record`: run journeys, draft pacts of what crosses the edges, and see that they verify."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.contracts.drafting import Draft, draft
from harness.contracts.verify import ProviderUnderTest, verify
from harness.declare import load_system
from harness.declare.yaml import read_yaml
from harness.engine.concluding import INTERRUPTED, conclusion
from harness.engine.consumer_fuzz_run import chosen_journeys, conformance_of, refuse
from harness.engine.hearing import Heard, Hearing
from harness.engine.permission import permit
from harness.engine.session import Say, Session, Settings, replay_command
from harness.engine.visiting import open_visitor
from harness.load.visits import Visitor
from harness.model.events import Event, RunEnded
from harness.model.finding import Finding, Part
from harness.model.system import CUSTOMERS, Ability, Edge
from harness.model.topology import Topology
from harness.model.verdict import Verdict
from harness.runtime.addresses import check_placeholders

VISITS = 5
"""Of each journey: what is the same in all of them may be agreed."""
DRAFTS = "drafts"

OpenVisitor = Callable[[Session], Awaitable[Visitor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """What a user asked for; all edges with HTTP, and all journeys, where none are named."""

    system: Path
    edges: tuple[str, ...] = ()
    journeys: tuple[str, ...] = ()
    visits: int = VISITS
    into: Path | None = None
    """Where drafts are written; by default `drafts` beside the pacts, where nobody verifies them."""
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What came of it."""

    files: tuple[Path, ...]
    drafts: tuple[Draft, ...]
    silent: tuple[str, ...]
    """Edges on which nothing was heard that could be drafted."""
    findings: tuple[Finding, ...]
    verdict: Verdict
    exit_code: int
    directory: Path
    events: tuple[Event, ...]


async def record(options: RecordOptions, *, say: Say, visitor_of: OpenVisitor = open_visitor) -> Recorded:
    """Bring the system up, listen while its journeys run, draft and verify, and take it down again.

    Raises:
        HarnessError: if it can't be brought up, visited, or listened to.
    """
    topology = load_system(options.system)
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    edges = _edges(topology, options)
    permit(topology, {Ability.LOAD}, place_of=place_of)
    session = await Session.open(topology, settings=options.settings, say=say)
    found: _Found | None = None
    try:
        found = await _record(session, edges, options, visitor_of)
    finally:
        say("stopping")
        await asyncio.shield(session.stop())
        findings = found.findings if found else ()
        verdict, reason = conclusion(findings)
        session.recorder.find(*findings)
        code = verdict.exit_code if found else INTERRUPTED
        session.recorder.record(RunEnded(t=session.now(), verdict=verdict, reason=reason, exit_code=code))
        session.recorder.close()
    return Recorded(
        files=found.files,
        drafts=found.drafts,
        silent=found.silent,
        findings=found.findings,
        verdict=verdict,
        exit_code=code,
        directory=session.directory,
        events=tuple(session.recorder.events),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    files: tuple[Path, ...]
    drafts: tuple[Draft, ...]
    silent: tuple[str, ...]
    findings: tuple[Finding, ...]


def _edges(topology: Topology, options: RecordOptions) -> tuple[Edge, ...]:
    http = {
        edge.name: edge
        for edge in topology.edges.values()
        if edge.consumer != CUSTOMERS and not topology.is_store(edge.provider) and topology.protocol(edge) == "http"
    }
    for name in options.edges:
        if name not in http:
            refuse("edge that speaks HTTP", name, [*http], options.system)
    if not http:
        refuse("edge", "that speaks HTTP", [], options.system)
    return tuple(http[name] for name in options.edges or http)


async def _record(session: Session, edges: Sequence[Edge], options: RecordOptions, visitor_of: OpenVisitor) -> _Found:
    visitor = await visitor_of(session)
    hearing = Hearing(session, edges)
    try:
        journeys = chosen_journeys(options.journeys, visitor, options.system)
        await hearing.start()
        session.say(f"running {', '.join(journeys)}, {options.visits} times each")
        for number in range(options.visits):
            for journey in journeys:
                visit = await visitor.visit(journey, number=number)
                if visit.failed:
                    session.say(
                        f"a visit failed: {journey}: {visit.failed}; what it would have asked then was not seen"
                    )
        heard = await hearing.take()
        await hearing.stop()
    finally:
        await asyncio.shield(visitor.close())
    if hearing.missed:
        session.say(f"{hearing.missed} exchanges were more than there was room for")
    drafts = [each for edge in edges if (each := await _draft(session, edge, heard)) is not None]
    drafted = {f"{each.consumer}->{each.provider}" for each in drafts}
    silent = tuple(edge.name for edge in edges if edge.name not in drafted)
    findings = [_silent(session, name, options) for name in silent if name in options.edges or not drafts]
    into = options.into or session.content("contracts") / DRAFTS
    beside = session.directory / DRAFTS
    if drafts:
        for each in drafts:
            await asyncio.to_thread(_clean(each, session).write, beside)
        findings += await _verified(session, drafts, beside, options)
    files = [await asyncio.to_thread(_clean(each, session).write, into) for each in drafts]
    return _Found(files=tuple(files), drafts=tuple(drafts), silent=silent, findings=tuple(findings))


async def _draft(session: Session, edge: Edge, heard: Sequence[Heard]) -> Draft | None:
    conformance, trouble = await conformance_of(session, edge.provider)
    if trouble:
        session.say(f"paths of {edge.provider} are guessed: {trouble}")
    exchanges = [each.exchange for each in heard if each.edge == edge.name]
    if conformance is None:
        return draft(edge.consumer, edge.provider, exchanges)
    return draft(edge.consumer, edge.provider, exchanges, template_of=conformance.template)


def _clean(found: Draft, session: Session) -> Draft:
    """Without what the harness itself knows to be secret."""
    return replace(found, redact=session.credentials.redact)


async def _verified(
    session: Session, drafts: Sequence[Draft], directory: Path, options: RecordOptions
) -> list[Finding]:
    """Whether the providers that run answer as drafted."""
    topology = session.topology
    session.say("verifying the drafts")
    providers = [
        ProviderUnderTest(name=name, url=session.deployment.service_url(name), owner=topology.owner(name))
        for name in dict.fromkeys(each.provider for each in drafts)
    ]
    found = await verify(
        pacts=directory,
        states=session.content("contracts") / "states",
        providers=providers,
        owners={name: topology.owner(name) for name in topology.system.services},
        spawner=session.supervisor,
        directory=session.directory / "verify",
        credentials=session.credentials,
    )
    hidden = {f"{each.consumer} → {each.provider}: {description}" for each in drafts for description in each.redacted}
    return [_of_a_draft(each, hidden=each.subject in hidden, options=options) for each in found]


def _of_a_draft(found: Finding, *, hidden: bool, options: RecordOptions) -> Finding:
    named = ("--edge", found.edge) if found.edge else ()
    replay = "" if found.verdict is Verdict.PASS else replay_command("record", str(options.system), *named)
    if hidden and found.verdict is not Verdict.PASS:
        reason = "its request held a secret that was redacted, so it can't be asked again as it is"
        return replace(found, verdict=Verdict.UNKNOWN, reason=reason, replay=replay)
    return replace(found, replay=replay)


def _silent(session: Session, edge: str, options: RecordOptions) -> Finding:
    consumer, _, provider = edge.partition("->")
    return Finding(
        check="record",
        part=Part.PACTS,
        verdict=Verdict.UNKNOWN,
        reason="nothing crossed it that could be drafted, while the journeys ran",
        subject=f"{consumer} → {provider}",
        edge=edge,
        service=consumer,
        owner=session.topology.owner(consumer),
        replay=replay_command("record", str(options.system), "--edge", edge),
    )
