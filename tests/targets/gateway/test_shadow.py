from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from gateway.answers import LegacyProduct
from gateway.models import Price, ProductPage
from gateway.shadow import AT_ONCE, LARGEST_QUEUE, Outcome, Shadow, Shown, compare, shown
from kit.trouble import Refused, Unavailable

OLD = LegacyProduct(sku="sku-0001", name="Sturdy kettle", description="It boils water.", price_cents=1999)
PAGE = ProductPage(
    sku="sku-0001",
    name="Sturdy kettle",
    description="It boils water.",
    category="kitchen",
    price=Price(amount_cents=1999, currency="EUR"),
    stock=None,
    rating=None,
    recommendations=[],
    degraded=["stock", "rating"],
)


class Monolith:
    def __init__(self, answer: LegacyProduct | Exception = OLD) -> None:
        self.answer = answer
        self.asked = 0

    async def read(self, _: str) -> LegacyProduct:
        self.asked += 1
        await asyncio.sleep(0)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def shadow_of(monolith: Monolith, counted: Counter[Outcome], share: float = 1.0) -> Shadow:
    return Shadow(monolith.read, lambda: share, count=lambda outcome: counted.update([outcome]), chance=lambda: 0.5)


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({}, set()),
        ({"name": "Plain kettle"}, {"name"}),
        ({"description": ""}, {"description"}),
        ({"price_cents": 2000}, {"price_cents"}),
        ({"sku": "sku-0002", "price_cents": 1}, {"sku", "price_cents"}),
    ],
)
def test_the_fields_in_which_the_shops_differ_are_named(changed: dict[str, object], fields: set[str]) -> None:
    assert compare(shown(PAGE), OLD.model_copy(update=changed)).keys() == fields


def test_a_product_that_the_old_shop_lacks_differs() -> None:
    assert compare(shown(PAGE), None) == {"sku": ("sku-0001", "")}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (OLD, "match"),
        (OLD.model_copy(update={"price_cents": 2000}), "differs"),
        (Refused(404, "there is no product"), "differs"),
        (Unavailable("monolith", "it is away", sent=False), "failed"),
    ],
)
async def test_each_shadow_read_is_counted_once(answer: LegacyProduct | Exception, outcome: Outcome) -> None:
    counted: Counter[Outcome] = Counter()
    shadow = shadow_of(Monolith(answer), counted)
    await shadow.compare(shown(PAGE))
    assert counted == {outcome: 1}
    assert shadow.health()[outcome] == 1


async def test_the_last_difference_can_be_seen_by_field_and_is_cut_when_long() -> None:
    shadow = shadow_of(Monolith(OLD.model_copy(update={"description": "x" * 500})), Counter())
    await shadow.compare(shown(PAGE))
    assert shadow.health()["last_difference"] == {
        "sku": "sku-0001",
        "fields": {"description": {"new": "It boils water.", "old": "x" * 80}},
    }


async def test_only_the_share_that_the_flag_says_is_read_again() -> None:
    monolith = Monolith()
    for share, waiting in ((0.0, 0), (0.5, 0), (0.51, 1)):
        shadow = shadow_of(monolith, Counter(), share)
        await shadow.offer(PAGE)
        assert shadow.health()["waiting"] == waiting
    assert monolith.asked == 0


async def test_offering_never_waits_and_drops_what_is_too_much() -> None:
    counted: Counter[Outcome] = Counter()
    shadow = shadow_of(Monolith(), counted)
    async with asyncio.timeout(1.0):
        for _ in range(LARGEST_QUEUE + 3):
            await shadow.offer(PAGE)
    assert counted == {"dropped": 3}
    assert shadow.health()["waiting"] == LARGEST_QUEUE


async def test_a_monolith_that_hangs_is_asked_no_more_than_the_bulkhead_allows() -> None:
    asked: list[str] = []

    async def hang(sku: str) -> LegacyProduct:
        asked.append(sku)
        await asyncio.Event().wait()
        raise AssertionError

    shadow = Shadow(hang, lambda: 1.0, count=lambda _: None, chance=lambda: 0.0)
    for _ in range(10):
        await shadow.offer(PAGE)
    running = asyncio.create_task(shadow.run())
    try:
        async with asyncio.timeout(1.0):
            while len(asked) < AT_ONCE:  # noqa: ASYNC110 -- the workers are given their turns
                await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(asked) == AT_ONCE
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_only_what_both_shops_know_is_compared() -> None:
    assert shown(PAGE) == Shown(sku="sku-0001", name="Sturdy kettle", description="It boils water.", price_cents=1999)
