from __future__ import annotations

from dataclasses import replace

import pytest
from kit.words import Line
from orders.events import OrderCancelled, OrderPlaced, news, order_placed
from orders.facts import Fact, OrderAccepted, OrderFlagged, OrderGivenUp, Step, StepDone, StepUndone, TakenUp
from orders.saga import (
    FORWARD,
    STEP_BUDGET_S,
    Done,
    No,
    Recorded,
    Saga,
    Trouble,
    attempted,
    cancel,
    decide,
    fold,
    states,
)

ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
CUSTOMER = "0d3f0f4e-53a5-4d0f-8c8e-6a8f6f1f3a11"
ACCEPTED = OrderAccepted(
    customer_id=CUSTOMER, items=(Line(sku="sku-0001", quantity=2),), card_token="tok-visa", currency="EUR"
)
UNSENT = Trouble(reason="payments is unavailable", sent=False)
ASKED = Trouble(reason="payments is unavailable", sent=True)
CANCEL, REFUND, RELEASE = Step.CANCEL_SHIPMENT, Step.REFUND, Step.RELEASE


def told(*facts: Fact) -> Saga:
    """The state after these facts, a second after each other."""
    return fold(ORDER, [Recorded(version=n, at=1000.0 + n, fact=fact) for n, fact in enumerate((ACCEPTED, *facts), 1)])


def at(step: Step, *, tainted: bool = False) -> Saga:
    """An order whose next step is this one."""
    before = FORWARD if step is Step.DONE else FORWARD[: FORWARD.index(step)]
    saga = told(*(StepDone(step=each, total_cents=500 if each is Step.QUOTE else None) for each in before))
    return replace(saga, tainted=tainted)


def test_an_order_for_which_all_goes_well_is_confirmed_with_its_price() -> None:
    end = at(Step.DONE)
    assert (end.step, end.status, end.total_cents, end.version) == (Step.DONE, "confirmed", 500, 7)


@pytest.mark.parametrize(
    ("step", "tainted", "undo"),
    [
        (Step.QUOTE, False, ()),
        (Step.QUOTE, True, ()),
        (Step.RESERVE, False, ()),
        (Step.RESERVE, True, (RELEASE,)),
        (Step.CHARGE, False, (RELEASE,)),
        (Step.CHARGE, True, (REFUND, RELEASE)),
        (Step.CONFIRM, False, (REFUND, RELEASE)),
        (Step.CONFIRM, True, (REFUND, RELEASE)),
        (Step.SHIP, False, (REFUND, RELEASE)),
        (Step.SHIP, True, (CANCEL, REFUND, RELEASE)),
    ],
)
def test_a_refusal_takes_back_what_was_done_or_may_have_been(
    step: Step,
    tainted: bool,  # noqa: FBT001 -- a column of the table
    undo: tuple[Step, ...],
) -> None:
    given_up = decide(at(step, tainted=tainted), No(reason="no"), 1000.0)
    assert given_up == OrderGivenUp(reason="no", by="shop", undo=undo)


@pytest.mark.parametrize("failed", [No(reason="no"), UNSENT, ASKED])
def test_an_order_that_cannot_be_scored_goes_on_and_is_flagged(failed: No | Trouble) -> None:
    flagged = decide(at(Step.SCORE), failed, 1000.0)
    assert flagged == OrderFlagged(why=failed.reason, without=("fraud",))
    saga = told(StepDone(step=Step.QUOTE, total_cents=5), flagged)
    assert (saga.step, saga.without) == (Step.RESERVE, ("fraud",))


def test_an_order_with_a_bad_score_goes_on_and_is_flagged_for_that() -> None:
    assert decide(at(Step.SCORE), Done(review="the score is 80"), 1000.0) == OrderFlagged(why="the score is 80")


def test_compensation_runs_in_its_order_and_ends_refused() -> None:
    given_up = OrderGivenUp(reason="gone", by="shop", undo=(CANCEL, REFUND, RELEASE))
    saga = told(StepDone(step=Step.QUOTE, total_cents=500), given_up)
    for step in (CANCEL, REFUND, RELEASE):
        assert (saga.step, saga.status) == (step, "pending")
        assert decide(saga, Done(), 1000.0) == StepUndone(step=step)
        given_up = replace_undo(saga)
        saga = told(StepDone(step=Step.QUOTE, total_cents=500), given_up)
    assert (saga.step, saga.status, saga.reason) == (Step.DONE, "refused", "gone")


