"""Messages of orders: a real order is placed, and its event read from the bus."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import nats
from asking import ask, ask_until
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from harness.contracts.states import ProviderState

SUBJECT = "shop.orders.placed"
FINAL_WITHIN_S = 4.0
EVENT_WITHIN_S = 4.0
FROM_NOW = ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=DeliverPolicy.NEW)
"""An ephemeral consumer, of which the bus keeps nothing."""


async def order_placed(state: ProviderState) -> tuple[dict[str, Any], dict[str, str]]:
    """Place an order and wait for its event among those of other orders."""
    bus = await nats.connect(state.stores["bus"], connect_timeout=2, allow_reconnect=False)
    try:
        events = await bus.jetstream().subscribe(SUBJECT, config=FROM_NOW, ordered_consumer=False)
        order_id = await _placed(state)
        async with asyncio.timeout(EVENT_WITHIN_S):
            while True:
                event = json.loads((await events.next_msg(timeout=EVENT_WITHIN_S)).data)
                if event["order_id"] == order_id:
                    return event, {}
    finally:
        await bus.close()


async def _placed(state: ProviderState) -> str:
    headers = {**state.headers, "X-Customer": str(uuid.uuid4())}
    wanted = {"items": [{"sku": "sku-0001", "quantity": 1}], "card_token": "tok-pact-0001"}
    key = f"pact-{uuid.uuid4()}"
    accepted = await ask("POST", f"{state.url}/orders", headers=headers, key=key, body=wanted, expect=202)
    order = await ask_until(
        f"{state.url}/orders/{accepted['order_id']}",
        lambda order: order["status"] != "pending",
        headers=headers,
        within_s=FINAL_WITHIN_S,
    )
    if order["status"] != "confirmed":
        message = f"expected the order to be confirmed, found {order['status']}: {order['reason']}"
        raise AssertionError(message)
    return str(order["order_id"])


MESSAGES = {"an order was placed": order_placed}
