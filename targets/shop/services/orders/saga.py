"""The checkout saga: the state of an order as a fold over its facts, and the decision what to put on record next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from kit import defects
from kit.words import Line

from orders.facts import Fact, OrderAccepted, OrderFlagged, OrderGivenUp, Step, StepDone, StepUndone, TakenUp

STEP_BUDGET_S = 5.0
"""How long a step may fail before the order is given up."""
FORWARD = (Step.QUOTE, Step.SCORE, Step.RESERVE, Step.CHARGE, Step.CONFIRM, Step.SHIP)
UNDO = {Step.CANCEL_SHIPMENT: {Step.SHIP}, Step.REFUND: {Step.CHARGE}, Step.RELEASE: {Step.RESERVE, Step.CONFIRM}}
"""What takes back which steps, in the order in which that is done."""
Status = Literal["pending", "confirmed", "refused", "cancelling", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A fact with its place in the order's history; `at` is wall clock, since it must outlive the process."""

    version: int
    at: float
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """One order on its way; `version` counts its facts, so that only one of two runners can add the next one."""

    order_id: str
    version: int
    customer_id: str
    items: tuple[Line, ...]
    card_token: str
    currency: Literal["EUR"]
    accepted_at: float
    since: float
    """When this step became the next one."""
    step: Step = Step.QUOTE
    """What is to be done next."""
    undo: tuple[Step, ...] = ()
    total_cents: int | None = None
    reason: str | None = None
    given_up_by: Literal["shop", "customer"] | None = None
    without: tuple[str, ...] = ()
    tainted: bool = False
    """Whether this step may have been carried out without our knowing."""

    @property
    def status(self) -> Status:
        """The order's state as its customer sees it."""
        done = self.step is Step.DONE
        match self.given_up_by:
            case None:
                return "confirmed" if done else "pending"
            case "shop":
                return "refused" if done else "pending"
            case "customer":
                return "cancelled" if done else "cancelling"


def fold(order_id: str, history: Iterable[Recorded]) -> Saga:
    """The state of an order after all of its facts; raises ValueError for a history that has no beginning."""
    saga = None
    for recorded in history:
        saga = begin(order_id, recorded) if saga is None else after(saga, recorded)
    if saga is None:
        message = f"expected order {order_id} to have a history"
        raise ValueError(message)
    return saga


def states(order_id: str, history: Sequence[Recorded]) -> list[Status]:
    """All that an order has been to its customer, each once, in order."""
    found: dict[Status, None] = {}
    saga = begin(order_id, history[0])
    for recorded in history[1:]:
        found[saga.status] = None
        saga = after(saga, recorded)
    found[saga.status] = None
    return list(found)


def begin(order_id: str, recorded: Recorded) -> Saga:
    """The state after the first fact."""
    fact = recorded.fact
    if not isinstance(fact, OrderAccepted):
        message = f"expected the history of order {order_id} to begin with OrderAccepted, found {type(fact).__name__}"
        raise ValueError(message)  # noqa: TRY004 -- it's a wrong value to those who read histories
    return Saga(
        order_id=order_id,
        version=recorded.version,
        customer_id=fact.customer_id,
        items=fact.items,
        card_token=fact.card_token,
        currency=fact.currency,
        accepted_at=recorded.at,
        since=recorded.at,
    )


def after(saga: Saga, recorded: Recorded) -> Saga:
    """The state after one more fact."""
    fact = recorded.fact
    if isinstance(fact, TakenUp):
        # Whoever left it here may have tried its step, and the time that the step may take goes on.
        return replace(saga, version=recorded.version, tainted=True)
    saga = replace(saga, version=recorded.version, since=recorded.at, tainted=False)
    match fact:
        case OrderAccepted():
            message = f"expected order {saga.order_id} to be accepted once"
            raise ValueError(message)
        case StepDone():
            total = saga.total_cents if fact.total_cents is None else fact.total_cents
            return _forward(replace(saga, total_cents=total), fact.step, fact.without)
        case OrderFlagged():
            return _forward(saga, Step.SCORE, fact.without)
        case OrderGivenUp():
            return _backward(replace(saga, reason=fact.reason, given_up_by=fact.by), fact.undo)
        case StepUndone():
            return _backward(saga, tuple(step for step in saga.undo if step is not fact.step))
        case _:
            assert_never(fact)


def _forward(saga: Saga, done: Step, without: tuple[str, ...]) -> Saga:
    following = (*FORWARD, Step.DONE)[FORWARD.index(done) + 1]
    return replace(saga, step=following, without=(*saga.without, *without))


def _backward(saga: Saga, undo: tuple[Step, ...]) -> Saga:
    return replace(saga, undo=undo, step=undo[0] if undo else Step.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The step was carried out; `review` says why somebody should look at the order."""

    total_cents: int | None = None
    review: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class No:
    """A definite refusal: this attempt did nothing."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Nobody knows, or nothing was sent."""

    reason: str
    sent: bool


Happening = Done | No | Trouble


def attempted(saga: Saga, happening: Happening) -> Saga:
    """The same state, with what an attempt of its step has taught us."""
    sent = isinstance(happening, Trouble) and happening.sent
    if saga.step is Step.RESERVE and defects.on("reservation-leak"):
        return saga
    return replace(saga, tainted=True) if sent else saga


def decide(saga: Saga, happening: Happening, now: float) -> Fact | None:
    """What to put on record after an attempt; None means: try again, after a pause."""
    if isinstance(happening, Done):
        return _done(saga, happening)
    if saga.given_up_by:
        # Taking back has no alternative: it's tried until it works.
        return None
    if saga.step is Step.SCORE:
        # A missing score doesn't hold up an order.
        return OrderFlagged(why=happening.reason, without=("fraud",))
    if isinstance(happening, No) or now - saga.since > STEP_BUDGET_S:
        return give_up(saga, happening.reason)
    return None


def _done(saga: Saga, done: Done) -> Fact:
    if saga.given_up_by:
        return StepUndone(step=saga.step)
    if done.review is not None:
        return OrderFlagged(why=done.review)
    return StepDone(step=saga.step, total_cents=done.total_cents, without=done.without)


def give_up(saga: Saga, reason: str) -> OrderGivenUp:
    """Take back in reverse order whatever has been done, or may have been."""
    return OrderGivenUp(reason=reason, by="shop", undo=_undo(saga, tainted=saga.tainted))


def cancel(saga: Saga) -> OrderGivenUp:
    """As the customer wishes; a runner may be at work on the step of this moment."""
    return OrderGivenUp(reason="cancelled by the customer", by="customer", undo=_undo(saga, tainted=True))


def _undo(saga: Saga, *, tainted: bool) -> tuple[Step, ...]:
    """What takes back all steps before this one, and this one too if it may have been done."""
    if defects.on("no-compensation"):
        return ()
    before = FORWARD if saga.step is Step.DONE else FORWARD[: FORWARD.index(saga.step) + tainted]
    return tuple(undo for undo, undone in UNDO.items() if undone & set(before))
