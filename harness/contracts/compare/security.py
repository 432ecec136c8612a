"""Whether a request says who it comes from in one of the declared ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http.cookies import CookieError, SimpleCookie

from harness.contracts.compare.document import Operation, Scheme
from harness.contracts.compare.expectation import ExpectedRequest
from harness.contracts.compare.mismatch import Mismatch, error


def security_problems(
    request: ExpectedRequest, operation: Operation, supplied: Mapping[str, str]
) -> Iterator[Mismatch]:
    """What is missing to satisfy any of the alternatives.

    Args:
        request: what the consumer sends.
        operation: what it asks for.
        supplied: headers, by name in lower case, that are added to every request of the system.
    """
    lacking = [[scheme for scheme in each if not _sent(scheme, request, supplied)] for each in operation.security]
    if not lacking or any(not each for each in lacking):
        return
    nearest = min(lacking, key=len)
    words = " and ".join(_words(each) for each in nearest)
    yield error(
        "request.security", "request.headers", f"the document asks for {words}, which the consumer does not send"
    )


def names_sent(operation: Operation, where: str) -> frozenset[str]:
    """Names in lower case of the headers, or of the query parameters, that stand for who it is."""
    return frozenset(
        scheme.key.lower() for each in operation.security for scheme in each if scheme.where == where and scheme.key
    )


def _sent(scheme: Scheme, request: ExpectedRequest, supplied: Mapping[str, str]) -> bool:
    headers = {**supplied, **request.headers}
    authorization = headers.get("authorization", "").lower()
    match scheme.kind, scheme.where:
        case "apiKey", "header":
            return scheme.key.lower() in headers
        case "apiKey", "query":
            return scheme.key in request.query
        case "apiKey", "cookie":
            return scheme.key in cookies(headers)
        case "http", _:
            return authorization.startswith(f"{scheme.scheme} ")
        case (("oauth2" | "openIdConnect"), _):
            return authorization.startswith("bearer ") or "access_token" in request.query
        case _:
            return True  # what TLS proves is nowhere in a request


def cookies(headers: Mapping[str, str]) -> frozenset[str]:
    """The names of the cookies that are sent."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return frozenset()
    return frozenset(jar)


def _words(scheme: Scheme) -> str:
    match scheme.kind:
        case "apiKey":
            return f"the key {scheme.key} in the {scheme.where}"
        case "http":
            return f"Authorization: {scheme.scheme.capitalize()}"
        case _:
            return f"a token ({scheme.name})"
