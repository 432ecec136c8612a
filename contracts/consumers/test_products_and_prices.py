"""What pricing and recommendations need of the catalog, and the cart of pricing."""

from __future__ import annotations

import pytest
from cart.clients import PricingClient, Quote, QuoteLine, QuoteRequest
from kit.words import Line
from pact import match
from pricing.clients import CatalogClient as CatalogOfPricing
from recommendations.clients import CatalogClient as CatalogOfRecommendations

from contracts.consumers.agreeing import CUSTOMER, NO_SKU, SKU, Case, a_sku, agree, named
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback


def basket(sku: str) -> QuoteRequest:
    return QuoteRequest(items=[Line(sku=sku, quantity=2)], customer_id=CUSTOMER)


EDGES = {
    ("pricing", "catalog"): [
        Case(
            what="a request for the category of a product",
            given="a product exists",
            params={"sku": SKU},
            ask=lambda edge: CatalogOfPricing(edge).category(SKU),
            request=("GET", f"/products/{SKU}"),
            answer={"sku": SKU, "category": match.like("kitchen")},
            told="kitchen",
        ),
        Case(
            what="a request for the category of a product that does not exist",
            given="no product exists",
            params={"sku": NO_SKU},
            ask=lambda edge: CatalogOfPricing(edge).category(NO_SKU),
            request=("GET", f"/products/{NO_SKU}"),
            status=404,
            detail="there is no product sku-9999",
            told=None,
        ),
    ],
    ("recommendations", "catalog"): [
        Case(
            what="a request for all products",
            given="there are at most so many products",
            params={"most": 500},
            ask=lambda edge: CatalogOfRecommendations(edge).products(),
            request=("GET", "/products"),
            query={"limit": "500"},
            answer={"items": match.each_like({"sku": a_sku()}), "next": None},
            told=frozenset({SKU}),
        )
    ],
    ("cart", "pricing"): [
        Case(
            what="a request to price a cart",
            given="a price exists",
            params={"sku": SKU},
            ask=lambda edge: PricingClient(edge).quote(basket(SKU)),
            request=("POST", "/quotes"),
            body={"items": [{"sku": SKU, "quantity": 2}], "customer_id": CUSTOMER},
            answer={
                "total_cents": match.int(3998),
                "currency": "EUR",
                "lines": [{"sku": SKU, "quantity": 2, "amount_cents": match.int(3998)}],
            },
            told=Quote(total_cents=3998, currency="EUR", lines=[QuoteLine(sku=SKU, quantity=2, amount_cents=3998)]),
        ),
        Case(
            what="a request to price a cart with an unknown product",
            given="no price exists",
            params={"sku": NO_SKU},
            ask=lambda edge: PricingClient(edge).quote(basket(NO_SKU)),
            request=("POST", "/quotes"),
            body={"items": [{"sku": NO_SKU, "quantity": 2}], "customer_id": CUSTOMER},
            status=404,
            told="there is no price of sku-9999",
        ),
    ],
}


@pytest.mark.parametrize(
    ("consumer", "provider", "case"), [(*edge, case) for edge, cases in EDGES.items() for case in cases], ids=named
)
async def test_it_understands(recording: PactRecording, consumer: str, provider: str, case: Case) -> None:
    await agree(recording, consumer, provider, case)
