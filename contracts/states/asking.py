"""How the provider states ask a provider; a state that does not hold raises, which makes its pacts UNKNOWN."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

LIMIT = aiohttp.ClientTimeout(total=5)
POLL_S = 0.05


async def ask(method: str, url: str, *, expect: int, key: str = "", body: object = None) -> Any:
    """The JSON that is answered with the expected status; AssertionError for any other."""
    headers = {"Idempotency-Key": key} if key else {}
    async with (
        aiohttp.ClientSession(timeout=LIMIT) as session,
        session.request(method, url, json=body, headers=headers) as answer,
    ):
        text = await answer.text()
        if answer.status != expect:
            message = f"{method} {url}: expected {expect}, found {answer.status} {text:.200}"
            raise AssertionError(message)
        return await answer.json(content_type=None)


async def ask_until(url: str, holds: Callable[[Any], bool], *, within_s: float) -> Any:
    """Read `url` again and again until what it answers holds; TimeoutError when it doesn't in time."""
    async with asyncio.timeout(within_s):
        while not holds(answer := await ask("GET", url, expect=200)):  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(POLL_S)
        return answer
