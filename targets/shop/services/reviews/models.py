"""What reviews is asked and what it answers."""

from __future__ import annotations

from typing import Annotated

from kit.words import Prose, Sku, Stars, Strict, Uuid
from pydantic import Field

Count = Annotated[int, Field(ge=0)]


class ReviewRequest(Strict):
    """What a customer says of a product."""

    sku: Sku
    rating: Stars
    text: Prose


class Review(Strict):
    """A review as it stands."""

    review_id: Uuid
    sku: Sku
    customer_id: Uuid
    rating: Stars
    text: Prose
    written_at: str


class ReviewPage(Strict):
    """A page of a list; `next` is the address of the one after it."""

    items: list[Review]
    next: str | None


class Summary(Strict):
    """How many reviews there are of a product, and the sum of their ratings."""

    count: Count
    total: Count


class Rating(Strict):
    """What a product's reviews say in short; without reviews there is no average."""

    sku: Sku
    average: Annotated[float, Field(ge=1, le=5)] | None
    count: Count


def rating(sku: str, summary: Summary) -> Rating:
    """The summary as others see it."""
    average = round(summary.total / summary.count, 2) if summary.count else None
    return Rating(sku=sku, average=average, count=summary.count)
