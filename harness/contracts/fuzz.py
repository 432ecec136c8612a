"""Fuzzes one service against its OpenAPI document with Schemathesis, in a process of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.clock import Clock, SystemClock
from harness.contracts.environment import child_environment, redact_file, tail
from harness.contracts.fuzz_report import Cause, FuzzReport, read_report, redact_report
from harness.errors import ContractError
from harness.model.credentials import NONE, Credentials
from harness.model.finding import Finding, Part
from harness.model.process import ProcessSpec, Spawner
from harness.model.verdict import Verdict

CHECK = "fuzz"
REQUEST_LIMIT_S = 10
"""How long the fuzzer waits for one answer."""
# Cache and database remember earlier runs, two workers race, --max-time counts seconds: none of them is repeatable.
_SETTINGS = '[cache]\nenabled = false\n\n[generation]\ndatabase = "none"\n'
_VARIABLE = "HARNESS_HEADER_"
"""With a number: the values of headers that hold secrets, which are in no file and on no command line."""
_EXITS = (0, 1)
"""Schemathesis found nothing, or something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzResult:
    """What came of fuzzing one service."""

    findings: tuple[Finding, ...]
    cases: int
    """Requests that were answered."""
    operations: int
    """Operations of the document that answered at least once."""
    operations_total: int
    took_s: float


async def fuzz(  # noqa: PLR0913 -- all by keyword, and each is a thing of its own
    *,
    service: str,
    owner: str,
    url: str,
    document: str,
    directory: Path,
    spawner: Spawner,
    seed: int,
    examples: int = 25,
    wall_limit_s: float = 120.0,
    clock: Clock | None = None,
    credentials: Credentials = NONE,
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

    Raises:
        ContractError: when the URL isn't on this machine: what is fuzzed gets hostile input.
    """
    clock = clock or SystemClock()
    began = clock.now()
    location = _location(url, document)
    fresh = _fresh_directory(directory, service, credentials)
    report_file, log = fresh / "report.ndjson", fresh / "log"
    spec = ProcessSpec(
        name=f"fuzz-{service}",
        command=(*_command(location, url, report_file, seed=seed, examples=examples), *_trust(credentials)),
        log=str(log),
        env=child_environment(credentials.ca)
        | {f"{_VARIABLE}{index}": value for index, value in enumerate(credentials.headers.values())},
        cwd=str(fresh),
    )
    trouble = await _run(spawner, spec, wall_limit_s)
    if credentials.headers:
        await asyncio.to_thread(redact_report, report_file, credentials.redact)
        await asyncio.to_thread(redact_file, log, credentials.redact)
    report = await asyncio.to_thread(read_report, report_file)
    about = _About(service=service, owner=owner, seed=seed, log=log, tls=credentials.ca is not None)
    return FuzzResult(
        findings=tuple(_findings(about, report, trouble)),
        cases=report.answered,
        operations=len(report.reached),
        operations_total=report.operations_total,
        took_s=clock.now() - began,
    )


def _fresh_directory(directory: Path, service: str, credentials: Credentials) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"fuzz-{service}-", dir=directory)).absolute()
    (fresh / "schemathesis.toml").write_text(
        _SETTINGS + _sent_along(tuple(credentials.headers), credentials.marks), encoding="utf-8"
    )
    return fresh


def _sent_along(headers: Sequence[str], marks: Mapping[str, str]) -> str:
    """The settings that send headers along, and keep what stands in them out of the report."""
    # A header that is filtered can't be sent again: no others are than those with our own secrets.
    told = "".join(f"{json.dumps(name)} = {json.dumps(value)}\n" for name, value in marks.items())
    if not headers:
        return "\n[output.sanitization]\nenabled = false\n" + (f"\n[headers]\n{told}" if told else "")
    filtered = json.dumps([name.lower() for name in headers])
    values = "".join(f'{json.dumps(name)} = "${{{_VARIABLE}{index}}}"\n' for index, name in enumerate(headers))
    return (
        f"\n[output.sanitization]\nenabled = true\nkeys-to-sanitize = {filtered}\n"
        f'sensitive-markers = {filtered}\nreplacement = "***"\n\n[headers]\n{values}{told}'
    )


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


def _command(location: str, url: str, report: Path, *, seed: int, examples: int) -> tuple[str, ...]:
    program = (sys.executable, "-m", "schemathesis.cli", "run", location, "--url", url)
    profile = ("--seed", str(seed), "--workers", "1", "--max-examples", str(examples), "--continue-on-failure")
    # A redirect could lead to another machine: it is an answer, not a way.
    bounds = ("--request-timeout", str(REQUEST_LIMIT_S), "--max-redirects", "0", "--no-color", "--warnings", "off")
    return (*program, *profile, *bounds, "--report", "ndjson", "--report-ndjson-path", str(report))


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
class _About:
    service: str
    owner: str
    seed: int
    log: Path
    tls: bool

    def finding(self, verdict: Verdict, subject: str, reason: str, evidence: tuple[str, ...] = ()) -> Finding:
        replay = f"harness fuzz {self.service} --seed {self.seed}" + (" --tls" if self.tls else "")
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


def _findings(about: _About, report: FuzzReport, trouble: str) -> Iterator[Finding]:
    for cause in report.causes:
        yield about.finding(Verdict.FAIL, cause.operation, cause.reason, _evidence(cause))
    incomplete = tuple(_incomplete(report, trouble))
    if incomplete:
        evidence = (*incomplete[1:], *report.errors[:5], *tail(about.log), f"log: {about.log}")
        yield about.finding(Verdict.UNKNOWN, about.service, f"not all was tried: {incomplete[0]}", evidence)
    elif not report.causes:
        reason = (
            f"{report.answered} cases on {len(report.reached)} of {report.operations_total} operations "
            f"found nothing (seed {about.seed})"
        )
        yield about.finding(Verdict.PASS, about.service, reason, tuple(_coverage(report.reached)))


def _incomplete(report: FuzzReport, trouble: str) -> Iterator[str]:
    if trouble:
        yield trouble
    if not report.completed:
        yield "the run did not come to its end"
    if report.answered == 0:
        yield "no request was answered"
    if report.errors:
        yield f"{len(report.errors)} errors, first: {report.errors[0]}"
    missing = sorted(report.operations - report.reached.keys())
    if missing:
        yield f"never answered: {', '.join(missing)}"
    elif len(report.reached) < report.operations_total:
        yield f"only {len(report.reached)} of {report.operations_total} operations answered"


def _coverage(reached: Mapping[str, Counter[int]]) -> Iterator[str]:
    for operation, statuses in sorted(reached.items()):
        yield f"{operation}: " + ", ".join(f"{status} ({count})" for status, count in sorted(statuses.items()))


def _evidence(cause: Cause) -> tuple[str, ...]:
    return (_curl(cause), *cause.told)


def _curl(cause: Cause) -> str:
    request = cause.request
    words = ["curl", "-i", "-g", "--path-as-is", "-X", request.method]
    for name, value in request.headers:
        words += ["-H", shlex.quote(f"{name}: {value}" if value else f"{name};")]
    if request.body is not None:
        if not any(name.lower() == "content-type" for name, _ in request.headers):
            words += ["-H", "'Content-Type:'"]
        words += ["--data-binary", _quoted(request.body)]
    return " ".join([*words, shlex.quote(request.url)])


def _quoted(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and not text.startswith("@") and (text or not body):
        return shlex.quote(text)
    return "$'" + "".join(f"\\x{byte:02x}" for byte in body) + "'"
