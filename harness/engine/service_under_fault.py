"""One service whose own edges are broken, one after the other and in each way; its answers are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pydantic import JsonValue

from harness.checkers.contract_cells import ContractTrial, Found, Judged, Obliged, judge_contracts
from harness.checkers.trial import told_apart
from harness.contracts.conformance import Conformance
from harness.contracts.replay.candidates import few, of_examples
from harness.contracts.replay.command_line import curl
from harness.contracts.replay.operations import Operations
from harness.engine.asking import Asker
from harness.engine.contract_cell import ContractCell, Stand, delay_for, recover
from harness.engine.documents import document_of, read_document
from harness.engine.familiar import DEADLINE_S, IDLE_S, SETTLE_S, between
from harness.engine.ground import EdgeCounts, take_deaths
from harness.engine.known_answers import Provider, cases_of, get_to_know
from harness.engine.pacts_under_fault import PactsUnderFault
from harness.engine.session import Session, Settings, replay_command
from harness.errors import ContractError, HarnessError
from harness.model.events import FindingMade, MatrixCellEnded
from harness.model.fault import InstanceTarget
from harness.model.finding import Finding, Part
from harness.model.matrix import Cell, CellVerdict, Kind, Rule
from harness.model.quantity import Duration
from harness.model.replayed import Asked, Healthy
from harness.model.topology import Topology
from harness.model.verdict import Verdict

CHECK = "under-fault"
OPERATIONS_SHOWN = 10
IDLE_LOOKS = 10
QUIET_RATE = 2.0
"""Requests a second on all edges together that are taken for rest."""
FALLS_TO = 0.7
"""From one look to the next, at most this part is left of what falls."""
_VALIDITY = frozenset({Rule.NOT_IN_FORCE, Rule.NOT_CROSSED, Rule.NOT_TRIED, Rule.HARNESS, Rule.PLACEBO, Rule.PROXY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A service, which of its own edges are to be broken, and how."""

    service: str
    edges: tuple[str, ...]
    kinds: tuple[Kind, ...]
    restart: bool
    """Whether its instances may be restarted when they don't recover."""


class Asking(Protocol):
    """What a user asked for, as far as it concerns a single service."""

    @property
    def system(self) -> object:
        """The description's file."""
        ...

    @property
    def deadline(self) -> Duration | None:
        """Of the answers; None when the description tells."""
        ...

    @property
    def pacts(self) -> bool:
        """Whether pacts are verified."""
        ...

    @property
    def cases(self) -> bool:
        """Whether Schemathesis looks for requests."""
        ...

    @property
    def recover_within_s(self) -> float:
        """How long recovery may take."""
        ...

    @property
    def settings(self) -> Settings:
        """Of the session."""
        ...


def deadline_of(topology: Topology, service: str) -> float:
    """As long as any consumer of a service waits for its answers; a usual one where nothing is declared."""
    waits = [float(edge.deadline) for edge in topology.edges.values() if edge.provider == service and edge.deadline]
    if service == topology.system.entry:
        waits += [float(journey.deadline) for journey in topology.system.journeys.values()]
    return max(waits, default=DEADLINE_S)


