from collections.abc import Sequence
from dataclasses import replace

import pytest
from pydantic import JsonValue

from harness.checkers.safety import safety
from harness.model.finding import Finding, Part
from harness.model.history import History
from harness.model.invariant import (
    AcknowledgedKept,
    AtMostOnce,
    Conserved,
    Final,
    Follows,
    Invariant,
    Never,
    Sum,
)
from harness.model.observation import FinalRead, Operation, Outcome
from harness.model.verdict import Verdict
from tests.checkers.histories import history

Row = dict[str, JsonValue]

KEPT = AcknowledgedKept(
    kind="acknowledged-kept",
    name="no acknowledged order is lost",
    operation="place-order",
    read="orders",
    key="order_id",
    final=Final(field="status", values=("confirmed", "refused")),
    service="orders",
)
ONCE = AtMostOnce(
    kind="at-most-once",
    name="nobody is charged twice",
    read="charges",
    key="order_id",
    where={"refunded": False},
    token="idempotency_key",
    service="payments",
    caller="orders",
)
STOCK = Conserved(
    kind="conserved",
    name="stock adds up",
    per="sku",
    total=Sum(read="stock", field="initial"),
    parts=(Sum(read="stock", field="available"), Sum(read="stock", field="sold")),
    service="orders",
)
SOLD = Conserved(
    kind="conserved",
    name="what was sold was confirmed",
    per="sku",
    total=Sum(read="stock", field="sold"),
    parts=(Sum(read="orders", where={"status": "confirmed"}, each="items", field="quantity"),),
    service="orders",
)
PAID = Conserved(
    kind="conserved",
    name="confirmed orders are paid and refused ones are not",
    per="order_id",
    total=Sum(read="charges", where={"refunded": False}, field="amount_cents"),
    parts=(Sum(read="orders", where={"status": "confirmed"}, field="total_cents"),),
    service="orders",
)

MAILED = Conserved(
    kind="conserved",
    name="each confirmation was mailed once",
    per="order_id",
    total=Sum(read="orders", where={"status": "confirmed"}),
    parts=(Sum(read="mails"),),
    service="orders",
)
EXPIRED = Never(
    kind="never",
    name="no reservation outlives its expiry",
    read="reservations",
    where={"status": "held"},
    below={"expires_in_s": -5},
    service="orders",
)
STATES = Follows(
    kind="follows",
    name="states follow the allowed order",
    read="orders",
    key="order_id",
    field="states",
    first=("pending",),
    then={"pending": ("confirmed", "refused"), "confirmed": ("cancelled",)},
    service="orders",
)
OVER_ROWS = [ONCE, STOCK, SOLD, PAID, MAILED, EXPIRED, STATES]
READS = ("orders", "charges", "stock", "mails", "reservations")


def order(order_id: str, *, status: str = "confirmed", cents: int | None = 500, quantity: int = 1) -> Row:
    items: JsonValue = [{"sku": "A-1", "quantity": quantity}]
    return {"order_id": order_id, "status": status, "total_cents": cents, "items": items}


def charge(order_id: str, *, key: str = "k1", refunded: bool = False, cents: int = 500) -> Row:
    return {"order_id": order_id, "amount_cents": cents, "idempotency_key": key, "refunded": refunded}


def stock(sku: str, *, initial: int = 100, available: int = 99, sold: int = 1) -> Row:
    return {"sku": sku, "initial": initial, "available": available, "sold": sold}


def placed(order_id: str | None, outcome: Outcome = Outcome.OK, name: str = "place-order") -> Operation:
    value: Row = {} if order_id is None else {"order_id": order_id}
    key = f"key-{order_id}"
    return Operation(op=key, name=name, key=key, journey="checkout", start=1.0, end=2.0, outcome=outcome, value=value)


def at_rest(
    *invariants: Invariant, operations: Sequence[Operation] = (), error: str = "", **reads: Sequence[Row]
) -> History:
    rows: dict[str, Sequence[Row]] = {
        "orders": [],
        "charges": [],
        "stock": [],
        "mails": [],
        "reservations": [],
        **reads,
    }
    found = tuple(FinalRead(name=name, t=80.0, rows=tuple(each), error=error) for name, each in rows.items())
    return replace(history(), invariants=invariants, operations=tuple(operations), reads=found)


def only(found: History) -> Finding:
    (finding,) = safety(found)
    assert finding.part is Part.SAFETY
    return finding


def test_without_invariants_nothing_is_said() -> None:
    assert safety(history()) == ()


@pytest.mark.parametrize("invariant", [KEPT, *OVER_ROWS], ids=lambda each: str(each.name))
def test_what_could_not_be_read_is_unknown(invariant: Invariant) -> None:
    failed = only(at_rest(invariant, operations=[placed("o1")], error="503 from the service"))
    assert (failed.verdict, "could not be read: 503 from the service" in failed.reason) == (Verdict.UNKNOWN, True)
    never = only(replace(at_rest(invariant, operations=[placed("o1")]), reads=()))
    assert (never.verdict, never.reason.endswith("was not read")) == (Verdict.UNKNOWN, True)


