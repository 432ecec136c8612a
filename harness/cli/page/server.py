"""Serves the page on loopback, and Locust's own behind the same guard."""

from __future__ import annotations

import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Self

from aiohttp import web

from harness.cli.page.guard import READING, TOKEN, Asking, Guard
from harness.cli.page.locusts import RESET
from harness.cli.page.page import Page
from harness.errors import HarnessError, LoadError
from harness.report.palette import DARK, LIGHT, variables

LOOPBACK = "127.0.0.1"
BODY_LIMIT_BYTES = 65_536
"""Of what a page says."""
STOP_WITHIN_S = 0.5
WAITING = 64
"""Connections that nobody has taken yet."""

SAFE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
OURS = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
LOCUSTS = "default-src 'self' data: 'unsafe-inline'; "
REPORTS = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
ALONE = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
"""Of all pages: nothing is loaded from elsewhere, sent elsewhere, or shown in somebody else's."""

ASSETS = {"chaos.js": "text/javascript", "tab.js": "text/javascript"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PageServer:
    """Listens from `start` to `stop`."""

    def __init__(self, page: Page, guard: Guard) -> None:
        self.guard = guard
        self._page = page
        app = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[self._guarded])
        app.router.add_get("/chaos", self._html)
        app.router.add_get("/chaos/chaos.css", self._css)
        for name, kind in ASSETS.items():
            app.router.add_get(f"/chaos/{name}", _file(name, kind))
        app.router.add_get("/chaos/known", self._known)
        app.router.add_get("/chaos/state", self._state)
        app.router.add_get("/chaos/report", self._report)
        for name, act in {
            "inject": self._inject,
            "heal": self._heal,
            "experiment": self._experiment,
            "rate": self._rate,
            "finish": self._finish,
        }.items():
            app.router.add_post(f"/chaos/{name}", act)
        app.router.add_post("/swarm", self._swarm)
        app.router.add_post("/stop", self._stop)
        app.router.add_route("*", "/{path:.*}", self._locusts)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_WITHIN_S)

    @classmethod
    async def start(cls, page: Page, *, port: int) -> Self:
        """Listen on 127.0.0.1, at another port when that is taken; raises LoadError when there is none."""
        listener = _listener(port)
        server = cls(page, Guard(port=listener.getsockname()[1]))
        await server._runner.setup()
        await web.SockSite(server._runner, listener, backlog=WAITING).start()
        return server

    async def stop(self) -> None:
        """Hear nobody any more."""
        await self._runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Nobody comes past this without the token."""
        token = request.query.get(TOKEN, "")
        asking = Asking(
            method=request.method,
            host=request.headers.get("Host", ""),
            origin=request.headers.get("Origin", ""),
            site=request.headers.get("Sec-Fetch-Site", ""),
            token=token,
            cookies=request.cookies,
        )
        if why := self.guard.refuses(asking):
            return _safe(web.Response(status=HTTPStatus.FORBIDDEN, text=f"refused: {why}\n"))
        if token and request.method in READING:
            # The token does not stay in the address, where a history or a screenshot would keep it.
            moved = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": request.path})
            moved.set_cookie(self.guard.cookie, self.guard.token, httponly=True, samesite="Strict", path="/")
            return _safe(moved)
        try:
            return _safe(await handler(request))
        except HarnessError as error:
            return _safe(_json({"error": str(error)}, HTTPStatus.BAD_REQUEST))
        except web.HTTPException as error:
            return _safe(web.Response(status=error.status, text=f"{error.reason}\n"))

    async def _html(self, _request: web.Request) -> web.Response:
        return _page(_text("chaos.html"), OURS)

    async def _css(self, _request: web.Request) -> web.Response:
        dark = f"@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"
        text = f":root{{{variables(LIGHT)}}}\n{dark}\n{_text('chaos.css')}"
        return web.Response(text=text, content_type="text/css")

    async def _known(self, _request: web.Request) -> web.Response:
        return _json(self._page.known())

    async def _state(self, request: web.Request) -> web.Response:
        return _json(self._page.state(revision=_count(request, "revision"), number=_count(request, "number")))

    async def _report(self, _request: web.Request) -> web.Response:
        if self._page.report is None:
            return web.Response(status=HTTPStatus.NOT_FOUND, text="there is no report yet: it is written at the end\n")
        return _page(self._page.report.read_text(encoding="utf-8"), REPORTS)

    async def _inject(self, request: web.Request) -> web.Response:
        return _json({"told": await self._page.inject(await _said(request))})

    async def _heal(self, request: web.Request) -> web.Response:
        return _json({"told": await self._page.heal(await _said(request))})

    async def _experiment(self, request: web.Request) -> web.Response:
        self._page.begin(await _said(request))
        return _json({"told": []})

    async def _rate(self, request: web.Request) -> web.Response:
        self._page.steer(await _said(request))
        return _json({"told": []})

    async def _finish(self, _request: web.Request) -> web.Response:
        self._page.steering.finish()
        return _json({"told": []})

    async def _swarm(self, request: web.Request) -> web.Response:
        """What Locust's own form asks for, answered as Locust answers."""
        try:
            typed = await request.post()
            said = {name: value for name, value in typed.items() if isinstance(value, str)}
            if said.get("run_time"):
                raise LoadError("the run's length is that of --for or of its profile, and can't be changed")
            host = self._host()
            if said.get("host", host) not in ("", host):
                raise LoadError(f"the run loads {host}, and can't be turned to another host")
            self._page.steer({"rate": said.get("user_count", ""), "slope": said.get("spawn_rate", "")})
        except (HarnessError, ValueError) as error:
            return _json({"success": False, "message": str(error), "host": self._host()})
        return _json({"success": True, "message": "Swarming started", "host": self._host()})

    async def _stop(self, _request: web.Request) -> web.Response:
        """Locust's own button: no journey is due any more, until a rate is asked for."""
        try:
            self._page.steer({"rate": "0"})
        except HarnessError as error:
            return _json({"success": False, "message": str(error)})
        return _json({"success": True, "message": "Test stopped"})

    async def _locusts(self, request: web.Request) -> web.StreamResponse:
        if request.method not in READING and (request.method, request.path) != ("POST", RESET):
            text = "the harness drives open arrivals: this can't be done here\n"
            return web.Response(status=HTTPStatus.METHOD_NOT_ALLOWED, text=text)
        if (locusts := self._page.locusts) is None:
            if request.path == "/":
                return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/chaos"})
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text="there is no load at the moment\n")
        answer = await locusts.answer(request, rate=self._page.rate, users=self._page.steering.users)
        answer.headers["Content-Security-Policy"] = LOCUSTS + ALONE
        return answer

    def _host(self) -> str:
        return self._page.host