class ServiceUnderFault:
    """Everything that is done with one service."""

    def __init__(self, session: Session, options: Asking, wanted: Wanted, *, ends: float) -> None:
        self.wanted = wanted
        self.results: list[CellVerdict] = []
        self.healthy: tuple[Healthy, ...] = ()
        self.usual: Mapping[str, float] = {}
        self.counted = True
        self.trouble = ""
        self.recorded_s = 0.0
        self._session = session
        self._options = options
        self._ends = ends
        self._counts = EdgeCounts(session)

    @property
    def operations(self) -> frozenset[str]:
        """Those of which a request is known."""
        return frozenset(each.asked.operation for each in self.healthy)

    async def run(self) -> None:
        """Get to know the service, then break its edges.

        Raises:
            ContractError: when its document can't be read.
            DeclarationError: when a pact is broken.
            ProxyError: when what counts is gone.
        """
        session, name = self._session, self.wanted.service
        began = session.now()
        if session.clock.now() >= self._ends:
            self.trouble = "the budget was used up before it was looked at"
            self._tell_nothing()
            return
        session.say(f"{name}: recording what it answers while nothing is broken")
        await self._idle()
        provider, document = await self._provider()
        async with Asker(
            provider.url,
            deadline_s=provider.deadline_s,
            credentials=session.credentials,
            mark=session.topology.system.degraded,
            clock=session.clock,
        ) as asker:
            stand = await self._known(provider, document, asker)
            self.recorded_s = session.now() - began
            if not self.healthy:
                self.trouble = self.trouble or "no request is known whose answers repeat"
                self._tell_nothing()
                return
            await self._cells(stand)

    async def _provider(self) -> tuple[Provider, dict[str, JsonValue]]:
        session, name = self._session, self.wanted.service
        topology = session.topology
        url = session.deployment.service_url(name)
        where = document_of(topology, name, url)
        document = await read_document(where, credentials=session.credentials) if where else {}
        if not isinstance(document, dict):
            raise ContractError(f"the OpenAPI document {where} is not a mapping; mend 'openapi:'")
        deadline = self._options.deadline
        provider = Provider(
            name=name,
            url=url,
            owner=topology.owner(name),
            deadline_s=float(deadline) if deadline else deadline_of(topology, name),
            edges=self.wanted.edges,
            document=where,
            operations=Operations.of(document),
            conformance=Conformance(name, document) if where else None,
        )
        return provider, document

    async def _known(self, provider: Provider, document: Mapping[str, JsonValue], asker: Asker) -> Stand:
        session = self._session
        pacts = PactsUnderFault(session, provider)
        candidates: list[Asked] = [*(await pacts.get_to_know() if self._options.pacts else ())]
        candidates += of_examples(document)
        known = await get_to_know(provider, asker, few(candidates))
        if self._options.cases and provider.document and known.lacking(provider.operations):
            cases, trouble = await cases_of(session, provider)
            known = await get_to_know(provider, asker, few([*candidates, *cases]))
            if trouble:
                session.recorder.note(f"{provider.name}: {trouble}")
        self.healthy = known.healthy
        stand = Stand(
            provider=provider,
            asker=asker,
            injector=session.injector,
            clock=session.clock,
            counts=self._counts,
            put_right=session.deployment.mesh.put_right,
            deaths=lambda: take_deaths(session),
            background={},
            usual={},
            healthy=known.healthy,
            recover_within_s=self._options.recover_within_s,
            ends=self._ends,
            pacts=pacts.verify if pacts.count else None,
        )
        dropped = {name: why for name, why in known.dropped.items() if name not in pacts.operations}
        self._tell_dropped(provider, {**dropped, **pacts.left_out})
        stand = await self._with_crossings(stand)
        sources = ", ".join(sorted({each.asked.source.value for each in known.healthy}))
        session.say(
            f"  {len(known.healthy)} requests of {len(self.operations)} operations (from {sources or 'nothing'}), "
            f"{pacts.count} interactions of pacts; answers are due within {provider.deadline_s:g} s"
        )
        return stand

    async def _with_crossings(self, stand: Stand) -> Stand:
        """What crosses the edges when nobody asks, and when everything is asked once."""
        clock = self._session.clock
        background = await self._idle()
        before, began = await self._counts(), clock.now()
        for each in stand.healthy:
            await stand.asker.ask(each.asked)
        await clock.sleep(SETTLE_S)
        after = await self._counts()
        took_s = clock.now() - began
        if background is None or before is None or after is None:
            self.counted = False
            return stand
        anyway = {edge: rate * took_s for edge, rate in background.items()}
        self.usual = {
            edge: count - anyway.get(edge, 0.0)
            for edge, count in between(before, after).items()
            if told_apart(count, background=anyway.get(edge, 0.0), unseen=took_s / IDLE_S, visits=len(stand.healthy))
        }
        return replace(stand, background=background, usual=self.usual)

    async def _idle(self) -> Mapping[str, float] | None:
        """Requests a second when nobody asks, once it no longer falls: what was just started has work of its own."""
        clock = self._session.clock
        last: float | None = None
        rates: Mapping[str, float] = {}
        for _ in range(IDLE_LOOKS):
            before, began = await self._counts(), clock.now()
            await clock.sleep(IDLE_S)
            after = await self._counts()
            if before is None or after is None:
                return None
            rates = {edge: count / (clock.now() - began) for edge, count in between(before, after).items()}
            total = sum(rates.values())
            if total <= QUIET_RATE or (last is not None and total >= FALLS_TO * last):
                break
            last = total
        return rates

    async def _cells(self, stand: Stand) -> None:
        placebo = await self._try(stand, Cell(journey=self.wanted.service, edge="", kind=Kind.PLACEBO), sick="")
        sick = "" if placebo.verdict is Verdict.PASS else f"its placebo is {placebo.verdict}: {placebo.reason}"
        for edge in self.wanted.edges:
            for kind in self.wanted.kinds:
                result = await self._try(stand, Cell(journey=self.wanted.service, edge=edge, kind=kind), sick=sick)
                if not sick and result.samples and result.recovered_s is None:
                    sick = await self._restarted(stand, result)

    async def _try(self, stand: Stand, cell: Cell, *, sick: str) -> CellVerdict:
        session = self._session
        if sick:
            trial = ContractTrial(cell=cell, trouble=sick)
        elif session.clock.now() >= self._ends and cell.kind is not Kind.PLACEBO:
            trial = ContractTrial(cell=cell, trouble="the budget was used up before it was tried")
        else:
            edge = session.topology.edges.get(cell.edge)
            declared_s = float(edge.deadline) if edge and edge.deadline else None
            pacts = None if cell.kind is Kind.PLACEBO else stand.pacts
            delay_s = delay_for(declared_s, stand.provider.deadline_s)
            trial = await ContractCell(replace(stand, pacts=pacts), cell, delay_s=delay_s).run()
        trial = replace(trial, replay=self._replay(cell))
        due = {each.asked.operation: stand.provider.due(each.asked) for each in stand.healthy}
        judged = judge_contracts(trial, Obliged(due=due, recover_within_s=stand.recover_within_s))
        self.results.append(judged.result)
        session.recorder.record(MatrixCellEnded(t=session.now(), result=judged.result))
        for finding in self._findings(stand.provider, judged):
            session.recorder.record(FindingMade(t=session.now(), finding=finding))
        session.say(f"  {judged.result.verdict:7} {cell}: {judged.result.reason}")
        return judged.result

    async def _restarted(self, stand: Stand, result: CellVerdict) -> str:
        """Why nothing can be told of the service any more, after one restart where that is allowed."""
        name, session = self.wanted.service, self._session
        why = f"since {result.cell} it has not been as before"
        if not self.wanted.restart:
            return f"{why}, and may not be restarted"
        try:
            for each in session.topology.instances_of(name):
                target = InstanceTarget(service=name, index=each.index)
                again = session.deployment.restart if session.deployment.alive(target) else session.deployment.start
                await again(target)
        except HarnessError as error:
            return f"{why}, and could not be restarted: {error}"
        session.recorder.note(f"{name} was restarted, since it did not recover after {result.cell}")
        take_deaths(session)
        ill, _ = await recover(stand)
        return f"{why}, though it was restarted: {ill[0][1]}" if ill else ""

    def _findings(self, provider: Provider, judged: Judged) -> Sequence[Finding]:
        result = judged.result
        if not judged.found:
            return [self._finding(provider, result, None)]
        return [self._finding(provider, result, each) for each in judged.found]

    def _finding(self, provider: Provider, result: CellVerdict, found: Found | None) -> Finding:
        cell = result.cell
        credentials = self._session.credentials
        where = f"{cell.edge} {cell.kind}" if cell.edge else str(cell.kind)
        ours = found is not None and found.finding.rule in _VALIDITY
        line = curl(found.asked, provider.url, secrets=credentials.headers) if found and found.asked else ""
        evidence = (*((line,) if line else ()), *(found.finding.evidence if found else _shown(result)))
        return Finding(
            check=f"{CHECK} {found.finding.rule}" if found else f"{CHECK} {cell.kind}",
            part=Part.MATRIX,
            verdict=found.finding.verdict if found else result.verdict,
            reason=found.finding.reason if found else result.reason,
            subject=f"{found.operation} of {provider.name}, {where}"
            if found and found.operation
            else f"{provider.name}, {where}",
            edge=cell.edge,
            service="" if ours else provider.name,
            owner="" if ours else provider.owner,
            evidence=tuple(credentials.redact(each) for each in evidence),
            replay=result.replay,
        )

    def _tell_dropped(self, provider: Provider, dropped: Mapping[str, str]) -> None:
        """What nothing is said of makes the whole UNKNOWN: nobody shall take it for sound."""
        if not dropped:
            return
        lines = [f"{name}: {why}" for name, why in sorted(dropped.items())]
        names = ", ".join([*sorted(dropped)][:OPERATIONS_SHOWN])
        finding = Finding(
            check=f"{CHECK} coverage",
            part=Part.MATRIX,
            verdict=Verdict.UNKNOWN,
            reason=f"no request of {len(dropped)} operations or interactions is answered alike each time: {names}",
            subject=f"{provider.name}, what was not asked",
            service=provider.name,
            owner=provider.owner,
            evidence=tuple(lines),
            replay="give the document examples, or agree on a pact, so that there is a request that can be repeated",
        )
        self._session.recorder.find(finding)
        self._session.say(f"  UNKNOWN {finding.subject}: {finding.reason}")

    def _tell_nothing(self) -> None:
        name = self.wanted.service
        for edge in self.wanted.edges:
            for kind in self.wanted.kinds:
                cell = Cell(journey=name, edge=edge, kind=kind)
                trial = ContractTrial(cell=cell, trouble=self.trouble, replay=self._replay(cell))
                judged = judge_contracts(trial, Obliged(due={}, recover_within_s=0.0))
                self.results.append(judged.result)
                self._session.recorder.record(MatrixCellEnded(t=self._session.now(), result=judged.result))
        reason = f"{self.trouble}, so nothing was tried"
        self._session.recorder.find(
            Finding(
                check=f"{CHECK} {Rule.NOT_TRIED}",
                part=Part.MATRIX,
                verdict=Verdict.UNKNOWN,
                reason=reason,
                subject=name,
                service=name,
                owner=self._session.topology.owner(name),
            )
        )
        self._session.say(f"  UNKNOWN {name}: {reason}")

    def _replay(self, cell: Cell) -> str:
        options, session = self._options, self._session
        parts = ["chaos", "contracts", str(options.system), "--service", self.wanted.service]
        parts += ["--edge", cell.edge, "--kind", cell.kind.value] if cell.edge else []
        parts += ["--tls"] if options.settings.tls else []
        return replay_command(*parts, "--seed", str(session.seed))


def _shown(result: CellVerdict) -> tuple[str, ...]:
    slowest = f"slowest answer {result.slowest_s * 1000:.0f} ms" if result.slowest_s is not None else ""
    recovered = f"as before {result.recovered_s:.1f} s after the healing" if result.recovered_s is not None else ""
    return tuple(filter(None, (slowest, recovered)))
