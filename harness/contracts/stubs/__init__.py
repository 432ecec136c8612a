"""Stubs of providers: from a consumer's pact, or from the provider's OpenAPI document."""

from harness.contracts.stubs.from_pact import stub_of
from harness.contracts.stubs.model import Choice, Played, Reply, Request
from harness.contracts.stubs.play import Stub, choose

__all__ = ["Choice", "Played", "Reply", "Request", "Stub", "choose", "stub_of"]
