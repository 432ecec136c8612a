"""Figures below zero, rows that must not meet, and guarantees over histories, as findings."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import JsonValue

from harness.checkers.safety import at_rest, safety
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.invariant import Apart, Invariant, Kept, NeverNegative
from harness.model.observation import FinalRead, Operation
from harness.model.verdict import Verdict
from tests.checkers.acting import ALL, YOURS, saw, wrote
from tests.checkers.histories import history

NEGATIVE = NeverNegative(
    kind="never-negative", name="stock is there", read="stock", fields=("available", "sold"), service="orders"
)
REFUNDED = Apart(
    kind="apart",
    name="no charge for a cancelled order",
    key="order_id",
    one=Kept(read="charges", where={"refunded": False}),
    other=Kept(read="orders", where={"status": "cancelled"}),
    service="payments",
)


def over(invariant: Invariant, *operations: Operation, **reads: list[dict[str, JsonValue]]) -> History:
    found = tuple(FinalRead(name=name, t=80.0, rows=tuple(rows)) for name, rows in reads.items())
    return replace(history(), invariants=(invariant,), operations=operations, reads=found)


def only(found: History) -> Finding:
    (finding,) = safety(found)
    return finding


def stock(available: JsonValue, sold: JsonValue = 0) -> dict[str, JsonValue]:
    return {"sku": "A-1", "available": available, "sold": sold}


@pytest.mark.parametrize(
    ("rows", "verdict", "reason"),
    [
        ([stock(0), stock(5, 2)], Verdict.PASS, "available, sold of none of 2 rows of stock is below zero"),
        ([stock(0), stock(-1)], Verdict.FAIL, "available, sold of 1 of 2 rows of stock: sku A-1, available -1, sold 0"),
        ([stock(3, -2)], Verdict.FAIL, "available, sold of 1 of 1 rows of stock: sku A-1, available 3, sold -2"),
        ([], Verdict.UNKNOWN, "stock has no rows"),
        (
            [stock("7")],
            Verdict.UNKNOWN,
            "expected a number in the field 'available', found sku A-1, available 7, sold 0",
        ),
    ],
)
def test_a_figure_below_zero_is_refuted(rows: list[dict[str, JsonValue]], verdict: Verdict, reason: str) -> None:
    found = only(over(NEGATIVE, stock=rows))
    assert (found.verdict, found.reason) == (verdict, reason)


def charge(order_id: str, *, refunded: bool) -> dict[str, JsonValue]:
    return {"order_id": order_id, "refunded": refunded}


CONFIRMED: dict[str, JsonValue] = {"order_id": "o1", "status": "confirmed"}
CANCELLED: dict[str, JsonValue] = {"order_id": "o2", "status": "cancelled"}


@pytest.mark.parametrize(
    ("charges", "orders", "verdict"),
    [
        ([charge("o1", refunded=False), charge("o2", refunded=True)], [CONFIRMED, CANCELLED], Verdict.PASS),
        ([charge("o1", refunded=False)], [CONFIRMED], Verdict.PASS),
        ([charge("o2", refunded=False)], [CONFIRMED, CANCELLED], Verdict.FAIL),
        ([charge("o2", refunded=True), charge("o2", refunded=False)], [CANCELLED], Verdict.FAIL),
        ([], [CANCELLED], Verdict.UNKNOWN),
        ([charge("o2", refunded=False)], [], Verdict.UNKNOWN),
    ],
    ids=["given back", "none is cancelled", "kept", "charged twice, given back once", "no charges", "no orders"],
)
def test_a_charge_that_is_kept_for_a_cancelled_order_is_refuted(
    charges: list[dict[str, JsonValue]], orders: list[dict[str, JsonValue]], verdict: Verdict
) -> None:
    found = only(over(REFUNDED, charges=charges, orders=orders))
    assert (found.verdict, found.owner) == (verdict, "payments")
    if verdict is Verdict.FAIL:
        assert found.evidence == ("charges: order_id o2, refunded False; orders: order_id o2, status cancelled",)


def test_a_broken_guarantee_names_the_declared_owner_and_shows_the_timeline() -> None:
    found = only(over(YOURS, wrote("ann", 1, 2, x=1), saw("ann", 3, 4)))
    assert (found.verdict, found.check, found.subject) == (Verdict.FAIL, "read-your-writes", "she reads her own")
    assert (found.service, found.owner, found.inferred) == ("orders", "orders", False)
    assert len(found.evidence) == 4


def test_more_contradictions_than_fit_are_counted() -> None:
    acts = [each for number in range(20) for each in (wrote("ann", number, number + 0.5, x=number),)]
    found = only(over(YOURS, *acts, *(saw("ann", 30 + number, 30.5 + number) for number in range(20))))
    assert found.reason.startswith("20 of 20 reads")
    assert found.evidence[-1] == "… 14 more"


@pytest.mark.parametrize("guarantee", ALL, ids=lambda each: each.kind)
def test_waiting_for_rest_is_for_final_reads_only(guarantee: Invariant) -> None:
    lost = over(guarantee)
    assert only(lost).verdict is Verdict.UNKNOWN
    assert at_rest(lost) == ()
    assert len(at_rest(replace(lost, invariants=(guarantee, NEGATIVE)))) == 1
