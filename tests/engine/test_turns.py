"""Visits that are paid in turn, and beside one another where they take long."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from harness.checkers.clean_class import clean_class
from harness.engine.turns import ill_by_a_way_in, one_or_more
from harness.model.visits import Visit
from tests.engine.grounds import DESCRIPTION, Reply, World, topology

VISIT = Visit(journey="browse", exchanges=(), failed=None)


async def quick() -> Visit:
    return VISIT


class Company:
    """The first visit ends only once somebody else has come by."""

    def __init__(self) -> None:
        self.paid = 0
        self.over = 0
        self.begun, self._another = asyncio.Event(), asyncio.Event()

    async def pay(self) -> Visit:
        self.paid += 1
        self.begun.set()
        if self.paid > 1:
            self._another.set()
        try:
            await self._another.wait()
        finally:
            self.over += 1
        return VISIT


async def test_nobody_is_beside_a_visit_that_is_soon_over() -> None:
    assert await one_or_more(quick, 4) == [VISIT]


async def test_others_are_beside_a_visit_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engine.turns.TAKES_LONG_S", 0.0)
    assert await one_or_more(Company().pay, 3) == [VISIT] * 3


async def test_where_one_is_the_most_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engine.turns.TAKES_LONG_S", 0.0)
    company = Company()
    paying = asyncio.create_task(one_or_more(company.pay, 1))
    await company.begun.wait()
    await company.pay()
    assert await paying == [VISIT]
    assert company.paid == 2


async def test_whoever_is_not_waited_for_any_more_visits_no_longer() -> None:
    company = Company()
    paying = asyncio.create_task(one_or_more(company.pay, 2))
    await company.begun.wait()
    paying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await paying
    await asyncio.sleep(0)
    assert company.over == company.paid == 1


@pytest.mark.parametrize(
    ("answers", "paid", "ill"),
    [
        ([200, 200, 200], 3, False),
        ([503, 200, 200], 1, True),
        ([200, 200, 503], 3, True),
        ([200, 200, 200, 503], 3, False),
    ],
)
async def test_it_is_well_when_it_is_by_each_instance_of_the_entry(
    tmp_path: Path, answers: list[int], paid: int, *, ill: bool
) -> None:
    three = topology(tmp_path, DESCRIPTION.replace("web: {owner: us,", "web: {owner: us, instances: [{}, {}, {}],"))
    world = World(lambda world: Reply(status=answers[world.visits - 1]))
    clean = clean_class("browse", [await World(lambda _: Reply()).visit("browse", number=0)], deadline_s=1.0)

    async def pay() -> Visit:
        return await world.visit("browse", number=world.visits)

    last, why = await ill_by_a_way_in(three, pay, clean, deadline_s=1.0)

    assert (world.visits, bool(why)) == (paid, ill)
    assert last.exchanges[0].status == answers[paid - 1]
