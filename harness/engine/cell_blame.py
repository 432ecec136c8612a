"""Whose fault a red cell is, by the spans that its visits left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from harness.checkers.blame import of_visits
from harness.checkers.trial import Trial
from harness.engine.session import Session
from harness.model.events import SpansSeen
from harness.model.fault import EdgeTarget
from harness.model.matrix import CellVerdict, Whose
from harness.model.verdict import Verdict

QUIET_S = 0.6
"""Exporters send what they have every half a second, if they are told to."""
WITHIN_S = 2.0

Blaming = Callable[[Trial, CellVerdict], Awaitable[CellVerdict]]


async def nobody(_trial: Trial, verdict: CellVerdict) -> CellVerdict:
    """Where nobody takes spans."""
    return verdict


def blaming(session: Session) -> Blaming:
    """What adds to a cell's verdict whose fault it is; costs nothing where it passed, or nobody takes spans."""

    async def whose(trial: Trial, verdict: CellVerdict) -> CellVerdict:
        traces = [visit.trace for visit in trial.visits if visit.trace]
        if session.spans is None or verdict.verdict is not Verdict.FAIL or not traces:
            return verdict
        session.spans.room.keep(traces)
        spans = await session.spans.settled(traces, quiet_s=QUIET_S, within_s=WITHIN_S)
        cell = trial.cell
        edges = [cell.edge, *([cell.first.edge] if cell.first else [])]
        targets = [EdgeTarget(consumer=consumer, provider=provider) for consumer, provider in map(_ends, edges)]
        found = of_visits(session.topology, spans, trial.visits, targets)
        if found is None:
            return verdict
        shown = tuple(span for span in spans if found.evidence and span.trace in found.evidence[0])
        session.recorder.record(SpansSeen(t=session.now(), experiment=str(cell), journey=cell.journey, spans=shown))
        told = Whose(
            service=found.service,
            edge=found.edge,
            reason=found.reason,
            evidence=found.evidence,
            inferred=found.inferred,
        )
        return replace(verdict, whose=told)

    return whose


def _ends(edge: str) -> tuple[str, str]:
    consumer, _, provider = edge.partition("->")
    return consumer, provider
