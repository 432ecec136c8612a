"""How the provider states ask a provider; a state that does not hold raises, which makes its pacts UNKNOWN."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

LIMIT = aiohttp.ClientTimeout(total=5)
POLL_S = 0.05


async def ask(  # noqa: PLR0913 -- all by keyword, and a request has that many parts
    method: str,
    url: str,
    *,
    expect: int,
    key: str = "",
    body: object = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """The JSON that is answered with the expected status; AssertionError for any other."""
    sent = {**(headers or {})} | ({"Idempotency-Key": key} if key else {})
    async with (
        aiohttp.ClientSession(timeout=LIMIT) as session,
        session.request(method, url, json=body, headers=sent) as answer,
    ):
        text = await answer.text()
        if answer.status != expect:
            message = f"{method} {url}: expected {expect}, found {answer.status} {text:.200}"
            raise AssertionError(message)
        return await answer.json(content_type=None)


async def ask_until(
    url: str, holds: Callable[[Any], bool], *, within_s: float, headers: Mapping[str, str] | None = None
) -> Any:
    """Read `url` again and again until what it answers holds; TimeoutError when it doesn't in time."""
    async with asyncio.timeout(within_s):
        while not holds(answer := await ask("GET", url, expect=200, headers=headers)):  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(POLL_S)
        return answer
