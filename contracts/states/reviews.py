"""States of reviews.

What is written stays, so it's about products that the shop doesn't have: nobody looks at those.
"""

from __future__ import annotations

import random
import uuid

from asking import ask

from harness.contracts.states import ProviderState

FIRST_FREE, LAST_FREE = 5000, 9998
TRIES = 20


async def _rating(state: ProviderState, sku: str) -> int:
    """By how many a product was reviewed."""
    rating = await ask("GET", f"{state.url}/ratings/{sku}", expect=200, headers=state.headers)
    return int(rating["count"])


async def reviewed(state: ProviderState) -> None:
    assert await _rating(state, str(state.params["sku"])) > 0


async def not_reviewed(state: ProviderState) -> None:
    assert await _rating(state, str(state.params["sku"])) == 0


async def not_reviewed_by_customer(state: ProviderState) -> dict[str, str]:
    for _ in range(TRIES):
        sku = f"sku-{random.randint(FIRST_FREE, LAST_FREE)}"  # noqa: S311 -- any that is free will do
        if await _rating(state, sku) == 0:
            return {"sku": sku, "key": f"pact-{uuid.uuid4()}"}
    message = f"expected a product without a review between {FIRST_FREE} and {LAST_FREE}, found none"
    raise AssertionError(message)


async def reviewed_with_one_star(state: ProviderState) -> dict[str, str]:
    values = await not_reviewed_by_customer(state)
    review = {"sku": values["sku"], "rating": 1, "text": "It does not do what its name says."}
    await ask("POST", f"{state.url}/reviews", key=values["key"], body=review, expect=201, headers=state.headers)
    return values


STATES = {
    "a product has reviews": reviewed,
    "a product has no reviews": not_reviewed,
    "the customer has not reviewed a product": not_reviewed_by_customer,
    "the customer has reviewed a product with one star": reviewed_with_one_star,
}
