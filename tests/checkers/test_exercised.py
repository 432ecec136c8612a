"""What nobody does in a chosen load is told; what should have been done, and was not, is UNKNOWN."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.checkers.exercised import DOES, READS, WRITES, Deed, deeds_declared, deeds_done, needed
from harness.checkers.safety import safety
from harness.model.finding import Finding
from harness.model.history import History
from harness.model.invariant import Invariant
from harness.model.observation import FinalRead, Operation, Outcome
from harness.model.steps import Sees, Step, Touch
from harness.model.verdict import Verdict
from tests.checkers.acting import ADDS, ATOMIC, YOURS, saw, wrote
from tests.checkers.acting import READS as FORWARD
from tests.checkers.acting import WRITES as IN_ORDER
from tests.checkers.histories import history
from tests.checkers.test_safety import KEPT, STOCK, placed

ORDERS = FinalRead(name="orders", t=80.0, rows=())
NOTHING: frozenset[Deed] = frozenset()


def chosen(invariant: Invariant, *operations: Operation, deeds: frozenset[Deed] = NOTHING) -> History:
    return replace(history(), invariants=(invariant,), operations=operations, reads=(ORDERS,), deeds=deeds, chosen=True)


def only(found: History) -> Finding:
    (finding,) = safety(found)
    return finding


@pytest.mark.parametrize("invariant", [YOURS, IN_ORDER, ADDS, ATOMIC], ids=lambda each: each.kind)
def test_carts_that_are_read_and_never_written_are_told_of_a_chosen_experiment(invariant: Invariant) -> None:
    found = only(chosen(invariant, saw("ann", 1, 2, x=1)))
    assert found.verdict is Verdict.PASS
    assert found.reason == (
        "told, not judged, since it is not exercised by this load (browse, checkout): nobody writes a cart; "
        "a whole run is to do it"
    )


def test_reads_alone_put_versions_to_the_test_and_values_not() -> None:
    read = saw("ann", 1, 2, x=1)
    assert only(chosen(FORWARD, read)).verdict is Verdict.PASS
    versions = FORWARD.model_copy(update={"version": "version"})
    assert only(chosen(versions, read)).verdict is Verdict.UNKNOWN
    assert "nobody reads a cart" in only(chosen(versions)).reason


def test_what_nobody_does_at_all_is_told_of_a_chosen_experiment() -> None:
    assert "nobody reads a cart and nobody writes a cart" in only(chosen(YOURS)).reason
    assert "nobody does place-order" in only(chosen(KEPT)).reason


@pytest.mark.parametrize("invariant", [YOURS, FORWARD, KEPT], ids=lambda each: each.kind)
def test_in_a_whole_run_it_is_unknown(invariant: Invariant) -> None:
    assert only(replace(chosen(invariant), chosen=False)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    "operations",
    [
        [wrote("ann", 1, 2, x=1), replace(saw("ann", 3, 4), outcome=Outcome.FAILED, saw=None)],
        [replace(wrote("ann", 1, 2, x=1), outcome=Outcome.UNKNOWN), saw("ben", 3, 4, y=1)],
    ],
    ids=["a read that was refused", "a write that nobody heard of"],
)
def test_what_was_tried_and_came_to_nothing_is_unknown(operations: list[Operation]) -> None:
    assert only(chosen(YOURS, *operations)).verdict is Verdict.UNKNOWN


def test_an_order_that_was_refused_was_tried() -> None:
    assert only(chosen(KEPT, placed("o1", Outcome.FAILED))).verdict is Verdict.UNKNOWN


def test_what_the_steps_declare_and_never_reached_is_unknown() -> None:
    deeds = frozenset({(READS, "cart"), (WRITES, "cart"), (DOES, "place-order")})
    assert only(chosen(YOURS, deeds=deeds)).verdict is Verdict.UNKNOWN
    assert only(chosen(KEPT, deeds=deeds)).verdict is Verdict.UNKNOWN


def test_where_no_journey_was_seen_nothing_is_told_away() -> None:
    assert only(replace(chosen(YOURS), journeys=())).verdict is Verdict.UNKNOWN


def test_a_final_read_that_failed_is_unknown_whatever_the_load() -> None:
    failed = replace(ORDERS, error="503")
    assert only(replace(chosen(KEPT), reads=(failed,))).verdict is Verdict.UNKNOWN
    assert only(replace(chosen(KEPT), reads=())).verdict is Verdict.UNKNOWN


def test_what_is_refuted_stays_refuted() -> None:
    stale = [wrote("ann", 1, 2, x=1), wrote("ann", 3, 4, x=2), saw("ann", 5, 6, x=1)]
    assert only(chosen(YOURS, *stale)).verdict is Verdict.FAIL


def test_rows_are_about_no_operation() -> None:
    assert needed(STOCK) == frozenset()
    empty = FinalRead(name="stock", t=80.0, rows=())
    assert only(replace(chosen(STOCK), reads=(empty,))).verdict is Verdict.UNKNOWN


def test_deeds_are_what_was_recorded() -> None:
    both = replace(wrote("ann", 1, 2, x=2), saw={"x": 1})
    assert deeds_done([both]) == {(DOES, both.name), (READS, "cart"), (WRITES, "cart")}
    assert deeds_done([placed("o1")]) == {(DOES, "place-order")}


def test_deeds_are_what_steps_declare() -> None:
    put = Step(request="PUT /cart", touches=Touch(thing="cart/{customer}", writes={"{sku}": 1}))
    get = Step(request="GET /cart", touches=Touch(thing="cart/{customer}", sees=Sees(fields={"x": "/x"})))
    assert deeds_declared([put]) == {(DOES, "PUT /cart"), (WRITES, "cart")}
    assert deeds_declared([get]) == {(DOES, "GET /cart"), (READS, "cart")}
