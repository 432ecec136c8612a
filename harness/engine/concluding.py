"""What a run comes to: its verdict and why, its exit code, its events. Imports next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.model.events import Event
from harness.model.finding import Finding
from harness.model.verdict import Verdict, worst

INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How a run ended, and where its files are."""

    verdict: Verdict
    exit_code: int
    directory: Path
    events: tuple[Event, ...]
    unhealed: tuple[str, ...] = ()
    """What was in force and was not seen to be healed, though all is stopped."""


def conclusion(findings: Sequence[Finding]) -> tuple[Verdict, str]:
    """The worst of the findings that nothing excuses, and why in one sentence."""
    if not findings:
        return Verdict.UNKNOWN, "nothing was measured"
    excused = sum(bool(finding.excused) for finding in findings)
    beside = f"; {excused} red ones are accepted or known" if excused else ""
    findings = [finding for finding in findings if not finding.excused]
    verdict = worst(finding.verdict for finding in findings) if findings else Verdict.PASS
    if verdict is Verdict.PASS:
        return verdict, f"all {len(findings)} findings hold{beside}"
    first = next(finding for finding in findings if finding.verdict is verdict)
    count = sum(finding.verdict is verdict for finding in findings)
    return verdict, f"{first.subject}: {first.reason}" + (f" (and {count - 1} more)" if count > 1 else "") + beside


def ended_early(why: str, unhealed: Sequence[str]) -> str:
    """What is said of a run that was stopped before its end."""
    if unhealed:
        return f"{why}; everything was stopped, but NOT seen to be healed: {', '.join(unhealed)}"
    return f"{why}; everything was healed and stopped"
