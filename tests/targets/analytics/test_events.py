from __future__ import annotations

import datetime as dt
import json

import pytest
from analytics.events import KNOWN, Counts, Event, OrderCancelled, OrderPlaced
from pydantic import ValidationError

ID = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"


def placed(**changed: object) -> str:
    event = {
        "event_id": ID,
        "order_id": ID,
        "customer_id": ID,
        "occurred_at": "2026-01-31T23:59:59.5+00:00",
        "items": [{"sku": "sku-0001", "quantity": 2}],
        "total_cents": 1250,
        "currency": "EUR",
    }
    return json.dumps(event | changed)


def test_a_placed_order_adds_an_order_and_its_total_to_its_day() -> None:
    event = OrderPlaced.model_validate_json(placed())
    assert event.counts == Counts(orders=1, revenue_cents=1250)
    assert event.occurred_at.date() == dt.date(2026, 1, 31)


def test_the_day_is_the_one_of_utc_wherever_the_producer_stands() -> None:
    event = OrderPlaced.model_validate_json(placed(occurred_at="2026-01-31T23:30:00-02:00"))
    assert event.occurred_at.date() == dt.date(2026, 2, 1)


def test_what_nobody_asked_for_is_kept_all_the_same() -> None:
    event = Event.model_validate_json(placed(gift_wrap=True))
    kept = json.loads(event.model_dump_json(exclude_unset=True))
    assert kept["gift_wrap"] is True
    assert kept.keys() == json.loads(placed(gift_wrap=True)).keys()


def test_an_event_that_counts_for_nothing_is_kept_without_counting() -> None:
    assert Event.model_validate_json(placed()).counts == Counts()
    assert OrderCancelled.model_validate_json(placed()).counts == Counts(cancellations=1)


@pytest.mark.parametrize(
    "changed",
    [
        {"event_id": "one"},
        {"event_id": 1},
        {"order_id": "one"},
        {"sku": "lamp"},
        {"total_cents": "1250"},
        {"total_cents": 0},
        {"total_cents": None},
        {"occurred_at": "yesterday"},
        {"occurred_at": 0},
        {"occurred_at": "2026-01-31T23:59:59"},
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_an_event_that_is_not_as_promised_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        OrderPlaced.model_validate_json(placed(**changed))


def test_every_subject_belongs_to_one_event() -> None:
    assert len(set(KNOWN.values())) == len(KNOWN) == 7
