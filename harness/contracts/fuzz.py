"""Fuzzes one service against its OpenAPI document with Schemathesis, in a process of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.clock import Clock, SystemClock
from harness.contracts.causes import Cause, CauseKey
from harness.contracts.curl import curl
from harness.contracts.environment import child_environment, redact_file, tail
from harness.contracts.fuzz_report import UNAVAILABLE, FuzzReport, read_report, redact_report
from harness.contracts.fuzz_settings import VARIABLE, settings_file
from harness.contracts.presets import excused
from harness.errors import ContractError
from harness.model.credentials import NONE, Credentials
from harness.model.finding import Finding, Part
from harness.model.fuzzing import ServiceFuzz
from harness.model.process import ProcessSpec, Spawner
from harness.model.verdict import Verdict
from harness.proxy.provision import cache_directory

CHECK = "fuzz"
REQUEST_LIMIT_S = 10
"""How long the fuzzer waits for one answer."""
EXAMPLES = 25
"""Cases of each operation and phase; four times as many found nothing more, at twice the cost."""
WALL_LIMIT_S = 120.0
PHASES = "examples,coverage,fuzzing,stateful"
STRANGERS = "strangers"
"""The phase after those of Schemathesis: what does not exist is asked for."""
_STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"
# Hypothesis keeps its table of characters there, which takes two seconds to make; with no database, nothing of a run.
_ALONE = ("examples", "coverage", STRANGERS)
"""Phases in which an operation is asked the same whether others are fuzzed or not."""
_EXITS = (0, 1)
"""Schemathesis found nothing, or something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A finding and its cause, by which a later run knows it again."""

    key: CauseKey
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzResult:
    """What came of fuzzing one service."""

    found: tuple[Found, ...]
    """What is wrong, once for each cause."""
    others: tuple[Finding, ...]
    """What was covered, or why that is not all."""
    report: FuzzReport
    took_s: float
    about: FuzzedService
    """Whose findings these are."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All."""
        return (*(each.finding for each in self.found), *self.others)

    @property
    def cases(self) -> int:
        """Requests that were answered."""
        return self.report.answered

    @property
    def operations(self) -> int:
        """Operations of the document that answered at least once."""
        return len(self.report.reached)

    @property
    def operations_total(self) -> int:
        """Of the document, without those that were left out."""
        return self.report.operations_total

    @property
    def complete(self) -> bool:
        """Whether all was tried."""
        return not any(finding.verdict is Verdict.UNKNOWN for finding in self.others)


async def fuzz(  # noqa: PLR0913 -- all by keyword, and each is a thing of its own
    *,
    service: str,
    owner: str,
    url: str,
    document: str,
    directory: Path,
    spawner: Spawner,
    seed: int,
    examples: int = EXAMPLES,
    wall_limit_s: float = WALL_LIMIT_S,
    clock: Clock | None = None,
    credentials: Credentials = NONE,
    settings: ServiceFuzz = ServiceFuzz(),  # noqa: B008 -- frozen
    operations: tuple[str, ...] = (),
) -> FuzzResult:
    """One finding for each cause of failure, or a PASS with what was covered; UNKNOWN when not all was tried.

    Args:
        service: name of the service.
        owner: its owner.
        url: its direct URL on this machine, past every proxy.
        document: its OpenAPI document: a path beginning with `/` on the service, a URL on this machine, or a file.
        directory: where settings, report and log are written, in a fresh directory each time.
        spawner: whoever starts the fuzzing process.
        seed: repeats the very same requests.
        examples: cases at most for each operation and phase.
        wall_limit_s: past it the run is stopped and UNKNOWN.
        clock: measures how long it took.
        credentials: sent along with each request, but where the fuzzer leaves them out to see what happens.
        settings: what is declared of this service.
        operations: only these (`GET /products/{sku}`); all when empty.

    Raises:
        ContractError: when the URL isn't on this machine: what is fuzzed gets hostile input.
    """
    clock = clock or SystemClock()
    began = clock.now()
    location = _location(url, document)
    fresh = _fresh_directory(directory, service, credentials, settings)
    report_file, log = fresh / "report.ndjson", fresh / "log"
    command = _command(location, url, report_file, seed=seed, examples=examples, operations=operations)
    spec = ProcessSpec(
        name=f"fuzz-{service}",
        command=(*command, *_trust(credentials)),
        log=str(log),
        env=child_environment(credentials.ca)
        | {_STORAGE: str(cache_directory(os.environ) / "hypothesis")}
        | {f"{VARIABLE}{index}": value for index, value in enumerate(credentials.headers.values())},
        cwd=str(fresh),
    )
    trouble = await _run(spawner, spec, wall_limit_s)
    if credentials.headers:
        await asyncio.to_thread(redact_report, report_file, credentials.redact)
        await asyncio.to_thread(redact_file, log, credentials.redact)
    report = await asyncio.to_thread(read_report, report_file)
    tls = credentials.ca is not None
    about = FuzzedService(service=service, owner=owner, seed=seed, log=log, examples=examples, tls=tls)
    causes = [cause for cause in report.causes if not excused(cause, settings.preset)]
    return FuzzResult(
        found=tuple(about.found(cause) for cause in causes),
        others=tuple(_others(about, report, trouble, settings)),
        report=report,
        took_s=clock.now() - began,
        about=about,
    )


