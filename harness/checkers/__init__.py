"""Pure functions from a history to findings: one file a question, one line in `CHECKERS`."""

from __future__ import annotations

from harness.checkers.answer_class import answer_class
from harness.checkers.availability import availability
from harness.checkers.bounds import bounds
from harness.checkers.conformance import conformance
from harness.checkers.deadline import deadline
from harness.checkers.degraded import degraded
from harness.checkers.harness_parts import harness_parts
from harness.checkers.isolation import isolation
from harness.checkers.judging import Checker, judge_with, tests_in
from harness.checkers.measuring import measured
from harness.checkers.metastable import metastable
from harness.checkers.readiness import readiness
from harness.checkers.recovery import recovered_at, recovery
from harness.checkers.retries import retries
from harness.checkers.retry_gap import retry_gap
from harness.checkers.safety import safety
from harness.checkers.statistics import samples_needed
from harness.checkers.validity import validity
from harness.model.finding import Finding
from harness.model.history import History

CHECKERS: dict[str, Checker] = {
    "harness": harness_parts,
    "validity": validity,
    "availability": availability,
    "answer-class": answer_class,
    "conformance": conformance,
    "deadline": deadline,
    "retries": retries,
    "retry-gap": retry_gap,
    "isolation": isolation,
    "recovery": recovery,
    "metastable": metastable,
    "safety": safety,
    "degraded": degraded,
    "readiness": readiness,
    "figures": bounds,
}
"""Every checker by its name, in the order of VERDICTS.md (V0, V1, V2, …)."""


def judge(history: History) -> tuple[Finding, ...]:
    """The findings of one experiment, by all checkers."""
    return judge_with(history, CHECKERS)


__all__ = ["CHECKERS", "Checker", "judge", "measured", "recovered_at", "samples_needed", "tests_in"]
