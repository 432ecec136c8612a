"""One order, its providers and two runners as a model that can be explored: each move gives the worlds after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kit.words import Line
from orders.facts import Fact, OrderAccepted, Step, TakenUp
from orders.saga import STEP_BUDGET_S, Done, Happening, No, Recorded, Saga, Trouble, after, attempted, begin, cancel
from orders.saga import decide as decided

ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
CUSTOMER = "0d3f0f4e-53a5-4d0f-8c8e-6a8f6f1f3a11"
FREE = 0
TROUBLE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """A process that may be at work on the order: what it believes, and the fact that it is about to record."""

    saga: Saga | None = None
    fact: Fact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is on record, what the providers did, and what is still on its way to them."""

    record: Saga
    runners: tuple[Runner, ...]
    stock: str = "none"
    money: str = "none"
    parcel: str = "none"
    charges: int = 0
    late: frozenset[Step] = frozenset()
    cancelled: bool = False

    def settled(self) -> bool:
        """Whether stock, money and parcel agree with what the order says of itself."""
        states = (self.stock, self.money, self.parcel)
        match self.record.status:
            case "confirmed":
                return states == ("sold", "charged", "made")
            case "refused" | "cancelled":
                return all(state in {"none", "back"} for state in states)
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What may happen next; `cost` is TROUBLE for what goes wrong."""

    name: str
    cost: int
    to: World


def world(runners: int = 2) -> World:
    accepted = OrderAccepted(
        customer_id=CUSTOMER, items=(Line(sku="sku-0001", quantity=1),), card_token="tok-a", currency="EUR"
    )
    saga = begin(ORDER, Recorded(version=1, at=0.0, fact=accepted))
    return World(record=saga, runners=(Runner(saga=saga), *[Runner()] * (runners - 1)))


def effect(it: World, step: Step) -> World | None:
    """What a provider does when asked; None when it refuses."""
    match step:
        case Step.RESERVE | Step.CONFIRM | Step.RELEASE:
            stock = _STOCK[step].get(it.stock)
            return None if stock is None else replace(it, stock=stock)
        case Step.CHARGE | Step.REFUND:
            money = _MONEY[step].get(it.money)
            fresh = step is Step.CHARGE and it.money == "none"
            return None if money is None else replace(it, money=money, charges=it.charges + fresh)
        case Step.SHIP | Step.CANCEL_SHIPMENT:
            parcel = _PARCEL[step].get(it.parcel)
            return None if parcel is None else replace(it, parcel=parcel)
    return it


_STOCK = {
    Step.RESERVE: {"none": "held", "held": "held", "sold": "sold"},
    Step.CONFIRM: {"held": "sold", "sold": "sold"},
    Step.RELEASE: {"none": "back", "held": "back", "sold": "back", "back": "back"},
}
_MONEY = {
    Step.CHARGE: {"none": "charged", "charged": "charged"},
    Step.REFUND: {"none": "back", "charged": "back", "back": "back"},
}
_PARCEL = {
    Step.SHIP: {"none": "made", "made": "made"},
    Step.CANCEL_SHIPMENT: {"none": "back", "made": "back", "back": "back"},
}
"""What becomes of each state; what isn't named is refused, as what was taken back is by a mark that stays."""


def moves(it: World) -> Iterator[Move]:
    """Everything that may happen next."""
    for number, runner in enumerate(it.runners):
        yield from _of_runner(it, number, runner)
    for step in sorted(it.late):
        arrived = replace(it, late=it.late - {step})
        yield Move(name=f"{step} arrives late", cost=FREE, to=effect(arrived, step) or arrived)
    if not it.cancelled and it.record.given_up_by is None:
        wish = Recorded(version=it.record.version + 1, at=0.0, fact=cancel(it.record))
        yield Move(
            name="the customer cancels",
            cost=TROUBLE,
            to=replace(it, record=after(it.record, wish), cancelled=True),
        )


def _of_runner(it: World, number: int, runner: Runner) -> Iterator[Move]:
    if runner.fact is not None:
        yield Move(name=f"{number} records", cost=FREE, to=_recorded(it, number, runner.fact))
    elif runner.saga is None:
        if it.record.step is not Step.DONE:
            # A sweep finds it; while another runner is at it, that is bad luck.
            busy = any(other.saga is not None for other in it.runners)
            reading = Runner(saga=it.record, fact=TakenUp(by=str(number)))
            yield Move(name=f"{number} finds it", cost=TROUBLE if busy else FREE, to=_with(it, number, reading))
    elif runner.saga.step is Step.DONE:
        yield Move(name=f"{number} is done", cost=FREE, to=_with(it, number, Runner()))
    else:
        yield from _attempts(it, number, runner.saga)
    if runner.saga is not None:
        yield Move(name=f"{number} is killed", cost=TROUBLE, to=_with(it, number, Runner()))


def _attempts(it: World, number: int, saga: Saga) -> Iterator[Move]:
    """The next step is tried: it works, is refused, or nobody knows, in time or for too long."""
    step, done = saga.step, effect(it, saga.step)
    total = 500 if step is Step.QUOTE else None
    if done is not None:
        yield Move(name=f"{number} {step}", cost=FREE, to=_learnt(done, number, saga, Done(total_cents=total)))
        if saga.given_up_by is None:
            yield Move(name=f"{number} {step} refused", cost=TROUBLE, to=_learnt(it, number, saga, No(reason="no")))
    else:
        yield Move(name=f"{number} {step} refused", cost=FREE, to=_learnt(it, number, saga, No(reason="no")))
    for late_s in (0.0, STEP_BUDGET_S + 1):
        unsent = Trouble(reason="away", sent=False)
        lost = Trouble(reason="no answer", sent=True)
        yield Move(name=f"{number} {step} unsent", cost=TROUBLE, to=_learnt(it, number, saga, unsent, late_s))
        if done is not None:
            yield Move(name=f"{number} {step} unheard", cost=TROUBLE, to=_learnt(done, number, saga, lost, late_s))
        on_its_way = replace(it, late=it.late | {step})
        yield Move(name=f"{number} {step} delayed", cost=TROUBLE, to=_learnt(on_its_way, number, saga, lost, late_s))


def _learnt(it: World, number: int, saga: Saga, happening: Happening, late_s: float = 0.0) -> World:
    """The runner makes of an attempt what the code makes of it."""
    saga = attempted(saga, happening)
    return _with(it, number, Runner(saga=saga, fact=decided(saga, happening, saga.since + late_s)))


def _recorded(it: World, number: int, fact: Fact) -> World:
    """A fact is added, if nobody was faster."""
    saga = it.runners[number].saga
    assert saga is not None
    if saga.version != it.record.version:
        return _with(it, number, Runner())
    now = after(saga, Recorded(version=saga.version + 1, at=0.0, fact=fact))
    return replace(_with(it, number, Runner(saga=now)), record=now)


def _with(it: World, number: int, runner: Runner) -> World:
    runners = (*it.runners[:number], runner, *it.runners[number + 1 :])
    return replace(it, runners=runners)
