"""States of users: each signs up a customer of its own."""

from __future__ import annotations

import uuid

from asking import ask

from harness.contracts.states import ProviderState

PASSWORD = "demo-password"  # noqa: S105 -- of nobody


def _email() -> str:
    return f"pact-{uuid.uuid4()}@shop.example"


async def nobody(_state: ProviderState) -> dict[str, str]:
    return {"email": _email()}


async def somebody(state: ProviderState) -> dict[str, str]:
    email = _email()
    account = {"email": email, "password": state.params.get("password", PASSWORD), "name": "Customer of a pact"}
    made = await ask("POST", f"{state.url}/accounts", body=account, expect=201, headers=state.headers)
    return {"email": email, "customer_id": str(made["customer_id"])}


async def secret(state: ProviderState) -> dict[str, str]:
    """What this run has drawn for a service."""
    return {"secret": state.secrets[str(state.params["service"])]}


STATES = {
    "nobody has an e-mail address": nobody,
    "a customer has an e-mail address": somebody,
    "a customer exists": somebody,
    "the secret of a service": secret,
}
