"""Asks a service for what does not exist, after the fuzzer has found out how it is asked for what does.

Where a document gives an example of an id, a fuzzer asks for that one and hardly for any other: what comes of an id
that nobody gave out is then never seen. Only what changes nothing is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import aiohttp
from pydantic import JsonValue

from harness.clock import Clock
from harness.contracts.causes import SERVER_ERROR, Cause, CauseKey, shape_of
from harness.contracts.conformance import Aspect, Conformance
from harness.contracts.fuzz import STRANGERS, FuzzResult
from harness.contracts.hostile import Operation
from harness.contracts.hostile.asking import request_of
from harness.contracts.presets import excused
from harness.contracts.unknown_ids import Stranger, strangers
from harness.engine.plain_request import answer_to, http_client
from harness.errors import ContractError
from harness.model.credentials import Credentials
from harness.model.fuzzing import ServiceFuzz
from harness.model.hostile import Honest
from harness.model.observation import AnswerClass, DistinctAnswer
from harness.model.request import LIMIT_BYTES, Answer, Request
from harness.model.verdict import Verdict

SAFE = ("GET", "HEAD")
REQUESTS_LIMIT = 300
"""To one service."""
STRANGERS_LIMIT_S = 30.0
"""For one service, when no budget says less."""
SHOWN_CHARS = 400
SHORT_CHARS = 8
"""A header's value that is shorter is no secret, and would be found everywhere."""