def replace_undo(saga: Saga) -> OrderGivenUp:
    return OrderGivenUp(reason=saga.reason or "", by="shop", undo=saga.undo[1:])


def test_a_step_that_fails_is_tried_again_within_its_budget_and_then_given_up() -> None:
    saga = at(Step.CHARGE)
    assert decide(saga, UNSENT, saga.since + STEP_BUDGET_S) is None
    assert isinstance(decide(saga, UNSENT, saga.since + STEP_BUDGET_S + 0.1), OrderGivenUp)


def test_a_charge_that_was_sent_once_is_refunded_even_if_the_last_attempt_was_not_sent() -> None:
    saga = attempted(attempted(at(Step.CHARGE), ASKED), UNSENT)
    given_up = decide(saga, UNSENT, saga.since + STEP_BUDGET_S + 0.1)
    assert given_up == OrderGivenUp(reason=UNSENT.reason, by="shop", undo=(REFUND, RELEASE))


def test_who_takes_an_order_up_knows_nothing_of_what_was_tried_and_the_time_of_the_step_goes_on() -> None:
    before = told(StepDone(step=Step.QUOTE, total_cents=500))
    taken = told(StepDone(step=Step.QUOTE, total_cents=500), TakenUp(by="orders-1"))
    assert taken == replace(before, version=3, tainted=True)


def test_a_refund_is_tried_until_it_works() -> None:
    undoing = told(OrderGivenUp(reason="no", by="shop", undo=(REFUND,)))
    for failed in (ASKED, UNSENT, No(reason="odd")):
        assert decide(undoing, failed, 9_999_999.0) is None


@pytest.mark.parametrize(
    ("step", "undo"),
    [
        (Step.DONE, (CANCEL, REFUND, RELEASE)),
        (Step.CHARGE, (REFUND, RELEASE)),
        (Step.RESERVE, (RELEASE,)),
        (Step.QUOTE, ()),
    ],
)
def test_a_customer_cancels_at_any_time_and_a_runner_may_be_at_work_then(step: Step, undo: tuple[Step, ...]) -> None:
    assert cancel(at(step)).undo == undo


def test_a_cancelled_order_is_first_cancelling_then_cancelled() -> None:
    saga = told(cancel(at(Step.DONE)))
    assert saga.status == "cancelling"
    end = told(cancel(at(Step.DONE)), *(StepUndone(step=step) for step in saga.undo))
    assert end.status == "cancelled"


def test_the_states_of_an_order_are_told_each_once_in_order() -> None:
    facts: list[Fact] = [ACCEPTED, *(StepDone(step=step) for step in FORWARD), cancel(at(Step.DONE))]
    facts += [StepUndone(step=step) for step in (CANCEL, REFUND, RELEASE)]
    history = [Recorded(version=n, at=1000.0, fact=fact) for n, fact in enumerate(facts, 1)]
    assert states(ORDER, history) == ["pending", "confirmed", "cancelling", "cancelled"]
    assert states(ORDER, history[:1]) == ["pending"]


def test_an_order_has_news_when_it_is_confirmed_refused_or_cancelled_and_only_then() -> None:
    assert news(at(Step.SHIP)) is None
    assert news(told(OrderGivenUp(reason="no", by="shop", undo=(RELEASE,)))) is None
    placed, refused = news(at(Step.DONE)), news(told(OrderGivenUp(reason="no", by="shop", undo=())))
    assert placed is not None
    assert refused is not None
    assert (placed[0], type(placed[1])) == ("shop.orders.placed", OrderPlaced)
    assert (refused[0], type(refused[1])) == ("shop.orders.cancelled", OrderCancelled)


def test_the_event_of_an_order_is_the_same_when_it_is_made_twice() -> None:
    assert news(at(Step.DONE)) == news(at(Step.DONE))


def test_an_order_without_a_total_has_no_event() -> None:
    with pytest.raises(ValueError, match="total"):
        order_placed(replace(at(Step.DONE), total_cents=None))


@pytest.mark.parametrize(
    ("facts", "why"),
    [((), "to have a history"), ((StepDone(step=Step.QUOTE),), "begin with"), ((ACCEPTED, ACCEPTED), "accepted once")],
)
def test_a_history_that_cannot_be_is_refused(facts: tuple[Fact, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        fold(ORDER, [Recorded(version=n, at=1000.0, fact=fact) for n, fact in enumerate(facts, 1)])
