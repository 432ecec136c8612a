"""What the checkout saga needs of pricing, inventory, shipping, fraud and users; of payments, see beside.

Each verification works on an order of its own, whose id the provider state gives.
"""

from __future__ import annotations

import pytest
from kit.words import Line
from orders.clients import (
    FraudClient,
    InventoryClient,
    PricingClient,
    Quote,
    Reservation,
    ReservationState,
    Score,
    Shipment,
    ShipmentState,
    ShippingClient,
    UsersClient,
)
from pact import match

from contracts.consumers.agreeing import (
    CUSTOMER,
    NO_ORDER,
    NO_SKU,
    ORDER,
    OTHER_ID,
    SKU,
    Case,
    agree,
    an_id,
    from_state,
    named,
)
from harness.contracts.recording import PactRecording

pytestmark = pytest.mark.loopback
THIS_ORDER = from_state(ORDER, "${order_id}")
TWO = [Line(sku=SKU, quantity=2)]
NONE = [Line(sku=NO_SKU, quantity=2)]
NEW = "an order that nobody has heard of"


def key(step: str) -> dict[str, object]:
    return {"Idempotency-Key": from_state(f"{step}-{ORDER}", f"{step}-${{order_id}}")}


def items(sku: str) -> list[dict[str, object]]:
    return [{"sku": sku, "quantity": 2}]


