"""Fuzzes services side by side: Schemathesis, what does not exist, hostile requests; then what is known already."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import JsonValue

from harness.clock import Clock
from harness.contracts.fuzz import EXAMPLES, WALL_LIMIT_S, Found, FuzzResult, fuzz, replay_of
from harness.contracts.fuzz_baseline import Fuzzed, against, read_baseline, write_baseline
from harness.contracts.hostile import Identity, Operation, operations_of
from harness.declare.validate import nearest
from harness.engine.documents import read_document
from harness.engine.hostile import Suspected, already_told, try_hostile
from harness.engine.hostile_findings import SUMMARY, About, hostile_findings
from harness.engine.own_headers import filled, with_own
from harness.engine.strangers import STRANGERS_LIMIT_S, Asked, with_strangers
from harness.errors import ContractError, HarnessError
from harness.model.credentials import Credentials
from harness.model.finding import Finding, Part
from harness.model.fuzzing import ServiceFuzz
from harness.model.process import Spawner
from harness.model.verdict import Verdict

HOSTILE_LIMIT_S = 120.0
"""For the hostile requests to one service, when no budget says less."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzOptions:
    """How much is tried, and against what it is held."""

    budget_s: float | None = None
    """For all services together; what is not done by then is UNKNOWN."""
    examples: int = EXAMPLES
    """Cases of each operation and phase."""
    operations: tuple[str, ...] = ()
    """Only these; all when empty."""
    baseline: Path | None = None
    """Findings that are known."""
    write_baseline: bool = False
    """Whether what is found becomes known."""
    hostile: bool = True
    """Whether hostile requests of our own follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A service that is fuzzed."""

    service: str
    owner: str
    url: str
    """Its direct URL on this machine, past every proxy."""
    document: str
    """Its OpenAPI document: a URL or a file."""
    directory: Path
    credentials: Credentials
    settings: ServiceFuzz = field(default_factory=ServiceFuzz)

    def __post_init__(self) -> None:
        object.__setattr__(self, "credentials", with_own(self.credentials, self.settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A document, as far as it can be read."""

    document: Mapping[str, JsonValue] = field(default_factory=dict)
    operations: Mapping[str, Operation] = field(default_factory=dict)
    unread: str = ""
    """Why it can't be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fuzzed:
    found: tuple[Found, ...]
    others: tuple[Finding, ...]

    @property
    def whole(self) -> bool:
        return not any(finding.verdict is Verdict.UNKNOWN for finding in self.others)


def at_once() -> int:
    """How many services are fuzzed side by side: as many as there are cores for us."""
    return len(os.sched_getaffinity(0))


async def fuzz_all(  # noqa: PLR0913 -- all by keyword
    subjects: Sequence[Subject], *, spawner: Spawner, seed: int, options: FuzzOptions, clock: Clock, say: Say
) -> list[Finding]:
    """What was found at each service, and how it stands to the baseline.

    Raises:
        HarnessError: if the baseline can't be read or written, or no service has an operation that was named.
    """
    known = read_baseline(options.baseline) if options.baseline else None
    documents = await asyncio.gather(*(_read(subject) for subject in subjects))
    _known_operations(options.operations, [each.operations for each in documents])
    until = clock.now() + options.budget_s if options.budget_s is not None else None
    gate = asyncio.Semaphore(at_once())

    async def one(subject: Subject, read: _Read) -> _Fuzzed:
        async with gate:
            try:
                return await _fuzz_one(subject, read, spawner, seed, options, clock, until)
            except HarnessError as error:
                # One that can't be fuzzed keeps nobody from fuzzing the others.
                return _Fuzzed(found=(), others=(_untried(subject, str(error), seed),))

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(*each)) for each in zip(subjects, documents, strict=True)]
    done = [task.result() for task in tasks]
    for subject, each in zip(subjects, done, strict=True):
        _tell_coverage(subject, each, say)
    fuzzed = [
        Fuzzed(
            service=subject.service,
            owner=subject.owner,
            found=each.found,
            whole=each.whole and not options.operations and options.hostile,
        )
        for subject, each in zip(subjects, done, strict=True)
    ]
    others = [finding for each in done for finding in each.others]
    if known is None or options.baseline is None:
        return [*(each.finding for one_ in fuzzed for each in one_.found), *others]
    if options.write_baseline:
        gone = [finding for finding in against(known, fuzzed) if "not found any more" in finding.reason]
        known = write_baseline(options.baseline, known, fuzzed)
        say(f"the baseline {options.baseline} has {len(known.findings)} findings now")
        return [*against(known, fuzzed), *gone, *others]
    return [*against(known, fuzzed), *others]


def _known_operations(named: Sequence[str], documents: Sequence[Mapping[str, Operation]]) -> None:
    known = {name for operations in documents for name in operations}
    for name in named:
        if known and name not in known:
            message = f"no operation '{name}' in the documents of these services; {nearest(name, known)}"
            raise ContractError(message)


