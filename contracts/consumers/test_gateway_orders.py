"""What the gateway needs of orders."""

from __future__ import annotations

import pytest
from gateway.answers import Cancellation, Item, ListedOrder, Order, OrderAccepted, OrderList
from gateway.clients import OrdersClient
from gateway.models import OrderRequest
from kit.words import Line
from pact import match

from contracts.consumers.agreeing import NO_ORDER, ORDER, SKU, Case, a_sku, agree, an_id, from_state, named
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback
KEY = "order-00000001"
CARD = "tok-pact-0001"
PLACED_AT = "2026-01-01T12:00:00+00:00"
BEYOND = 2**53
BASKET = OrderRequest(items=[Line(sku=SKU, quantity=2)], card_token=CARD)
BODY = {"items": [{"sku": SKU, "quantity": 2}], "card_token": CARD}
ITEMS = match.each_like({"sku": a_sku(), "quantity": match.int(2)})
STATUS = r"^(pending|confirmed|refused|cancelling|cancelled)$"
THIS_ORDER = from_state(f"/orders/{ORDER}", "/orders/${order_id}")
CANCEL_IT = from_state(f"/orders/{ORDER}/cancel", "/orders/${order_id}/cancel")
CASES = [
    Case(
        what="a request to place an order",
        given="a customer who has not ordered yet",
        ask=lambda edge: OrdersClient(edge).place(BASKET, KEY),
        request=("POST", "/orders"),
        headers={"Idempotency-Key": from_state(KEY, "${key}")},
        body=BODY,
        status=202,
        answer={"order_id": an_id(ORDER), "status": "pending"},
        told=OrderAccepted(order_id=ORDER, status="pending"),
    ),
    Case(
        what="a request to place an order with a key that was used for another one",
        given="an order of one product",
        ask=lambda edge: OrdersClient(edge).place(BASKET, KEY),
        request=("POST", "/orders"),
        headers={"Idempotency-Key": from_state(KEY, "${key}")},
        body=BODY,
        status=409,
        told="the idempotency key was used for another order",
    ),
    Case(
        what="a request for an order",
        given="an order that was confirmed",
        ask=lambda edge: OrdersClient(edge).read(ORDER),
        request=("GET", THIS_ORDER),
        answer={
            "order_id": an_id(ORDER),
            "status": "confirmed",
            "reason": None,
            "total_cents": match.int(3998),
            "items": ITEMS,
            "degraded": match.like([]),
        },
        told=Order(
            order_id=ORDER,
            status="confirmed",
            reason=None,
            total_cents=3998,
            items=[Item(sku=SKU, quantity=2)],
            degraded=[],
        ),
    ),
    Case(
        what="a request for an order that was refused",
        given="an order that was refused",
        ask=lambda edge: OrdersClient(edge).read(ORDER),
        request=("GET", THIS_ORDER),
        answer={
            "order_id": an_id(ORDER),
            "status": "refused",
            "reason": match.regex("the card was declined", regex=".+"),
            "total_cents": match.int(3998),
            "items": ITEMS,
            "degraded": match.like([]),
        },
        told=Order(
            order_id=ORDER,
            status="refused",
            reason="the card was declined",
            total_cents=3998,
            items=[Item(sku=SKU, quantity=2)],
            degraded=[],
        ),
    ),
    Case(
        what="a request for an order that does not exist",
        ask=lambda edge: OrdersClient(edge).read(NO_ORDER),
        request=("GET", f"/orders/{NO_ORDER}"),
        status=404,
        told=f"there is no order {NO_ORDER}",
    ),
    Case(
        what="a request for a page of a customer's orders",
        given="a customer with two orders that were confirmed",
        ask=lambda edge: OrdersClient(edge).mine(0, 1),
        request=("GET", "/orders/mine"),
        query={"after": from_state("0", "${after}"), "limit": "1"},
        answer={
            "items": match.each_like(
                {
                    "order_id": an_id(ORDER),
                    "status": match.regex("confirmed", regex=STATUS),
                    "reason": None,
                    "total_cents": match.int(3998),
                    "items": ITEMS,
                    "placed_at": match.like(PLACED_AT),
                }
            ),
            "next": match.regex("/orders/mine?after=7&limit=1", regex=r"^/orders/mine\?after=[0-9]+&limit=[0-9]+$"),
        },
        told=OrderList(
            items=[
                ListedOrder(
                    order_id=ORDER,
                    status="confirmed",
                    reason=None,
                    total_cents=3998,
                    items=[Item(sku=SKU, quantity=2)],
                    placed_at=PLACED_AT,
                )
            ],
            next="/orders/mine?after=7&limit=1",
        ),
    ),
    Case(
        what="a request for orders past the last one",
        ask=lambda edge: OrdersClient(edge).mine(BEYOND, 100),
        request=("GET", "/orders/mine"),
        query={"after": str(BEYOND), "limit": "100"},
        answer={"items": [], "next": None},
        told=OrderList(items=[], next=None),
    ),
    Case(
        what="a request to cancel an order",
        given="an order that was confirmed",
        ask=lambda edge: OrdersClient(edge).cancel(ORDER),
        request=("POST", CANCEL_IT),
        status=202,
        answer={"order_id": an_id(ORDER), "status": match.regex("cancelling", regex="^(cancelling|cancelled)$")},
        told=Cancellation(order_id=ORDER, status="cancelling"),
    ),
    Case(
        what="a request to cancel an order that was refused",
        given="an order that was refused",
        ask=lambda edge: OrdersClient(edge).cancel(ORDER),
        request=("POST", CANCEL_IT),
        status=409,
        told="the order is refused",
    ),
    Case(
        what="a request to cancel an order that does not exist",
        ask=lambda edge: OrdersClient(edge).cancel(NO_ORDER),
        request=("POST", f"/orders/{NO_ORDER}/cancel"),
        status=404,
        told=f"there is no order {NO_ORDER}",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=named)
async def test_the_gateway_understands_orders(recording: PactRecording, case: Case) -> None:
    await agree(recording, "gateway", "orders", case)
