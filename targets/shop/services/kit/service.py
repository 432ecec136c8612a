"""The frame of every service: the app around its routes, and the server around the app."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.telemetry import TelemetryConfig
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Lifespan

from kit import defects
from kit.auth import check_gates, declare_gates
from kit.guard import Guard, Lane, Lanes
from kit.host import Host
from kit.logs import log_to_stderr
from kit.problems import explain
from kit.settings import Settings
from kit.strict import StrictRoute
from kit.telemetry import MEDIA_TYPE
from kit.words import Problem

KEEP_ALIVE_S = 75
"""Longer than our clients keep idle connections, so that they, not we, close them."""
DRAIN_S = 1
"""For what is still under way when the listener is closed."""
GARBAGE_AT = 5_000
"""So many objects that may be garbage before the collector looks; most go without it."""
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own: the guard does that."""


def router() -> APIRouter:
    """A router whose routes refuse what their document doesn't know."""
    return APIRouter(route_class=StrictRoute)


def build(
    settings: Settings, title: str, routes: APIRouter, make_parts: Callable[[Host], object], limit_s: float | Lanes
) -> FastAPI:
    """The app of a service; nothing is opened before it starts.

    Args:
        settings: What the environment said.
        title: The name of the API.
        routes: The operations.
        make_parts: Makes what the operations need; they find it as `request.app.state.parts`.
        limit_s: The longest a request may take; or what tells that, and more, of each request.

    Raises:
        ValueError: a route doesn't say who may call it.
    """
    check_gates(routes.routes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        host = Host(settings)
        app.state.host = host
        app.state.parts = make_parts(host)
        host.start()
        yield
        await host.stop()

    app = _App(title, lifespan, limit_s if callable(limit_s) else _one_lane(limit_s))
    # As they are: an included router is looked through anew for every request.
    app.router.routes += [*routes.routes, *_operational().routes]
    explain(app, app.router.routes)
    app.openapi = lambda: _document(app, routes)  # type: ignore[method-assign]  # FastAPI's own way to customise it
    return app


class _App(FastAPI):
    """FastAPI without the layers that do nothing for us, and cost more than most of our operations."""

    def __init__(self, title: str, lifespan: Lifespan[FastAPI], lanes: Lanes) -> None:
        super().__init__(
            title=title, version="1.0.0", lifespan=lifespan, docs_url=None, redoc_url=None, telemetry=_NO_TELEMETRY
        )
        self._lanes = lanes

    def build_middleware_stack(self) -> ASGIApp:
        """The guard, which also answers for defects; what explains errors; the routes."""
        return Guard(ExceptionMiddleware(self.router, handlers=self.exception_handlers), self._lanes)


def _one_lane(limit_s: float) -> Lanes:
    usual = Lane(limit_s=limit_s)
    return lambda _method, _path: usual


def _operational() -> APIRouter:
    """Alive, ready, healthy, how busy: for those who run the service, not part of its contract."""
    routes = router()

    @routes.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @routes.get("/readyz")
    async def readyz(request: Request) -> dict[str, str]:
        await request.app.state.host.check_ready()
        return {"status": "ready"}

    @routes.get("/metrics")
    async def metrics(request: Request) -> Response:
        return Response(request.app.state.host.telemetry.text(), media_type=MEDIA_TYPE)

    @routes.get("/health")
    async def health(request: Request) -> JSONResponse:
        return JSONResponse(await request.app.state.host.health())

    return routes


def _document(app: FastAPI, routes: APIRouter) -> dict[str, Any]:
    """The OpenAPI 3.1 document, with the schema of errors that all operations refer to."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=routes.routes)
        document["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        declare_gates(document, routes.routes)
        app.openapi_schema = document
    return app.openapi_schema


class _Server(uvicorn.Server):
    """uvicorn without its signal handling, which ends at once and raises the signal again after a clean end."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        self._draining: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """See uvicorn; SIGTERM and SIGINT are the loop's business here."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        yield

    def _end(self) -> None:
        """Drain, then stop; a second signal stops at once."""
        if self._draining is None and hasattr(self._app.state, "host"):
            self._draining = asyncio.create_task(self._drain())
        else:
            self.should_exit = True

    async def _drain(self) -> None:
        try:
            await self._app.state.host.drain()
        finally:
            self.should_exit = True


def tls(settings: Settings) -> dict[str, Any]:
    """How uvicorn is told to serve TLS; nothing when there is no certificate.

    Raises:
        ValueError: only one of certificate and key is given: served without, what was to be hidden would be in sight.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        return {}
    if settings.tls_cert is None or settings.tls_key is None:
        message = "TLS_CERT and TLS_KEY go together, and only one of them is set"
        raise ValueError(message)
    return {"ssl_certfile": settings.tls_cert, "ssl_keyfile": settings.tls_key}


def run(settings: Settings, app: FastAPI) -> None:
    """Serve the app until SIGTERM, then finish the requests that are under way."""
    defects.check()
    log_to_stderr(settings.service, settings.instance)
    # What is here by now stays to the end: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AT)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        lifespan="on",
        ws="none",
        **tls(settings),
    )
    if settings.tls_cert is not None:
        config.load()
        config.ssl.num_tickets = 0  # nobody resumes: our clients keep their connections
    _Server(config, app).run()
