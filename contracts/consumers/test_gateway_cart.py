"""What the gateway needs of the cart."""

from __future__ import annotations

import pytest
from gateway.answers import Cart, Item
from gateway.clients import MINIMAL, CartClient
from gateway.models import QuantityRequest
from pact import match

from contracts.consumers.agreeing import CUSTOMER, SKU, Case, a_sku, agree, an_id, from_state, named
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback
VERSION = 1_700_000_000_000_001
PATH, PATH_EXPRESSION = f"/carts/{CUSTOMER}", "/carts/${customer_id}"
ITEM, ITEM_EXPRESSION = f"{PATH}/items/{SKU}", f"{PATH_EXPRESSION}/items/{SKU}"


def a_cart(items: object, total_cents: object) -> dict[str, object]:
    return {
        "customer_id": an_id(CUSTOMER),
        "items": items,
        "total_cents": total_cents,
        "currency": "EUR",
        "degraded": match.like([]),
        "version": match.int(VERSION),
    }


def read(items: list[Item], total_cents: int) -> Cart:
    return Cart(
        customer_id=CUSTOMER, items=items, total_cents=total_cents, currency="EUR", degraded=[], version=VERSION
    )


SEEN = {"X-Cart-Version": from_state(str(VERSION), "${version}")}
TWO = [Item(sku=SKU, quantity=2)]
EMPTY = a_cart([], 0)
CASES = [
    Case(
        what="a request for a cart, not older than a version",
        given="a cart with something in it",
        ask=lambda edge: CartClient(edge).read(CUSTOMER, VERSION),
        request=("GET", from_state(PATH, PATH_EXPRESSION)),
        headers=SEEN,
        answer=a_cart(match.each_like({"sku": a_sku(), "quantity": match.int(2)}), match.int(3998)),
        told=read(TWO, 3998),
    ),
    Case(
        what="a request for a cart, without its prices of now",
        given="a cart with something in it",
        ask=lambda edge: CartClient(edge, crowded=lambda: True).read(CUSTOMER, VERSION),
        request=("GET", from_state(PATH, PATH_EXPRESSION)),
        headers={**SEEN, **MINIMAL},
        answer=a_cart(match.each_like({"sku": a_sku(), "quantity": match.int(2)}), match.int(3998)),
        told=read(TWO, 3998),
    ),
    Case(
        what="a request for an empty cart",
        given="an empty cart",
        ask=lambda edge: CartClient(edge).read(CUSTOMER, 0),
        request=("GET", from_state(PATH, PATH_EXPRESSION)),
        headers={"X-Cart-Version": "0"},
        answer=EMPTY,
        told=read([], 0),
    ),
    Case(
        what="a request for a version of a cart that there never was",
        given="an empty cart",
        ask=lambda edge: CartClient(edge).read(CUSTOMER, 1),
        request=("GET", from_state(PATH, PATH_EXPRESSION)),
        headers={"X-Cart-Version": "1"},
        status=409,
        told="there was never a version 1",
    ),
    Case(
        what="a request to put two of a product into a cart",
        given="an empty cart",
        ask=lambda edge: CartClient(edge).put(CUSTOMER, SKU, QuantityRequest(quantity=2), 0),
        request=("PUT", from_state(ITEM, ITEM_EXPRESSION)),
        headers={"X-Cart-Version": "0"},
        body={"quantity": 2},
        answer=a_cart([{"sku": SKU, "quantity": 2}], match.int(3998)),
        told=read(TWO, 3998),
    ),
    Case(
        what="a request to put one more product into a full cart",
        given="a cart with as many products as it takes, but not this one",
        params={"sku": SKU},
        ask=lambda edge: CartClient(edge).put(CUSTOMER, SKU, QuantityRequest(quantity=2), 0),
        request=("PUT", from_state(ITEM, ITEM_EXPRESSION)),
        headers={"X-Cart-Version": "0"},
        body={"quantity": 2},
        status=409,
        told="the cart holds 20 different products already",
    ),
    Case(
        what="a request to take a product out of a cart",
        given="a cart with something in it",
        ask=lambda edge: CartClient(edge).remove(CUSTOMER, SKU, VERSION),
        request=("DELETE", from_state(ITEM, ITEM_EXPRESSION)),
        headers=SEEN,
        answer=EMPTY,
        told=read([], 0),
    ),
    Case(
        what="a request to empty a cart",
        given="a cart with something in it",
        ask=lambda edge: CartClient(edge).clear(CUSTOMER, VERSION),
        request=("DELETE", from_state(PATH, PATH_EXPRESSION)),
        headers=SEEN,
        answer=EMPTY,
        told=read([], 0),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_the_gateway_understands_the_cart(recording: PactRecording, case: Case) -> None:
    await agree(recording, "gateway", "cart", case)
