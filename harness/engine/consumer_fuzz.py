"""Puts answers before a consumer that its provider may give and never gave, and sees whether it copes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from harness.checkers.clean_class import CleanClass, clean_class, is_success
from harness.checkers.coping import coped
from harness.checkers.shape import parsed
from harness.checkers.trial import Crossed, Owed, Trial
from harness.contracts.conformance import Conformance
from harness.contracts.generate.bundles import bundles, least
from harness.contracts.generate.candidates import candidates, problem_of
from harness.contracts.generate.permitted import Asked, Permitted
from harness.contracts.generate.seen import scalars
from harness.contracts.pacts import Interaction
from harness.engine.coped import Broken, OperationOutcome, findings_of
from harness.engine.familiar import DEADLINE_S, SETTLE_S, WARM_WITHIN_S
from harness.engine.ground import restart_services, take_deaths
from harness.engine.hearing import Heard, Hearing
from harness.engine.session import Session
from harness.engine.turns import ill_by_a_way_in
from harness.errors import HarnessError
from harness.faults.edge_answers import Answers
from harness.load.visits import Visitor
from harness.model.changes import Change, KeptExchange
from harness.model.fault import Armed, EdgeTarget, Injection
from harness.model.finding import Finding
from harness.model.matrix import Cell, CellVerdict, Kind
from harness.model.observation import AnswerClass, DistinctAnswer
from harness.model.quantity import Duration
from harness.model.system import Edge
from harness.model.verdict import Verdict
from harness.model.visits import Exchange, Visit

CLEAN_VISITS = 4
TRIES = 4
SAMPLES_LIMIT = 30
"""Healthy answers of one operation that are looked at."""
JOURNEYS_LIMIT = 3
"""Journeys that are run for one answer."""
BREAKS_LIMIT = 4
"""Answers that break the consumer which are told of one operation and kind of change."""
RECOVER_WITHIN_S = 10.0
LASTS = Duration(3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is known of a provider before anything is tried."""

    edge: Edge
    conformance: Conformance | None
    interactions: tuple[Interaction, ...]
    """What the consumer has agreed with it."""
    trouble: str = ""
    """Why its document could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A journey without anything changed."""

    clean: CleanClass
    deadline_s: float
    heard: tuple[Heard, ...]
    undeclared: frozenset[str]
    """In what the consumer's answers break its own document already."""


@dataclass(slots=True, kw_only=True)
class _Operation:
    provider: Provider
    permitted: Permitted
    samples: list[JsonValue] = field(default_factory=list)
    asked: list[JsonValue] = field(default_factory=list)
    """What the requests hold, which an answer may repeat."""
    journeys: dict[str, None] = field(default_factory=dict)

    @property
    def label(self) -> str:
        like = self.permitted.like
        return f"{like.method} {self.permitted.template} {like.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    verdict: CellVerdict
    shown: KeptExchange | None = None
    """One of the answers that reached the consumer."""


