"""What an audit is made from: the journeys of a system are run a few times, or a run's journal is read again."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.declare import load_system
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.familiar import SETTLE_S, between
from harness.engine.ground import Counts, EdgeCounts
from harness.engine.learning import visit_while_held
from harness.engine.permission import permit
from harness.engine.session import Say, Session, Settings
from harness.engine.visiting import open_visitor
from harness.errors import DeclarationError, Place, Problem
from harness.load.visits import Visitor
from harness.model.audit import AuditEvidence, Past, Seen, Visited
from harness.model.events import Audited, Event, MatrixEnded, RunEnded, RunStarted, SpansSeen
from harness.model.span import Span
from harness.model.system import Ability
from harness.model.topology import Topology
from harness.model.verdict import Verdict
from harness.observe.journal import journal_of, read_journal
from harness.runtime.addresses import check_placeholders
from harness.runtime.connections import Sightings, Watch, watched

VISITS = 5
"""Of each journey."""
WARM_UPS = 2
"""Visits of each journey before what they cross is looked at: caches fill, and connections are opened."""
HELD_FROM = 1_000_000
"""Numbers of the visits during which instances are held: other customers than all before."""
IDLE_S = 2.0
"""For how long is looked at what crosses by itself."""
SPANS_QUIET_S, SPANS_WITHIN_S = 1.5, 15.0
"""Exporters send in batches, most of them every second or five."""
MOST_SPANS = 20_000
"""That are journaled."""
NAME = "audit"

OpenVisitor = Callable[[Session], Awaitable[Visitor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditOptions:
    """What a user asked for; all journeys where none are named."""

    system: Path
    journeys: tuple[str, ...] = ()
    visits: int = VISITS
    settings: Settings = field(default_factory=Settings)


def declared_only(system: Path) -> AuditEvidence:
    """The description, and nothing else; raises DeclarationError when it is wrong."""
    return AuditEvidence(topology=load_system(system))


def of_run(system: Path, run: Path) -> AuditEvidence:
    """What a run's journal tells: of an audit all of it, of others what crossed and the spans that were kept.

    Raises:
        DeclarationError: when the description is wrong, or the journal is one of another system.
        JournalError: when it can't be read.
    """
    topology = load_system(system)
    file = journal_of(run)
    events = read_journal(file).events
    started = next((each for each in events if isinstance(each, RunStarted)), None)
    if started is None or started.system != topology.name:
        found = f"one of {started.system}" if started else "one that does not say of which system"
        problem = Problem(
            place=Place(file=str(file)),
            message=f"expected a journal of {topology.name}, found {found}",
            remedy="name the description that it is a run of: `harness audit SYSTEM --run …`",
        )
        raise DeclarationError([problem])
    kept = [each for each in events if isinstance(each, SpansSeen)]
    audited = next((each.seen for each in events if isinstance(each, Audited)), None)
    spans = {(span.trace, span.span): span for each in kept for span in each.spans}
    return AuditEvidence(
        topology=topology,
        seen=audited or Seen(visits=_crossings(events)),
        spans=tuple(spans.values()),
        journey_of={span.trace: each.journey for each in kept for span in each.spans},
        source=started.run,
    )


def _crossings(events: Sequence[Event]) -> tuple[Visited, ...]:
    """The edges that journeys cross, where a matrix told them."""
    outlook = next((each.outlook for each in reversed(events) if isinstance(each, MatrixEnded)), None)
    return tuple(
        Visited(journey=each.journey, crossed=dict.fromkeys((*each.edges, *each.under_fault), 1), exact=False)
        for each in (outlook.journeys if outlook else ())
        if each.counted
    )


async def run_audit(
    options: AuditOptions, *, say: Say, visitor_of: OpenVisitor = open_visitor
) -> tuple[AuditEvidence, Path]:
    """Bring the system up, run its journeys, look, and take it down again; what was seen, and the run's directory.

    Raises:
        HarnessError: if it can't be brought up, or visited.
    """
    topology = load_system(options.system)
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    permit(topology, {Ability.LOAD}, place_of=place_of)
    session = await Session.open(topology, settings=options.settings, say=say)
    try:
        return await _audit(session, options, visitor_of), session.directory
    finally:
        say("stopping")
        await asyncio.shield(_stop(session))


async def _stop(session: Session) -> None:
    await session.stop()
    reason, verdict = "an audit judges nothing", Verdict.UNKNOWN
    session.recorder.record(RunEnded(t=session.now(), verdict=verdict, reason=reason, exit_code=verdict.exit_code))
    session.recorder.close()


async def _audit(session: Session, options: AuditOptions, visitor_of: OpenVisitor) -> AuditEvidence:
    deployment = session.deployment
    pids = {each.name: deployment.pid(each) for each in deployment.instances if deployment.alive(each)}
    called = {edge.provider for edge in session.topology.edges.values()}
    watch = Watch(pids, proxied=frozenset(each.name for each in deployment.instances if each.service in called))
    visitor = await visitor_of(session)
    try:
        with watched(watch):
            journeys = _chosen(options, visitor)
            by_itself, visits = await _visits(session, visitor, journeys, options.visits)
            await _hold(session, visitor, journeys, watch)
    finally:
        await asyncio.shield(visitor.close())
    spans = await _spans(session, visits)
    sightings = watch.end()
    seen = Seen(
        visits=visits,
        past=past_of(session.topology, sightings),
        ownerless=tuple(sorted(sightings.ownerless)),
        watched=True,
        blind=tuple(name for name, pid in pids.items() if not pid),
        by_itself=by_itself,
    )
    journey_of = {visit.trace: visit.journey for visit in visits if visit.trace}
    _journal(session, seen, spans, journey_of)
    return AuditEvidence(
        topology=session.topology, seen=seen, spans=spans, journey_of=journey_of, source=session.run or NAME
    )


def _journal(session: Session, seen: Seen, spans: Sequence[Span], journey_of: dict[str, str]) -> None:
    """Write down all that the audit is made from, so that it can be made again."""
    record = session.recorder.record
    record(Audited(t=session.now(), seen=seen))
    for trace, journey in journey_of.items():
        mine = tuple(span for span in spans if span.trace == trace)
        record(SpansSeen(t=session.now(), experiment=NAME, journey=journey, spans=mine))


async def _hold(session: Session, visitor: Visitor, journeys: Sequence[str], watch: Watch) -> None:
    """Let whoever calls the instances wait of which nobody knows who does: then it is seen."""
    watch.look_thoroughly()
    await session.clock.sleep(SETTLE_S)
    asked = [each for each in session.deployment.instances if watch.sightings.ownerless[each.name]]
    for number, (instance, journey) in enumerate(itertools.product(asked, journeys), start=HELD_FROM):
        session.say(f"holding {instance}, to see who calls it")
        await visit_while_held(session, instance, visitor.visit(journey, number=number), watch)


def _chosen(options: AuditOptions, visitor: Visitor) -> tuple[str, ...]:
    for name in options.journeys:
        if name not in visitor.journeys:
            place = Place(file=str(options.system))
            problem = Problem(place=place, message=f"no journey '{name}'", remedy=nearest(name, visitor.journeys))
            raise DeclarationError([problem])
    return tuple(options.journeys or visitor.journeys)


async def _visits(
    session: Session, visitor: Visitor, journeys: tuple[str, ...], times: int
) -> tuple[tuple[str, ...], tuple[Visited, ...]]:
    """The edges that are crossed anyway, and what each visit crossed besides."""
    counts, numbers = EdgeCounts(session), itertools.count()
    session.say(f"running {', '.join(journeys)}, {times} times each")
    for journey in journeys * WARM_UPS:
        await visitor.visit(journey, number=next(numbers))
    before = await _after(session, counts)
    await session.clock.sleep(IDLE_S)
    by_itself = tuple(_crossed(before, await _after(session, counts), ()) or ())
    found = []
    for journey in journeys * times:
        before = await _after(session, counts)
        visit = await visitor.visit(journey, number=next(numbers))
        if visit.trace and session.spans is not None:
            session.spans.room.keep([visit.trace])
        crossed = _crossed(before, await _after(session, counts), by_itself)
        found.append(Visited(journey=journey, crossed=crossed, trace=visit.trace, failed=visit.failed or ""))
    return by_itself, tuple(found)


def _crossed(before: Counts | None, after: Counts | None, but: Sequence[str]) -> dict[str, int] | None:
    """What crossed between two counts, some edges left out; None when nothing counts."""
    if before is None or after is None:
        return None
    return {edge: count for edge, count in between(before, after).items() if edge not in but}


async def _after(session: Session, counts: EdgeCounts) -> Counts | None:
    """What crossed so far, once what was set going has had its time."""
    await session.clock.sleep(SETTLE_S)
    return await counts()


async def _spans(session: Session, visits: Sequence[Visited]) -> tuple[Span, ...]:
    traces = [visit.trace for visit in visits if visit.trace]
    if session.spans is None or not traces:
        return ()
    session.say("waiting for the last spans")
    found = await session.spans.settled(traces, quiet_s=SPANS_QUIET_S, within_s=SPANS_WITHIN_S)
    return found[:MOST_SPANS]


def past_of(topology: Topology, sightings: Sightings) -> tuple[Past, ...]:
    """The connections that went past the proxies, those of one consumer to one address together.

    What stores connect to among themselves is their own.
    """
    found: Counter[tuple[str, str, str, str]] = Counter()
    for seen, count in sightings.seen.items():
        consumer, provider = _service(seen.consumer), _service(seen.provider)
        if not topology.is_store(consumer):
            found[consumer, provider, str(seen.address), seen.program] += count
    return tuple(
        Past(consumer=consumer, provider=provider, address=address, program=program, count=count)
        for (consumer, provider, address, program), count in sorted(found.items())
    )


def _service(instance: str) -> str:
    return instance.rpartition("-")[0]
