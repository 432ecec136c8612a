from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from kit.trouble import Refused, Unavailable
from kit.words import Line
from orders import runner as runners
from orders import saga as sagas
from orders.clients import InventoryClient, PaymentsClient, PricingClient
from orders.runner import Runner
from orders.saga import Saga
from orders.store import Orders

ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
LOST = Unavailable("payments", "no answer within 1000 ms", sent=True)


@dataclass
class World:
    """The database of orders and its three providers in memory, each of which can be told to fail.

    `before` and `after` run before and after a step has its effect; what they raise, the runner sees.
    """

    record: Saga
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None
    charged: int = 0
    refunded: bool = False
    reserved: str = "nothing"
    log: list[str] = field(default_factory=list)

    def step(self, name: str, effect: Callable[[], None]) -> Awaitable[Any]:
        async def run() -> Any:
            await asyncio.sleep(0)
            self.before(name)
            self.log.append(name)
            effect()
            self.after(name)
            return type("Answer", (), {"total_cents": 500})

        return run()

    async def unfinished(self) -> list[Saga]:
        return [replace(self.record, tainted=True)] if self.record.status == "pending" else []

    async def saga(self, _: str) -> Saga:
        return replace(self.record, tainted=True)

    async def change(self, before: Saga, after: Saga) -> bool:
        await asyncio.sleep(0)
        self.before("record")
        if before.version != self.record.version:
            return False
        self.record = after
        self.after("record")
        return True

    def quote(self, *_: object) -> Awaitable[Any]:
        return self.step("quote", lambda: None)

    def reserve(self, *_: object) -> Awaitable[Any]:
        return self.step("reserve", lambda: self._reserve("held", when="nothing"))

    def confirm(self, *_: object) -> Awaitable[Any]:
        return self.step("confirm", lambda: self._reserve("confirmed", when="held"))

    def release(self, *_: object) -> Awaitable[Any]:
        return self.step("release", lambda: self._reserve("released"))

    def charge(self, *_: object) -> Awaitable[Any]:
        def effect() -> None:
            if self.refunded:
                raise Refused(409, "refunded")
            self.charged = 1

        return self.step("charge", effect)

    def refund(self, *_: object) -> Awaitable[Any]:
        def effect() -> None:
            self.refunded = True

        return self.step("refund", effect)

    def _reserve(self, state: str, when: str | None = None) -> None:
        if self.reserved == "released" and state != "released":
            raise Refused(409, "released")
        if when is None or self.reserved == when:
            self.reserved = state

    def settled(self) -> bool:
        """Whether money and stock agree with what the order says of itself."""
        match self.record.status:
            case "confirmed":
                return self.charged == 1 and not self.refunded and self.reserved == "confirmed"
            case "refused":
                return (not self.charged or self.refunded) and self.reserved in ("nothing", "released")
        return False


def once(name: str, error: BaseException) -> Callable[[str], None]:
    """Fails the first time that this is done."""
    left = [error]

    def fail(done: str) -> None:
        if done == name and left:
            raise left.pop()

    return fail


def world() -> World:
    return World(
        record=Saga(
            step_since=time.time(), order_id=ORDER, items=(Line(sku="sku-0001", quantity=1),), card_token="tok-a"
        )
    )


async def see_to_its_end(it: World) -> None:
    """Run as the service does, begun again whenever it is killed, until the order is final."""
    while it.record.status == "pending":
        runner = Runner(
            cast("Orders", it), cast("PricingClient", it), cast("InventoryClient", it), cast("PaymentsClient", it)
        )
        running = asyncio.create_task(runner.run())
        async with asyncio.timeout(5):
            while not runner._active and it.record.status == "pending":  # noqa: ASYNC110 -- one turn of the loop
                await asyncio.sleep(0)
            await asyncio.gather(*runner._active.values(), return_exceptions=True)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runners, "LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(sagas, "STEP_BUDGET_S", 0.05)


class Killed(Exception):  # noqa: N818 -- no error of the code: the process is gone between two instructions
    pass


STEPS = ["quote", "reserve", "charge", "confirm", "record"]


async def test_an_order_goes_through_its_steps_once() -> None:
    it = world()
    await see_to_its_end(it)
    assert it.log == ["quote", "reserve", "charge", "confirm"]
    assert it.settled()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_any_step_it_goes_on_and_is_confirmed(step: str, when: str) -> None:
    it = world()
    setattr(it, when, once(step, Killed()))
    await see_to_its_end(it)
    assert it.record.status == "confirmed"
    assert it.settled()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_asked_for_again(step: str, when: str) -> None:
    it = world()
    setattr(it, when, once(step, LOST))
    await see_to_its_end(it)
    assert it.record.status == "confirmed"
    assert it.settled()


@pytest.mark.parametrize("step", ["reserve", "charge", "confirm"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_step_whose_answers_stay_away_ends_in_a_refusal_that_owes_nothing(step: str, when: str) -> None:
    def fail(done: str) -> None:
        if done == step:
            raise LOST

    it = world()
    setattr(it, when, fail)
    await see_to_its_end(it)
    assert it.record.status == "refused"
    assert it.settled()


@pytest.mark.parametrize("undo", ["refund", "release"])
async def test_a_compensation_that_fails_is_tried_again_before_the_order_is_refused(undo: str) -> None:
    failures = iter(range(5))

    def fail(done: str) -> None:
        if done == "confirm":
            raise Refused(409, "the reservation is gone")
        if done == undo and next(failures, None) is not None:
            raise LOST

    it = world()
    it.before = fail
    await see_to_its_end(it)
    assert it.record.status == "refused"
    assert it.settled()


async def test_a_declined_card_is_refused_with_its_reason_and_the_stock_returns() -> None:
    it = world()
    it.before = once("charge", Refused(402, "the card was declined"))
    await see_to_its_end(it)
    assert (it.record.status, it.record.reason) == ("refused", "the card was declined")
    assert it.reserved == "released"


async def test_two_runners_of_one_order_agree_on_one_end() -> None:
    it = world()
    await asyncio.gather(see_to_its_end(it), see_to_its_end(it))
    assert it.settled()
