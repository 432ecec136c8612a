from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import nats
import pytest

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.e2e
ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
WITHIN_S = 20.0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("analytics")
    with running(partial("analytics", to=directory), directory / "run") as system:
        yield system


class Publisher:
    """Puts events on the bus as their producers do."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def publish(self, *events: tuple[str, dict[str, Any] | bytes]) -> None:
        client = await nats.connect(self._url, allow_reconnect=False, connect_timeout=5)
        try:
            stream = client.jetstream(timeout=5)
            for subject, event in events:
                payload = event if isinstance(event, bytes) else json.dumps(event).encode()
                await stream.publish(subject, payload)
        finally:
            await client.close()


@pytest.fixture
def bus(up: Up) -> Publisher:
    return Publisher(up.store_address("bus", "analytics"))


def event(day: str, **fields: object) -> dict[str, Any]:
    return {"event_id": str(uuid.uuid4()), "occurred_at": f"{day}T12:00:00+00:00", "order_id": ORDER, **fields}


def figures(up: Up, day: str) -> dict[str, Any]:
    found: dict[str, Any] = up.ask("analytics", "GET", f"/figures?day={day}").json()
    return found


def stored(up: Up) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    path = "/events?limit=2"
    while path:
        page = up.ask("analytics", "GET", path).json()
        items += page["items"]
        path = page["next"]
    return items


def await_stored(up: Up, wanted: dict[str, Any]) -> dict[str, Any]:
    """The event as the warehouse has it, once it does."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [each for each in stored(up) if each["event_id"] == wanted["event_id"]]
        return bool(found)

    until(there, within_s=WITHIN_S, what=f"analytics stores {wanted}")
    return found[0]


async def test_a_day_sums_up_its_orders_in_whatever_order_events_arrive(up: Up, bus: Publisher) -> None:
    day = "2026-01-31"
    placed = event(day, total_cents=1250, currency="EUR", items=[{"sku": "sku-0001", "quantity": 1}])
    last = event(day, total_cents=1, currency="EUR", items=[])
    await bus.publish(
        ("shop.orders.cancelled", event(day, reason="she changed her mind")),
        ("shop.orders.placed", placed),
        ("shop.orders.placed", last),
    )
    await_stored(up, last)
    assert figures(up, day) == {"day": day, "orders": 2, "revenue_cents": 1251, "cancellations": 1}


async def test_an_event_that_is_delivered_twice_counts_once(up: Up, bus: Publisher) -> None:
    day = "2026-02-01"
    placed, last = event(day, total_cents=100), event(day, total_cents=10)
    await bus.publish(("shop.orders.placed", placed), ("shop.orders.placed", placed), ("shop.orders.placed", last))
    await_stored(up, last)
    assert figures(up, day) == {"day": day, "orders": 2, "revenue_cents": 110, "cancellations": 0}
    assert [each["event_id"] for each in stored(up)].count(placed["event_id"]) == 1


async def test_what_cannot_be_read_is_put_aside_and_the_rest_goes_on(up: Up, bus: Publisher) -> None:
    day = "2026-02-02"
    last = event(day, total_cents=10)
    await bus.publish(
        ("shop.orders.placed", b"{"), ("shop.orders.placed", event(day, total_cents=-1)), ("shop.orders.placed", last)
    )
    await_stored(up, last)
    assert figures(up, day)["orders"] == 1


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("shop.orders.placed", "OrderPlaced"),
        ("shop.orders.cancelled", "OrderCancelled"),
        ("shop.payments.received", "PaymentReceived"),
        ("shop.shipping.dispatched", "ShipmentDispatched"),
        ("shop.shipping.delivered", "DeliveryConfirmed"),
        ("shop.catalog.changed", "ProductChanged"),
        ("shop.pricing.changed", "PriceChanged"),
    ],
)
async def test_every_event_is_kept_with_all_that_it_said(up: Up, bus: Publisher, subject: str, name: str) -> None:
    told = event("2026-02-03", total_cents=5, sku="sku-0001", more={"of": "it"})
    await bus.publish((subject, told))
    kept = await_stored(up, told)
    assert (kept["name"], kept["order_id"], kept["sku"]) == (name, ORDER, "sku-0001")
    payload = json.loads(kept["payload"])
    assert payload["more"] == {"of": "it"}
    assert payload.keys() == told.keys()


def test_a_day_of_which_nothing_is_known_has_no_figures(up: Up) -> None:
    assert figures(up, "1999-12-31") == {"day": "1999-12-31", "orders": 0, "revenue_cents": 0, "cancellations": 0}


@pytest.mark.parametrize(
    "day", ["", "2026-02-30", "2026-1-31", "20260131", "1700000000", "2026-01-31T00:00:00", "today"]
)
def test_what_is_no_day_is_refused(up: Up, day: str) -> None:
    assert up.ask("analytics", "GET", f"/figures?day={day}").status_code == 422


@pytest.mark.parametrize("path", ["/events", "/figures?day=2026-01-31"])
def test_nobody_reads_without_a_token(up: Up, path: str) -> None:
    answer = up.ask("analytics", "GET", path, headers={"Authorization": ""})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_what_was_published_while_analytics_was_away_is_taken_once_when_it_is_back(
    up: Up, bus: Publisher
) -> None:
    day = "2026-02-04"
    first, second = event(day, total_cents=1), event(day, total_cents=2)
    await bus.publish(("shop.orders.placed", first))
    up.kill("analytics")
    await bus.publish(("shop.orders.placed", second), ("shop.orders.placed", first))
    up.start("analytics")
    await_stored(up, first)
    await_stored(up, second)
    assert figures(up, day) == {"day": day, "orders": 2, "revenue_cents": 3, "cancellations": 0}
