"""How the provider states ask a provider; a state that does not hold raises, which makes its pacts UNKNOWN."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import asyncpg

from harness.contracts.states import ProviderState, StateFunction

LIMIT = aiohttp.ClientTimeout(total=5)
POLL_S = 0.05
UNAVAILABLE = 503
AWAKE_WITHIN_S = 5.0
EVENT_WITHIN_S = 6.0
STORE_LIMIT_S = 2.0
_EVENT = "SELECT payload FROM outbox WHERE subject = $1 AND payload::jsonb ->> $2 = $3 ORDER BY seq DESC LIMIT 1"


async def ask(  # noqa: PLR0913 -- all by keyword, and a request has that many parts
    method: str,
    url: str,
    *,
    expect: int,
    key: str = "",
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """The JSON that is answered with the expected status; AssertionError for any other.

    A provider that says that it has done nothing, and can't just now, is asked again for some time: it may have started
    a moment ago, and it's the interaction that judges it, not the state.
    """
    sent = {**(headers or {})} | ({"Idempotency-Key": key} if key else {})
    until = asyncio.get_running_loop().time() + AWAKE_WITHIN_S
    async with aiohttp.ClientSession(timeout=LIMIT) as session:
        while True:
            async with session.request(method, url, json=body, headers=sent) as answer:
                text = await answer.text()
                if answer.status == expect:
                    return await answer.json(content_type=None)
                asleep = answer.status == UNAVAILABLE and "Retry-After" in answer.headers
                if not asleep or asyncio.get_running_loop().time() > until:
                    message = f"{method} {url}: expected {expect}, found {answer.status} {text:.200}"
                    raise AssertionError(message)
            await asyncio.sleep(POLL_S)


async def ask_until(
    url: str, holds: Callable[[Any], bool], *, within_s: float, headers: Mapping[str, str] | None = None
) -> Any:
    """Read `url` again and again until what it answers holds; TimeoutError when it doesn't in time."""
    async with asyncio.timeout(within_s):
        while not holds(answer := await ask("GET", url, expect=200, headers=headers)):  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(POLL_S)
        return answer


def reads(path: str, *, expect: int) -> StateFunction:
    """A state that is there from the start: it only makes sure that `path`, with its `{parameters}`, is answered so."""

    async def state_holds(state: ProviderState) -> None:
        await ask("GET", state.url + path.format(**state.params), expect=expect, headers=state.headers)

    return state_holds


async def new_order(_state: ProviderState) -> dict[str, str]:
    """An order that the provider has never heard of."""
    return {"order_id": str(uuid.uuid4())}


def customer(state: ProviderState) -> str:
    """The customer for whom the harness acts."""
    return state.headers["X-Customer"]


async def from_database(state: ProviderState, sql: str, *values: object) -> Any:
    """The first value that the provider's own database answers."""
    connection = await asyncpg.connect(state.stores["postgres"], timeout=STORE_LIMIT_S)
    try:
        return await connection.fetchval(sql, *values, timeout=STORE_LIMIT_S)
    finally:
        await connection.close(timeout=STORE_LIMIT_S)


async def event_of(state: ProviderState, subject: str, field: str, value: str) -> tuple[Any, dict[str, str]]:
    """The latest event of something, as it stands in the provider's outbox; TimeoutError when it doesn't in time."""
    connection = await asyncpg.connect(state.stores["postgres"], timeout=STORE_LIMIT_S)
    try:
        async with asyncio.timeout(EVENT_WITHIN_S):
            while (payload := await connection.fetchval(_EVENT, subject, field, value)) is None:  # noqa: ASYNC110 -- only asking tells
                await asyncio.sleep(POLL_S)
    finally:
        await connection.close(timeout=STORE_LIMIT_S)
    return json.loads(payload), {}
