"""V5: calls on the faulted edge for each journey, compared with the time just before the fault."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.checkers.edge_calls import Calls, faulted_edges, leading_to
from harness.checkers.retries import ALLOWED, ATTEMPTS, OFTEN, retries
from harness.model.experiment import Experiment, Role
from harness.model.fault import EdgeTarget, InstanceTarget
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.observation import CrossingSecond, Window, WindowKind
from harness.model.span import Span
from harness.model.verdict import Verdict
from tests.checkers.histories import (
    CUSTOMERS,
    FAULT,
    LOST_PAYMENTS,
    PAYMENTS,
    WINDOWS,
    Refuse,
    crossing_seconds,
    experiment,
    history,
    shop,
)
from tests.checkers.spans import Telling

WARM_UP = Window(kind=WindowKind.WARM_UP, start=20.0, end=30.0)
LINES = {"orders->payments": "orders-1->payments-1", "gateway->orders": "gateway-1->orders-1"}


def seen(before: Mapping[str, int], during: Mapping[str, int], question: Experiment | None = None) -> History:
    """So many calls a second on these edges, before and during; 20 journeys are due each second."""
    rows = [
        row
        for window, each in ((WARM_UP, before), (FAULT, during))
        for edge, requests in each.items()
        for row in crossing_seconds(window, LINES[edge], requests=requests)
    ]
    return replace(history(question or experiment(PAYMENTS)), windows=(WARM_UP, *WINDOWS), crossings=tuple(rows))


def only(found: tuple[Finding, ...]) -> Finding:
    (one,) = found
    return one


def test_calls_that_triple_under_the_fault_are_refuted_and_the_caller_is_named() -> None:
    found = only(retries(seen({"orders->payments": 10}, {"orders->payments": 30})))
    assert (found.verdict, found.subject) == (Verdict.FAIL, "orders->payments")
    assert (found.edge, found.service, found.owner) == ("orders->payments", "orders", "orders")
    assert "orders tries again too often: at least 2" in found.reason
    assert "600 calls in 400 journeys, before 100 in 200, 3.00 times" in found.reason


def test_where_the_rise_begins_is_the_edge_that_is_blamed() -> None:
    before = {"gateway->orders": 10, "orders->payments": 10}
    found = only(retries(seen(before, {"gateway->orders": 40, "orders->payments": 44})))
    assert (found.verdict, found.edge, found.service) == (Verdict.FAIL, "gateway->orders", "gateway")
    assert any(line.startswith("gateway->orders: 800 calls") for line in found.evidence)


@pytest.mark.parametrize("during", [0, 1, 5, 10, 11, 12])
def test_a_breaker_that_holds_back_and_a_retry_budget_pass(during: int) -> None:
    assert only(retries(seen({"orders->payments": 10}, {"orders->payments": during}))).verdict is Verdict.PASS


def test_too_few_calls_say_nothing() -> None:
    found = only(retries(seen({"orders->payments": 1}, {"orders->payments": 20})))
    assert (found.verdict, "only 20 would have come" in found.reason) == (Verdict.PASS, True)


def test_what_no_relay_counted_is_told_and_not_judged() -> None:
    uncounted = replace(seen({}, {}), crossings=())
    assert "nothing counted" in only(retries(uncounted)).reason


def test_a_burst_that_may_be_chance_refutes_nothing() -> None:
    bursts = seen({"orders->payments": 10}, {})
    line = LINES["orders->payments"]
    burst = tuple(crossing_seconds(Window(kind=WindowKind.FAULT, start=33, end=34), line, requests=450))
    assert only(retries(replace(bursts, crossings=(*bursts.crossings, *burst)))).verdict is Verdict.PASS


def test_a_positive_control_and_a_fault_at_the_customers_are_not_asked() -> None:
    assert retries(seen({}, {}, experiment(CUSTOMERS))) == ()
    assert retries(seen({}, {}, experiment(PAYMENTS, role=Role.CONTROL))) == ()


def test_edges_to_stores_are_not_judged_since_polling_and_reconnecting_are_no_retries() -> None:
    store = experiment(EdgeTarget(consumer="payments", provider="db"))
    assert faulted_edges(shop(), store.injections) == ()


def test_a_lost_instance_means_all_edges_that_lead_to_its_service() -> None:
    assert faulted_edges(shop(), experiment(LOST_PAYMENTS).injections) == ("orders->payments",)
    assert faulted_edges(shop(), experiment(InstanceTarget(service="db")).injections) == ()
    assert leading_to(shop(), "orders->payments") == ("gateway->orders",)


def test_without_a_change_hardly_any_of_many_runs_is_refuted() -> None:
    """Calls come in threes, by chance, ten seconds before and twenty during: the lower bound must keep its word."""
    chance = random.Random(7)  # noqa: S311 -- repeatable chance, nothing secret

    def second() -> int:
        return 3 * sum(chance.random() < 0.05 for _ in range(60))

    wrong = 0
    for _ in range(400):
        rows = [second() for _ in range(30)]
        mean = sum(rows) / 30
        spread = max(1.0, sum((row - mean) ** 2 for row in rows) / 29 / mean)
        calls = Calls(
            edge="x", before=sum(rows[:10]), due_before=200, during=sum(rows[10:]), due=400, dispersion=spread
        )
        wrong += calls.at_least(0.01) > ALLOWED
    assert wrong <= 4


def in_bursts(times: int) -> History:
    """So many times as many calls under the fault, all of them in two of its twenty seconds."""
    rows = seen({"orders->payments": 5}, {"orders->payments": 0})
    full = {each for each in FAULT.seconds if each % 10 == 0}
    crossings = (replace(each, requests=50 * times) if each.second in full else each for each in rows.crossings)
    return replace(rows, crossings=tuple(crossings))


def by_spans(*attempts: int, usual: int = 1) -> tuple[Span, ...]:
    """Calls of orders that failed in the fault, each with so many attempts, and ten before it that went well."""
    spans: list[Span] = []
    for number in range(10):
        well = Telling(trace=f"{number + 1000:032x}")
        for _ in range(usual):
            well.asked("orders", "payments", 22_000, 22_010, parent="a")
        spans += well.spans
    for number, each in enumerate(attempts):
        telling = Telling(trace=f"{number:032x}")
        for at in range(each):
            telling.asked("orders", "payments", 31_000 + at * 50, 31_001 + at * 50, parent="a", error="503")
        spans += telling.spans
    return tuple(spans)


def test_bursts_prove_no_rise_by_their_number() -> None:
    found = only(retries(in_bursts(5)))
    assert found.verdict is Verdict.UNKNOWN
    assert "perhaps more than 3 attempts" in found.reason


def test_bursts_are_refuted_by_the_attempts_that_the_callers_spans_tell() -> None:
    found = only(retries(replace(in_bursts(5), spans=by_spans(*[12] * OFTEN, 2, 1))))
    assert (found.verdict, found.edge, found.service, found.owner) == (
        Verdict.FAIL,
        "orders->payments",
        "orders",
        "orders",
    )
    assert f"{OFTEN} of {OFTEN + 2} requests in which a call failed made more than 3 attempts, up to 12" in found.reason


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param(by_spans(*[ATTEMPTS] * 50), id="three attempts are allowed"),
        pytest.param(by_spans(*[12] * (OFTEN - 1), *[1] * 50), id="few may only look alike"),
        pytest.param(by_spans(*[12] * 50, usual=4), id="who asks several times anyway"),
    ],
)
def test_spans_of_who_does_not_try_too_often_refute_nobody(spans: tuple[Span, ...]) -> None:
    assert only(retries(replace(in_bursts(5), spans=spans))).verdict is Verdict.UNKNOWN


def test_many_attempts_of_few_requests_without_a_rise_refute_nobody() -> None:
    assert only(retries(replace(in_bursts(1), spans=by_spans(*[12] * 50)))).verdict is Verdict.PASS


def budgeted(chance: random.Random, per_s: float, *, instances: int) -> History:
    """Every retry that a tenth of the calls and five tokens of each instance of the caller allow, as soon as it may."""
    rows = seen({"orders->payments": 1}, {"orders->payments": 1})
    calls = [round(max(0.0, chance.gauss(per_s, per_s**0.5))) for _ in rows.crossings]
    tokens = 5.0 * instances
    crossings = []
    for each, usual in zip(rows.crossings, calls, strict=True):
        retried = 0
        if each.second >= FAULT.start:
            tokens += 0.1 * usual
            retried = min(usual, int(tokens))
            tokens -= retried
        crossings.append(replace(each, requests=usual + retried))
    return replace(rows, crossings=tuple(crossings))


@pytest.mark.parametrize("instances", [1, 4])
def test_who_keeps_to_a_retry_budget_is_never_refuted_however_few_the_calls(instances: int) -> None:
    chance = random.Random(11)  # noqa: S311 -- repeatable chance, nothing secret
    for per_s in (2.0, 4.0, 8.0, 16.0, 40.0):
        found = [only(retries(budgeted(chance, per_s, instances=instances))) for _ in range(25)]
        assert not [each.reason for each in found if each.verdict is Verdict.FAIL]


def test_rows_of_other_lines_do_not_count() -> None:
    clean = seen({"orders->payments": 10}, {"orders->payments": 10})
    other = tuple(crossing_seconds(FAULT, "gateway-1->recommendations-1", requests=900))
    rows: tuple[CrossingSecond, ...] = (*clean.crossings, *other)
    assert only(retries(replace(clean, crossings=rows))).verdict is Verdict.PASS


def test_where_connections_are_refused_no_few_calls_are_taken_for_a_proof() -> None:
    question = experiment(PAYMENTS, fault=Refuse())
    found = only(retries(seen({"orders->payments": 10}, {"orders->payments": 0}, question)))

    assert found.verdict is Verdict.PASS
    assert "not judged, since nobody counts what is refused" in found.reason
    more = only(retries(seen({"orders->payments": 10}, {"orders->payments": 30}, question)))
    assert more.verdict is Verdict.FAIL, "what is counted counts, as of an instance that is left"
