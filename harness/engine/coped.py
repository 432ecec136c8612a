"""What came of other answers, as findings: the smallest that breaks a consumer is shown against a healthy one."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.checkers.shape import parsed
from harness.model.changes import Change, KeptExchange
from harness.model.finding import Finding, Part
from harness.model.matrix import CellVerdict
from harness.model.system import Edge
from harness.model.topology import Topology
from harness.model.verdict import Verdict

CHECK = "consumer-fuzz"
DIFF_LINES_LIMIT = 30
LINE_LIMIT = 120
"""Characters of a line of a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The least that breaks a consumer."""

    changes: tuple[Change, ...]
    verdict: CellVerdict
    shown: KeptExchange | None


@dataclass(slots=True, kw_only=True)
class OperationOutcome:
    """What came of one operation of a provider."""

    label: str
    by_document: bool = True
    """Whether a document permits the answers, and not a pact alone."""
    coped: list[Change] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    doubts: list[tuple[tuple[Change, ...], str]] = field(default_factory=list)
    """Changes of which nobody knows, and why."""
    promised: int = 0
    """Changes that the document permits, and a pact does not."""
    left_out: int = 0
    """Changes for which there was no time."""
    unknown: str = ""
    """Why nothing could be made."""


def findings_of(
    topology: Topology, edge: Edge, outcomes: Sequence[OperationOutcome], *, replay: str, trouble: str = ""
) -> list[Finding]:
    """The findings on one edge; where nothing was heard that could be changed, one that says so.

    Args:
        topology: tells who owns the consumer.
        edge: consumer → provider.
        outcomes: of its operations.
        replay: the command that repeats it.
        trouble: what may be the cause when nothing was heard.
    """

    def finding(verdict: Verdict, what: str, reason: str, evidence: Sequence[str] = ()) -> Finding:
        return Finding(
            check=CHECK,
            part=Part.FUZZ,
            verdict=verdict,
            reason=reason,
            subject=f"{edge.consumer} ← {edge.provider}" + (f": {what}" if what else ""),
            edge=edge.name,
            service=edge.consumer,
            owner=topology.owner(edge.consumer),
            evidence=tuple(evidence),
            replay=replay if verdict is not Verdict.PASS else "",
        )

    if not outcomes:
        why = f" ({trouble})" if trouble else ""
        return [finding(Verdict.UNKNOWN, "", f"not crossed: no journey got a JSON answer here{why}")]
    found = [finding(Verdict.UNKNOWN, "", trouble)] if trouble else []
    for outcome in outcomes:
        found += [
            finding(Verdict.FAIL, outcome.label, _told(each), [*_shown(each, by_document=outcome.by_document)])
            for each in outcome.broken
        ]
        found += [finding(Verdict.UNKNOWN, outcome.label, why) for why in _unknown(outcome)]
        if outcome.coped:
            found.append(finding(Verdict.PASS, outcome.label, _coped(outcome)))
    return found


def _told(broken: Broken) -> str:
    what = "; ".join(map(str, broken.changes))
    return f"it does not cope with {what}: {broken.verdict.reason}"


def _coped(outcome: OperationOutcome) -> str:
    kinds = Counter(each.twist.value for each in outcome.coped)
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    left = f"; {outcome.promised} more are permitted by the document and ruled out by the pact" * bool(outcome.promised)
    return f"copes with {len(outcome.coped)} changes that nobody has seen: {told}{left}"


def _unknown(outcome: OperationOutcome) -> Iterator[str]:
    if outcome.unknown:
        yield outcome.unknown
    elif not (outcome.coped or outcome.broken or outcome.doubts or outcome.left_out):
        yield "no valid answer could be made that nobody has seen"
    reasons: dict[str, list[Change]] = {}
    for changes, why in outcome.doubts:
        reasons.setdefault(why, []).extend(changes)
    for why, doubtful in reasons.items():
        yield f"{why} ({len(doubtful)} changes, the first {doubtful[0]})"
    if outcome.left_out:
        yield f"there was no time for {outcome.left_out} changes"


def _shown(broken: Broken, *, by_document: bool) -> Iterator[str]:
    shown = broken.shown
    if shown is not None:
        yield f"{shown.method} {shown.path} → {shown.status}, a healthy answer (-) and the smallest that breaks it (+)"
        yield from difference(shown.body, shown.served or b"")
        yield "valid by " + ("its OpenAPI document" if by_document else "its pact")
    for each in broken.verdict.findings:
        yield from (each.evidence or (each.reason,))


def difference(healthy: bytes, other: bytes) -> list[str]:
    """Two JSON answers line by line, with what stands around what differs."""
    before, after = (_lines(each) for each in (healthy, other))
    lines = [*difflib.unified_diff(before, after, n=1, lineterm="")][3:]
    more = [f"… and {len(lines) - DIFF_LINES_LIMIT} lines more"] if len(lines) > DIFF_LINES_LIMIT else []
    return [line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]}…" for line in lines[:DIFF_LINES_LIMIT]] + more


def _lines(body: bytes) -> list[str]:
    is_json, document = parsed(body)
    if not is_json:
        return body.decode(errors="replace").splitlines()
    return json.dumps(document, indent=1, ensure_ascii=False).splitlines()
