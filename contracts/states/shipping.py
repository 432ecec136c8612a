"""States and messages of shipping, each about an order of its own; its shipment is taken back afterwards."""

from __future__ import annotations

from typing import Any

from asking import ask, event_of, from_database, new_order

from harness.contracts.states import ProviderState

DISPATCHED = "shop.shipping.dispatched"
DELIVERED = "shop.shipping.delivered"
# The courier carries what is due; nobody waits until it would be.
DUE = {
    DISPATCHED: "UPDATE shipments SET placed_at = now() - interval '1 day' WHERE order_id = $1::text::uuid",
    DELIVERED: "UPDATE shipments SET placed_at = now() - interval '1 day', status = 'dispatched',"
    " dispatched_at = now() - interval '1 day' WHERE order_id = $1::text::uuid",
}


async def made(state: ProviderState) -> dict[str, str]:
    order = await new_order(state)
    wanted = {**order, "items": [{"sku": "sku-0001", "quantity": 2}], "recipient": None}
    key = f"ship-{order['order_id']}"
    await ask("POST", f"{state.url}/shipments", key=key, body=wanted, expect=201, headers=state.headers)
    return order


async def cancelled(state: ProviderState) -> dict[str, str]:
    order = await new_order(state)
    await _cancel(state, order["order_id"])
    return order


async def cancel(state: ProviderState) -> None:
    await _cancel(state, str(state.params["order_id"]))


async def _cancel(state: ProviderState, order_id: str) -> None:
    await ask("POST", f"{state.url}/shipments/{order_id}/cancel", expect=200, headers=state.headers)


async def _carried(state: ProviderState, subject: str) -> tuple[Any, dict[str, str]]:
    order_id = (await made(state))["order_id"]
    try:
        await from_database(state, DUE[subject], order_id)
        return await event_of(state, subject, "order_id", order_id)
    finally:
        await _cancel(state, order_id)


async def has_left(state: ProviderState) -> tuple[Any, dict[str, str]]:
    return await _carried(state, DISPATCHED)


async def has_arrived(state: ProviderState) -> tuple[Any, dict[str, str]]:
    return await _carried(state, DELIVERED)


STATES = {
    "an order that nobody has heard of": new_order,
    "an order with a shipment": made,
    "an order whose shipment was cancelled before it was made": cancelled,
}
TEARDOWN = dict.fromkeys(STATES, cancel)
MESSAGES = {"a shipment has left": has_left, "a shipment has arrived": has_arrived}
