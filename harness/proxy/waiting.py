"""Waiting for several things at once, none of which is left running when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

Result = TypeVar("Result")


async def all_of(works: Iterable[Awaitable[Result]]) -> list[Result]:
    """Do all at once and wait for all; then raise the first exception there was, or give the results in order."""
    results = await asyncio.gather(*works, return_exceptions=True)
    found: list[Result] = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found
