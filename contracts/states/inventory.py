"""States of inventory, each about an order of its own; whatever that holds is returned afterwards."""

from __future__ import annotations

from asking import ask, new_order, reads

from harness.contracts.states import ProviderState


async def held(state: ProviderState) -> dict[str, str]:
    order = await new_order(state)
    wanted = {**order, "items": [{"sku": state.params["sku"], "quantity": 2}]}
    key = f"reserve-{order['order_id']}"
    await ask("POST", f"{state.url}/reservations", key=key, body=wanted, expect=201, headers=state.headers)
    return order


async def released(state: ProviderState) -> dict[str, str]:
    order = await new_order(state)
    await _release(state, order["order_id"])
    return order


async def release(state: ProviderState) -> None:
    await _release(state, str(state.params["order_id"]))


async def _release(state: ProviderState, order_id: str) -> None:
    await ask("POST", f"{state.url}/reservations/{order_id}/release", expect=200, headers=state.headers)


OF_AN_ORDER = {
    "an order that nobody has heard of": new_order,
    "an order that holds two of a product": held,
    "an order whose reservation was released": released,
}
STATES = OF_AN_ORDER | {
    "there is stock of a product": reads("/stock/{sku}", expect=200),
    "there is no stock of a product": reads("/stock/{sku}", expect=404),
}
TEARDOWN = dict.fromkeys(OF_AN_ORDER, release)
