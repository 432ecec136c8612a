"""Asks a service directly, past every proxy, and tells what came of it."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from harness.checkers.clean_class import DEADLINE_SLACK
from harness.clock import Clock
from harness.load.answers import Reply, is_marked
from harness.model.credentials import Credentials
from harness.model.declared import DegradedMark
from harness.model.replayed import Asked
from harness.model.visits import BODY_LIMIT_BYTES, Exchange, Trouble

REMAINING = "x-envoy-expected-rq-timeout-ms"
"""The header closest to a standard by which a caller says how long it will wait."""


class Asker:
    """A client of one service that waits as long as the service's consumers do; `async with` it."""

    def __init__(
        self, url: str, *, deadline_s: float, credentials: Credentials, mark: DegradedMark, clock: Clock
    ) -> None:
        self.url = url.rstrip("/")
        self.deadline_s = deadline_s
        self._credentials = credentials
        self._mark = mark
        self._clock = clock
        self._http: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        # A connection each: what one request did to its connection is not felt by the next.
        connector = aiohttp.TCPConnector(ssl=self._credentials.trust(), force_close=True)
        timeout = aiohttp.ClientTimeout(total=self.deadline_s * DEADLINE_SLACK)
        self._http = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._http.close()

    async def ask(self, asked: Asked) -> Exchange:
        """One answer, or how there was none; idempotency keys are new each time."""
        remaining = {REMAINING: str(round(self.deadline_s * 1000))}
        fresh = {name: secrets.token_hex(16) for name in asked.fresh}
        headers = {**remaining, **asked.headers, **fresh, **self._credentials.sent}
        status: int | None = None
        told: dict[str, str] = {}
        body, trouble = b"", None
        began = self._clock.now()
        try:
            url = URL(self.url + asked.path, encoded=True)
            async with self._http.request(
                asked.method, url, headers=headers, data=asked.body or None, allow_redirects=False
            ) as answer:
                status = answer.status
                told = {name.lower(): value for name, value in answer.headers.items()}
                body = await _whole(answer.content)
        except TimeoutError:
            trouble = Trouble.TIMEOUT
        except aiohttp.ClientConnectorError:
            trouble = Trouble.REFUSED
        except aiohttp.ClientPayloadError:
            trouble = Trouble.TRUNCATED
        except aiohttp.ClientResponseError:
            trouble = Trouble.INVALID
        except (aiohttp.ClientError, OSError):
            trouble = Trouble.TRUNCATED if status is not None else Trouble.RESET
        return Exchange(
            step=asked.operation,
            method=asked.method,
            path=asked.path,
            request_body=asked.body,
            status=status,
            headers=told,
            body=body,
            trouble=trouble,
            took_s=self._clock.now() - began,
            degraded=status is not None
            and is_marked(
                Reply(method=asked.method, status=status, headers=told, body=body, path=asked.path), self._mark
            ),
        )


async def _whole(content: aiohttp.StreamReader) -> bytes:
    found = bytearray()
    async for chunk in content.iter_any():
        found += chunk[: BODY_LIMIT_BYTES - len(found)]
    return bytes(found)