def _safe(response: web.StreamResponse) -> web.StreamResponse:
    """With what browsers are to keep; nobody is let read it from another origin."""
    for name in [each for each in response.headers if each.lower().startswith("access-control-")]:
        del response.headers[name]
    response.headers.update(SAFE)
    return response


def _page(text: str, policy: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy + ALONE})


def _json(said: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(said, status=status)


def _file(name: str, kind: str) -> Handler:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=_text(name), content_type=kind)

    return answer


def _text(name: str) -> str:
    return (files("harness.cli.page") / "assets" / name).read_text(encoding="utf-8")


def _count(request: web.Request, name: str) -> int:
    text = request.query.get(name, "0")
    if not (text.isdecimal() and len(text) < 15):  # noqa: PLR2004 -- whatever is longer was not told by us
        raise HarnessError(f"expected {name} to be a number, found {text[:50]!r}")
    return int(text)


async def _said(request: web.Request) -> dict[str, Any]:
    """What a page says: an object of JSON; raises HarnessError."""
    try:
        said = json.loads(await request.text())
    except (ValueError, RecursionError) as error:
        raise HarnessError("expected JSON") from error
    if not isinstance(said, dict):
        raise HarnessError("expected an object of JSON")
    return said


def _listener(port: int) -> socket.socket:
    """The port that was asked for, else any that is free; raises LoadError."""
    for wanted in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind((LOOPBACK, wanted))
            listener.listen(WAITING)
            return listener
        listener.close()
    raise LoadError(f"no port of {LOOPBACK} is free for the page")
