"""Routes that refuse whom they don't know, and what their document doesn't: query parameters, other media types."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from kit import defects
from kit.auth import gate_of
from kit.trouble import Refused

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
_STACKS = {f"fastapi_{name}_astack": AsyncExitStack() for name in ("middleware", "inner", "function")}
"""FastAPI looks for them; with neither files nor generators among our parameters nothing is ever put there."""


class StrictRoute(APIRoute):
    """A route of the shop."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **declared: Any) -> None:
        super().__init__(path, endpoint, **declared)
        # In place of FastAPI's, which prepares for files and for dependencies that have to be closed afterwards.
        self.app = self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.update(_STACKS)
        response = await self._handle(Request(scope, receive, send))
        await response(scope, receive, send)

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, behind the checks that it leaves out."""
        gate = gate_of(self.dependant)
        known = {parameter.alias for parameter in self.dependant.query_params}
        takes_body = self.body_field is not None
        inner = self._without_markers(super().get_route_handler)

        async def handle(request: Request) -> Response:
            if gate is not None:
                await gate.admit(request)
            if request.scope["query_string"]:
                _check_query(request.scope["query_string"], known)
            if takes_body:
                _check_media_type(request)
            return defects.disfigured(await inner(request))

        self._handle = handle
        return handle

    def _without_markers(self, make: Callable[[], Handler]) -> Handler:
        """Make the handler without the dependencies whose value nobody takes: the gate has done their work already."""
        declared = self.dependant
        taken = [dependency for dependency in declared.dependencies if dependency.name is not None]
        self.dependant = replace(declared, dependencies=taken)
        try:
            return make()
        finally:
            self.dependant = declared


def _check_query(query: bytes, known: set[str]) -> None:
    seen: set[str] = set()
    for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            raise Refused(422, f"query: there is no parameter {name[:40]!r}")
        if name in seen:
            raise Refused(422, f"query: {name!r} is given twice")
        seen.add(name)


def _check_media_type(request: Request) -> None:
    headers = request.headers
    empty = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not empty and kind != "application/json":
        raise Refused(415, f"the body must be application/json, not {kind[:60] or 'of unknown type'!r}")
