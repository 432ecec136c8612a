"""What the gateway's pages need of inventory, reviews, recommendations, search and the monolith."""

from __future__ import annotations

import pytest
from gateway import answers, models
from gateway.clients import InventoryClient, MonolithClient, RecommendationsClient, ReviewsClient, SearchClient
from pact import match

from contracts.consumers.agreeing import NO_SKU, OTHER_ID, SKU, Case, a_sku, agree, an_id, from_state, named
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback
RATED = "sku-0003"
FREE = "sku-7001"
KEY = "review-00000001"
WRITTEN_AT = "2026-01-01T12:00:00+00:00"
PRAISE = models.ReviewRequest(rating=5, text="It does what its name says.")

INVENTORY = [
    Case(
        what="a request for the stock of a product",
        given="there is stock of a product",
        params={"sku": SKU},
        ask=lambda edge: InventoryClient(edge).stock(SKU),
        request=("GET", f"/stock/{SKU}"),
        answer={"sku": SKU, "available": match.int(7)},
        told=answers.Stock(sku=SKU, available=7),
    ),
    Case(
        what="a request for the stock of a product that does not exist",
        given="there is no stock of a product",
        params={"sku": NO_SKU},
        ask=lambda edge: InventoryClient(edge).stock(NO_SKU),
        request=("GET", f"/stock/{NO_SKU}"),
        status=404,
        told="there is no stock of sku-9999",
    ),
]
REVIEWS = [
    Case(
        what="a request for the rating of a product",
        given="a product has reviews",
        params={"sku": RATED},
        ask=lambda edge: ReviewsClient(edge).rating(RATED),
        request=("GET", f"/ratings/{RATED}"),
        answer={"sku": RATED, "average": match.number(3.5), "count": match.int(4)},
        told=answers.ProductRating(sku=RATED, average=3.5, count=4),
    ),
    Case(
        what="a request for the rating of a product without reviews",
        given="a product has no reviews",
        params={"sku": NO_SKU},
        ask=lambda edge: ReviewsClient(edge).rating(NO_SKU),
        request=("GET", f"/ratings/{NO_SKU}"),
        answer={"sku": NO_SKU, "average": None, "count": 0},
        told=answers.ProductRating(sku=NO_SKU, average=None, count=0),
    ),
    Case(
        what="a request to publish a review",
        given="the customer has not reviewed a product",
        ask=lambda edge: ReviewsClient(edge).write(FREE, PRAISE, KEY),
        request=("POST", "/reviews"),
        headers={"Idempotency-Key": from_state(KEY, "${key}")},
        body={"sku": from_state(FREE, "${sku}"), "rating": 5, "text": PRAISE.text},
        status=201,
        answer={
            "review_id": an_id(OTHER_ID),
            "sku": a_sku(FREE),
            "rating": 5,
            "text": PRAISE.text,
            "written_at": match.like(WRITTEN_AT),
        },
        told=answers.Review(review_id=OTHER_ID, sku=FREE, rating=5, text=PRAISE.text, written_at=WRITTEN_AT),
    ),
    Case(
        what="a request to publish a review with a key that was used for another one",
        given="the customer has reviewed a product with one star",
        ask=lambda edge: ReviewsClient(edge).write(FREE, PRAISE, KEY),
        request=("POST", "/reviews"),
        headers={"Idempotency-Key": from_state(KEY, "${key}")},
        body={"sku": from_state(FREE, "${sku}"), "rating": 5, "text": PRAISE.text},
        status=409,
        told="the idempotency key was used for another review",
    ),
]
RECOMMENDATIONS = [
    Case(
        what="a request for what goes with a product",
        given="recommendations were computed",
        params={"sku": SKU},
        ask=lambda edge: RecommendationsClient(edge).best(SKU),
        request=("GET", f"/recommendations/{SKU}"),
        answer={"sku": SKU, "items": match.each_like(a_sku("sku-0008"))},
        told=answers.Recommendations(sku=SKU, items=["sku-0008"]),
    )
]
SEARCH = [
    Case(
        what="a search that finds more than a page",
        given="products are found by a word",
        params={"word": "kettle"},
        ask=lambda edge: SearchClient(edge).find("kettle", 0, 1),
        request=("GET", "/search"),
        query={"q": "kettle", "after": "0", "limit": "1"},
        answer={
            "items": match.each_like({"sku": a_sku(), "name": match.like("Sturdy kettle 1")}),
            "next": match.regex("/search?q=kettle&after=1&limit=1", regex=r"^/search\?.*$"),
        },
        told=answers.SearchResult(
            items=[answers.Found(sku=SKU, name="Sturdy kettle 1")], next="/search?q=kettle&after=1&limit=1"
        ),
    ),
    Case(
        what="a search that finds nothing",
        ask=lambda edge: SearchClient(edge).find("no such word", 0, 20),
        request=("GET", "/search"),
        query={"q": "no such word", "after": "0", "limit": "20"},
        answer={"items": [], "next": None},
        told=answers.SearchResult(items=[], next=None),
    ),
]
MONOLITH = [
    Case(
        what="a request for a product of the old shop",
        given="the old shop has a product",
        params={"sku": SKU},
        ask=lambda edge: MonolithClient(edge).product(SKU),
        request=("GET", f"/legacy/products/{SKU}"),
        answer={
            "sku": SKU,
            "name": match.like("Sturdy kettle 1"),
            "description": match.like("It boils water."),
            "price_cents": match.int(1999),
        },
        told=answers.LegacyProduct(sku=SKU, name="Sturdy kettle 1", description="It boils water.", price_cents=1999),
    ),
    Case(
        what="a request for a product that the old shop does not have",
        given="the old shop lacks a product",
        params={"sku": NO_SKU},
        ask=lambda edge: MonolithClient(edge).product(NO_SKU),
        request=("GET", f"/legacy/products/{NO_SKU}"),
        status=404,
        told="there is no product sku-9999",
    ),
]
PROVIDERS = {
    "inventory": INVENTORY,
    "reviews": REVIEWS,
    "recommendations": RECOMMENDATIONS,
    "search": SEARCH,
    "monolith": MONOLITH,
}


@pytest.mark.parametrize(
    ("provider", "case"), [(name, case) for name, cases in PROVIDERS.items() for case in cases], ids=named
)
async def test_the_gateway_understands(recording: PactRecording, provider: str, case: Case) -> None:
    await agree(recording, "gateway", provider, case)
