"""V5, the gaps: attempts that follow a failed one at once, compared with what follows answers."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.retry_gap import ENOUGH, retry_gap
from harness.model.experiment import Role
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import FAULT, PAYMENTS, WINDOWS, crossing_seconds, experiment, history

WARM_UP = Window(kind=WindowKind.WARM_UP, start=20.0, end=30.0)
LINE = "orders-1->payments-1"


def seen(*, failed: int, again: int, usual: int = 0, requests: int = 10, role: Role = Role.EXPERIMENT) -> History:
    """A second: 5 answers before, of which so many had a follower; so many failed attempts under the fault."""
    before = (replace(each, answered_again=usual) for each in crossing_seconds(WARM_UP, LINE, requests=5))
    during = crossing_seconds(FAULT, LINE, requests=requests)
    under = (replace(each, failed=failed, failed_again=again) for each in during)
    question = experiment(PAYMENTS, role=role)
    return replace(history(question), windows=(WARM_UP, *WINDOWS), crossings=(*before, *under))


def only(found: tuple[Finding, ...]) -> Finding:
    (one,) = found
    return one


def test_most_failed_attempts_followed_at_once_is_refuted_and_the_caller_named() -> None:
    found = only(retry_gap(seen(failed=8, again=7)))

    assert (found.verdict, found.subject) == (Verdict.FAIL, "orders->payments")
    assert (found.edge, found.service, found.owner, found.inferred) == ("orders->payments", "orders", "orders", False)
    assert "orders tries again without any pause: 140 of 160 failed attempts" in found.reason


def test_one_repetition_at_once_and_full_jitter_pass() -> None:
    assert only(retry_gap(seen(failed=8, again=4))).verdict is Verdict.PASS
    assert only(retry_gap(seen(failed=8, again=2))).verdict is Verdict.PASS


def test_whoever_asks_one_thing_after_another_without_a_fault_too_is_no_repeater() -> None:
    assert only(retry_gap(seen(failed=8, again=7, usual=4))).verdict is Verdict.PASS


def test_without_more_calls_nobody_repeats_anything() -> None:
    assert only(retry_gap(seen(failed=5, again=5, requests=5))).verdict is Verdict.PASS


def test_few_failures_are_told_and_not_judged() -> None:
    rows = seen(failed=0, again=0)
    few = replace(rows.crossings[-1], failed=ENOUGH - 1, failed_again=ENOUGH - 1)
    found = only(retry_gap(replace(rows, crossings=(*rows.crossings[:-1], few))))

    assert found.verdict is Verdict.PASS
    assert "told, not judged" in found.reason


def test_where_no_attempt_was_seen_to_fail_nothing_is_said() -> None:
    assert retry_gap(seen(failed=0, again=0)) == ()
    assert retry_gap(seen(failed=8, again=7, role=Role.CONTROL)) == ()


def test_without_the_time_before_the_fault_nothing_is_refuted() -> None:
    rows = seen(failed=8, again=8)

    assert only(retry_gap(replace(rows, windows=WINDOWS))).verdict is Verdict.PASS