class ConsumerFuzz:
    """One consumer of a system that is up."""

    def __init__(  # noqa: PLR0913 -- each is a thing of its own
        self,
        session: Session,
        visitor: Visitor,
        providers: Sequence[Provider],
        *,
        entry: Conformance | None,
        journeys: Sequence[str],
        within_s: float,
        replay: Mapping[str, str],
    ) -> None:
        self._session = session
        self._visitor = visitor
        self._providers = {each.edge.name: each for each in providers}
        self._entry = entry
        self._journeys = tuple(journeys)
        self._until = session.clock.now() + within_s
        self._replay = replay
        self._hearing = Hearing(session, [each.edge for each in providers])
        self._numbers: Iterator[int] = itertools.count(1)
        self._known: dict[str, _Known] = {}

    async def run(self) -> list[Finding]:
        """All operations of all providers; what can't be done makes a finding UNKNOWN.

        Raises:
            HarnessError: when nobody can visit, or HTTP can't be read on an edge.
        """
        await self._hearing.start()
        for journey in self._journeys:
            self._known[journey] = await self._get_to_know(journey)
        found: list[Finding] = []
        for provider in self._providers.values():
            operations = self._operations(provider)
            outcomes = [await self._operation(each) for each in operations]
            told = findings_of(
                self._session.topology,
                provider.edge,
                outcomes,
                replay=self._replay[provider.edge.name],
                trouble=self._trouble(provider),
            )
            self._session.recorder.find(*told)
            for each in told:
                self._session.say(f"  {each.verdict:7} {each.subject}: {each.reason}")
            found += told
        await self._hearing.stop()
        return found

    def _trouble(self, provider: Provider) -> str:
        """Why nothing was heard on an edge, if nothing was."""
        unclean = [f"{name}: {known.clean.trouble}" for name, known in self._known.items() if known.clean.trouble]
        return "; ".join(each for each in (provider.trouble, *unclean) if each)

    async def _get_to_know(self, journey: str) -> _Known:
        """Visit a journey until it is clean; others may keep this machine busy, so it gets several tries."""
        session = self._session
        session.say(f"{journey}: visits with the provider's own answers")
        declared = session.topology.system.journeys.get(journey)
        deadline_s = float(declared.deadline) if declared else DEADLINE_S
        limit = session.clock.now() + WARM_WITHIN_S
        while clean_class(journey, [await self._visit(journey)], deadline_s=deadline_s).trouble:
            if session.clock.now() >= limit:
                break
            await session.clock.sleep(SETTLE_S)
        for _ in range(TRIES):
            await self._hearing.take()
            visits = [await self._visit(journey) for _ in range(CLEAN_VISITS)]
            heard = await self._hearing.take()
            clean = clean_class(journey, visits, deadline_s=deadline_s)
            if not clean.trouble:
                break
        undeclared = frozenset(problem for visit in visits for problem in self._undeclared(visit))
        return _Known(clean=clean, deadline_s=deadline_s, heard=tuple(heard), undeclared=undeclared)

    async def _visit(self, journey: str) -> Visit:
        return await self._visitor.visit(journey, number=next(self._numbers))

    def _undeclared(self, visit: Visit) -> Iterator[str]:
        """In what the customers' answers break the document of the entry."""
        for exchange in visit.exchanges:
            if self._entry is not None and is_success(exchange):
                for problem in self._entry.problems(_answer(exchange)) or ():
                    # What it is about is the same for every customer; which of the elements it is, is not.
                    yield f"{exchange.step}: {problem}"

    def _operations(self, provider: Provider) -> list[_Operation]:
        """What the clean journeys asked the provider for, with the healthy answers."""
        found: dict[tuple[str, str, int], _Operation] = {}
        for journey, known in self._known.items():
            if known.clean.trouble:
                continue
            exchanges = [each.exchange for each in known.heard if each.edge == provider.edge.name]
            samples = [(each, document) for each in exchanges for document in _document(each)]
            for exchange, document in samples:
                path = exchange.path.partition("?")[0]
                template = provider.conformance.template(exchange.method, path) if provider.conformance else ""
                key = (exchange.method, template or path, exchange.status)
                if key not in found:
                    found[key] = _begun(provider, exchange, [document])
                operation = found[key]
                operation.journeys[journey] = None
                if len(operation.samples) < SAMPLES_LIMIT:
                    operation.samples.append(document)
                    operation.asked += [*exchange.path.replace("?", "/").replace("=", "/").replace("&", "/").split("/")]
                    operation.asked += [parsed(exchange.request_body)[1]]
        for operation in found.values():
            like = operation.permitted.like
            operation.permitted = Permitted(like, provider.conformance, provider.interactions, operation.samples)
        return list(found.values())

    async def _operation(self, operation: _Operation) -> OperationOutcome:
        session = self._session
        outcome = OperationOutcome(label=operation.label, by_document=operation.permitted.by_document)
        if not operation.permitted.known:
            outcome.unknown = "neither a document nor a pact says what else may be answered"
            return outcome
        if all(wrong := [operation.permitted.problem(each) for each in operation.samples]):
            outcome.unknown = (
                f"its own healthy answers are invalid, so that no valid one can be made of them: {wrong[0]}"
            )
            return outcome
        found = candidates(operation.permitted, operation.samples, echoes=scalars(operation.asked))
        outcome.promised = len(found.promised)
        session.say(f"{operation.provider.edge.name} {operation.label}: {len(found.changes)} changes")
        for bundle in bundles(found.changes):
            whole = not problem_of(operation.permitted, operation.samples, bundle)
            for each in [bundle] if whole else [(change,) for change in bundle]:
                await self._bundle(operation, each, outcome)
        return outcome

    async def _bundle(self, operation: _Operation, bundle: Sequence[Change], outcome: OperationOutcome) -> None:
        """Try changes together; of those that break something, find the least, and go on without them."""
        left = tuple(bundle)
        for _ in range(BREAKS_LIMIT):
            if self._session.clock.now() >= self._until:
                outcome.left_out += len(left)
                return
            tried = await self._try(operation, left)
            if tried.verdict.verdict is Verdict.PASS:
                outcome.coped.extend(left)
                return
            if tried.verdict.verdict is Verdict.UNKNOWN:
                outcome.doubts.append((left, tried.verdict.reason))
                return
            broken = await self._least(operation, left)
            if broken is None:
                reason = f"it broke once ({tried.verdict.reason}) and not again"
                outcome.doubts.append((left, reason))
                return
            outcome.broken.append(broken)
            left = tuple(change for change in left if change not in broken.changes)
            if not left:
                return
        outcome.left_out += len(left)

    async def _least(self, operation: _Operation, changes: Sequence[Change]) -> Broken | None:
        """The least of the changes that break it, seen to do so once more; None when they don't."""

        async def breaks(some: Sequence[Change]) -> bool:
            if self._session.clock.now() >= self._until or problem_of(operation.permitted, operation.samples, some):
                return False
            return (await self._try(operation, some)).verdict.verdict is Verdict.FAIL

        smallest = await least(changes, breaks)
        again = await self._try(operation, smallest)
        if again.verdict.verdict is not Verdict.FAIL:
            return None
        return Broken(changes=smallest, verdict=again.verdict, shown=again.shown)

    async def _try(self, operation: _Operation, changes: Sequence[Change]) -> _Tried:
        """Run the operation's journeys with changed answers; the first that does not cope tells."""
        unknown: _Tried | None = None
        passed: _Tried | None = None
        for journey in itertools.islice(operation.journeys, JOURNEYS_LIMIT):
            tried = await self._try_journey(operation, changes, journey)
            if tried.verdict.verdict is Verdict.FAIL:
                return tried
            if tried.verdict.verdict is Verdict.UNKNOWN:
                unknown = unknown or tried
            else:
                passed = passed or tried
        found = passed or unknown
        if found is None:
            raise HarnessError("expected a journey that asks for the operation, found none")
        return found

    async def _try_journey(self, operation: _Operation, changes: Sequence[Change], journey: str) -> _Tried:
        session, known, edge = self._session, self._known[journey], operation.provider.edge
        cell = Cell(journey=journey, edge=edge.name, kind=Kind.ANSWER)
        trial = Trial(cell=cell, clean=known.clean)
        take_deaths(session)
        await self._hearing.take()
        injection = Injection(
            id=f"answer-{next(self._numbers)}",
            fault=Answers(rules=(operation.permitted.rule(changes),)),
            target=EdgeTarget(consumer=edge.consumer, provider=edge.provider),
            lasts=LASTS,
        )
        try:
            armed: Armed = await session.injector.inject(injection)
            trial = replace(trial, armed=armed)
            visit = await self._visit(journey)
            served = [each.exchange for each in await self._hearing.take() if each.exchange.served is not None]
            trial = replace(trial, visits=(visit,), crossed=Crossed(count=len(served), visits=1))
        except HarnessError as error:
            trial, served, visit = replace(trial, trouble=str(error)), [], None
        finally:
            healed = await session.injector.heal(injection.id)
        trial = await self._recovered(replace(trial, healed=healed), known)
        invalid = [each for each in served if (problem := _problem(operation.permitted, each))]
        if invalid and not trial.trouble:
            problem = _problem(operation.permitted, invalid[0])
            trial = replace(trial, trouble=f"an answer was other than the healthy ones, and invalid with it: {problem}")
        undeclared = [] if visit is None else [each for each in self._undeclared(visit) if each not in known.undeclared]
        owed = Owed(deadline_s=known.deadline_s, recover_within_s=RECOVER_WITHIN_S)
        return _Tried(verdict=coped(trial, owed, undeclared=undeclared), shown=served[0] if served else None)

    async def _recovered(self, trial: Trial, known: _Known) -> Trial:
        """Visit until all is as before; what was kept of a changed answer is forgotten with a restart."""
        session = self._session
        began = session.clock.now()
        ill = ""
        while not trial.trouble:
            _, ill = await ill_by_a_way_in(
                session.topology, lambda: self._visit(known.clean.journey), known.clean, deadline_s=known.deadline_s
            )
            took_s = session.clock.now() - began
            if not ill:
                return replace(trial, recovered_s=took_s, deaths=take_deaths(session))
            if took_s >= RECOVER_WITHIN_S:
                break
            await session.clock.sleep(SETTLE_S)
        deaths = take_deaths(session)
        if not trial.trouble:
            await restart_services(session)
        return replace(trial, ill=ill, restarted=True, deaths=deaths)