PRICING = [
    Case(
        what="a request to price a basket",
        given="a price exists",
        params={"sku": SKU},
        ask=lambda edge: PricingClient(edge).quote(TWO, CUSTOMER),
        request=("POST", "/quotes"),
        body={"items": items(SKU), "customer_id": CUSTOMER},
        answer={"total_cents": match.int(3998), "currency": "EUR"},
        told=Quote(total_cents=3998, currency="EUR"),
    ),
    Case(
        what="a request to price a basket with an unknown product",
        given="no price exists",
        params={"sku": NO_SKU},
        ask=lambda edge: PricingClient(edge).quote(NONE, CUSTOMER),
        request=("POST", "/quotes"),
        body={"items": items(NO_SKU), "customer_id": CUSTOMER},
        status=404,
        told="there is no price of sku-9999",
    ),
]
RESERVE = {"order_id": THIS_ORDER, "items": items(SKU)}
CONFIRM = from_state(f"/reservations/{ORDER}/confirm", "/reservations/${order_id}/confirm")
RELEASE = from_state(f"/reservations/{ORDER}/release", "/reservations/${order_id}/release")
HELD = Reservation(order_id=ORDER, status="held")
RELEASED = ReservationState(order_id=ORDER, status="released")
INVENTORY = [
    Case(
        what="a request to reserve stock",
        given=NEW,
        ask=lambda edge: InventoryClient(edge).reserve(ORDER, TWO),
        request=("POST", "/reservations"),
        headers=key("reserve"),
        body=RESERVE,
        status=201,
        answer={"order_id": an_id(ORDER), "status": "held"},
        told=HELD,
    ),
    Case(
        what="a request to reserve stock, repeated",
        given="an order that holds two of a product",
        params={"sku": SKU},
        ask=lambda edge: InventoryClient(edge).reserve(ORDER, TWO),
        request=("POST", "/reservations"),
        headers=key("reserve"),
        body=RESERVE,
        status=201,
        answer={"order_id": an_id(ORDER), "status": "held"},
        told=HELD,
    ),
    Case(
        what="a request to reserve what is not there",
        given=NEW,
        ask=lambda edge: InventoryClient(edge).reserve(ORDER, NONE),
        request=("POST", "/reservations"),
        headers=key("reserve"),
        body={"order_id": THIS_ORDER, "items": items(NO_SKU)},
        status=409,
        told="out of stock: sku-9999",
    ),
    Case(
        what="a request to confirm a reservation",
        given="an order that holds two of a product",
        params={"sku": SKU},
        ask=lambda edge: InventoryClient(edge).confirm(ORDER),
        request=("POST", CONFIRM),
        headers=key("confirm"),
        answer={"order_id": an_id(ORDER), "status": "confirmed"},
        told=ReservationState(order_id=ORDER, status="confirmed"),
    ),
    Case(
        what="a request to confirm a reservation that there is not",
        ask=lambda edge: InventoryClient(edge).confirm(NO_ORDER),
        request=("POST", f"/reservations/{NO_ORDER}/confirm"),
        headers={"Idempotency-Key": f"confirm-{NO_ORDER}"},
        status=404,
        told=f"there is no reservation of order {NO_ORDER}",
    ),
    Case(
        what="a late request to confirm a reservation",
        given="an order whose reservation was released",
        ask=lambda edge: InventoryClient(edge).confirm(ORDER),
        request=("POST", CONFIRM),
        headers=key("confirm"),
        status=409,
        told=f"the reservation of order {ORDER} was released",
    ),
    Case(
        what="a request to release a reservation",
        given="an order that holds two of a product",
        params={"sku": SKU},
        ask=lambda edge: InventoryClient(edge).release(ORDER),
        request=("POST", RELEASE),
        headers=key("release"),
        answer={"order_id": an_id(ORDER), "status": "released"},
        told=RELEASED,
    ),
    Case(
        what="a request to release what was never reserved",
        given=NEW,
        ask=lambda edge: InventoryClient(edge).release(ORDER),
        request=("POST", RELEASE),
        headers=key("release"),
        answer={"order_id": an_id(ORDER), "status": "released"},
        told=RELEASED,
    ),
]
SHIP = {"order_id": THIS_ORDER, "items": items(SKU)}
SHIPMENT = {"shipment_id": an_id(OTHER_ID), "order_id": an_id(ORDER), "status": match.like("created")}
CANCEL = from_state(f"/shipments/{ORDER}/cancel", "/shipments/${order_id}/cancel")
TAKEN_BACK = {"order_id": an_id(ORDER), "status": match.regex("cancelled", regex="^(cancelled|recalled)$")}
MADE = Shipment(shipment_id=OTHER_ID, order_id=ORDER, status="created")
SHIPPING = [
    Case(
        what="a request for a shipment to a customer with a name",
        given=NEW,
        ask=lambda edge: ShippingClient(edge).ship(ORDER, TWO, "Customer 1"),
        request=("POST", "/shipments"),
        headers=key("ship"),
        body={**SHIP, "recipient": "Customer 1"},
        status=201,
        answer=SHIPMENT,
        told=MADE,
    ),
    Case(
        what="a request for a shipment to nobody in particular",
        given=NEW,
        ask=lambda edge: ShippingClient(edge).ship(ORDER, TWO, None),
        request=("POST", "/shipments"),
        headers=key("ship"),
        body={**SHIP, "recipient": None},
        status=201,
        answer=SHIPMENT,
        told=MADE,
    ),
    Case(
        what="a late request for a shipment",
        given="an order whose shipment was cancelled before it was made",
        ask=lambda edge: ShippingClient(edge).ship(ORDER, TWO, None),
        request=("POST", "/shipments"),
        headers=key("ship"),
        body={**SHIP, "recipient": None},
        status=409,
        told=f"the shipment of order {ORDER} was cancelled",
    ),
    Case(
        what="a request to cancel a shipment",
        given="an order with a shipment",
        ask=lambda edge: ShippingClient(edge).cancel(ORDER),
        request=("POST", CANCEL),
        headers=key("cancel"),
        answer=TAKEN_BACK,
        told=ShipmentState(order_id=ORDER, status="cancelled"),
    ),
    Case(
        what="a request to cancel a shipment that was never made",
        given=NEW,
        ask=lambda edge: ShippingClient(edge).cancel(ORDER),
        request=("POST", CANCEL),
        headers=key("cancel"),
        answer=TAKEN_BACK,
        told=ShipmentState(order_id=ORDER, status="cancelled"),
    ),
]
FRAUD = [
    Case(
        what="a request for the score of an order",
        given=NEW,
        ask=lambda edge: FraudClient(edge).score(ORDER, CUSTOMER, 3998),
        request=("POST", "/scores"),
        headers=key("score"),
        body={"order_id": THIS_ORDER, "customer_id": CUSTOMER, "total_cents": 3998},
        answer={
            "order_id": an_id(ORDER),
            "score": match.int(10),
            "decision": match.regex("accept", regex="^(accept|review)$"),
        },
        told=Score(order_id=ORDER, score=10, decision="accept"),
    ),
    Case(
        what="a request for the score of an order whose total has changed",
        given="an order that was scored with a total of 5.00 EUR",
        ask=lambda edge: FraudClient(edge).score(ORDER, CUSTOMER, 3998),
        request=("POST", "/scores"),
        headers=key("score"),
        body={"order_id": THIS_ORDER, "customer_id": CUSTOMER, "total_cents": 3998},
        status=409,
        told=f"order {ORDER} was scored with another customer or total",
    ),
]
USERS = [
    Case(
        what="a request for a customer's name",
        given="a customer exists",
        ask=lambda edge: UsersClient(edge).name(CUSTOMER),
        request=("GET", from_state(f"/customers/{CUSTOMER}", "/customers/${customer_id}")),
        answer={"customer_id": an_id(CUSTOMER), "name": match.regex("Customer 1", regex=".+")},
        told="Customer 1",
    ),
    Case(
        what="a request for the name of nobody",
        ask=lambda edge: UsersClient(edge).name(NO_ORDER),
        request=("GET", f"/customers/{NO_ORDER}"),
        status=404,
        told=f"there is no customer {NO_ORDER}",
    ),
]
PROVIDERS = {"pricing": PRICING, "inventory": INVENTORY, "shipping": SHIPPING, "fraud": FRAUD, "users": USERS}


@pytest.mark.parametrize(
    ("provider", "case"), [(name, case) for name, cases in PROVIDERS.items() for case in cases], ids=named
)
async def test_orders_understands(recording: PactRecording, provider: str, case: Case) -> None:
    await agree(recording, "orders", provider, case)
