from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from kit.trouble import Unavailable
from kit.words import Line
from orders import runner as runners
from orders import saga as sagas
from orders.facts import Fact, OrderAccepted, Step
from orders.runner import Runner
from orders.saga import Done, Happening, No, Recorded, Saga, Trouble, after, begin
from orders.steps import Providers
from orders.store import Entry, Orders

ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
LOST = Trouble(reason="payments is unavailable", sent=True)
AWAY = Unavailable("postgres", "no answer within 1000 ms", sent=True)


@dataclass
class World:
    """The database of orders and its providers in memory, each of which can be told to fail.

    `before` and `after` run before and after a step has its effect; what they give, the runner is told.
    """

    record: Saga
    before: Callable[[str], Happening | None] = lambda _: None
    after: Callable[[str], Happening | None] = lambda _: None
    facts: list[Fact] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    done: set[Step] = field(default_factory=set)

    away = None

    @property
    def ended(self) -> bool:
        return self.record.step is Step.DONE

    async def perform(self, saga: Saga) -> Happening:
        await asyncio.sleep(0)
        failed = self.before(saga.step)
        if failed is not None:
            return failed
        self.log.append(saga.step)
        self.done.add(saga.step)
        return self.after(saga.step) or Done(total_cents=500 if saga.step is Step.QUOTE else None)

    async def left(self, _quiet_s: float) -> list[str]:
        return [] if self.ended else [ORDER]

    async def saga(self, _order_id: str) -> Saga:
        return self.record

    async def append(self, saga: Saga, new: Entry) -> Saga | None:
        await asyncio.sleep(0)
        self.before("record")
        if new.fact_id not in self.ids:
            if saga.version != self.record.version:
                return None
            self.record = after(self.record, Recorded(version=saga.version + 1, at=new.at, fact=new.fact))
            self.facts.append(new.fact)
            self.ids.add(new.fact_id)
        now = self.record
        self.after("record")
        return now


def once(name: str, what: Happening | BaseException) -> Callable[[str], Happening | None]:
    """Goes wrong the first time that this is done."""
    left = [what]

    def fail(done: str) -> Happening | None:
        if done != name or not left:
            return None
        failed = left.pop()
        if isinstance(failed, BaseException):
            raise failed
        return failed

    return fail


def world() -> World:
    accepted = OrderAccepted(
        customer_id=ORDER, items=(Line(sku="sku-0001", quantity=1),), card_token="tok-a", currency="EUR"
    )
    return World(record=begin(ORDER, Recorded(version=1, at=time.time(), fact=accepted)))


def runner_of(it: World) -> Runner:
    return Runner(cast("Orders", it), cast("Providers", it), "orders-1", asyncio.Event())


async def see_to_its_end(it: World) -> None:
    """Run as the service does, begun again whenever it is killed, until the order is final."""
    while not it.ended:
        runner = runner_of(it)
        running = asyncio.create_task(runner.run())
        async with asyncio.timeout(5):
            while not runner._active and not it.ended:  # noqa: ASYNC110 -- one turn of the loop
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


STEPS = [str(step) for step in sagas.FORWARD]


async def test_an_order_goes_through_its_steps_once() -> None:
    it = world()
    await see_to_its_end(it)
    assert it.log == STEPS
    assert it.record.status == "confirmed"


async def test_an_order_that_is_submitted_needs_no_sweep_and_nobody_takes_it_up() -> None:
    it = world()
    runner = runner_of(it)
    runner.submit(it.record)
    await runner._see_to(runner._new.get_nowait()[0])
    assert [type(fact).__name__ for fact in it.facts] == ["StepDone"] * 6


@pytest.mark.parametrize("step", [*STEPS, "record"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_any_step_it_goes_on_and_is_confirmed(step: str, when: str) -> None:
    it = world()
    setattr(it, when, once(step, Killed()))
    await see_to_its_end(it)
    assert it.record.status == "confirmed"


@pytest.mark.parametrize("step", [step for step in STEPS if step != "score"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_lost_answer_is_asked_for_again(step: str, when: str) -> None:
    it = world()
    setattr(it, when, once(step, LOST))
    await see_to_its_end(it)
    assert it.record.status == "confirmed"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_fact_whose_recording_is_not_answered_is_recorded_once_and_its_step_not_repeated(when: str) -> None:
    it = world()
    setattr(it, when, once("record", AWAY))
    await see_to_its_end(it)
    assert it.log == STEPS
    assert len(it.facts) == len(STEPS) + 1


@pytest.mark.parametrize("step", ["reserve", "charge", "confirm", "ship"])
async def test_a_step_whose_answers_stay_away_ends_in_a_refusal_and_is_itself_taken_back(step: str) -> None:
    it = world()
    it.after = lambda done: LOST if done == step else None
    await see_to_its_end(it)
    assert it.record.status == "refused"
    undone = next(undo for undo, steps in sagas.UNDO.items() if step in steps)
    assert undone in it.done


@pytest.mark.parametrize("undo", ["cancel-shipment", "refund", "release"])
async def test_a_compensation_that_fails_is_tried_again_before_the_order_is_refused(undo: str) -> None:
    failures = iter(range(5))

    def fail(done: str) -> Happening | None:
        if done == "ship":
            return LOST
        return LOST if done == undo and next(failures, None) is not None else None

    it = world()
    it.before = fail
    await see_to_its_end(it)
    assert it.record.status == "refused"
    assert undo in it.done


async def test_a_declined_card_is_refused_with_its_reason_and_the_stock_returns() -> None:
    it = world()
    it.before = lambda step: No(reason="the card was declined") if step == "charge" else None
    runner = runner_of(it)
    await runner._see_to(it.record)
    assert (it.record.status, it.record.reason) == ("refused", "the card was declined")
    assert it.log == ["quote", "score", "reserve", "release"]


async def test_two_runners_of_one_order_agree_on_one_end() -> None:
    it = world()
    await asyncio.gather(see_to_its_end(it), see_to_its_end(it))
    assert it.record.status == "confirmed"
    assert [getattr(fact, "step", None) for fact in it.facts if type(fact).__name__ == "StepDone"] == STEPS


async def test_a_runner_that_was_overtaken_leaves_the_order_alone() -> None:
    it = world()
    slow = it.record
    await see_to_its_end(it)
    facts = len(it.facts)
    await runner_of(it)._see_to(slow)
    assert len(it.facts) == facts


async def test_what_there_is_no_room_for_is_left_to_the_sweep() -> None:
    it = world()
    runner = runner_of(it)
    for _ in range(runners.WAITING + 1):
        runner.submit(it.record)
    assert runner._new.qsize() == runners.WAITING