def _begun(provider: Provider, exchange: KeptExchange, samples: Sequence[JsonValue]) -> _Operation:
    like = Asked(
        method=exchange.method,
        path=exchange.path,
        status=exchange.status,
        content_type=exchange.header("content-type"),
        headers=exchange.headers,
    )
    return _Operation(
        provider=provider, permitted=Permitted(like, provider.conformance, provider.interactions, samples)
    )


def _document(exchange: KeptExchange) -> Iterator[JsonValue]:
    """The JSON of a success; nothing for any other answer."""
    if 200 <= exchange.status < 300 and not exchange.cut and exchange.method != "HEAD":  # noqa: PLR2004 -- HTTP's own
        try:
            yield json.loads(exchange.body)
        except ValueError:
            return


def _problem(permitted: Permitted, served: KeptExchange) -> str:
    """Why an answer that reached the consumer is invalid, though the provider's own was not."""
    if served.cut or permitted.problem(parsed(served.body)[1]):
        return ""
    return permitted.problem(parsed(served.served or b"")[1])


def _answer(exchange: Exchange) -> DistinctAnswer:
    return DistinctAnswer(
        t=0.0,
        journey="",
        request=exchange.step,
        method=exchange.method,
        path=exchange.path,
        status=exchange.status or 0,
        answer=AnswerClass.FULL,
        shape="",
        content_type=exchange.headers.get("content-type", ""),
        headers=dict(exchange.headers),
        body=exchange.body.decode(errors="replace"),
    )
