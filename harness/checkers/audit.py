"""Is it a system of services, or one program in many processes? Seven traits, each with its evidence and its owners.

Nothing is told to be absent unless what was looked at would have shown it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.checkers.audit_chains import cycles, depth, timeouts
from harness.checkers.audit_edges import fan_in, shared_stores, undeclared
from harness.checkers.audit_look import Look
from harness.checkers.audit_pairs import pairs
from harness.checkers.audit_traces import traced
from harness.checkers.edges_seen import edges_seen
from harness.model.audit import AuditEvidence, Told, Trait

CHECKS: Mapping[Trait, Callable[[Look], Told]] = {
    Trait.UNDECLARED: undeclared,
    Trait.SHARED_STORE: shared_stores,
    Trait.CYCLE: cycles,
    Trait.DEPTH: depth,
    Trait.PAIR: pairs,
    Trait.FAN_IN: fan_in,
    Trait.TIMEOUT: timeouts,
}
"""Every trait, in the order in which they are told."""


def audit(evidence: AuditEvidence) -> tuple[Told, ...]:
    """What is known of each trait."""
    look = Look(evidence=evidence, traced=traced(evidence), spanned=edges_seen(evidence.spans, evidence.topology))
    return tuple(check(look) for check in CHECKS.values())
