"""What orders asks of others: each method carries out one step of the saga, and may be repeated."""

from __future__ import annotations

from typing import Annotated, Literal

from kit.client import Call, Edge, Limits
from kit.words import Cents, Line, Lines, Strict, Tolerant
from pydantic import Field

PRICING = Limits(deadline_s=0.9, attempt_s=0.8, attempts=1)
INVENTORY = Limits(deadline_s=1.1, attempt_s=1.0, attempts=1)
PAYMENTS = Limits(deadline_s=1.1, attempt_s=1.0, attempts=1)
SHIPPING = Limits(deadline_s=1.1, attempt_s=1.0, attempts=1)
FRAUD = Limits(deadline_s=0.3, attempt_s=0.25, attempts=1)
USERS = Limits(deadline_s=0.3, attempt_s=0.25, attempts=1)
"""One attempt each: it's the saga that tries again, and retries belong into one layer only."""


class QuoteRequest(Strict):
    """A basket to be priced, and for whom: what she pays is what her cart said."""

    items: Lines
    customer_id: str


class Quote(Tolerant):
    """What the basket costs."""

    total_cents: Cents
    currency: Literal["EUR"]


class ReservationRequest(Strict):
    """What to hold for an order."""

    order_id: str
    items: Lines


class Reservation(Tolerant):
    """What is held."""

    order_id: str
    status: Literal["held"]


class ReservationState(Tolerant):
    """What became of a reservation."""

    order_id: str
    status: Literal["confirmed", "released"]


class ChargeRequest(Strict):
    """What to charge for an order."""

    order_id: str
    amount_cents: Cents
    card_token: str


class Charge(Tolerant):
    """What was charged."""

    charge_id: str
    order_id: str
    amount_cents: Cents
    status: Literal["captured"]


class Refund(Tolerant):
    """What was given back."""

    order_id: str
    refunded_cents: Annotated[int, Field(ge=0)]


class ScoreRequest(Strict):
    """An order to be judged."""

    order_id: str
    customer_id: str
    total_cents: Cents


class Score(Tolerant):
    """How risky an order looks."""

    order_id: str
    score: Annotated[int, Field(ge=0, le=100)]
    decision: Literal["accept", "review"]


class ShipmentRequest(Strict):
    """What to send; without a recipient the label bears no name."""

    order_id: str
    items: Lines
    recipient: str | None


class Shipment(Tolerant):
    """What will be sent."""

    shipment_id: str
    order_id: str
    status: str


class ShipmentState(Tolerant):
    """What became of a shipment."""

    order_id: str
    status: Literal["cancelled", "recalled"]


class Customer(Tolerant):
    """Who ordered."""

    customer_id: str
    name: str


class PricingClient:
    """orders → pricing."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def quote(self, items: list[Line], customer_id: str) -> Quote:
        """Price a basket; Refused 404 when it holds an unknown product."""
        body = QuoteRequest(items=items, customer_id=customer_id)
        call = Call(method="POST", path="/quotes", body=body, refusals=frozenset({404, 422}))
        return await self.edge.call(call, Quote, subject=customer_id)


class InventoryClient:
    """orders → inventory."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def reserve(self, order_id: str, items: list[Line]) -> Reservation:
        """Hold stock; Refused 409 when it is short."""
        call = Call(
            method="POST",
            path="/reservations",
            body=ReservationRequest(order_id=order_id, items=items),
            key=f"reserve-{order_id}",
            expect=201,
            refusals=frozenset({409, 422}),
        )
        return await self.edge.call(call, Reservation)

    async def confirm(self, order_id: str) -> ReservationState:
        """Sell what is held; Refused 404 or 409 when nothing is held any more."""
        path = f"/reservations/{order_id}/confirm"
        call = Call(method="POST", path=path, key=f"confirm-{order_id}", refusals=frozenset({404, 409}))
        return await self.edge.call(call, ReservationState)

    async def release(self, order_id: str) -> ReservationState:
        """Return what is held or sold, and refuse what may come late."""
        call = Call(method="POST", path=f"/reservations/{order_id}/release", key=f"release-{order_id}")
        return await self.edge.call(call, ReservationState)


class PaymentsClient:
    """orders → payments."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def charge(self, order_id: str, amount_cents: int, card_token: str) -> Charge:
        """Charge a card once; Refused 402 when it is declined, 409 when the order was refunded."""
        call = Call(
            method="POST",
            path="/charges",
            body=ChargeRequest(order_id=order_id, amount_cents=amount_cents, card_token=card_token),
            key=f"charge-{order_id}",
            expect=201,
            refusals=frozenset({402, 409, 422}),
        )
        return await self.edge.call(call, Charge)

    async def refund(self, order_id: str) -> Refund:
        """Give back what was charged, and refuse what may come late."""
        call = Call(method="POST", path=f"/charges/{order_id}/refund", key=f"refund-{order_id}")
        return await self.edge.call(call, Refund)


class ShippingClient:
    """orders → shipping."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def ship(self, order_id: str, items: list[Line], recipient: str | None) -> Shipment:
        """Have a shipment made, to leave once the order is placed; Refused 409 when it was cancelled before."""
        call = Call(
            method="POST",
            path="/shipments",
            body=ShipmentRequest(order_id=order_id, items=items, recipient=recipient),
            key=f"ship-{order_id}",
            expect=201,
            refusals=frozenset({409, 422}),
        )
        return await self.edge.call(call, Shipment)

    async def cancel(self, order_id: str) -> ShipmentState:
        """Keep a shipment here or call it back, and refuse what may come late."""
        call = Call(method="POST", path=f"/shipments/{order_id}/cancel", key=f"cancel-{order_id}")
        return await self.edge.call(call, ShipmentState)


class FraudClient:
    """orders → fraud."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def score(self, order_id: str, customer_id: str, total_cents: int) -> Score:
        """How risky an order looks."""
        body = ScoreRequest(order_id=order_id, customer_id=customer_id, total_cents=total_cents)
        call = Call(method="POST", path="/scores", body=body, key=f"score-{order_id}", refusals=frozenset({409, 422}))
        return await self.edge.call(call, Score)


class UsersClient:
    """orders → users."""

    def __init__(self, edge: Edge) -> None:
        self.edge = edge

    async def name(self, customer_id: str) -> str:
        """The customer's name; Refused 404 when nobody has that id."""
        call = Call(method="GET", path=f"/customers/{customer_id}", refusals=frozenset({404, 422}))
        return (await self.edge.call(call, Customer)).name
