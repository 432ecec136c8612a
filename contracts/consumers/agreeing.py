"""What the consumers' tests have in common: one case is one interaction, and what the consumer's client makes of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from kit.client import Edge, Limits
from kit.trouble import Trouble
from pact import generate, match
from pact.match.matcher import GenericMatcher

from harness.contracts.consumer import Consumer
from harness.contracts.recording import PactRecording

PATIENT = Limits(deadline_s=5.0, attempt_s=5.0, attempts=1)
"""The mock provider is slow on a busy machine; how long a consumer waits is for experiments to judge."""
JSON = "application/json"
PROBLEM = "application/problem+json"
FIRST_REFUSAL = 400
SKU = "sku-0001"
NO_SKU = "sku-9999"
ORDER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
NO_ORDER = "00000000-0000-4000-8000-000000000000"
CUSTOMER = "8b097d70-c7fa-5cc3-b6e4-9c88b64b26cd"
OTHER_ID = "0d3f0f4e-53a5-4d0f-8c8e-6a8f6f1f3a11"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_EXPRESSION = re.compile(r"\\\$\\\{[^}]+\\\}")


def an_id(example: str) -> Any:
    """Whatever id the provider gives, in the form that the consumers insist on."""
    return match.regex(example, regex=f"^{_UUID}$")


def a_sku(example: str = SKU) -> Any:
    """The number of any product."""
    return match.regex(example, regex=r"^sku-\d{4}$")


def from_state(example: str, expression: str) -> Any:
    """A part of a request that the provider state decides, as in `/charges/${order_id}/refund`."""
    pattern = _EXPRESSION.sub("[0-9A-Za-z@._-]+", re.escape(expression))
    return GenericMatcher("regex", example, generate.provider_state(expression), regex=f"^{pattern}$")


def a_problem(status: int, detail: str) -> dict[str, object]:
    """A definite no; of its text consumers only show."""
    texts = {"type": "about:blank", "title": "No", "detail": detail}
    return {name: match.like(text) for name, text in texts.items()} | {"status": status}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One interaction: what the consumer asks, what it relies on in the answer, and what its client makes of that."""

    what: str
    ask: Callable[[Edge], Awaitable[object]]
    """The consumer's own client."""
    told: object
    """What `ask` gives; for a refusal that it raises, the detail."""
    request: tuple[str, object]
    """Method and path."""
    given: str | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, object] = field(default_factory=dict)
    body: object = None
    status: int = 200
    answer: object = None
    """Of a refusal nothing need be said: it's a problem."""
    detail: str = ""
    """What a refusal says, if the client makes something else of it."""

    def describe(self, provider: Consumer) -> None:
        """Write the interaction down, in Pact's words."""
        interaction = provider.upon_receiving(self.what)
        if self.given is not None:
            interaction.given(self.given, **self.params)
        interaction.with_request(*self.request)
        for name, value in self.query.items():
            interaction.with_query_parameter(name, value)
        for name, value in self.headers.items():
            interaction.with_header(name, value)
        if self.body is not None:
            interaction.with_body(self.body, content_type=JSON)
        interaction.will_respond_with(self.status)
        if self.status >= FIRST_REFUSAL:
            interaction.with_body(a_problem(self.status, self.detail or str(self.told)), content_type=PROBLEM)
        else:
            interaction.with_body(self.answer, content_type=JSON)

    async def exercise(self, provider: str, url: str) -> None:
        """Have the consumer ask, and see that it understands."""
        async with Edge(provider, {f"{provider}-1": url}, PATIENT) as edge:
            if self.status < FIRST_REFUSAL or self.detail:
                assert await self.ask(edge) == self.told
                return
            with pytest.raises(Trouble) as refused:
                await self.ask(edge)
        assert str(self.told) in refused.value.detail


async def agree(recording: PactRecording, consumer: str, provider: str, case: Case) -> None:
    """Record one interaction."""
    with recording.consumer(consumer, provider) as agreed:
        case.describe(agreed)
        with agreed.serve() as url:
            await case.exercise(provider, url)


def named(case: object) -> str | None:
    """What pytest calls a case."""
    return case.what if isinstance(case, Case) else None
