"""Who calls whom in a system: its journeys are run, and what crosses and what connects is looked at."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.declare import load_system
from harness.declare.insertion import NewEdge
from harness.declare.validate import nearest
from harness.declare.yaml import read_yaml
from harness.engine.permission import permit
from harness.engine.session import Say, Session, Settings
from harness.engine.visiting import open_visitor
from harness.errors import DeclarationError, DeployError, Place, Problem
from harness.load.visits import Visit, Visitor
from harness.model.events import RunEnded
from harness.model.fault import InstanceTarget
from harness.model.system import CUSTOMERS, Ability, RuntimeKind, edge_name
from harness.model.topology import InstanceId, Topology
from harness.model.verdict import Verdict
from harness.runtime.addresses import check_placeholders
from harness.runtime.connections import Seen, Sightings, Watch, watched

VISITS = 20
"""Of each journey: a connection that is shorter than a look is seen in one of them, though not in each."""
MOST_FAILURES_KEPT = 5
WAIT_S = 0.01
MOST_WAITS = 1000
"""Of an instance that stands still: ten seconds, longer than most clients wait."""
MOST_HOLDS = 20
"""During one visit."""

OpenVisitor = Callable[[Session], Awaitable[Visitor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnOptions:
    """What a user asked for; all journeys where none are named."""

    system: Path
    journeys: tuple[str, ...] = ()
    visits: int = VISITS
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What was seen."""

    visits: int
    failures: tuple[str, ...]
    """Of visits, each once."""
    crossed: Counter[str]
    """Declared edge → connections through its proxy; an edge on which only open ones were used counts its requests."""
    uncrossed: tuple[str, ...]
    edges: tuple[NewEdge, ...]
    """Those that are not declared."""
    remarks: tuple[str, ...]
    """What can't be written down as an edge, and why."""


async def learn(options: LearnOptions, *, say: Say, visitor_of: OpenVisitor = open_visitor) -> Learned:
    """Bring the system up, run its journeys, look, and take it down again.

    Raises:
        HarnessError: if it can't be brought up, or visited.
    """
    topology = load_system(options.system)
    place_of = read_yaml(options.system).place
    check_placeholders(topology, place_of=place_of)
    permit(topology, {Ability.LOAD}, place_of=place_of)
    session = await Session.open(topology, settings=options.settings, say=say)
    try:
        return await _learn(session, options, visitor_of)
    finally:
        say("stopping")
        await asyncio.shield(_stop(session))


async def _stop(session: Session) -> None:
    await session.stop()
    reason = "edges were learnt; nothing was judged"
    code = Verdict.UNKNOWN.exit_code
    session.recorder.record(RunEnded(t=session.now(), verdict=Verdict.UNKNOWN, reason=reason, exit_code=code))
    session.recorder.close()


async def _learn(session: Session, options: LearnOptions, visitor_of: OpenVisitor) -> Learned:
    deployment, topology = session.deployment, session.topology
    pids = {each.name: deployment.pid(each) for each in deployment.instances if deployment.alive(each)}
    called = {edge.provider for edge in topology.edges.values()}
    proxied = frozenset(each.name for each in deployment.instances if each.service in called)
    watch = Watch(pids, proxied=proxied)
    visitor = await visitor_of(session)
    failures: Counter[str] = Counter()
    try:
        journeys = _chosen(options, visitor)
        session.say(f"running {', '.join(journeys)}, {options.visits} times each")
        with watched(watch):
            for number in range(options.visits):
                for journey in journeys:
                    visit = await visitor.visit(journey, number=number)
                    failures.update([f"{journey}: {visit.failed}"] if visit.failed else [])
            session.say(
                "once more for each instance, which is held meanwhile: whoever calls it has to wait, and is seen"
            )
            number = options.visits
            for each in deployment.instances:
                for journey in journeys if pids.get(each.name) else ():
                    number += 1
                    await visit_while_held(session, each, visitor.visit(journey, number=number), watch)
    finally:
        await asyncio.shield(visitor.close())
    counted = await deployment.mesh.flush()
    crossed = _crossed(session)
    blind = tuple(name for name, pid in pids.items() if not pid)
    return Learned(
        visits=options.visits * len(journeys),
        failures=tuple(
            f"{text} ({count} of {options.visits})" for text, count in failures.most_common(MOST_FAILURES_KEPT)
        ),
        crossed=crossed,
        uncrossed=tuple(name for name in _inner(topology) if counted and not crossed[name]),
        edges=new_edges(topology, watch.end()),
        remarks=(*_blind(blind), *remarks(topology, watch.sightings)),
    )


async def visit_while_held(
    session: Session, instance: InstanceId, visiting: Coroutine[None, None, Visit], watch: Watch
) -> None:
    """Let a visit go on while an instance stands still, but for moments; what comes of the visit doesn't matter."""
    deployment, target = session.deployment, InstanceTarget(service=instance.service, index=instance.index)
    visit: asyncio.Task[Visit] | None = None
    try:
        for _ in range(MOST_HOLDS):
            await deployment.pause(target)
            try:
                visit = visit or asyncio.ensure_future(visiting)
                await _somebody_waits(watch, instance, visit)
            finally:
                await asyncio.shield(deployment.resume(target))
            if visit.done():
                return
    except DeployError as error:
        session.say(f"{instance} could not be held: {error}")
    finally:
        if visit is None:
            visiting.close()
        else:
            await visit


