"""States of the gateway: what it shows is there from the start, once those that it asks have woken up."""

from __future__ import annotations

import asyncio

from asking import POLL_S, ask

from harness.contracts.states import ProviderState

SHOWN_WITHIN_S = 8.0


async def a_product(state: ProviderState) -> None:
    """The page of the product is shown; the first one of a run may come too late for the gateway's own deadline."""
    url = f"{state.url}/products/{state.params['sku']}"
    async with asyncio.timeout(SHOWN_WITHIN_S):
        while True:
            try:
                await ask("GET", url, expect=200, headers=state.headers)
            except AssertionError:
                await asyncio.sleep(POLL_S)
            else:
                return


STATES = {"a product exists": a_product}
