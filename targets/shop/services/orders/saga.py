"""The decisions of the checkout saga: pure functions from a state and what happened to the next state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from kit.words import Line

STEP_BUDGET_S = 5.0
"""How long a step may fail before the order is given up."""


class Step(StrEnum):
    """What is to be done next; it's on record before it's begun, so a step on record may have been done."""

    QUOTE = "quote"
    RESERVE = "reserve"
    CHARGE = "charge"
    CONFIRM = "confirm"
    REFUND = "refund"
    RELEASE = "release"
    DONE = "done"


NEXT = {Step.QUOTE: Step.RESERVE, Step.RESERVE: Step.CHARGE, Step.CHARGE: Step.CONFIRM, Step.CONFIRM: Step.DONE}
UNDO_NEXT = {Step.REFUND: Step.RELEASE, Step.RELEASE: Step.DONE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saga:
    """One order on its way; `version` counts its changes, so that only one of two runners can make the next one."""

    order_id: str
    items: tuple[Line, ...]
    card_token: str
    step: Step = Step.QUOTE
    step_since: float = 0.0
    """Wall clock, seconds since the epoch, since it must outlive the process."""
    version: int = 0
    total_cents: int | None = None
    reason: str | None = None
    tainted: bool = False
    """Whether an attempt of this step may have been carried out without our knowing."""

    @property
    def undoing(self) -> bool:
        """Whether the order has been given up and what was done is taken back."""
        return self.step in UNDO_NEXT

    @property
    def status(self) -> str:
        """The order's state as its customer sees it."""
        if self.step is not Step.DONE:
            return "pending"
        return "confirmed" if self.reason is None else "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The step was carried out."""

    total_cents: int | None = None


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


def decide(saga: Saga, happening: Happening, now: float) -> Saga:
    """The state after what happened; the same step again means: try again, after a pause."""
    match happening:
        case Done():
            total = saga.total_cents if happening.total_cents is None else happening.total_cents
            following = UNDO_NEXT if saga.undoing else NEXT
            return _move(replace(saga, total_cents=total), following[saga.step], now)
        case _ if saga.undoing:
            # Taking back has no alternative: it's tried until it works.
            return saga
        case No(reason=reason):
            return _give_up(saga, reason, now)
        case Trouble(reason=reason, sent=sent):
            tainted = replace(saga, tainted=saga.tainted or sent)
            return _give_up(tainted, reason, now) if now - saga.step_since > STEP_BUDGET_S else tainted


def _move(saga: Saga, step: Step, now: float) -> Saga:
    return replace(saga, step=step, step_since=now, version=saga.version + 1, tainted=False)


def _give_up(saga: Saga, reason: str, now: float) -> Saga:
    """Take back in reverse order whatever has been done, or may have been."""
    match saga.step:
        case Step.CONFIRM:
            step = Step.REFUND
        case Step.CHARGE:
            step = Step.REFUND if saga.tainted else Step.RELEASE
        case Step.RESERVE if saga.tainted:
            step = Step.RELEASE
        case _:
            step = Step.DONE
    return _move(replace(saga, reason=reason), step, now)