_UNAVAILABLE = 503
_UNDECIDED = (0, 429, _UNAVAILABLE)
_REFUSED_AS_ILL_FORMED = (400, 422)
_TITLES = {
    Aspect.STATUS: ("Undocumented status code", "medium"),
    Aspect.MEDIA: ("Undocumented Content-Type", "medium"),
    Aspect.HEADERS: ("Missing required headers", "medium"),
    Aspect.BODY: ("Response violates schema", "high"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom to ask, as whom, and until when."""

    service: str
    url: str
    document: Mapping[str, JsonValue]
    operations: Mapping[str, Operation]
    seen: Mapping[str, Sequence[Honest]]
    settings: ServiceFuzz
    credentials: Credentials
    seed: int
    clock: Clock
    until: float
    """By the clock."""


@dataclass(slots=True, kw_only=True)
class StrangersMet:
    """What came of it."""

    causes: dict[CauseKey, Cause] = field(default_factory=dict)
    reached: dict[str, Counter[int]] = field(default_factory=dict)
    """Operation → how often each status came."""
    told: list[str] = field(default_factory=list)
    """What was asked for, and what can't be, with the reason."""
    left: list[str] = field(default_factory=list)
    """What was not asked for although it could have been."""


async def ask_for_strangers(about: Asked, only: Sequence[str] = ()) -> StrangersMet:
    """One request after another for ids that nobody gave out, of all operations or of those named."""
    try:
        conformance = Conformance(about.service, about.document)
    except ContractError as error:
        return StrangersMet(told=[f"nothing unknown was asked for: {error}"])
    async with http_client(about.credentials) as http:
        run = _Run(about, conformance, http)
        for operation in about.operations.values():
            wanted = operation.method in SAFE and operation.name not in about.settings.leave_out
            if wanted and (not only or operation.name in only):
                await run.operation(operation)
    return run.met


async def with_strangers(result: FuzzResult, about: Asked, only: Sequence[str] = ()) -> FuzzResult:
    """The same with what came of ids that nobody gave out, as far as the fuzzer did not find it by itself."""
    if not result.cases or not about.operations:
        return result
    met = await ask_for_strangers(about, only)
    for name, statuses in met.reached.items():
        result.report.reached.setdefault(name, Counter()).update(statuses)
    found = [result.about.found(cause) for cause in _news(met, result) if not excused(cause, about.settings.preset)]
    others = tuple(replace(each, evidence=(*each.evidence, *met.told)) for each in result.others)
    if met.left:
        reason = f"not all was tried: the time was over, or {REQUESTS_LIMIT} requests made, before all that is unknown"
        others += (result.about.finding(Verdict.UNKNOWN, about.service, reason, tuple(met.left)),)
    return replace(result, found=(*result.found, *found), others=others)


class _Run:
    def __init__(self, about: Asked, conformance: Conformance, http: aiohttp.ClientSession) -> None:
        self._about = about
        self._conformance = conformance
        self._http = http
        self._count = 0
        self.met = StrangersMet()

    async def operation(self, operation: Operation) -> None:
        about, told = self._about, self.met.told
        example = about.settings.examples.get(operation.name)
        try:
            made = [*strangers(operation, self._conformance, seen=about.seen, example=example, seed=about.seed)]
        except ContractError as error:
            told.append(f"{operation.name}: nothing unknown was asked for: {error}")
            return
        for stranger in made:
            what = f"{operation.name}: unknown {stranger.parameter}"
            if not stranger.requests:
                told.append(f"{what}: the document permits none that can be made up; give an example")
            elif self._at_the_end():
                self.met.left.append(what)
            else:
                told.append(f"{what}: {', '.join(await self._ask_for(operation, stranger))}")

    def _at_the_end(self) -> bool:
        return self._count >= REQUESTS_LIMIT or self._about.clock.now() >= self._about.until

    async def _ask_for(self, operation: Operation, stranger: Stranger) -> list[str]:
        """The statuses that came, until one told that there is no such thing."""
        statuses: list[str] = []
        for honest in stranger.requests:
            request = request_of(honest, self._about.url, self._about.credentials.sent)
            self._count += 1
            try:
                answer = await answer_to(request, http=self._http)
            except ValueError as error:
                return [*statuses, f"it could not be sent: {error}"]
            statuses.append(str(answer.status) if answer.status else answer.trouble)
            if answer.status:
                self.met.reached.setdefault(operation.name, Counter())[answer.status] += 1
            for cause in self._causes(operation, stranger.parameter, honest, request, answer):
                self._keep(cause)
            if not answer.fine and answer.status not in _REFUSED_AS_ILL_FORMED:
                break
        return statuses

    def _causes(
        self, operation: Operation, parameter: str, honest: Honest, request: Request, answer: Answer
    ) -> Iterator[Cause]:
        if answer.status in _UNDECIDED and not (answer.status == _UNAVAILABLE and not answer.header("Retry-After")):
            return
        what = f"asked for an unknown {parameter}: {honest.path[parameter]}"
        for check, title, severity, told in self._wrong(operation, request, answer):
            if check in self._about.settings.checks_off:
                continue
            shape = shape_of(answer.body) if answer.status >= SERVER_ERROR else ""
            yield Cause(
                key=CauseKey(operation=operation.name, check=check, status=answer.status, shape=shape),
                title=title,
                severity=severity,
                told=tuple(self._clean(line) for line in (what, told, *_shown(answer)) if line),
                request=self._without_secrets(request),
                phase=STRANGERS,
            )

    def _wrong(self, operation: Operation, request: Request, answer: Answer) -> Iterator[tuple[str, str, str, str]]:
        """Check, title, severity and words of all that is not as it was declared."""
        if answer.status >= SERVER_ERROR:
            yield "not_a_server_error", "Server error", "critical", ""
            return
        path = request.url.removeprefix(self._about.url.rstrip("/"))
        for each in self._conformance.differences(_distinct(operation, path, answer)) or ():
            yield (each.aspect.value, *_TITLES[each.aspect], each.told)

    def _keep(self, cause: Cause) -> None:
        known = self.met.causes.setdefault(cause.key, cause)
        if known is not cause:
            known.count += 1

    def _without_secrets(self, request: Request) -> Request:
        secret = {name.lower() for name in self._about.credentials.headers}
        headers = tuple((name, "***" if name.lower() in secret else value) for name, value in request.headers)
        return replace(request, url=self._clean(request.url), headers=headers)

    def _clean(self, text: str) -> str:
        for value in self._about.credentials.headers.values():
            if len(value) >= SHORT_CHARS:
                text = text.replace(value, "***")
        return self._about.credentials.redact(text)


def _news(met: StrangersMet, result: FuzzResult) -> Iterator[Cause]:
    known = {(each.key.operation, each.key.check, each.key.status) for each in result.found}
    for key, cause in sorted(met.causes.items()):
        if (key.operation, key.check, key.status) not in known:
            yield cause


def _shown(answer: Answer) -> Iterator[str]:
    if answer.body:
        yield f"answer {answer.status}: {answer.body.decode('utf-8', 'replace')[:SHOWN_CHARS]}"


def _distinct(operation: Operation, path: str, answer: Answer) -> DistinctAnswer:
    """The answer as the check of conformance reads it."""
    return DistinctAnswer(
        t=0.0,
        journey="",
        request=operation.name,
        method=operation.method,
        path=path,
        status=answer.status,
        answer=AnswerClass.FULL,
        shape="",
        content_type=answer.header("Content-Type"),
        headers=dict(answer.headers),
        body=answer.body.decode("utf-8", "replace"),
        truncated=len(answer.body) >= LIMIT_BYTES,
    )
