"""Locust's response objects read as `Reply`: those of FastHttpUser, of HttpUser (requests), and none at all."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from harness.load.answers import Reply

_ANSWERED = 1
_ERRORS_FROM = 400


def reply_of(method: str, response: Any, exception: BaseException | None, *, path: str = "") -> Reply:
    """What came back for a request, without reading anything more from its connection.

    Locust's own exception for a status above 399 is no error here: the status says it already.
    A request without a response object (not HTTP) is 200 when nothing was raised.
    """
    if response is None:
        status, error = 0 if exception else 200, _words(exception)
        return Reply(method=method, status=status, headers={}, body=None, error=error, path=path)
    status = int(response.status_code or 0)
    body = _read_body(response)
    headers = _headers(response.headers)
    error = _words(exception or _error_of(response)) if not status else ""
    if _ANSWERED <= status < _ERRORS_FROM:
        error = _words(exception)
    return Reply(method=method, status=status, headers=headers, body=body, error=error, path=path)


def asked_by(response: Any) -> tuple[str, str]:
    """The method and the path of the request that a response answers; GET and nothing when it doesn't say."""
    request = getattr(response, "request", None)
    url = getattr(response, "url", None)
    return str(getattr(request, "method", None) or "GET").upper(), path_of(url) if url else ""


def sent_by(response: Any) -> bytes:
    """The body of the request that a response answers, if it was a text or bytes."""
    request = getattr(response, "request", None)
    body = getattr(request, "payload", None) or getattr(request, "body", None)
    return body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b""


def path_of(url: object) -> str:
    """The path and the query of a URL."""
    parts = urlsplit(str(url))
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _read_body(response: Any) -> bytes | None:
    """The body when the client has read it; a streamed one is left alone."""
    body = getattr(response, "_cached_content", None)
    if body is None:
        body = getattr(response, "_content", None)
    return body if isinstance(body, bytes) else None


def _error_of(response: Any) -> BaseException | None:
    error = getattr(response, "error", None)
    return error if isinstance(error, BaseException) else None


def _headers(headers: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers.items() if headers else ():
        key = str(name).lower()
        found[key] = f"{found[key]}, {value}" if key in found else str(value)
    return found


def _words(error: BaseException | None) -> str:
    cause = getattr(error, "original", None)  # geventhttpclient wraps what happened into "retries exceeded"
    if isinstance(cause, BaseException):
        error = cause
    return f"{type(error).__name__}: {error}" if error is not None else ""
