"""Locust's own pages, fetched from the generator's socket, and made to speak of open arrivals."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, StreamReader, UnixConnector, web

from harness.errors import HarnessError

ANSWER_LIMIT_S = 10.0
BODY_LIMIT_BYTES = 16 << 20
"""Of an answer of Locust's; its one script has 1.3 MB, a report of many requests a few."""
AT_ONCE = 8
"""Connections to it."""

PASSED = frozenset({"content-type", "content-disposition", "etag", "last-modified"})
"""The headers of its answers that are handed on: none by which others may read them."""

RESET = "/stats/reset"
"""What may be posted there."""

STATS = "/stats/requests"

WORDS = {
    "Number of users (peak concurrency)": "Journeys a second",
    "Ramp up (users started/second)": "Change of that rate, each second",
    "Number of Users": "Journeys a second that are asked for",
    "children:`Users`": "children:`Journeys/s`",
    "Run time (e.g. 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.)": "Run time (that of --for or of the profile; leave empty)",
}
"""What its pages say of users who come and wait, in words of arrivals that do neither."""

TAB = '<script src="/chaos/tab.js" defer></script>'


class Locusts:
    """Asks Locust's pages at their socket, until it is closed."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._directory = os.open(place.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        path = f"/proc/self/fd/{self._directory}/{place.name}"  # a socket's path may have 107 bytes
        self._session = ClientSession(
            connector=UnixConnector(path, limit=AT_ONCE), timeout=ClientTimeout(total=ANSWER_LIMIT_S)
        )

    async def close(self) -> None:
        """Ask nothing more."""
        await self._session.close()
        self._place.unlink(missing_ok=True)
        os.close(self._directory)

    async def answer(self, request: web.Request, *, rate: float, users: int) -> web.Response:
        """What Locust answers, with what the load is in its place; raises HarnessError when it does not."""
        try:
            async with self._session.request(
                request.method, f"http://locust{request.rel_url.raw_path_qs}", allow_redirects=False
            ) as found:
                body = await _whole(found.content)
                headers = {name: value for name, value in found.headers.items() if name.lower() in PASSED}
                status = found.status
        except (ClientError, OSError, TimeoutError) as error:
            raise HarnessError("the load generator does not show Locust's pages: it is gone, or very busy") from error
        state: dict[str, Any] = {"state": "running" if rate or users else "stopped", "user_count": users or round(rate)}
        return web.Response(status=status, headers=headers, body=adapted(request.path, body, state))


async def _whole(content: StreamReader) -> bytes:
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > BODY_LIMIT_BYTES:
            raise HarnessError(f"expected at most {BODY_LIMIT_BYTES} bytes of Locust, found more")
    return bytes(body)


def adapted(path: str, body: bytes, state: dict[str, Any]) -> bytes:
    """An answer of Locust's, as it is shown."""
    if path == "/":
        given = {**state, "num_users": state["user_count"], "spawn_rate": 1_000}
        script = f"<script>Object.assign(window.templateArgs, {json.dumps(given)})</script>{TAB}"
        return body.replace(b"</body>", script.encode() + b"</body>")
    if path == STATS:
        return json.dumps({**json.loads(body), **state}).encode()
    if path.startswith("/assets/") and path.endswith(".js"):
        text = body.decode()
        for theirs, ours in WORDS.items():
            text = text.replace(theirs, ours)
        return text.encode()
    return body
