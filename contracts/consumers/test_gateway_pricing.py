"""What the product page needs of pricing."""

from __future__ import annotations

import pytest
from gateway.clients import PricingClient
from kit.client import Edge, Limits
from kit.trouble import Refused
from pact import match

from harness.contracts.recording import PactRecording

PATIENT = Limits(deadline_s=5.0, attempt_s=5.0, attempts=1)
"""The mock provider is slow on a busy machine; how long the gateway waits is for experiments to judge."""
pytestmark = pytest.mark.loopback


async def test_a_price_is_a_whole_number_of_cents_in_euro(recording: PactRecording) -> None:
    with recording.consumer("gateway", "pricing") as pricing:
        (
            pricing.upon_receiving("a request for a price")
            .given("a price exists", sku="sku-0001")
            .with_request("GET", "/prices/sku-0001")
            .will_respond_with(200)
            .with_body(
                {"sku": "sku-0001", "amount_cents": match.int(1999), "currency": "EUR"}, content_type="application/json"
            )
        )
        with pricing.serve() as url:
            async with Edge("pricing", {"pricing-1": url}, PATIENT) as edge:
                price = await PricingClient(edge).price("sku-0001", "somebody")

        assert (price.sku, price.amount_cents, price.currency) == ("sku-0001", 1999, "EUR")


async def test_a_product_without_a_price_is_a_definite_no(recording: PactRecording) -> None:
    with recording.consumer("gateway", "pricing") as pricing:
        (
            pricing.upon_receiving("a request for the price of a product that does not exist")
            .given("no price exists", sku="sku-9999")
            .with_request("GET", "/prices/sku-9999")
            .will_respond_with(404)
            .with_body(
                {
                    "type": match.like("about:blank"),
                    "title": match.like("Not Found"),
                    "status": 404,
                    "detail": match.like("there is no price of sku-9999"),
                },
                content_type="application/problem+json",
            )
        )
        with pricing.serve() as url:
            async with Edge("pricing", {"pricing-1": url}, PATIENT) as edge:
                with pytest.raises(Refused) as refused:
                    await PricingClient(edge).price("sku-9999", "somebody")

        assert refused.value.status == 404
