"""What hostile requests showed, as findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.contracts.causes import CauseKey
from harness.contracts.curl import curl
from harness.contracts.fuzz import Found, replay_of
from harness.engine.hostile import HostileResult, Suspect
from harness.model.finding import Finding, Part
from harness.model.fuzzing import ServiceFuzz
from harness.model.request import Request
from harness.model.verdict import Verdict

SUMMARY = "hostile"
SHORT_CHARS = 8
"""A header's value that is shorter is no secret, and would be found everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Whose findings these are, and what must not stand in them."""

    service: str
    owner: str
    seed: int
    secret: tuple[str, ...]
    redact: Callable[[str], str]
    tls: bool
    settings: ServiceFuzz

    def clean(self, text: str) -> str:
        """The text without secrets."""
        for value in self.secret:
            if len(value) >= SHORT_CHARS:
                text = text.replace(value, "***")
        return self.redact(text)


def hostile_findings(about: About, result: HostileResult) -> tuple[list[Found], Finding]:
    """One for each cause, and one that says what was tried, or why that is not all."""
    found = [Found(key=key, finding=_found(about, key, suspect)) for key, suspect in sorted(result.found.items())]
    operations = len({key.operation for key in result.found})
    counted = [f"{check}: {number}" for check, number in sorted(result.tried.items())]
    evidence = (*counted, *(f"not tried: {each}" for each in result.untold))
    if result.incomplete:
        reason = f"not all that is hostile was tried: {result.incomplete[0]}"
        told = (*result.incomplete[1:], *evidence)
        return found, _finding(about, SUMMARY, Verdict.UNKNOWN, about.service, reason, told)
    total = sum(result.tried.values())
    gave = f"gave away {len(found)} (on {operations} of the operations)" if found else "gave nothing away"
    reason = f"{total} hostile trials ({result.asked} requests) {gave}"
    return found, _finding(about, SUMMARY, Verdict.PASS, about.service, reason, evidence)


def _found(about: About, key: CauseKey, suspect: Suspect) -> Finding:
    trial, suspicion = suspect.trial, suspect.suspicion
    cases = "1 case" if suspect.count == 1 else f"{suspect.count} cases"
    evidence = [curl(_shown(about, trial.hostile)), f"hostile: {trial.what}", *suspicion.told]
    if trial.twin is not None:
        evidence.append(f"its honest twin: {curl(_shown(about, trial.twin))}")
    evidence += [f"also: {each}" for each in suspect.also]
    evidence.append(f"seed {about.seed}, cause: {key}")
    reason = f"{suspicion.title}: answered {suspicion.status or 'nothing'} ({cases})"
    return _finding(about, suspicion.check, Verdict.FAIL, trial.operation, reason, tuple(evidence))


def _shown(about: About, request: Request) -> Request:
    """The request with its secrets as `***`."""
    return replace(
        request,
        url=about.clean(request.url),
        headers=tuple((name, about.clean(value)) for name, value in request.headers),
    )


def _finding(  # noqa: PLR0913, PLR0917 -- the parts of a finding
    about: About, check: str, verdict: Verdict, subject: str, reason: str, evidence: tuple[str, ...]
) -> Finding:
    alone = subject if verdict is Verdict.FAIL and check != "wrong-method" else ""
    return Finding(
        check=check,
        part=Part.FUZZ,
        verdict=verdict,
        reason=about.clean(reason),
        subject=subject,
        service=about.service,
        owner=about.owner,
        evidence=tuple(about.clean(line) for line in evidence),
        replay=""
        if verdict is Verdict.PASS
        else replay_of(about.service, seed=about.seed, operation=alone, tls=about.tls),
    )
