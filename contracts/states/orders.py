"""States and messages of orders: real orders are placed, and their events read from the outbox."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from asking import POLL_S, ask, ask_until, customer, event_of, from_database

from harness.contracts.states import ProviderState

PLACED = "shop.orders.placed"
CANCELLED = "shop.orders.cancelled"
GOOD_CARD, BAD_CARD = "tok-pact-0001", "tok-declined-0001"
FINAL_WITHIN_S = 6.0
LISTED_WITHIN_S = 3.0
_LISTED = "SELECT seq FROM my_orders WHERE order_id = $1::text::uuid AND status = 'confirmed'"


async def new_customer(_state: ProviderState) -> dict[str, str]:
    return {"key": f"pact-{uuid.uuid4()}"}


async def of_one_product(state: ProviderState) -> dict[str, str]:
    key = (await new_customer(state))["key"]
    await _place(state, key=key, card=GOOD_CARD)
    return {"key": key}


async def confirmed(state: ProviderState) -> dict[str, str]:
    return {"order_id": await _ended(state, card=GOOD_CARD, as_it_should="confirmed")}


async def refused(state: ProviderState) -> dict[str, str]:
    return {"order_id": await _ended(state, card=BAD_CARD, as_it_should="refused")}


async def two_confirmed(state: ProviderState) -> dict[str, str]:
    """Where the page begins that has the first of them, and another after it."""
    first = (await confirmed(state))["order_id"]
    second = (await confirmed(state))["order_id"]
    async with asyncio.timeout(LISTED_WITHIN_S):
        while await from_database(state, _LISTED, second) is None:  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(POLL_S)
        return {"after": str(await from_database(state, _LISTED, first) - 1)}


async def order_placed(state: ProviderState) -> tuple[Any, dict[str, str]]:
    order = await confirmed(state)
    return await event_of(state, PLACED, "order_id", order["order_id"])


async def order_cancelled(state: ProviderState) -> tuple[Any, dict[str, str]]:
    """An order that the shop refuses is off as one that its customer cancels."""
    order = await refused(state)
    return await event_of(state, CANCELLED, "order_id", order["order_id"])


async def _place(state: ProviderState, *, key: str, card: str) -> str:
    wanted = {"items": [{"sku": "sku-0001", "quantity": 1}], "card_token": card}
    accepted = await ask("POST", f"{state.url}/orders", headers=state.headers, key=key, body=wanted, expect=202)
    return str(accepted["order_id"])


async def _ended(state: ProviderState, *, card: str, as_it_should: str) -> str:
    order_id = await _place(state, key=f"pact-{uuid.uuid4()}", card=card)
    order = await ask_until(
        f"{state.url}/orders/{order_id}",
        lambda order: order["status"] != "pending",
        headers={**state.headers, "X-Customer": customer(state)},
        within_s=FINAL_WITHIN_S,
    )
    assert order["status"] == as_it_should, f"expected {as_it_should}, found {order['status']}: {order['reason']}"
    return order_id


STATES = {
    "a customer who has not ordered yet": new_customer,
    "an order of one product": of_one_product,
    "an order that was confirmed": confirmed,
    "an order that was refused": refused,
    "a customer with two orders that were confirmed": two_confirmed,
}
MESSAGES = {"an order was placed": order_placed, "an order was cancelled": order_cancelled}
