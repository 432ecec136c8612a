from __future__ import annotations

import datetime as dt
import email
import email.policy

import pytest
from notifications.letters import envelope, letter
from notifications.models import EVENTS, OrderCancelled, OrderPlaced, Told
from pydantic import ValidationError

EVENT, ORDER, SHIPMENT = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
AT = "2026-03-01T12:00:00.000+00:00"
FULL = {
    "event_id": EVENT,
    "order_id": ORDER,
    "occurred_at": AT,
    "items": [{"sku": "sku-0001", "quantity": 2, "colour": "red"}],
    "total_cents": 12305,
    "amount_cents": 5,
    "currency": "EUR",
    "reason": "changed\r\nBcc: everybody@shop.example",
    "shipment_id": SHIPMENT,
}


@pytest.mark.parametrize(
    ("subject", "says"),
    [
        ("shop.orders.placed", "2 x sku-0001\nfor 123.05 EUR"),
        ("shop.orders.cancelled", "changed Bcc: everybody@shop.example"),
        ("shop.payments.received", "0.05 EUR"),
        ("shop.shipping.dispatched", SHIPMENT),
        ("shop.shipping.delivered", SHIPMENT),
    ],
)
def test_each_event_has_its_letter(subject: str, says: str) -> None:
    event = EVENTS[subject].model_validate(FULL)
    assert says in letter(event).text
    assert envelope_of(event) == envelope_of(event)


def envelope_of(event: Told) -> bytes:
    return envelope(event.event_id, event.order_id, event.occurred_at, letter(event))


def test_the_mail_can_be_read_by_others_and_holds_no_header_from_the_event() -> None:
    read = email.message_from_bytes(envelope_of(OrderCancelled.model_validate(FULL)), policy=email.policy.default)
    assert sorted(read.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
    )
    assert read["To"] == f"order-{ORDER}@customers.shop.example"
    assert read["Date"].datetime == dt.datetime.fromisoformat(AT)
    assert ORDER in read.get_content()


@pytest.mark.parametrize(
    "wrong",
    [{"event_id": "../../etc/passwd"}, {"order_id": "1"}, {"occurred_at": "yesterday"}, {"total_cents": "1"}],
)
def test_an_event_that_is_not_as_promised_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        OrderPlaced.model_validate(FULL | wrong)
