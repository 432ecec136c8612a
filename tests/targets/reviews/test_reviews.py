from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kit.cache import Cache
from kit.postgres import Postgres
from kit.trouble import Refused
from reviews.models import Rating, ReviewRequest, Summary, rating
from reviews.store import SCHEMA, Reviews
from reviews.summaries import Summaries

from harness.model.system import StoreKind
from tests.targets.stores import REDIS, Stores, postgres_of, running_stores

pytestmark = pytest.mark.loopback
NEW = "sku-0001"
"""A product without reviews at first."""


@dataclass
class Shop:
    stores: Stores
    postgres: Postgres
    cache: Cache
    reviews: Reviews
    summaries: Summaries

    async def write(self, stars: int, sku: str = NEW) -> None:
        """As the API does it, for a customer who wasn't here before."""
        wanted = ReviewRequest(sku=sku, rating=stars, text="Just so.")
        await self.reviews.add(str(uuid.uuid4()), wanted, str(uuid.uuid4()))
        await self.summaries.count(sku)

    async def written_behind(self, sku: str = NEW) -> tuple[int, int] | None:
        row = await self.postgres.fetchrow("SELECT count, total FROM summaries WHERE sku = $1", sku)
        return None if row is None else (row["count"], row["total"])


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with running_stores(tmp_path / "stores", postgres_of("reviews"), REDIS) as stores:
        postgres, cache = await stores.postgres("reviews", SCHEMA), stores.cache()
        reviews = Reviews(postgres)
        yield Shop(stores, postgres, cache, reviews, Summaries(reviews, cache, flush_s=0.05))
        await cache.close()
        await postgres.close()


async def test_a_customer_reviews_a_product_once_and_may_repeat_herself(shop: Shop) -> None:
    customer, wanted = str(uuid.uuid4()), ReviewRequest(sku=NEW, rating=4, text="I like it.")
    first, again = [await shop.reviews.add(customer, wanted, "key-00000001") for _ in range(2)]
    assert first == again
    with pytest.raises(Refused, match="another review") as other_text:
        await shop.reviews.add(customer, wanted.model_copy(update={"rating": 1}), "key-00000001")
    with pytest.raises(Refused, match="has reviewed sku-0001 before") as twice:
        await shop.reviews.add(customer, wanted, "key-00000002")
    assert other_text.value.status == twice.value.status == 409
    other = await shop.reviews.add(str(uuid.uuid4()), wanted, "key-00000001")
    assert [review.review_id for review in (await shop.reviews.page(NEW, 0, 10)).items] == [
        first.review_id,
        other.review_id,
    ]


async def test_the_same_review_sent_many_times_at_once_is_one(shop: Shop) -> None:
    customer, wanted = str(uuid.uuid4()), ReviewRequest(sku=NEW, rating=4, text="I like it.")
    sent = await asyncio.gather(*(shop.reviews.add(customer, wanted, "key-00000001") for _ in range(10)))
    assert len({review.review_id for review in sent}) == 1
    assert (await shop.summaries.read(NEW)).count == 1


async def test_a_third_of_the_products_have_reviews_from_the_start_and_pages_hold_them_all(shop: Shop) -> None:
    seen, after = [], 0
    while True:
        page = await shop.reviews.page(None, after, 100)
        seen += page.items
        if page.next is None:
            break
        after = int(page.next.partition("after=")[2].partition("&")[0])
    assert len({review.sku for review in seen}) == 100
    assert len({review.review_id for review in seen}) == len(seen) == 250
    of_one = (await shop.reviews.page("sku-0003", 0, 2)).next
    assert of_one is not None
    assert of_one.startswith("/reviews?sku=sku-0003&after=")


async def test_a_rating_counts_every_review_at_once_before_and_after_it_is_written_behind(shop: Shop) -> None:
    assert await shop.summaries.read(NEW) == Rating(sku=NEW, average=None, count=0)
    for stars, average in ((5, 5.0), (4, 4.5), (4, 4.33)):
        await shop.write(stars)
        assert (await shop.summaries.read(NEW)).average == average
    assert await shop.written_behind() is None
    await shop.reviews.sum_up()
    assert await shop.written_behind() == (3, 13)
    await shop.write(1)
    assert await shop.summaries.read(NEW) == Rating(sku=NEW, average=3.5, count=4)


async def test_summaries_are_written_within_the_time_they_have(shop: Shop) -> None:
    writing = asyncio.create_task(shop.summaries.run())
    await shop.write(3)
    async with asyncio.timeout(5):
        while await shop.written_behind() != (1, 3):  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(0.01)
    writing.cancel()


async def test_no_review_is_summed_up_twice_however_many_do_it(shop: Shop) -> None:
    for stars in (1, 2, 3):
        await shop.write(stars)
    summed = await asyncio.gather(*(shop.reviews.sum_up() for _ in range(5)))
    assert sum(summed) == 253
    assert await shop.written_behind() == (3, 6)
    assert await shop.reviews.sum_up() == 0


async def test_reviews_of_one_product_written_at_the_same_time_are_all_seen(shop: Shop) -> None:
    await shop.summaries.read(NEW)
    await asyncio.gather(*(shop.write(1 + number % 5) for number in range(20)))
    assert await shop.summaries.read(NEW) == Rating(sku=NEW, average=3.0, count=20)


async def test_what_redis_has_lost_is_worked_out_from_the_reviews(shop: Shop) -> None:
    for stars in (5, 4):
        await shop.write(stars)
    await shop.reviews.sum_up()
    await shop.write(3)
    await shop.cache.run(lambda redis: redis.flushall())
    assert await shop.summaries.read(NEW) == Rating(sku=NEW, average=4.0, count=3)


async def test_without_redis_ratings_are_right_and_redis_learns_of_them_when_it_is_back(shop: Shop) -> None:
    await shop.write(5)
    await shop.stores.kill(StoreKind.REDIS)
    await shop.write(1)
    assert await shop.summaries.read(NEW) == Rating(sku=NEW, average=3.0, count=2)
    await shop.stores.start(StoreKind.REDIS)
    writing = asyncio.create_task(shop.summaries.run())
    async with asyncio.timeout(10):
        while shop.summaries._uncounted or shop.cache.away:  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(0.01)
    assert "2 " in str(await shop.cache.run(lambda redis: redis.get(f"reviews:summary:{NEW}")))
    writing.cancel()


@pytest.mark.parametrize(("summary", "average"), [((0, 0), None), ((1, 1), 1.0), ((3, 14), 4.67), ((3, 15), 5.0)])
def test_an_average_has_two_places_and_needs_a_review(summary: tuple[int, int], average: float | None) -> None:
    assert rating(NEW, Summary(count=summary[0], total=summary[1])).average == average
