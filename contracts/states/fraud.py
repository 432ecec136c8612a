"""States of fraud, each about an order of its own."""

from __future__ import annotations

import uuid

from asking import ask, new_order

from harness.contracts.states import ProviderState


async def scored_5_00(state: ProviderState) -> dict[str, str]:
    order = await new_order(state)
    wanted = {**order, "customer_id": str(uuid.uuid4()), "total_cents": 500}
    await ask("POST", f"{state.url}/scores", body=wanted, expect=200, headers=state.headers)
    return order


STATES = {
    "an order that nobody has heard of": new_order,
    "an order that was scored with a total of 5.00 EUR": scored_5_00,
}
