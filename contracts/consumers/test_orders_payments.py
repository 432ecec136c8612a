"""What the checkout saga needs of payments.

Each verification charges an order of its own, whose id the provider state gives, and which is refunded afterwards.
"""

from __future__ import annotations

import pytest
from kit.client import Edge, Limits
from kit.trouble import Refused
from orders.clients import PaymentsClient
from pact import generate, match

from harness.contracts.consumer import Consumer
from harness.contracts.recording import PactRecording

PATIENT = Limits(deadline_s=5.0, attempt_s=5.0, attempts=1)
"""The mock provider is slow on a busy machine; how long orders waits is for experiments to judge."""
ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
CHARGE = "0d3f0f4e-53a5-4d0f-8c8e-6a8f6f1f3a11"
CARD = "tok-pact-0001"
pytestmark = pytest.mark.loopback


def ask_to_charge(
    payments: Consumer, description: str, state: str | None, *, card_token: str = CARD, status: int = 201
) -> object:
    """Describe a request to charge 19.99 EUR; gives Pact's interaction, at its answer."""
    interaction = payments.upon_receiving(description)
    if state:
        interaction.given(state)
    order_id = match.like(ORDER, generator=generate.provider_state("${order_id}")) if state else ORDER
    key = match.like(f"charge-{ORDER}", generator=generate.provider_state("charge-${order_id}"))
    return (
        interaction.with_request("POST", "/charges")
        .with_header("Idempotency-Key", key if state else f"charge-{ORDER}")
        .with_body(
            {"order_id": order_id, "amount_cents": 1999, "card_token": card_token}, content_type="application/json"
        )
        .will_respond_with(status)
    )


def a_problem(status: int, title: str, detail: str) -> dict[str, object]:
    return {
        "type": match.like("about:blank"),
        "title": match.like(title),
        "status": status,
        "detail": match.like(detail),
    }


async def test_a_charge_tells_its_id_the_order_and_what_was_captured(recording: PactRecording) -> None:
    with recording.consumer("orders", "payments") as payments:
        answer = ask_to_charge(payments, "a request to charge an order", "an order that was not charged")
        answer.with_body(
            {
                "charge_id": match.uuid(CHARGE),
                "order_id": match.uuid(ORDER),
                "amount_cents": 1999,
                "status": "captured",
            },
            content_type="application/json",
        )
        with payments.serve() as url:
            async with Edge("payments", {"payments-1": url}, PATIENT) as edge:
                charge = await PaymentsClient(edge).charge(ORDER, 1999, CARD)

        assert (charge.charge_id, charge.order_id, charge.amount_cents) == (CHARGE, ORDER, 1999)


async def test_charging_again_with_the_same_key_is_answered_as_the_first_time(recording: PactRecording) -> None:
    with recording.consumer("orders", "payments") as payments:
        answer = ask_to_charge(
            payments, "a request to charge an order, repeated", "an order that was charged 19.99 EUR"
        )
        answer.with_body(
            {
                "charge_id": match.uuid(CHARGE),
                "order_id": match.uuid(ORDER),
                "amount_cents": 1999,
                "status": "captured",
            },
            content_type="application/json",
        )
        with payments.serve() as url:
            async with Edge("payments", {"payments-1": url}, PATIENT) as edge:
                charge = await PaymentsClient(edge).charge(ORDER, 1999, CARD)

        assert charge.status == "captured"


REFUSALS = [
    ("a request to charge a card that is declined", None, "tok-declined-0001", 402, "the card was declined"),
    (
        "a request to charge with a key that was used for another amount",
        "an order that was charged 5.00 EUR",
        CARD,
        409,
        "the idempotency key was used for another charge",
    ),
    (
        "a late request to charge an order that was refunded",
        "an order that was refunded before it was charged",
        CARD,
        409,
        "the order was refunded before",
    ),
]


@pytest.mark.parametrize(("description", "state", "card_token", "status", "detail"), REFUSALS)
async def test_a_charge_that_is_refused_is_a_definite_no(  # noqa: PLR0913, PLR0917 -- a table's columns
    recording: PactRecording, description: str, state: str | None, card_token: str, status: int, detail: str
) -> None:
    with recording.consumer("orders", "payments") as payments:
        answer = ask_to_charge(payments, description, state, card_token=card_token, status=status)
        answer.with_body(a_problem(status, "No", detail), content_type="application/problem+json")
        with payments.serve() as url:
            async with Edge("payments", {"payments-1": url}, PATIENT) as edge:
                with pytest.raises(Refused) as refused:
                    await PaymentsClient(edge).charge(ORDER, 1999, card_token)

        assert (status, detail) == (refused.value.status, refused.value.detail)


REFUNDS = [
    ("a request to refund a charge", "an order that was charged 19.99 EUR", 1999),
    ("a request to refund an order that was never charged", "an order that was not charged", 0),
]


@pytest.mark.parametrize(("description", "state", "refunded_cents"), REFUNDS)
async def test_a_refund_tells_how_much_was_given_back(
    recording: PactRecording, description: str, state: str, refunded_cents: int
) -> None:
    path = match.like(f"/charges/{ORDER}/refund", generator=generate.provider_state("/charges/${order_id}/refund"))
    with recording.consumer("orders", "payments") as payments:
        (
            payments.upon_receiving(description)
            .given(state)
            .with_request("POST", path)
            .will_respond_with(200)
            .with_body(
                {"order_id": match.uuid(ORDER), "refunded_cents": refunded_cents}, content_type="application/json"
            )
        )
        with payments.serve() as url:
            async with Edge("payments", {"payments-1": url}, PATIENT) as edge:
                refund = await PaymentsClient(edge).refund(ORDER)

        assert (ORDER, refunded_cents) == (refund.order_id, refund.refunded_cents)
