"""Somebody on 127.0.0.1 who takes webhooks, and answers as a test wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(kw_only=True)
class Receiver:
    """What came, and what is answered."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    """One for each that comes; 204 when there is none left."""
    retry_after: str = ""
    silent: bool = False
    came: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((request.headers, await request.read()))
        if self.silent:
            await self.over.wait()
        status = self.answers.pop(0) if self.answers else 204
        headers = {"retry-after": self.retry_after} if self.retry_after else {}
        if status // 100 == 3:
            headers["location"] = f"{self.url}/elsewhere"
        return web.Response(status=status, headers=headers)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """One that listens."""
    taking = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", taking.take)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    taking.url = f"{site.name}/hook/of-the-bank"
    try:
        yield taking
    finally:
        taking.over.set()
        await runner.cleanup()
