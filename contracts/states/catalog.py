"""States of the catalog. Its products are there from the start, so a state only makes sure of them."""

from __future__ import annotations

from asking import ask

from harness.contracts.states import ProviderState


async def a_product(state: ProviderState) -> None:
    await ask("GET", f"{state.url}/products/{state.params['sku']}", expect=200, headers=state.headers)


async def no_product(state: ProviderState) -> None:
    await ask("GET", f"{state.url}/products/{state.params['sku']}", expect=404, headers=state.headers)


STATES = {
    "a product exists": a_product,
    "no product exists": no_product,
}
