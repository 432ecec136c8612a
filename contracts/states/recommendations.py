"""States of recommendations: its job computes soon after the start, and then there is always something."""

from __future__ import annotations

from asking import ask_until

from harness.contracts.states import ProviderState

COMPUTED_WITHIN_S = 8.0


async def computed(state: ProviderState) -> None:
    url = f"{state.url}/recommendations/{state.params['sku']}"
    await ask_until(url, lambda found: bool(found["items"]), within_s=COMPUTED_WITHIN_S, headers=state.headers)


STATES = {"recommendations were computed": computed}
