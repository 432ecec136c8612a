"""Routes that refuse whom they don't know, and what their document doesn't: query parameters, other media types."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute

from kit.auth import gate_of
from kit.trouble import Refused


class StrictRoute(APIRoute):
    """A route of the shop."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the checks that it leaves out."""
        inner = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}
        takes_body = self.body_field is not None
        gate = gate_of(self.dependant)

        async def handle(request: Request) -> Response:
            if gate is not None:
                await gate.admit(request)
            if request.scope["query_string"]:
                _check_query(request.scope["query_string"], known)
            if takes_body:
                _check_media_type(request)
            return await inner(request)

        return handle


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