async def _fuzz_one(  # noqa: PLR0913, PLR0917 -- handed through
    subject: Subject,
    read: _Read,
    spawner: Spawner,
    seed: int,
    options: FuzzOptions,
    clock: Clock,
    until: float | None,
) -> _Fuzzed:
    limit_s = WALL_LIMIT_S * max(1.0, options.examples / EXAMPLES)
    if until is not None:
        limit_s = max(0.0, min(limit_s, until - clock.now()))
    operations = read.operations
    wanted = tuple(each for each in options.operations if each in operations)
    if options.operations and operations and not wanted:
        return _Fuzzed(found=(), others=())
    result = await fuzz(
        service=subject.service,
        owner=subject.owner,
        url=subject.url,
        document=subject.document,
        directory=subject.directory,
        spawner=spawner,
        seed=seed,
        examples=options.examples,
        wall_limit_s=limit_s,
        clock=clock,
        credentials=subject.credentials,
        settings=subject.settings,
        operations=wanted,
    )
    asked = Asked(
        service=subject.service,
        url=subject.url,
        document=read.document,
        operations=operations,
        seen=result.report.honest,
        settings=subject.settings,
        credentials=subject.credentials,
        seed=seed,
        clock=clock,
        until=_end(clock, STRANGERS_LIMIT_S, until),
    )
    result = await with_strangers(result, asked, wanted)
    others = tuple(_with_statuses(finding, result, operations) for finding in result.others)
    if not options.hostile or not result.cases:
        return _Fuzzed(found=result.found, others=others)
    if not operations:
        reason = f"nothing hostile was tried: {read.unread or 'its document has no operations'}"
        return _Fuzzed(found=result.found, others=(*others, _untried(subject, reason, seed)))
    found, told = await _hostile(
        subject, result, operations, wanted, seed=seed, clock=clock, until=_end(clock, HOSTILE_LIMIT_S, until)
    )
    return _Fuzzed(found=(*result.found, *found), others=(*others, told))


def _end(clock: Clock, limit_s: float, until: float | None) -> float:
    end = clock.now() + limit_s
    return end if until is None else min(end, until)


async def _read(subject: Subject) -> _Read:
    try:
        document = await read_document(subject.document, credentials=subject.credentials)
    except ContractError as error:
        return _Read(unread=str(error))
    if not isinstance(document, dict):
        return _Read(unread="its document is no mapping")
    return _Read(document=document, operations=operations_of(document))


def _untried(subject: Subject, reason: str, seed: int) -> Finding:
    return Finding(
        check=SUMMARY,
        part=Part.FUZZ,
        verdict=Verdict.UNKNOWN,
        reason=subject.credentials.redact(reason),
        subject=subject.service,
        service=subject.service,
        owner=subject.owner,
        replay=replay_of(subject.service, seed=seed),
    )


async def _hostile(  # noqa: PLR0913 -- handed through
    subject: Subject,
    result: FuzzResult,
    operations: Mapping[str, Operation],
    wanted: tuple[str, ...],
    *,
    seed: int,
    clock: Clock,
    until: float,
) -> tuple[list[Found], Finding]:
    settings, credentials = subject.settings, subject.credentials
    another = filled(settings.another.headers, credentials) if settings.another else {}
    tried = await try_hostile(
        Suspected(
            url=subject.url,
            operations=operations,
            seen=result.report.honest,
            settings=settings,
            identity=Identity(headers=credentials.headers, another=another, marks=credentials.marks),
            credentials=credentials,
            clock=clock,
            until=until,
        ),
        wanted,
    )
    for key in list(already_told(tried, [each.key for each in result.found])):
        del tried.found[key]
    secret = [*credentials.headers.values(), *another.values()]
    about = About(
        service=subject.service,
        owner=subject.owner,
        seed=seed,
        secret=tuple(value for value in secret if value),
        redact=credentials.redact,
        tls=credentials.ca is not None,
        settings=settings,
    )
    return hostile_findings(about, tried)


def _with_statuses(finding: Finding, result: FuzzResult, operations: Mapping[str, Operation]) -> Finding:
    """The same with the declared statuses that never came."""
    lines, seen, declared = [], 0, 0
    for name, reached in sorted(result.report.reached.items()):
        statuses = {status for status in operations[name].statuses if status.isdigit()} if name in operations else set()
        never = sorted(status for status in statuses if int(status) not in reached)
        seen, declared = seen + len(statuses) - len(never), declared + len(statuses)
        if never:
            lines.append(f"{name}: never {', '.join(never)}")
    if not declared:
        return finding
    summary = f"{seen} of {declared} declared statuses came"
    return replace(finding, evidence=(*finding.evidence, summary, *lines))


def _tell_coverage(subject: Subject, fuzzed: _Fuzzed, say: Say) -> None:
    for finding in fuzzed.others:
        if finding.verdict is Verdict.PASS:
            for line in finding.evidence:
                say(f"  {subject.service}: {line}")
