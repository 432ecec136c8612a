"""The clean class: what visits without a fault have in common, and when they have nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.clean_class import marked, same_class, widened
from harness.checkers.shape import differences, lacks, merged, shape_of, thinner, zeroed
from harness.model.declared import DegradedMark, OperationMark
from harness.model.visits import Trouble, Visit
from tests.checkers.trials import DEADLINE_S, clean, got, rules, under, visit

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, JSON)
def test_a_document_lacks_nothing_of_a_shape_that_it_is_a_part_of(one: object, other: object) -> None:
    shape = merged(shape_of(one), shape_of(other))  # type: ignore[arg-type]  # all are JSON

    assert not [*lacks(shape, one)]  # type: ignore[arg-type]  # as above
    assert not [*differences(one, one)]  # type: ignore[arg-type]  # as above


def test_keys_that_are_not_in_all_visits_are_not_required() -> None:
    known = clean(visit(got(document={"a": 1, "b": 2})), visit(got(document={"a": 1})))

    assert not same_class(known, visit(got(document={"a": 3})), deadline_s=DEADLINE_S)
    assert "/a is missing" in same_class(known, visit(got(document={"b": 3})), deadline_s=DEADLINE_S)


@pytest.mark.parametrize(
    ("ill", "why"),
    [
        (visit(got(503)), "an error of the server"),
        (visit(got(took_s=1.2)), "later than the deadline"),
        (visit(got(degraded=True)), "marked as degraded"),
        (visit(got(None, trouble=Trouble.TIMEOUT)), "no whole answer"),
        (visit(got(body=b"{")), "is none"),
        (visit(failed="two offers"), "two offers"),
        (visit(got(404)), "now so, now so"),
    ],
)
def test_a_journey_that_is_ill_without_a_fault_has_no_clean_class(ill: Visit, why: str) -> None:
    assert why in clean(visit(), ill, visit()).trouble


def test_a_journey_that_asks_for_nothing_has_no_clean_class() -> None:
    assert clean(Visit(journey="browse", exchanges=(), failed=None)).trouble


def test_another_status_of_the_same_hundred_is_of_the_same_class() -> None:
    assert not same_class(clean(), visit(got(206)), deadline_s=DEADLINE_S)
    assert "200 before" in same_class(clean(), visit(got(404)), deadline_s=DEADLINE_S)


SHORT = visit(got(document={"id": 1, "name": "tea"}))


def test_an_answer_that_lacks_something_is_degraded_where_that_is_how_one_knows_it() -> None:
    (found,) = marked(SHORT, clean(), DegradedMark(differs=True)).exchanges

    assert found.degraded
    assert not rules(under(marked(SHORT, clean(), DegradedMark(differs=True))))


@pytest.mark.parametrize(
    ("seen", "mark"),
    [
        (SHORT, DegradedMark()),
        (SHORT, DegradedMark(differs=True, operations={"GET /": OperationMark(header="X-Degraded")})),
        (visit(), DegradedMark(differs=True)),
        (visit(got(body=b"")), DegradedMark(differs=True)),
        (visit(got(500, {"error": "no"})), DegradedMark(differs=True)),
    ],
)
def test_what_is_not_said_to_be_marked_by_a_difference_or_is_no_valid_answer_is_not_degraded(
    seen: Visit, mark: DegradedMark
) -> None:
    assert not any(each.degraded for each in marked(seen, clean(), mark).exchanges)


def test_what_one_more_visit_has_empty_or_null_may_be_so_and_nothing_else() -> None:
    found = clean(visit(got(document={"name": "tea", "stock": 3, "offers": [1]})))
    wider = widened(found, visit(got(document={"name": None, "stock": 0, "offers": []}), got(503, path="/other")))
    shape = wider.steps["GET /"].shape

    assert shape is not None
    assert not [*thinner(shape, {"name": None, "stock": 3, "offers": []})]
    assert not [*zeroed(shape, {"name": "", "stock": 0, "offers": []})]
    assert [*lacks(shape, {"name": "tea", "offers": []})] == ["/stock is missing"]


def test_a_list_that_is_now_and_then_empty_may_be_empty() -> None:
    shape = clean(visit(got(document={"found": []})), visit(got(document={"found": [1]}))).steps["GET /"].shape

    assert shape is not None
    assert not [*thinner(shape, {"found": []})]
