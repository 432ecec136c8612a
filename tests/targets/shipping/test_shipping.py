from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import nats
import pytest

from tests.targets.partial import Up, partial, running, until

ITEMS = [{"sku": "sku-0001", "quantity": 20}, {"sku": "sku-0001", "quantity": 5}]
SOON = {"DISPATCH_S": "0.1", "DELIVERY_S": "0.3"}
pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("shipping")
    with running(partial("shipping", to=directory, env={"shipping": SOON}), directory / "runs") as up:
        yield up


def ship(up: Up, order_id: str, *, key: str = "", recipient: str | None = None, items: object = None) -> Any:
    body = {"order_id": order_id, "items": items or ITEMS, "recipient": recipient}
    headers = {"Idempotency-Key": key or f"ship-{order_id}"}
    return up.ask("shipping", "POST", "/shipments", json=body, headers=headers)


def cancel(up: Up, order_id: str) -> Any:
    return up.ask("shipping", "POST", f"/shipments/{order_id}/cancel").json()["status"]


def listed(up: Up, order_id: str) -> Any:
    items = up.ask("shipping", "GET", "/shipments?limit=500").json()["items"]
    return next((each for each in items if each["order_id"] == order_id), None)


def status(up: Up, order_id: str) -> Any:
    return listed(up, order_id)["status"]


def tell(up: Up, subject: str, about: str, **more: object) -> None:
    """Publish what orders publishes, as far as shipping reads it."""
    event = {"event_id": str(uuid.uuid4()), "order_id": about} | more

    async def run() -> None:
        client = await nats.connect(up.store_address("bus", "shipping"), allow_reconnect=False)
        try:
            await client.jetstream().publish(subject, json.dumps(event).encode())
        finally:
            await client.close()

    asyncio.run(run())


def heard(up: Up, order_id: str) -> list[str]:
    """The events of shipping on the bus about an order."""

    async def run() -> list[str]:
        client = await nats.connect(up.store_address("bus", "shipping"), allow_reconnect=False)
        try:
            stream = client.jetstream()
            found = []
            for seq in range(1, (await stream.stream_info("SHOP")).state.last_seq + 1):
                message = await stream.get_msg("SHOP", seq)
                subject, event = str(message.subject), json.loads(message.data or b"{}")
                if subject.startswith("shop.shipping.") and event.get("order_id") == order_id:
                    found.append(subject)
            return found
        finally:
            await client.close()

    return asyncio.run(run())


def test_a_shipment_is_made_once_and_its_label_names_whom_the_first_request_named(up: Up) -> None:
    order_id = str(uuid.uuid4())
    first = ship(up, order_id, recipient="Ada")
    assert first.status_code == 201
    assert first.json()["label"].endswith(" Ada")
    assert ship(up, order_id).json() == first.json()
    assert listed(up, order_id)["items"] == ITEMS


def test_without_a_recipient_the_label_bears_no_name(up: Up) -> None:
    made = ship(up, str(uuid.uuid4())).json()
    assert made["label"] == made["shipment_id"][:8].upper()


def test_a_key_or_an_order_that_was_used_for_something_else_is_refused(up: Up) -> None:
    order_id = str(uuid.uuid4())
    ship(up, order_id)
    assert ship(up, order_id, items=ITEMS[:1]).status_code == 409
    assert ship(up, order_id, key="another-key").status_code == 409
    assert ship(up, str(uuid.uuid4()), key=f"ship-{order_id}").status_code == 409


def test_a_shipment_leaves_once_its_order_is_placed_and_then_arrives_and_each_is_told_once(up: Up) -> None:
    waiting, order_id = str(uuid.uuid4()), str(uuid.uuid4())
    ship(up, waiting)
    ship(up, order_id)
    for _ in range(2):
        tell(up, "shop.orders.placed", order_id, something_new=True)
    until(lambda: status(up, order_id) == "delivered", within_s=8, what="it has arrived")
    told = ["shop.shipping.dispatched", "shop.shipping.delivered"]
    until(lambda: heard(up, order_id) == told, within_s=5, what="both events are on the bus, once")
    assert (status(up, waiting), listed(up, waiting)["cancelled"]) == ("created", False)


def test_what_is_cancelled_before_its_order_is_placed_never_leaves(up: Up) -> None:
    order_id, other = str(uuid.uuid4()), str(uuid.uuid4())
    for each in (order_id, other):
        ship(up, each)
    assert [cancel(up, order_id), cancel(up, order_id)] == ["cancelled", "cancelled"]
    for each in (order_id, other):
        tell(up, "shop.orders.placed", each)
    until(lambda: status(up, other) == "delivered", within_s=8, what="the other one has arrived")
    assert status(up, order_id) == "cancelled"
    assert heard(up, order_id) == []


def test_the_event_of_a_cancelled_order_does_the_same_and_may_come_first(up: Up) -> None:
    order_id, other = str(uuid.uuid4()), str(uuid.uuid4())
    ship(up, order_id)
    ship(up, other)
    tell(up, "shop.orders.cancelled", order_id)
    tell(up, "shop.orders.placed", order_id)
    tell(up, "shop.orders.placed", other)
    until(lambda: status(up, other) == "delivered", within_s=8, what="the other one has arrived")
    assert status(up, order_id) == "cancelled"


def test_a_shipment_that_is_asked_for_after_it_was_cancelled_is_refused(up: Up) -> None:
    order_id = str(uuid.uuid4())
    assert cancel(up, order_id) == "cancelled"
    assert ship(up, order_id).status_code == 409


def test_what_has_left_is_called_back(up: Up) -> None:
    order_id = str(uuid.uuid4())
    ship(up, order_id)
    tell(up, "shop.orders.placed", order_id)
    until(lambda: status(up, order_id) in {"dispatched", "delivered"}, within_s=8, what="it has left")
    assert cancel(up, order_id) == "recalled"
    assert (status(up, order_id), listed(up, order_id)["cancelled"]) == ("recalled", True)
    assert ship(up, order_id).status_code == 409


def test_an_event_that_cannot_be_read_is_put_aside_and_the_next_ones_are_taken(up: Up) -> None:
    order_id = str(uuid.uuid4())
    ship(up, order_id)
    tell(up, "shop.orders.placed", order_id, order_id="no id at all")
    tell(up, "shop.orders.placed", order_id)
    until(lambda: status(up, order_id) == "delivered", within_s=8, what="it has arrived")
