"""States of the registry: leases of instances that there are not; each is given back afterwards."""

from __future__ import annotations

import aiohttp
from asking import ask

from harness.contracts.states import ProviderState

LEASE_S = 30


async def leased(state: ProviderState) -> None:
    service = state.params["service"]
    lease = {
        "service": service,
        "instance": state.params["instance"],
        "zone": "a",
        "version": "1.0.0",
        "owner": service,
        "documents": ["/openapi.json"],
        "lease_s": LEASE_S,
    }
    await ask("POST", f"{state.url}/leases", body=lease, expect=201, headers=state.headers)


async def not_leased(state: ProviderState) -> None:
    """Whether there was a lease to give back or not."""
    async with (
        aiohttp.ClientSession(headers=state.headers) as session,
        session.delete(f"{state.url}/leases/{state.params['instance']}") as answer,
    ):
        assert answer.status in {200, 404}, f"expected the lease to be given back, found {answer.status}"


STATES = {"an instance holds a lease": leased, "an instance without a lease": not_leased}
TEARDOWN = dict.fromkeys(STATES, not_leased)
