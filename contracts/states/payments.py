"""States of payments.

Each works on an order id of its own, so that pacts can be verified again and again against one running system,
and refunds it afterwards: no charge without an order stays in the ledger.
"""

from __future__ import annotations

import uuid
from typing import Any

from asking import ask, event_of

from harness.contracts.states import ProviderState

CARD = "tok-pact-0001"
RECEIVED = "shop.payments.received"


async def not_charged(_state: ProviderState) -> dict[str, str]:
    return {"order_id": str(uuid.uuid4())}


async def charged_19_99(state: ProviderState) -> dict[str, str]:
    return await _charged(state, 1999)


async def charged_5_00(state: ProviderState) -> dict[str, str]:
    return await _charged(state, 500)


async def refunded_before(state: ProviderState) -> dict[str, str]:
    order_id = str(uuid.uuid4())
    await ask("POST", f"{state.url}/charges/{order_id}/refund", expect=200, headers=state.headers)
    return {"order_id": order_id}


async def refund(state: ProviderState) -> None:
    """Take back whatever the interaction or its state charged."""
    await ask("POST", f"{state.url}/charges/{state.params['order_id']}/refund", expect=200, headers=state.headers)


async def received(state: ProviderState) -> tuple[Any, dict[str, str]]:
    """Charge an order, and refund it; the event that it was paid."""
    order_id = (await charged_19_99(state))["order_id"]
    try:
        return await event_of(state, RECEIVED, "order_id", order_id)
    finally:
        await ask("POST", f"{state.url}/charges/{order_id}/refund", expect=200, headers=state.headers)


async def _charged(state: ProviderState, amount_cents: int) -> dict[str, str]:
    order_id = str(uuid.uuid4())
    charge = {"order_id": order_id, "amount_cents": amount_cents, "card_token": CARD}
    await ask("POST", f"{state.url}/charges", key=f"charge-{order_id}", body=charge, expect=201, headers=state.headers)
    return {"order_id": order_id}


STATES = {
    "an order that was not charged": not_charged,
    "an order that was charged 19.99 EUR": charged_19_99,
    "an order that was charged 5.00 EUR": charged_5_00,
    "an order that was refunded before it was charged": refunded_before,
}
TEARDOWN = dict.fromkeys(STATES, refund)
MESSAGES = {"an order was paid": received}