def replay_of(service: str, *, seed: int, operation: str = "", examples: int = EXAMPLES, tls: bool = False) -> str:
    """The command that asks the same again."""
    words = ["harness", "fuzz", service, "--seed", str(seed)]
    words += ["--operation", operation] if operation else []
    words += ["--examples", str(examples)] if examples != EXAMPLES else []
    return shlex.join([*words, *(["--tls"] if tls else [])])


def _fresh_directory(directory: Path, service: str, credentials: Credentials, settings: ServiceFuzz) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"fuzz-{service}-", dir=directory)).absolute()
    text = settings_file(settings, tuple(credentials.headers), credentials.marks)
    (fresh / "schemathesis.toml").write_text(text, encoding="utf-8")
    return fresh


def _location(url: str, document: str) -> str:
    _only_this_machine(url)
    if document.startswith("/") and not Path(document).is_file():
        return url.rstrip("/") + document
    if "://" in document:
        _only_this_machine(document)
        return document
    if not Path(document).is_file():
        message = f"expected an OpenAPI document at {document!r}, found no such file; give a file, a URL or a path"
        raise ContractError(message)
    return str(Path(document).absolute())


def _only_this_machine(url: str) -> None:
    host = urlsplit(url).hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        message = f"expected a URL on this machine to fuzz, found {url!r}: hostile requests are sent to no other"
        raise ContractError(message)


def _command(  # noqa: PLR0913 -- what the program is told
    location: str, url: str, report: Path, *, seed: int, examples: int, operations: tuple[str, ...]
) -> tuple[str, ...]:
    program = (sys.executable, "-m", "schemathesis.cli", "run", location, "--url", url, "--phases", PHASES)
    profile = ("--seed", str(seed), "--workers", "1", "--max-examples", str(examples), "--continue-on-failure")
    # A redirect could lead to another machine: it is an answer, not a way.
    bounds = ("--request-timeout", str(REQUEST_LIMIT_S), "--max-redirects", "0", "--no-color", "--warnings", "off")
    only = tuple(word for operation in operations for word in ("--include-name", operation))
    return (*program, *profile, *bounds, *only, "--report", "ndjson", "--report-ndjson-path", str(report))


def _trust(credentials: Credentials) -> tuple[str, ...]:
    return () if credentials.ca is None else ("--tls-verify", str(credentials.ca))


