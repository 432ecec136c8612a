from __future__ import annotations

from typing import Any, cast

from gateway.answers import Cart
from gateway.clients import CartClient
from gateway.models import QuantityRequest
from kit.client import Call, Edge

SKU = "sku-0001"
CUSTOMER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"


class Asked:
    """An edge that answers with an empty cart, and keeps what was asked."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def call(self, call: Call, _answer: type[Any]) -> Cart:
        self.calls.append(call)
        return Cart(customer_id=CUSTOMER, items=[], total_cents=0, currency="EUR", degraded=[], version=7)


async def test_a_cart_is_asked_for_without_its_prices_while_others_are_turned_away() -> None:
    crowded = False
    edge = Asked()
    client = CartClient(cast("Edge", edge), lambda: crowded)
    await client.read(CUSTOMER, 7)
    crowded = True
    await client.read(CUSTOMER, 7)
    await client.clear(CUSTOMER, 7)
    assert [dict(call.more) for call in edge.calls] == [
        {"X-Cart-Version": "7"},
        {"X-Cart-Version": "7", "Prefer": "return=minimal"},
        {"X-Cart-Version": "7", "Prefer": "return=minimal"},
    ]


async def test_the_cart_is_told_with_each_request_what_its_customer_has_seen() -> None:
    edge = Asked()
    client = CartClient(cast("Edge", edge))
    await client.read(CUSTOMER, 4)
    await client.put(CUSTOMER, SKU, QuantityRequest(quantity=1), 5)
    await client.remove(CUSTOMER, SKU, 6)
    await client.clear(CUSTOMER, 7)
    assert [call.more["X-Cart-Version"] for call in edge.calls] == ["4", "5", "6", "7"]
