"""What a run keeps of the spans that prove whose fault something is, with what the services' logs say of the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harness.engine.session import Session
from harness.model.events import SpansSeen
from harness.model.finding import Finding
from harness.model.verdict import Verdict

TRACES_LIMIT = 3
"""Of one experiment that are journaled."""
LOG_TAIL_BYTES = 256 << 10
"""Of each log that is looked through."""
LOG_LINES = 3
"""That a finding shows."""
_LINE_CHARS = 300
_TRACE = "trace "
"""What the first line of a waterfall begins with."""


async def with_logs(session: Session, experiment: str, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with lines of logs that speak of their traces; the spans of these are journaled."""
    traces = dict.fromkeys(trace for each in findings if each.verdict is Verdict.FAIL for trace in traces_in(each))
    if not traces or session.spans is None:
        return tuple(findings)
    for trace in [*traces][:TRACES_LIMIT]:
        spans = session.spans.room.of([trace])
        journey = next((each.journey for each in session.recorder.traces if each.trace == trace), "")
        session.recorder.record(SpansSeen(t=session.now(), experiment=experiment, journey=journey, spans=spans))
    lines = await asyncio.to_thread(lines_with, session.directory / "logs", [*traces])
    return tuple(
        replace(each, evidence=(*each.evidence, *(line for trace in traces_in(each) for line in lines[trace])))
        if each.verdict is Verdict.FAIL
        else each
        for each in findings
    )


def traces_in(finding: Finding) -> Iterator[str]:
    """The traces that a finding shows."""
    for line in finding.evidence:
        if line.startswith(_TRACE) and line.endswith(":"):
            yield line.removeprefix(_TRACE).removesuffix(":")


def lines_with(logs: Path, traces: Sequence[str]) -> dict[str, list[str]]:
    """The first few lines of any log that name each of these traces, with the instance before them."""
    found: dict[str, list[str]] = {trace: [] for trace in traces}
    for log in sorted(logs.glob("*.log")):
        for line in _tail(log):
            for trace in traces:
                if trace in line and len(found[trace]) < LOG_LINES:
                    found[trace].append(f"log of {log.stem}: {line[:_LINE_CHARS]}")
    return found


def _tail(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            return file.read(LOG_TAIL_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return []
