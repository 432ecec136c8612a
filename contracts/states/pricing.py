"""States of pricing. Its prices are there from the start, so a state only makes sure of them."""

from __future__ import annotations

from asking import ask

from harness.contracts.states import ProviderState


async def a_price(state: ProviderState) -> None:
    await ask("GET", f"{state.url}/prices/{state.params['sku']}", expect=200, headers=state.headers)


async def no_price(state: ProviderState) -> None:
    await ask("GET", f"{state.url}/prices/{state.params['sku']}", expect=404, headers=state.headers)


STATES = {
    "a price exists": a_price,
    "no price exists": no_price,
}
