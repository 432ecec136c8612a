"""States of search: it learns all products from the catalog's events, soon after the start."""

from __future__ import annotations

from asking import ask_until

from harness.contracts.states import ProviderState

LEARNT_WITHIN_S = 8.0


async def found(state: ProviderState) -> None:
    """More than one product is found by the word."""
    url = f"{state.url}/search?q={state.params['word']}&limit=1"
    await ask_until(url, lambda page: page["next"] is not None, within_s=LEARNT_WITHIN_S, headers=state.headers)


STATES = {"products are found by a word": found}
