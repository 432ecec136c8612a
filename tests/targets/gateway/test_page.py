from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from gateway.answers import CatalogProduct, ProductPrice, ProductRating, Recommendations, Stock
from gateway.known import LastKnown
from gateway.models import Rating
from gateway.page import Page
from kit.trouble import Refused, Unavailable
from kit.words import Tolerant

SKU = "sku-0001"
SOFT_S = 0.05
Answer = TypeVar("Answer", bound=Tolerant)


def says(answer: Answer) -> Callable[..., Awaitable[Answer]]:
    async def ask(*_: str) -> Answer:
        return answer

    return ask


def fails(error: Exception) -> Callable[..., Awaitable[Answer]]:
    async def ask(*_: str) -> Answer:
        raise error

    return ask


async def silent(*_: str) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


AWAY = Unavailable("someone", "it is away", sent=False)
PRODUCT = CatalogProduct(sku=SKU, name="Sturdy kettle", description="It boils water.", category="kitchen")
PRICE = ProductPrice(sku=SKU, amount_cents=1999, currency="EUR")
STOCK = Stock(sku=SKU, available=7)
RATING = ProductRating(sku=SKU, average=4.5, count=2)
OTHERS = Recommendations(sku=SKU, items=["sku-0002"])


class Clock:
    def __init__(self) -> None:
        self.t = 100.0

    def __call__(self) -> float:
        return self.t


def whole(clock: Clock | None = None) -> Page:
    clock = clock or Clock()
    return Page(
        product=says(PRODUCT),
        price=says(PRICE),
        stock=says(STOCK),
        rating=says(RATING),
        others=says(OTHERS),
        soft_s=SOFT_S,
        known_ratings=LastKnown(clock=clock),
        known_others=LastKnown(clock=clock),
    )


async def test_a_page_shows_what_all_say() -> None:
    page = await whole().compose(SKU, "somebody")
    assert (page.name, page.category, page.price.amount_cents, page.stock) == ("Sturdy kettle", "kitchen", 1999, 7)
    assert (page.rating, page.recommendations, page.degraded) == (Rating(average=4.5, count=2), ["sku-0002"], [])


async def test_the_price_is_asked_for_the_subject_of_the_page() -> None:
    subjects = []

    async def price(_: str, subject: str) -> ProductPrice:
        subjects.append(subject)
        return PRICE

    await replace(whole(), price=price).compose(SKU, "somebody")
    assert subjects == ["somebody"]


async def test_a_product_that_nobody_has_reviewed_has_no_average() -> None:
    rating = ProductRating(sku=SKU, average=None, count=0)
    page = await replace(whole(), rating=says(rating)).compose(SKU, "somebody")
    assert (page.rating, page.degraded) == (Rating(average=None, count=0), [])


@pytest.mark.parametrize(
    "trouble", [fails(AWAY), fails(Refused(404, "there is none")), silent], ids=["lost", "refused", "late"]
)
@pytest.mark.parametrize(("part", "name"), [("stock", "stock"), ("rating", "rating"), ("others", "recommendations")])
async def test_a_page_leaves_out_and_names_a_soft_part_that_it_lacks(
    part: str, name: str, trouble: Callable[..., Awaitable[Tolerant]]
) -> None:
    page = await replace(whole(), **{part: trouble}).compose(SKU, "somebody")  # type: ignore[arg-type] # by its name
    assert page.degraded == [name]
    assert {"stock": page.stock, "rating": page.rating, "recommendations": page.recommendations}[name] in (None, [])


async def test_a_page_without_any_soft_part_waits_for_them_once_and_not_one_after_the_other() -> None:
    page = replace(whole(), stock=silent, rating=silent, others=silent)
    loop = asyncio.get_running_loop()
    began = loop.time()
    composed = await page.compose(SKU, "somebody")
    assert composed.degraded == ["stock", "rating", "recommendations"]
    assert SOFT_S <= loop.time() - began < 2 * SOFT_S


