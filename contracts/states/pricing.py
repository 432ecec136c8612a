"""States of pricing. Its prices are there from the start, so a state only makes sure of them."""

from __future__ import annotations

from typing import Any

from asking import ask, event_of, reads

from harness.contracts.states import ProviderState

CHANGED = "shop.pricing.changed"
SKU = "sku-0300"
"""The product whose price is changed, and changed back at once."""


async def price_changed(state: ProviderState) -> tuple[Any, dict[str, str]]:
    """Change a price and change it back; the event of that."""
    url = f"{state.url}/prices/{SKU}"
    price = await ask("GET", url, expect=200, headers=state.headers)
    for amount_cents in (price["amount_cents"] + 1, price["amount_cents"]):
        wanted = {"amount_cents": amount_cents, "currency": price["currency"]}
        await ask("PUT", url, body=wanted, expect=200, headers=state.headers)
    return await event_of(state, CHANGED, "sku", SKU)


STATES = {
    "a price exists": reads("/prices/{sku}", expect=200),
    "no price exists": reads("/prices/{sku}", expect=404),
}
MESSAGES = {"a price has changed": price_changed}
