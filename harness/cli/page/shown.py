"""Shows the page for as long as a run and its report are there to be looked at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from harness.cli.page.page import Page
from harness.cli.page.server import PageServer
from harness.engine.load_plan import LoadRun


@asynccontextmanager
async def shown(run: LoadRun, *, port: int, say: Callable[[str], None]) -> AsyncIterator[Page]:
    """The page, on a port of loopback that is told; whatever happens, nothing of it is left."""
    page = Page(run.topology, described=run.described)
    server = await PageServer.start(page, port=port)
    try:
        if port not in (0, server.guard.port):
            say(f"port {port} is taken, so the page is at another")
        say(f"the page, for you alone: {server.guard.url}")
        yield page
    finally:
        await page.leave()
        await server.stop()
