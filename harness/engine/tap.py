"""A door of our own in front of a service, which remembers what went through; Pact tells little of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from aiohttp import web

from harness.contracts.replay.candidates import asked
from harness.contracts.replay.operations import Operations
from harness.engine.asking import Asker
from harness.model.replayed import Asked, Source
from harness.model.visits import BODY_LIMIT_BYTES, Exchange, Trouble

LOOPBACK = "127.0.0.1"
MOST_KEPT = 2000
"""Exchanges; later ones pass through and are forgotten."""
_WHO = frozenset({"authorization", "cookie"})
_GATEWAY_TIMEOUT, _BAD_GATEWAY = 504, 502
_PER_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tapped:
    """One request that went through, and its answer."""

    asked: Asked
    """Without the headers that the harness sends along."""
    exchange: Exchange
    of_someone: bool
    """Whether it says by itself who asks: a token of a state's own ends some day, and is not kept."""


class Tap:
    """Passes requests on to a service as they are, and remembers them; `async with` it."""

    def __init__(self, asker: Asker, operations: Operations, *, ours: Mapping[str, str]) -> None:
        self._asker = asker
        self._operations = operations
        self._ours = {name.lower(): value for name, value in ours.items()}
        self._runner: web.AppRunner
        self.url = ""
        self.seen: list[Tapped] = []
        """In the order of the requests; those for no operation are not among them."""

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
        made = await self._made(request, Operations(()), without=())
        if made is None:
            return web.Response(status=413)
        # Keys included: what is agreed on is to be asked as it is.
        keys = {name: value for name, value in request.headers.items() if name in made.fresh}
        exchange = await self._asker.ask(replace(made, headers={**made.headers, **keys}, fresh=()))
        known = await self._made(request, self._operations, without=tuple(self._ours))
        if known is not None and len(self.seen) < MOST_KEPT:
            names = {name.lower(): value for name, value in request.headers.items() if name.lower() in _WHO}
            of_someone = any(self._ours.get(name) != value for name, value in names.items())
            self.seen.append(Tapped(asked=known, exchange=exchange, of_someone=of_someone))
        if exchange.trouble is not None or exchange.status is None:
            status = _GATEWAY_TIMEOUT if exchange.trouble is Trouble.TIMEOUT else _BAD_GATEWAY
            return web.Response(status=status, text=str(exchange.trouble))
        headers = {name: value for name, value in exchange.headers.items() if name not in _PER_CONNECTION}
        return web.Response(status=exchange.status, body=exchange.body or None, headers=headers)

    async def _made(self, request: web.Request, operations: Operations, *, without: tuple[str, ...]) -> Asked | None:
        return asked(
            operations,
            Source.PACT,
            method=request.method,
            path=request.raw_path,
            headers=request.headers,
            body=await request.read(),
            without=without,
        )
