from __future__ import annotations

import datetime as dt

import pytest
from payments.events import payment_received
from payments.models import ChargeRequest
from pydantic import ValidationError

ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    "token", ["tok-visa-0001", "tok-load-4111111111111111", "tok-1", "tok-411111111111", "tok-41111111111111111111"]
)
def test_a_card_token_is_taken(token: str) -> None:
    assert ChargeRequest(order_id=ORDER, amount_cents=1, card_token=token).card_token == token


@pytest.mark.parametrize(
    "number",
    ["4111111111111111", "4111 1111 1111 1111", "tok-4111111111111111", "tok-4111-1111-1111-1111", "tok-4222222222222"],
)
def test_the_number_of_a_card_is_refused_and_not_repeated(number: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ChargeRequest(order_id=ORDER, amount_cents=1, card_token=number)
    assert all("4111" not in each["msg"] for each in caught.value.errors())


def test_an_event_is_the_same_whenever_it_is_made() -> None:
    at = dt.datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    one, two = payment_received(ORDER, 1999, at), payment_received(ORDER, 1999, at)
    assert one == two
    assert one.occurred_at == "2026-01-02T02:04:05.678+00:00"
    other = payment_received("00000000-0000-4000-8000-000000000001", 1999, at)
    assert other.event_id != one.event_id