async def _run(spawner: Spawner, spec: ProcessSpec, wall_limit_s: float) -> str:
    """Why the run is not complete; empty when it is."""
    process = await spawner.spawn(spec)
    try:
        code = await asyncio.wait_for(process.wait(), wall_limit_s)
    except TimeoutError:
        return f"stopped at the wall limit of {wall_limit_s:g} s"
    finally:
        if process.returncode is None:
            await process.stop(grace_s=0.5)
    return "" if code in _EXITS else f"Schemathesis ended with {code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzedService:
    """What its findings say of a service beside what was found."""

    service: str
    owner: str
    seed: int
    log: Path
    examples: int
    tls: bool

    def found(self, cause: Cause) -> Found:
        """A cause as a finding."""
        # What came of several operations, or of values that one learnt from another, takes them all to come again.
        alone = cause.key.operation if cause.phase in _ALONE else ""
        evidence = (curl(cause.request), *cause.told, f"seed {self.seed}, cause: {cause.key}")
        finding = self.finding(Verdict.FAIL, cause.key.operation, cause.reason, evidence, alone=alone)
        return Found(key=cause.key, finding=finding)

    def finding(
        self, verdict: Verdict, subject: str, reason: str, evidence: tuple[str, ...] = (), *, alone: str = ""
    ) -> Finding:
        """A finding of this service."""
        replay = replay_of(self.service, seed=self.seed, operation=alone, examples=self.examples, tls=self.tls)
        return Finding(
            check=CHECK,
            part=Part.FUZZ,
            verdict=verdict,
            reason=reason,
            subject=subject,
            service=self.service,
            owner=self.owner,
            evidence=evidence,
            replay=replay if verdict is not Verdict.PASS else "",
        )


def _others(about: FuzzedService, report: FuzzReport, trouble: str, settings: ServiceFuzz) -> Iterator[Finding]:
    told = (*coverage(report.reached), *_left_out(report, settings))
    incomplete = tuple(_incomplete(report, trouble))
    cases = f"{report.answered} cases on {len(report.reached)} of {report.operations_total} operations"
    if incomplete:
        evidence = (*incomplete[1:], *report.errors[:5], *told, *tail(about.log), f"log: {about.log}")
        yield about.finding(Verdict.UNKNOWN, about.service, f"not all was tried: {incomplete[0]}", evidence)
    elif all(excused(cause, settings.preset) for cause in report.causes):
        yield about.finding(Verdict.PASS, about.service, f"{cases} found nothing (seed {about.seed})", told)
    else:
        reason = f"{cases}: what is not told above held (seed {about.seed})"
        yield about.finding(Verdict.PASS, about.service, reason, told)


def _left_out(report: FuzzReport, settings: ServiceFuzz) -> Iterator[str]:
    for operation, reason in settings.leave_out.items():
        yield f"{operation}: left out: {reason}"
    for check, reason in settings.checks_off.items():
        yield f"not checked: {check}: {reason}"
    if report.unavailable:
        yield f"let go: {report.unavailable} answers of 503 with problem+json and Retry-After"
    for cause in report.causes:
        if excused(cause, settings.preset):
            yield f"let go by the preset {settings.preset}: {cause.key.operation}: {cause.reason}"


def _incomplete(report: FuzzReport, trouble: str) -> Iterator[str]:
    if trouble:
        yield trouble
    if not report.completed:
        yield "the run did not come to its end"
    if report.answered == 0:
        yield "no request was answered"
    if report.errors:
        yield f"{len(report.errors)} errors, first: {report.errors[0]}"
    away = sorted(name for name, statuses in report.reached.items() if statuses.keys() <= {UNAVAILABLE})
    if away:
        yield f"only ever answered {UNAVAILABLE}: {', '.join(away)}"
    missing = sorted(report.operations - report.reached.keys())
    if missing:
        yield f"never answered: {', '.join(missing)}"
    elif len(report.reached) < report.operations_total:
        yield f"only {len(report.reached)} of {report.operations_total} operations answered"


def coverage(reached: Mapping[str, Counter[int]]) -> Iterator[str]:
    """Operations by statuses, a line for each operation."""
    for operation, statuses in sorted(reached.items()):
        yield f"{operation}: " + ", ".join(f"{status} ({count})" for status, count in sorted(statuses.items()))
