"""Asks a service what hostile clients ask, after the fuzzer has found out how it is asked honestly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import aiohttp

from harness.checkers.hostile import counts, judge, undecided
from harness.clock import Clock
from harness.contracts.causes import SERVER_ERROR, CauseKey, shape_of
from harness.contracts.hostile import Identity, Operation, trials_of
from harness.contracts.hostile.asking import candidates, request_of
from harness.engine.plain_request import answer_to, http_client
from harness.model.credentials import Credentials
from harness.model.fuzzing import HostileCheck, ServiceFuzz
from harness.model.hostile import Honest, Suspicion, Trial
from harness.model.request import Answer, Request

REQUESTS_LIMIT = 4000
"""To one service; what does not fit in is told, and makes the result UNKNOWN."""
ALSO_LIMIT = 5
"""Other values that gave the same away, told beside the first."""
UNDECIDED_SHARE = 0.2
"""Of trials that ended in 429 or 503; with more, nothing can be told."""


@dataclass(slots=True, kw_only=True)
class Suspect:
    """One cause, with the trial that showed it first."""

    trial: Trial
    suspicion: Suspicion
    also: list[str] = field(default_factory=list)
    count: int = 1


@dataclass(slots=True, kw_only=True)
class HostileResult:
    """What came of all trials on one service."""

    found: dict[CauseKey, Suspect] = field(default_factory=dict)
    tried: Counter[str] = field(default_factory=Counter)
    """Check → trials that were judged."""
    asked: int = 0
    undecided: int = 0
    untold: list[str] = field(default_factory=list)
    """What could not be tried, without anything being wrong."""
    incomplete: list[str] = field(default_factory=list)
    """Why not all that was to be tried was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspected:
    """Whom to ask, as whom, and until when."""

    url: str
    operations: Mapping[str, Operation]
    seen: Mapping[str, Sequence[Honest]]
    settings: ServiceFuzz
    identity: Identity
    credentials: Credentials
    clock: Clock
    until: float
    """By the clock."""


async def try_hostile(about: Suspected, only: Sequence[str] = ()) -> HostileResult:
    """Everything that is tried on the operations of a service, or on those named; one request after another.

    Side by side, one trial would change what another compares.
    """
    async with http_client(about.credentials) as http:
        run = _Run(about, http)
        for operation in about.operations.values():
            if operation.name not in about.settings.leave_out and (not only or operation.name in only):
                await run.operation(operation)
                if run.result.incomplete:
                    break
    result = run.result
    judged = sum(result.tried.values())
    if result.undecided > UNDECIDED_SHARE * (judged + result.undecided):
        result.incomplete.append(f"{result.undecided} of {judged + result.undecided} trials met 429 or 503")
    if not judged and not result.incomplete:
        result.incomplete.append("nothing could be tried: no operation was ever asked honestly")
    return result


class _Run:
    def __init__(self, about: Suspected, http: aiohttp.ClientSession) -> None:
        self._about = about
        self._http = http
        self.result = HostileResult()

    async def operation(self, operation: Operation) -> None:
        about, result = self._about, self.result
        honest = await self._honest(operation)
        if honest is None:
            result.untold.append(f"{operation.name}: no honest request is known; give an example in fuzz.yaml")
            return
        private = operation.name in about.settings.private
        if private and not about.identity.another:
            result.incomplete.append(f"{operation.name} is private, and no other customer is declared: add 'another:'")
        elif private and honest.status // 100 != 2:  # noqa: PLR2004 -- the class of success
            why = f"it answered {honest.status or 'nothing'} to its own customer; give an example in fuzz.yaml"
            result.incomplete.append(f"{operation.name} is private, and nothing of the customer's was found: {why}")
        elif honest.status // 100 != 2:  # noqa: PLR2004 -- as above
            result.untold.append(f"{operation.name}: was never granted; only what it refuses was tried")
        for trial in trials_of(
            operation=operation,
            honest=honest,
            identity=about.identity,
            base=about.url,
            settings=about.settings,
            operations=about.operations,
        ):
            if self._at_the_end():
                return
            await self._try(trial)

    def _at_the_end(self) -> bool:
        if self._about.clock.now() >= self._about.until:
            self.result.incomplete.append("the time was over before all hostile requests were made")
        elif self.result.asked >= REQUESTS_LIMIT:
            self.result.incomplete.append(f"the limit of {REQUESTS_LIMIT} hostile requests was reached")
        else:
            return False
        return True

    async def _honest(self, operation: Operation) -> Honest | None:
        """The first request that is granted now; else the one that seemed best. What changes things isn't asked."""
        best = None
        example = self._about.settings.examples.get(operation.name)
        for honest in candidates(operation, self._about.seen, example):
            if operation.method != "GET":
                return honest
            answer = await self._ask(request_of(honest, self._about.url, self._about.identity.sent))
            if answer.fine:
                return _with_status(honest, answer.status)
            best = best or _with_status(honest, answer.status)
        return best

    async def _try(self, trial: Trial) -> None:
        suspicion = await self._judged(trial)
        if suspicion is not None and not counts(suspicion):
            again = await self._judged(trial)
            suspicion = again and suspicion
        if suspicion is not None:
            self._keep(trial, suspicion)

    async def _judged(self, trial: Trial) -> Suspicion | None:
        try:
            hostile = await self._ask(trial.hostile)
            twin = None if trial.twin is None else await self._ask(trial.twin)
            suspicion = judge(trial, hostile, twin, None)
            control = None
            if suspicion is not None and trial.control is not None and not counts(suspicion):
                control = await self._ask(trial.control)
                suspicion = judge(trial, hostile, twin, control)
        except ValueError:  # what no HTTP client can send
            return None
        if suspicion is None or not counts(suspicion):
            if undecided(hostile, twin, control):
                self.result.undecided += 1
                return None
            if hostile.trouble.startswith("no connection"):
                self.result.incomplete.append(f"the service is gone after {trial.operation}: {trial.what}")
        self.result.tried[trial.check] += 1
        return suspicion

    def _keep(self, trial: Trial, suspicion: Suspicion) -> None:
        if suspicion.check in self._about.settings.checks_off:
            return
        key = CauseKey(
            operation=trial.operation,
            check=suspicion.check,
            status=suspicion.status,
            shape=shape_of(suspicion.body) if suspicion.check is HostileCheck.SURVIVES else suspicion.title,
        )
        known = self.result.found.setdefault(key, Suspect(trial=trial, suspicion=suspicion))
        if known.trial is not trial:
            known.count += 1
            if len(known.also) < ALSO_LIMIT:
                known.also.append(trial.what)

    async def _ask(self, request: Request) -> Answer:
        self.result.asked += 1
        return await answer_to(request, http=self._http)


def _with_status(honest: Honest, status: int) -> Honest:
    return replace(honest, status=status)


def already_told(result: HostileResult, known: Sequence[CauseKey]) -> Iterator[CauseKey]:
    """Causes that the fuzzer found by itself: server errors of the same operation and shape."""
    broken = {(key.operation, key.status, key.shape) for key in known if key.status >= SERVER_ERROR}
    for key in result.found:
        if (key.operation, key.status, key.shape) in broken:
            yield key
