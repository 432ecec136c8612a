"""V5, the gaps: attempts that follow a failed one at once, compared with what follows answers."""

from __future__ import annotations

from dataclasses import replace

from harness.checkers.retry_gap import ENOUGH, retry_gap
from harness.model.experiment import Role
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import Window, WindowKind
from harness.model.verdict import Verdict
from tests.checkers.histories import FAULT, PAYMENTS, WINDOWS, Refuse, crossing_seconds, experiment, history
from tests.checkers.spans import Telling

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


def told(*gaps_ms: float, calls: int = 10, usual: int = 1, error: str = "it can't be connected to") -> History:
    """Refused attempts of so many calls, with these pauses after each but the last; and ten calls that went well."""
    spans = []
    for number in range(10):
        well = Telling(trace=f"{number + 1000:032x}")
        for _ in range(usual):
            well.asked("orders", "payments", 52_000, 52_010, parent="a")
        spans += well.spans
    for number in range(calls):
        telling, at = Telling(trace=f"{number:032x}"), 31_000.0 + number * 100
        for gap in (*gaps_ms, 0.0):
            telling.asked("orders", "payments", at, at + 1, parent="a", error=error)
            at += 1 + gap
        spans += telling.spans
    rows = seen(failed=0, again=0, requests=0)
    return replace(rows, experiment=experiment(PAYMENTS, fault=Refuse()), spans=tuple(spans))


def test_refused_attempts_that_follow_at_once_by_the_callers_spans_are_refuted() -> None:
    found = only(retry_gap(told(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)))

    assert (found.verdict, found.edge, found.service) == (Verdict.FAIL, "orders->payments", "orders")
    assert "70 of 80 refused attempts were followed by another within 10 ms, by the spans of orders" in found.reason


def test_refused_attempts_after_a_pause_and_a_single_one_at_once_pass() -> None:
    assert "not more than half" in only(retry_gap(told(25.0, 60.0, 120.0))).reason
    assert "not more than half" in only(retry_gap(told(0.5, calls=40))).reason


def test_whoever_asks_several_times_for_a_request_anyway_is_not_judged_by_spans() -> None:
    found = only(retry_gap(told(0.5, 0.5, 0.5, 0.5, 0.5, usual=3)))

    assert found.verdict is Verdict.PASS
    assert "asks up to 3 times in one of 10 requests" in found.reason


def test_whoever_goes_on_to_another_instance_at_once_is_no_repeater() -> None:
    rows = told(0.5, 0.5, 0.5, 0.5)
    tried = (replace(each, attributes={**each.attributes, "peer.instance": each.span}) for each in rows.spans)

    assert "0 of 50 refused attempts" in only(retry_gap(replace(rows, spans=tuple(tried)))).reason


def test_few_refused_attempts_and_those_that_were_broken_off_are_not_judged() -> None:
    assert f"since {ENOUGH} are needed" in only(retry_gap(told(0.5, 0.5, calls=3))).reason
    assert f"since {ENOUGH} are needed" in only(retry_gap(told(0.5, 0.5, error="CancelledError"))).reason


def test_where_nobody_counts_and_nobody_tells_that_is_said() -> None:
    found = only(retry_gap(replace(told(), spans=())))

    assert found.verdict is Verdict.PASS
    assert "not judged, since nobody counts what is refused, and no spans of orders tell" in found.reason
