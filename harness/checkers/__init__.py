"""Pure functions from a history to findings: one file a question, one line in `CHECKERS`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint

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
from harness.declare.offered import offered
from harness.errors import HarnessError
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


GROUP = "harness.checkers"
"""Entry points by which third parties add theirs: the name = the function."""


def checker_table(entries: Iterable[EntryPoint] | None = None) -> dict[str, Checker]:
    """`CHECKERS` and those of installed packages; entry points may be given in their place.

    Raises:
        HarnessError: when one can't be loaded, can't be called, or takes a name that is taken.
    """
    table = dict(CHECKERS)
    for each in offered(GROUP, entries):
        if each.name in table:
            raise HarnessError(f"{each.where}: expected a name of its own, found that of another checker")
        if not callable(each.what):
            raise HarnessError(f"{each.where}: expected a function from a history to findings, found {each.what!r}")
        table[each.name] = each.what
    return table


def judge(history: History) -> tuple[Finding, ...]:
    """The findings of one experiment, by all checkers."""
    return judge_with(history, checker_table())


__all__ = ["CHECKERS", "Checker", "checker_table", "judge", "measured", "recovered_at", "samples_needed", "tests_in"]
