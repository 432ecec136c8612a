"""A door of our own in front of a service, which remembers what went through; Pact tells little of an answer."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from aiohttp import web

from harness.contracts.replay.candidates import asked
from harness.contracts.replay.operations import Operations
from harness.engine.asking import Asker
from harness.model.replayed import Asked, Source
from harness.model.visits import BODY_LIMIT_BYTES, Exchange

LOOPBACK = "127.0.0.1"
MOST_KEPT = 2000
"""Exchanges; later ones pass through and are forgotten."""
_GATEWAY_TIMEOUT, _BAD_GATEWAY = 504, 502
_PER_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"})


class Tap:
    """Passes requests on to a service and remembers them; `async with` it."""

    def __init__(self, asker: Asker, operations: Operations, *, secrets: tuple[str, ...] = ()) -> None:
        self._asker = asker
        self._operations = operations
        self._secrets = secrets
        self._runner: web.AppRunner
        self.url = ""
        self.seen: list[tuple[Asked, Exchange]] = []
        """What went through, in its order; requests for no operation are not among it."""

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0)
        await site.start()
        self.url = f"http://{LOOPBACK}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        made = asked(
            Operations(()),
            Source.PACT,
            method=request.method,
            path=request.raw_path,
            headers=request.headers,
            body=await request.read(),
        )
        if made is None:
            return web.Response(status=413)
        # As it came, keys included: what is agreed on is to be asked as it is.
        kept = {name: value for name, value in request.headers.items() if name in made.fresh}
        exchange = await self._asker.ask(_as_it_came(made, kept))
        known = asked(
            self._operations,
            Source.PACT,
            method=request.method,
            path=request.raw_path,
            headers=request.headers,
            body=exchange.request_body,
            without=self._secrets,
        )
        if known is not None and len(self.seen) < MOST_KEPT:
            self.seen.append((known, exchange))
        if exchange.trouble is not None or exchange.status is None:
            late = exchange.trouble is not None and exchange.trouble.value == "timeout"
            return web.Response(status=_GATEWAY_TIMEOUT if late else _BAD_GATEWAY, text=str(exchange.trouble))
        headers = {name: value for name, value in exchange.headers.items() if name not in _PER_CONNECTION}
        return web.Response(status=exchange.status, body=exchange.body or None, headers=headers)


def _as_it_came(made: Asked, keys: dict[str, str]) -> Asked:
    return Asked(
        operation=made.operation,
        method=made.method,
        path=made.path,
        headers={**made.headers, **keys},
        body=made.body,
        source=made.source,
    )
