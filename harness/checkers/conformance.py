"""V3: did every service keep the word of its own OpenAPI document under the fault?"""

from __future__ import annotations

from harness.checkers.blame import NOBODY, at_customers, of_service
from harness.checkers.found import EVIDENCE_LIMIT, described, finding
from harness.model.finding import Finding
from harness.model.history import History, Nonconformity
from harness.model.topology import Topology
from harness.model.verdict import Verdict

CHECK = "conformance"


def conformance(history: History) -> tuple[Finding, ...]:
    """Each cause (service, operation, problem) once; nothing checked is UNKNOWN."""
    if at_customers(history):
        reason = "told, not judged, since the fault acts on the customers' own connection"
        told = f"{reason}: {history.conformance_checked} kinds of answers, {len(history.nonconformities)} broken"
        return (finding(history, check=CHECK, verdict=Verdict.PASS, reason=told, subject="all operations"),)
    causes: dict[tuple[str, str, str], list[Nonconformity]] = {}
    for each in history.nonconformities:
        for problem in each.problems or ("breaks its document",):
            causes.setdefault((each.service, f"{each.answer.method} {each.answer.request}", problem), []).append(each)
    if causes:
        return tuple(
            _broken(history, service, operation, problem, found)
            for (service, operation, problem), found in list(causes.items())[:EVIDENCE_LIMIT]
        )
    if not history.conformance_checked:
        verdict, reason = Verdict.UNKNOWN, "no answer was checked against a document"
    else:
        verdict = Verdict.PASS
        reason = f"all {history.conformance_checked} kinds of answers seen keep to their documents"
    return (finding(history, check=CHECK, verdict=verdict, reason=reason, subject="all operations", blame=NOBODY),)


def _broken(history: History, service: str, operation: str, problem: str, found: list[Nonconformity]) -> Finding:
    times = sum(each.answer.count for each in found)
    return finding(
        history,
        check=CHECK,
        verdict=Verdict.FAIL,
        reason=f"{problem} ({times} answers)",
        subject=operation,
        blame=of_service(history.topology, service, caller=_caller(history.topology, service)),
        evidence=[described(each.answer) for each in found],
    )


def _caller(topology: Topology, service: str) -> str:
    """The consumer that such answers were seen by: the customers, when the service is the entry."""
    return next((edge.consumer for edge in topology.edges.values() if edge.provider == service), "")
