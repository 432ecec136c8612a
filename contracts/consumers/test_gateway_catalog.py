"""What the product page needs of the catalog."""

from __future__ import annotations

import pytest
from gateway.clients import CatalogClient
from kit.client import Edge, Limits
from kit.trouble import Refused
from pact import match

from harness.contracts.recording import PactRecording

PATIENT = Limits(deadline_s=5.0, attempt_s=5.0, attempts=1)
"""The mock provider is slow on a busy machine; how long the gateway waits is for experiments to judge."""
pytestmark = pytest.mark.loopback


async def test_a_product_has_a_name_a_description_and_a_category(recording: PactRecording) -> None:
    with recording.consumer("gateway", "catalog") as catalog:
        (
            catalog.upon_receiving("a request for a product")
            .given("a product exists", sku="sku-0001")
            .with_request("GET", "/products/sku-0001")
            .will_respond_with(200)
            .with_body(
                {
                    "sku": "sku-0001",
                    "name": match.like("Sturdy kettle"),
                    "description": match.like("It boils water."),
                    "category": match.like("kitchen"),
                },
                content_type="application/json",
            )
        )
        with catalog.serve() as url:
            async with Edge("catalog", {"catalog-1": url}, PATIENT) as edge:
                product = await CatalogClient(edge).product("sku-0001")

        assert (product.sku, product.name) == ("sku-0001", "Sturdy kettle")
        assert (product.description, product.category) == ("It boils water.", "kitchen")


async def test_a_product_that_does_not_exist_is_a_definite_no(recording: PactRecording) -> None:
    with recording.consumer("gateway", "catalog") as catalog:
        (
            catalog.upon_receiving("a request for a product that does not exist")
            .given("no product exists", sku="sku-9999")
            .with_request("GET", "/products/sku-9999")
            .will_respond_with(404)
            .with_body(
                {
                    "type": match.like("about:blank"),
                    "title": match.like("Not Found"),
                    "status": 404,
                    "detail": match.like("there is no product sku-9999"),
                },
                content_type="application/problem+json",
            )
        )
        with catalog.serve() as url:
            async with Edge("catalog", {"catalog-1": url}, PATIENT) as edge:
                with pytest.raises(Refused) as refused:
                    await CatalogClient(edge).product("sku-9999")

        assert (refused.value.status, refused.value.detail) == (404, "there is no product sku-9999")
