"""Every error as application/problem+json, the framework's own included, and how they are declared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from kit import defects
from kit.trouble import Trouble

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_LATER = (429, 503)
"""Nothing was done, and the same request may well succeed a moment later."""
_MEANS = {
    401: "The caller is not known",
    402: "The card was declined",
    403: "The caller may not do this",
    404: "There is no such thing",
    409: "It contradicts what has happened",
    413: "The body is too large",
    415: "The body is not application/json",
    422: "The request is not valid",
    429: "The caller's quota is used up; try again later",
    503: "Something needed is unavailable; try again later",
}


def declared(*statuses: int) -> dict[int | str, dict[str, object]]:
    """What an operation says about its errors in the OpenAPI document; 422, 429 and 503 are always among them."""
    return {status: _declaration(status) for status in sorted({*statuses, 422, *_LATER})}


def _declaration(status: int) -> dict[str, object]:
    schema = {"$ref": "#/components/schemas/Problem"}
    declaration: dict[str, object] = {"description": _MEANS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
    if status == HTTPStatus.UNAUTHORIZED:
        declaration["headers"] = {
            "WWW-Authenticate": {"description": "How to say who calls", "required": True, "schema": {"const": "Bearer"}}
        }
    if status in _LATER:
        declaration["headers"] = {
            "Retry-After": {
                "description": "Seconds to wait before trying again",
                "required": True,
                "schema": {"type": "integer", "minimum": 1},
            }
        }
    return declaration


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """The answer for an error."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    headers = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status in _LATER:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return Response(json.dumps(body), status, headers, media_type=MEDIA_TYPE)


def explain(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Make the app, which has these routes, answer all its errors by problem documents."""

    async def trouble(_: Request, error: Exception) -> Response:
        assert isinstance(error, Trouble)  # noqa: S101 -- it's registered for that class
        return problem(defects.status(error.status), error.detail)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 -- it's registered for that class
        return problem(422, "; ".join(_lines(error.errors())))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 -- it's registered for that class
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = ", ".join(sorted(_methods(routes, request.scope)))
            return problem(405, f"this path knows {allowed}", {"Allow": allowed})
        # FastAPI says 400 for a body that is no text or no JSON at all: to callers that is an invalid body too.
        status = 422 if error.status_code == HTTPStatus.BAD_REQUEST else error.status_code
        return problem(status, str(error.detail), dict(error.headers or {}))

    app.add_exception_handler(Trouble, trouble)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _lines(errors: Sequence[dict[str, object]]) -> list[str]:
    """Where and what, without the input: it may be large, secret, or not even text."""
    lines = []
    for error in errors[:5]:
        place = error["loc"]
        where = ".".join(str(part) for part in place) if isinstance(place, tuple) else str(place)
        lines.append(f"{where[:100]}: {error['msg']}")
    return lines


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> set[str]:
    """All methods that any route knows on this path."""
    methods: set[str] = set()
    for route in routes:
        match, _ = route.matches(scope)
        if match is not Match.NONE:
            methods |= getattr(route, "methods", None) or set()
    return methods