async def test_while_others_are_turned_away_nobody_is_asked_for_what_a_page_can_do_without() -> None:
    crowded = False
    asked: list[str] = []

    async def rating(sku: str) -> ProductRating:
        asked.append(sku)
        return RATING

    page = replace(whole(), rating=rating, crowded=lambda: crowded)
    assert (await page.compose(SKU, "somebody")).degraded == []
    crowded = True
    poorer = await page.compose(SKU, "somebody")
    assert poorer.degraded == ["stock", "rating", "recommendations"]
    assert (poorer.stock, poorer.rating, poorer.recommendations) == (None, Rating(average=4.5, count=2), ["sku-0002"])
    assert poorer.price.amount_cents == 1999
    assert asked == [SKU]


@pytest.mark.parametrize(
    ("part", "lie"),
    [
        ("stock", Stock(sku="sku-0002", available=7)),
        ("rating", ProductRating(sku="sku-0002", average=5.0, count=1)),
        ("others", Recommendations(sku="sku-0002", items=["sku-0003"])),
    ],
)
async def test_a_soft_part_that_speaks_of_another_product_is_left_out(part: str, lie: Tolerant) -> None:
    page = await replace(whole(), **{part: says(lie)}).compose(SKU, "somebody")  # type: ignore[arg-type] # by its name
    assert len(page.degraded) == 1


@pytest.mark.parametrize(
    ("part", "lie"),
    [
        ("product", PRODUCT.model_copy(update={"sku": "sku-0002"})),
        ("price", ProductPrice(sku="sku-0002", amount_cents=1, currency="EUR")),
    ],
)
async def test_a_hard_part_that_speaks_of_another_product_is_no_page(part: str, lie: Tolerant) -> None:
    with pytest.raises(Unavailable, match="it answered for sku-0002"):
        await replace(whole(), **{part: says(lie)}).compose(SKU, "somebody")  # type: ignore[arg-type] # by its name


@pytest.mark.parametrize("part", ["product", "price"])
async def test_there_is_no_page_without_a_hard_part_and_nobody_waits_for_the_rest(part: str) -> None:
    page = replace(whole(), soft_s=60.0, stock=silent, rating=silent, others=silent)
    async with asyncio.timeout(1.0):
        with pytest.raises(Unavailable):
            await replace(page, **{part: fails(AWAY)}).compose(SKU, "somebody")  # type: ignore[arg-type] # by its name


async def test_what_was_asked_for_a_page_that_failed_is_given_up() -> None:
    given_up = asyncio.Event()

    async def stock(_: str) -> Stock:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        raise AssertionError

    async def product(_: str) -> CatalogProduct:
        await asyncio.sleep(0)
        raise AWAY

    with pytest.raises(Unavailable):
        await replace(whole(), soft_s=60.0, stock=stock, product=product).compose(SKU, "somebody")
    async with asyncio.timeout(1.0):
        await given_up.wait()


async def test_an_unknown_product_is_a_404_though_nobody_prices_it() -> None:
    unknown = Refused(404, "there is no product")
    page = replace(whole(), product=fails(unknown), price=fails(Refused(404, "there is no price")))
    with pytest.raises(Refused) as caught:
        await page.compose(SKU, "somebody")
    assert caught.value.status == 404


async def test_a_product_without_a_price_is_unavailable_and_not_unknown() -> None:
    with pytest.raises(Unavailable, match="it knows no price"):
        await replace(whole(), price=fails(Refused(404, "there is no price"))).compose(SKU, "somebody")


async def test_the_last_known_rating_and_recommendations_are_shown_but_marked() -> None:
    page = whole()
    await page.compose(SKU, "somebody")
    composed = await replace(page, stock=fails(AWAY), rating=fails(AWAY), others=fails(AWAY)).compose(SKU, "somebody")
    assert (composed.rating, composed.recommendations) == (Rating(average=4.5, count=2), ["sku-0002"])
    assert composed.stock is None
    assert composed.degraded == ["stock", "rating", "recommendations"]


async def test_what_was_known_of_a_product_is_not_shown_for_another_or_after_a_minute() -> None:
    clock = Clock()
    page = whole(clock)
    await page.compose(SKU, "somebody")
    poor = replace(page, rating=fails(AWAY), others=fails(AWAY))
    other = replace(
        poor,
        product=says(PRODUCT.model_copy(update={"sku": "sku-0002"})),
        price=says(PRICE.model_copy(update={"sku": "sku-0002"})),
    )
    assert (await other.compose("sku-0002", "somebody")).rating is None
    clock.t += 61
    assert (await poor.compose(SKU, "somebody")).rating is None