@pytest.mark.parametrize("invariant", OVER_ROWS, ids=lambda each: str(each.name))
def test_no_rows_at_all_prove_nothing(invariant: Invariant) -> None:
    assert Verdict.UNKNOWN is only(at_rest(invariant)).verdict


def test_every_acknowledged_order_that_is_there_and_final_passes() -> None:
    operations = [placed("o1"), placed("o2", Outcome.DEGRADED)]
    found = only(at_rest(KEPT, operations=operations, orders=[order("o1"), order("o2", status="refused")]))
    assert Verdict.PASS is found.verdict
    assert found.reason == "of 2 acknowledged place-order, none is missing and all are final"


def test_an_acknowledged_order_that_is_gone_fails() -> None:
    found = only(at_rest(KEPT, operations=[placed("o1"), placed("o2")], orders=[order("o1")]))
    assert Verdict.FAIL is found.verdict
    assert found.reason == "of 2 acknowledged place-order, 1 are missing and 0 are not final"
    line = "place-order key-o2 acknowledged as OK at 2.0 s order_id o2: missing among 1 rows"
    assert found.evidence == (line,)
    assert (found.service, found.owner, found.subject) == ("orders", "orders", "no acknowledged order is lost")


def test_an_acknowledged_order_that_is_not_final_at_rest_fails() -> None:
    found = only(at_rest(KEPT, operations=[placed("o1")], orders=[order("o1", status="pending", cents=None)]))
    assert Verdict.FAIL is found.verdict
    assert "0 are missing and 1 are not final" in found.reason


@pytest.mark.parametrize(
    "operations",
    [[], [placed("o1", Outcome.FAILED)], [placed("o1", Outcome.UNKNOWN)], [placed("o1", name="look")], [placed(None)]],
    ids=["none", "failed", "unknown", "another", "without a key"],
)
def test_without_an_acknowledged_order_nothing_is_proved(operations: list[Operation]) -> None:
    assert Verdict.UNKNOWN is only(at_rest(KEPT, operations=operations)).verdict


def test_an_order_charged_once_or_charged_again_after_a_refund_passes() -> None:
    charges = [charge("o1"), charge("o2", refunded=True), charge("o2")]
    assert Verdict.PASS is only(at_rest(ONCE, charges=charges)).verdict


def test_two_charges_with_one_token_are_the_providers_repetition() -> None:
    found = only(at_rest(ONCE, charges=[charge("o1"), charge("o1"), charge("o2")]))
    assert (
        found.verdict,
        found.service,
        found.edge,
        found.inferred,
    ) == (Verdict.FAIL, "payments", "orders->payments", False)
    why = "1 of 2 order_id have two rows or more in charges, with the same idempotency_key: payments repeated it"
    assert found.reason == why
    assert len(found.evidence) == 2


def test_two_charges_with_two_tokens_were_sent_twice_by_the_caller() -> None:
    found = only(at_rest(ONCE, charges=[charge("o1"), charge("o1", key="k2")]))
    assert (found.verdict, found.service, found.edge) == (Verdict.FAIL, "orders", "orders->payments")
    assert found.reason.endswith("each with its own idempotency_key: orders sent it twice")


def test_both_may_be_to_blame() -> None:
    charges = [charge("o1"), charge("o1"), charge("o2"), charge("o2", key="k2")]
    found = safety(at_rest(ONCE, charges=charges))
    assert [each.service for each in found] == ["payments", "orders"]


def test_without_a_token_it_is_the_providers_to_explain() -> None:
    nameless = ONCE.model_copy(update={"token": None})
    found = only(at_rest(nameless, charges=[charge("o1"), charge("o1")]))
    assert (found.verdict, found.service, found.inferred) == (Verdict.FAIL, "payments", True)


def test_two_charges_of_which_one_has_no_token_are_not_laid_at_the_callers_door() -> None:
    nameless = {**charge("o1"), "idempotency_key": None}
    found = only(at_rest(ONCE, charges=[charge("o1"), nameless]))
    assert (found.verdict, found.service, found.inferred) == (Verdict.FAIL, "payments", True)
    assert "not all of them have a idempotency_key" in found.reason


def test_one_of_very_many_that_is_missing_fails_and_is_seen_in_the_equation() -> None:
    many = 20_000_000_000
    rows = [stock("A-1", initial=many, available=many - 1, sold=2)]
    found = only(at_rest(STOCK, stock=rows))
    assert Verdict.FAIL is found.verdict
    assert "stock.initial 20000000000, but stock.available 19999999999 + stock.sold 2" in found.reason


def test_what_is_no_finite_number_leaves_it_open() -> None:
    rows = [{**stock("A-1"), "available": float("inf"), "initial": float("inf")}]
    assert Verdict.UNKNOWN is only(at_rest(STOCK, stock=rows)).verdict


