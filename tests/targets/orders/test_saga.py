from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.words import Line
from orders.saga import STEP_BUDGET_S, Done, Happening, No, Saga, Step, Trouble, decide
from orders.store import order_placed

ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
UNSENT = Trouble(reason="payments is unavailable", sent=False)
ASKED = Trouble(reason="payments is unavailable", sent=True)


def saga(step: Step = Step.QUOTE, *, tainted: bool = False) -> Saga:
    return Saga(
        order_id=ORDER,
        items=(Line(sku="sku-0001", quantity=2),),
        card_token="tok-visa",
        step=step,
        step_since=1000.0,
        total_cents=500,
        tainted=tainted,
    )


def through(start: Saga, *happenings: Happening, now: float = 1000.0) -> Saga:
    for happening in happenings:
        start = decide(start, happening, now)
    return start


def test_an_order_for_which_all_goes_well_is_confirmed_with_its_price() -> None:
    end = through(saga(), Done(total_cents=1234), Done(), Done(), Done())
    assert (end.step, end.status, end.total_cents, end.version) == (Step.DONE, "confirmed", 1234, 4)


@pytest.mark.parametrize(
    ("step", "tainted", "following"),
    [
        (Step.QUOTE, False, Step.DONE),
        (Step.QUOTE, True, Step.DONE),
        (Step.RESERVE, False, Step.DONE),
        (Step.RESERVE, True, Step.RELEASE),
        (Step.CHARGE, False, Step.RELEASE),
        (Step.CHARGE, True, Step.REFUND),
        (Step.CONFIRM, False, Step.REFUND),
        (Step.CONFIRM, True, Step.REFUND),
    ],
)
def test_a_refusal_takes_back_what_was_done_or_may_have_been(step: Step, tainted: bool, following: Step) -> None:  # noqa: FBT001 -- a column of the table
    after = decide(saga(step, tainted=tainted), No(reason="no"), 1000.0)
    assert (following, "no") == (after.step, after.reason)


def test_compensation_runs_in_reverse_and_ends_refused() -> None:
    end = through(saga(Step.CONFIRM), No(reason="gone"), Done(), Done())
    assert (end.step, end.status, end.reason) == (Step.DONE, "refused", "gone")


def test_a_step_that_fails_is_tried_again_within_its_budget() -> None:
    again = decide(saga(Step.CHARGE), UNSENT, 1000.0 + STEP_BUDGET_S)
    assert (again.step, again.version, again.tainted) == (Step.CHARGE, 0, False)


def test_a_charge_that_was_sent_once_is_refunded_even_if_the_last_attempt_was_not_sent() -> None:
    after = through(saga(Step.CHARGE), ASKED, UNSENT)
    assert after.step is Step.CHARGE
    assert decide(after, UNSENT, 1000.1 + STEP_BUDGET_S).step is Step.REFUND


def test_a_charge_that_was_certainly_never_sent_needs_no_refund() -> None:
    assert decide(saga(Step.CHARGE), UNSENT, 1000.1 + STEP_BUDGET_S).step is Step.RELEASE


def test_a_refund_is_tried_until_it_works() -> None:
    undoing = replace(saga(Step.REFUND), reason="payments is unavailable")
    assert undoing == decide(undoing, ASKED, 9_999_999.0)
    assert undoing == decide(undoing, No(reason="odd"), 9_999_999.0)
    assert decide(undoing, Done(), 9_999_999.0).step is Step.RELEASE


@given(
    st.lists(
        st.tuples(st.sampled_from([Done(), No(reason="no"), ASKED, UNSENT]), st.floats(0, 3)), min_size=1, max_size=60
    )
)
def test_no_order_is_refused_while_a_charge_may_stand_nor_confirmed_after_it_was_given_up(
    story: list[tuple[Happening, float]],
) -> None:
    """Replays any story against a model of what payments may have done."""
    now, state, charged = 1000.0, saga(), False
    for happening, pause in story:
        now += pause
        if state.step is Step.DONE:
            break
        if state.step is Step.CHARGE and happening in (Done(), ASKED):
            charged = True
        if state.step is Step.REFUND and happening == Done():
            charged = False
        state = decide(state, happening, now)
        assert state.status != "confirmed" or charged
        assert state.status != "refused" or not charged


def test_the_event_of_an_order_is_the_same_when_it_is_made_twice() -> None:
    confirmed = saga(Step.DONE)
    assert order_placed(confirmed) == order_placed(confirmed)


def test_an_order_without_a_total_has_no_event() -> None:
    with pytest.raises(ValueError, match="total"):
        order_placed(replace(saga(Step.DONE), total_cents=None))
