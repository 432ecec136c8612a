"""States of the catalog. Its products are there from the start, so a state only makes sure of them."""

from __future__ import annotations

from typing import Any

from asking import ask, event_of, reads

from harness.contracts.states import ProviderState

CHANGED = "shop.catalog.changed"
SKU = "sku-0300"
"""The product whose change is told of; it is changed back at once."""


async def at_most(state: ProviderState) -> None:
    """There are no more products than fit on one page of that size."""
    page = await ask("GET", f"{state.url}/products?limit={state.params['most']}", expect=200, headers=state.headers)
    assert page["next"] is None, f"expected at most {state.params['most']} products, found more"


async def product_changed(state: ProviderState) -> tuple[Any, dict[str, str]]:
    """Change a product and change it back; the event of that."""
    url = f"{state.url}/products/{SKU}"
    product = await ask("GET", url, expect=200, headers=state.headers)
    text = {name: product[name] for name in ("name", "description", "category")}
    for name in (f"{text['name']} again", text["name"]):
        await ask("PUT", url, body=text | {"name": name}, expect=200, headers=state.headers)
    return await event_of(state, CHANGED, "sku", SKU)


STATES = {
    "a product exists": reads("/products/{sku}", expect=200),
    "no product exists": reads("/products/{sku}", expect=404),
    "there are at most so many products": at_most,
}
MESSAGES = {"a product has changed": product_changed}
