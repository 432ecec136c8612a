"""Final reads: what the services themselves say of their state after rest, past every proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import urljoin

import aiohttp
from pydantic import JsonValue

from harness.model.credentials import NONE, Credentials
from harness.model.invariant import Read
from harness.model.observation import FinalRead

PAGE_TIMEOUT_S = 10.0
MAX_PAGES = 2_000

Row = dict[str, JsonValue]


async def read_all(
    reads: Mapping[str, Read],
    *,
    url_of: Callable[[str], str],
    now: Callable[[], float],
    credentials: Credentials = NONE,
) -> tuple[FinalRead, ...]:
    """Ask every declared read, all at once.

    `url_of` gives a service's direct URL, and the headers of `credentials` are sent along.
    What can't be read is told in `error` and has no rows.
    """
    timeout = aiohttp.ClientTimeout(total=PAGE_TIMEOUT_S)
    connector = aiohttp.TCPConnector(ssl=credentials.trust())
    async with aiohttp.ClientSession(timeout=timeout, headers=credentials.sent, connector=connector) as session:
        return tuple(
            await asyncio.gather(
                *(_read(session, name, read, url_of(read.service), now) for name, read in reads.items())
            )
        )


async def _read(session: aiohttp.ClientSession, name: str, read: Read, url: str, now: Callable[[], float]) -> FinalRead:
    try:
        rows = await _pages(session, read, urljoin(url, read.path))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        reason = f"{read.service}{read.path}: {type(error).__name__}: {error}"
        return FinalRead(name=name, t=now(), rows=(), error=reason)
    return FinalRead(name=name, t=now(), rows=tuple(row for row in rows if read.keeps(row)))


async def _pages(session: aiohttp.ClientSession, read: Read, url: str) -> list[Row]:
    rows: list[Row] = []
    for _ in range(MAX_PAGES):
        async with session.get(url) as response:
            if response.status != HTTPStatus.OK:
                message = f"answered {response.status}: {(await response.text())[:200]}"
                raise ValueError(message)
            body: JsonValue = await response.json()
        rows += _rows(pointed(body, read.rows), read.rows)
        following = pointed(body, read.next) if read.next is not None else None
        if not isinstance(following, str):
            return rows
        url = urljoin(url, following)
    message = f"more than {MAX_PAGES} pages"
    raise ValueError(message)


def _rows(value: JsonValue, pointer: str) -> list[Row]:
    if not isinstance(value, list):
        message = f"expected a list of rows at '{pointer}', found {type(value).__name__}"
        raise ValueError(message)  # noqa: TRY004 -- the answer is wrong, not our call
    return [row for row in value if isinstance(row, dict)]


def pointed(document: JsonValue, pointer: str) -> JsonValue:
    """What an RFC 6901 pointer finds; None where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document