def test_what_adds_up_passes() -> None:
    found = at_rest(
        STOCK, SOLD, PAID, stock=[stock("A-1"), stock("A-2", available=100, sold=0)], orders=[order("o1")],
        charges=[charge("o1"), charge("o3", refunded=True)],
    )  # fmt: skip
    assert [each.verdict for each in safety(found)] == [Verdict.PASS] * 3


def test_what_does_not_add_up_fails_with_the_equation() -> None:
    found = only(at_rest(STOCK, stock=[stock("A-1"), stock("A-2", available=90)]))
    assert Verdict.FAIL is found.verdict
    assert found.evidence == ("sku A-2: stock.initial 100, but stock.available 90 + stock.sold 1 = 91",)


def test_a_negative_part_fails_though_the_sum_is_right() -> None:
    rows = [stock("A-1", available=-1, sold=101)]
    assert Verdict.FAIL is only(at_rest(STOCK, stock=rows)).verdict
    allowed = STOCK.model_copy(update={"may_be_negative": True})
    assert Verdict.PASS is only(at_rest(allowed, stock=rows)).verdict


def test_a_key_that_only_one_side_knows_fails() -> None:
    assert Verdict.FAIL is only(at_rest(PAID, charges=[charge("o1")], orders=[order("o1", status="refused")])).verdict
    assert Verdict.FAIL is only(at_rest(PAID, orders=[order("o1")])).verdict


def test_a_row_without_the_number_or_the_key_leaves_it_open() -> None:
    unpaid = only(at_rest(PAID, orders=[order("o1", cents=None)], charges=[charge("o1")]))
    assert Verdict.UNKNOWN is unpaid.verdict
    assert unpaid.reason.startswith("expected a number in the field 'total_cents', found order_id o1")
    assert Verdict.UNKNOWN is only(at_rest(ONCE, charges=[{"refunded": False}])).verdict
    assert Verdict.UNKNOWN is only(at_rest(SOLD, orders=[{"status": "confirmed", "items": None}])).verdict


def test_true_is_not_1() -> None:
    row: Row = {"order_id": "o1", "refunded": 0, "idempotency_key": "k1"}
    assert Verdict.UNKNOWN is only(at_rest(ONCE, charges=[row, row])).verdict


def test_evidence_is_bounded_and_says_so() -> None:
    found = only(at_rest(KEPT, operations=[placed(f"o{number}") for number in range(40)]))
    assert len(found.evidence) == 10
    assert found.evidence[-1] == "… 31 more"


@pytest.mark.parametrize(
    ("mails", "verdict"), [(("o1",), Verdict.PASS), ((), Verdict.FAIL), (("o1", "o1"), Verdict.FAIL)]
)
def test_rows_are_counted_where_no_figure_is_named(mails: Sequence[str], verdict: Verdict) -> None:
    found = only(at_rest(MAILED, orders=[order("o1")], mails=[{"order_id": each} for each in mails]))
    assert found.verdict is verdict
    if verdict is Verdict.FAIL:
        assert f"order_id o1: rows of orders 1, but rows of mails {len(mails)} = {len(mails)}" in found.reason


@pytest.mark.parametrize(("mails", "verdict"), [(("o1",), Verdict.PASS), (("o1", "o2"), Verdict.FAIL)])
def test_a_list_of_states_has_each_that_is_in_it(mails: Sequence[str], verdict: Verdict) -> None:
    ever = MAILED.model_copy(update={"total": Sum(read="orders", where={"states": "confirmed"})})
    orders: list[Row] = [
        {"order_id": "o1", "states": ["pending", "confirmed", "cancelled"]},
        {"order_id": "o2", "states": ["pending", "refused"]},
    ]
    assert only(at_rest(ever, orders=orders, mails=[{"order_id": each} for each in mails])).verdict is verdict


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        ({"status": "held", "expires_in_s": -1.0}, Verdict.PASS),
        ({"status": "confirmed", "expires_in_s": -90.0}, Verdict.PASS),
        ({"status": "held", "expires_in_s": -6.0}, Verdict.FAIL),
        ({"status": "held", "expires_in_s": None}, Verdict.UNKNOWN),
    ],
)
def test_what_must_never_be_is_found_among_the_rows(row: Row, verdict: Verdict) -> None:
    assert only(at_rest(EXPIRED, reservations=[row])).verdict is verdict


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (["pending", "confirmed", "cancelled"], Verdict.PASS),
        (["pending"], Verdict.PASS),
        (["confirmed"], Verdict.FAIL),
        (["pending", "refused", "confirmed"], Verdict.FAIL),
        (["pending", "pending"], Verdict.FAIL),
        ([], Verdict.UNKNOWN),
    ],
)
def test_states_follow_one_another_as_allowed(states: JsonValue, verdict: Verdict) -> None:
    assert only(at_rest(STATES, orders=[{"order_id": "o1", "states": states}])).verdict is verdict


def test_an_invariant_that_any_row_breaks_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 'where' or 'below'"):
        Never(kind="never", name="nothing", read="orders", service="orders")