async def _somebody_waits(watch: Watch, instance: InstanceId, visit: asyncio.Task[Visit]) -> None:
    """Come back when somebody waits for the instance, and who it is was looked at; or when the visit is over."""
    seen_at: int | None = None
    for _ in range(MOST_WAITS):
        await asyncio.wait({visit}, timeout=WAIT_S)
        if seen_at is None and instance.name in watch.waited_for:
            seen_at = watch.looks
        # The look that is counted now may have begun before; the one after it has not.
        if visit.done() or (seen_at is not None and watch.looks > seen_at + 1):
            return


def _chosen(options: LearnOptions, visitor: Visitor) -> Sequence[str]:
    for name in options.journeys:
        if name not in visitor.journeys:
            place = Place(file=str(options.system))
            problem = Problem(place=place, message=f"no journey '{name}'", remedy=nearest(name, visitor.journeys))
            raise DeclarationError([problem])
    return options.journeys or visitor.journeys


def _crossed(session: Session) -> Counter[str]:
    edge_of = {line.name: line.edge for line in session.topology.lines}
    connections: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for each in session.recorder.crossings:
        connections[edge_of.get(each.line, each.line)] += each.connections
        requests[edge_of.get(each.line, each.line)] += each.requests
    return Counter({name: connections[name] or requests[name] for name in {*connections, *requests}})


def _inner(topology: Topology) -> list[str]:
    """The edges that are not the customers' own."""
    return [name for name in topology.edges if name != edge_name(CUSTOMERS, topology.system.entry)]


def new_edges(topology: Topology, sightings: Sightings) -> tuple[NewEdge, ...]:
    """The edges that were seen and are not declared, each with the connections that were seen on it."""
    counts: Counter[tuple[str, str]] = Counter()
    addresses: dict[tuple[str, str], set[str]] = {}
    for seen, count in sightings.seen.items():
        if not seen.provider:
            continue
        ends = (_service(seen.consumer), _service(seen.provider))
        if edge_name(*ends) not in topology.edges:
            counts[ends] += count
            if ":" not in seen.address.host and _is_fixed(topology, ends[1], seen.address.port):
                addresses.setdefault(ends, set()).add(str(seen.address))
    return tuple(
        NewEdge(
            consumer=consumer,
            provider=provider,
            at=tuple(sorted(addresses.get((consumer, provider), ()))),
            why=f"learnt: {_times(count)} seen; is it hard? `harness chaos matrix` tells",
        )
        for (consumer, provider), count in sorted(counts.items())
        if not topology.is_store(consumer)
    )


def remarks(topology: Topology, sightings: Sightings) -> tuple[str, ...]:
    """What was seen that is no edge of two parts of the system, or that goes past a proxy."""
    found = [_remark(topology, seen, count) for seen, count in sorted(sightings.seen.items(), key=str)]
    found += [
        f"{_times(count)} to {provider} were over before it could be seen whose they were; more --visits may tell"
        for provider, count in sorted(sightings.ownerless.items())
    ]
    return tuple(dict.fromkeys(text for text in found if text))


def _remark(topology: Topology, seen: Seen, count: int) -> str:
    consumer, what = _service(seen.consumer), f"{_times(count)} to {seen.address}"
    if seen.provider:
        provider = _service(seen.provider)
        name = edge_name(consumer, provider)
        told = f"{{edge.{provider}.url}} in its environment, or use `runtime: {RuntimeKind.NAMESPACES.value}`"
        if topology.is_store(consumer):
            return f"{name}: {what}: a store that calls is no edge; describe it as a service if it is to be one"
        if name in topology.edges:
            return f"{name}: {what} went past its proxy; give {consumer} {told}"
        return f"{name}: {what} went straight there; for a proxy to stand on it, give {consumer} {told}"
    if seen.program:
        remedy = "describe it as a store if it is to be broken"
        return f"{consumer}: {what}, where {seen.program} listens, which is not in the description; {remedy}"
    how = "" if seen.answered else ", which nobody answered"
    return (
        f"{consumer}: {what}{how}: outside of the system; describe it as a store with `attach:` if it is to be broken"
    )


def _blind(names: Sequence[str]) -> list[str]:
    return [f"{name}: its process is not known, so what it calls past the proxies can't be seen" for name in names]


def _is_fixed(topology: Topology, name: str, port: int) -> bool:
    """Whether the address is one that may stand in code: not a port that the harness has drawn."""
    if topology.system.runtime is not RuntimeKind.PROCESS:
        return True
    if topology.is_store(name):
        return topology.store(name).port == port
    return any(each.port == port for each in topology.service(name).instances)


def _service(instance: str) -> str:
    return instance.rpartition("-")[0]


def _times(count: int) -> str:
    return f"{count} connection" if count == 1 else f"{count} connections"
