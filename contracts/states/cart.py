"""States of the cart: it is that of the customer for whom the harness acts."""

from __future__ import annotations

from typing import Any

from asking import ask, ask_until, customer

from harness.contracts.states import ProviderState

SKU = "sku-0001"
MOST_ITEMS = 20
PRICED_WITHIN_S = 5.0


def _cart(state: ProviderState) -> str:
    return f"{state.url}/carts/{customer(state)}"


async def _put(state: ProviderState, sku: str) -> Any:
    return await ask("PUT", f"{_cart(state)}/items/{sku}", body={"quantity": 2}, expect=200, headers=state.headers)


async def empty(state: ProviderState) -> dict[str, str]:
    await ask("DELETE", _cart(state), expect=200, headers=state.headers)
    return {"customer_id": customer(state)}


async def with_something(state: ProviderState) -> dict[str, str]:
    """Two of a product, and their price is known."""
    await empty(state)
    await _put(state, SKU)
    cart = await ask_until(_cart(state), lambda it: not it["degraded"], within_s=PRICED_WITHIN_S, headers=state.headers)
    return {"customer_id": customer(state), "version": str(cart["version"])}


async def full(state: ProviderState) -> dict[str, str]:
    await empty(state)
    others = (f"sku-{number:04d}" for number in range(101, 101 + MOST_ITEMS))
    for sku in others:
        assert sku != state.params["sku"]
        await _put(state, sku)
    return {"customer_id": customer(state)}


STATES = {
    "an empty cart": empty,
    "a cart with something in it": with_something,
    "a cart with as many products as it takes, but not this one": full,
}
TEARDOWN = dict.fromkeys(STATES, empty)
