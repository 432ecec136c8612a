"""What stands before every app: the request's deadline, a limit on bodies, and no error without a document."""

from __future__ import annotations

import asyncio
import logging

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kit import deadline
from kit.problems import problem

LARGEST_BODY_BYTES = 64 * 1024
log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware; no request takes longer than its caller's deadline or `limit_s`."""

    def __init__(self, app: ASGIApp, limit_s: float) -> None:
        self._app = app
        self._limit_s = limit_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        length = headers.get(b"content-length")
        if length is not None and (not length.isdigit() or int(length) > LARGEST_BODY_BYTES):
            await problem(413, f"at most {LARGEST_BODY_BYTES} bytes", {"Connection": "close"})(scope, receive, send)
            return
        limit_s = deadline.told(headers.get(deadline.HEADER.encode()), self._limit_s)
        deadline.begin(limit_s)
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(limit_s):
                await self._app(scope, receive if length is not None else _counted(receive), note_start)
        except TimeoutError:
            if started:
                raise
            await problem(503, "the request's deadline is used up")(scope, receive, send)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if started:
                raise
            await problem(500, "this is a defect of the service; see its log")(scope, receive, send)


def _counted(receive: Receive) -> Receive:
    """The same, but a body of unannounced length ends where the limit is."""
    total = 0

    async def count() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > LARGEST_BODY_BYTES:
            raise HTTPException(413, f"at most {LARGEST_BODY_BYTES} bytes")
        return message

    return count
