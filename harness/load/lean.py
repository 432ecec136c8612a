"""Locust's FastHttpUser made cheaper: the same bytes are sent and the same facts come back, by less work.

geventhttpclient reads each URL three times, copies each header seven times, and looks for cookies that nobody has.
What is not the ordinary case (a proxy, a body in chunks, `Expect`) is left to it.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Iterable
from functools import cached_property, lru_cache
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any

import gevent.socket
from gevent.monkey import get_original
from geventhttpclient.client import (
    _BODY_CARRYING_METHODS,
    _FIELD_VALUE_RE,
    _REQUEST_TARGET_RE,
    _TOKEN_RE,
    HTTPClient,
    HTTPClientPool,
)
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.header import Headers
from geventhttpclient.response import HTTPSocketPoolResponse
from geventhttpclient.url import URL

if TYPE_CHECKING:
    from locust.contrib.fasthttp import FastHttpSession

URLS_KEPT = 2_048
"""URLs that are remembered with their parts; a locustfile may ask for more, which are read each time."""

LINES_KEPT = 1_024
"""Header lines that are remembered; each was found valid once."""

_RARE = ("transfer-encoding", "expect")
_poll = get_original("select", "poll")


class KnownUrl(URL):
    """A URL whose parts are read once."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text
        self._host = super().host
        self._port = super().port
        self._request_uri = super().request_uri
        self._quoted_uri = super().quoted_uri

    def __str__(self) -> str:
        return self._text

    @property
    def host(self) -> str:
        """See `URL`."""
        return self._host

    @property
    def port(self) -> int | None:
        """See `URL`."""
        return self._port

    @property
    def request_uri(self) -> str:
        """See `URL`."""
        return self._request_uri

    @property
    def quoted_uri(self) -> str:
        """See `URL`."""
        return self._quoted_uri

    def redirect(self, other: str | URL) -> URL:
        """Where it leads to, which is not remembered."""
        return URL(self._parsed).redirect(other)


known_url = lru_cache(maxsize=URLS_KEPT)(KnownUrl)
"""The URL of a text."""


class LeanHeaders(Headers):
    """Headers that are copied whole where the others are headers too."""

    def update(self, *others: Any, **named: str) -> None:  # type: ignore[override]  # as that of `Headers`
        """See `Headers`."""
        if len(others) == 1 and isinstance(others[0], Headers):
            dict.update(self, others[0])  # which goes past their methods, and so takes lines as they are kept
            others = ()
        if others or named:
            super().update(*others, **named)

    def _copy_from(self, other: Headers) -> None:
        dict.update(self, other)
        for name, kept in dict.items(other):
            if isinstance(kept, list):
                dict.__setitem__(self, name, list(kept))


class QuietJar(CookieJar):
    """Cookies as always, without a search where there are none."""

    def add_cookie_header(self, request: Any) -> None:
        """See `CookieJar`."""
        if self._cookies:  # type: ignore[attr-defined]  # where the standard library keeps them
            super().add_cookie_header(request)

    def extract_cookies(self, response: Any, request: Any) -> None:
        """See `CookieJar`."""
        if "set-cookie" in response.headers or "set-cookie2" in response.headers:
            super().extract_cookies(response, request)


class LeanPool(ConnectionPool):
    """Asks the kernel itself whether a connection was closed meanwhile."""

    def _is_socket_alive(self, sock: gevent.socket.socket | None) -> bool:
        if sock is None or sock.fileno() < 0:
            return False
        asked = _poll()
        asked.register(sock.fileno(), select.POLLIN)
        return not asked.poll(0)


class LeanClient(HTTPClient):
    """One server's connections."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        if type(self._connection_pool) is ConnectionPool:
            self._connection_pool.__class__ = LeanPool

    def request(self, method: str, request_uri: str, body: Any = b"", headers: Any = None) -> HTTPSocketPoolResponse:
        """See `HTTPClient`; nothing is sent a second time."""
        if isinstance(body, str):
            body = body.encode("utf-8")
        merged = LeanHeaders()
        merged.update(self.default_headers)
        merged.update(headers or {})
        ordinary = request_uri[:1] == "/" and (body is None or isinstance(body, bytes)) and not self.use_proxy
        if not ordinary or self.version != self.HTTP_11 or any(dict.__contains__(merged, name) for name in _RARE):
            return super().request(method, request_uri, body, headers)
        method = method.upper()
        head = self._head(method, request_uri, merged, len(body or b""))
        sent = head.encode("latin-1") + (body or b"")
        sock = self._connection_pool.get_socket()
        try:
            sock.sendall(sent)
        except OSError as error:
            if error.errno not in (errno.ECONNRESET, errno.EPIPE):
                self._connection_pool.release_socket(sock)
                raise
            # A server that refuses a long body may have answered before it hung up.
        response = HTTPSocketPoolResponse(
            sock, self._connection_pool, block_size=self.block_size, method=method, headers_type=self.headers_type
        )
        response._sent_request = head  # noqa: SLF001 -- as `HTTPClient` does
        return response

    def _head(self, method: str, target: str, merged: LeanHeaders, length: int) -> str:
        """The request's head; raises ValueError for what is not one, as `HTTPClient` does."""
        first = _first_line(method, target)
        if not dict.__contains__(merged, "host"):
            merged["Host"] = self._named_host
        if not dict.__contains__(merged, "content-length") and (length or method in _BODY_CARRYING_METHODS):
            merged["Content-Length"] = str(length)
        lines = [first]
        for kept in dict.values(merged):
            lines.extend(_lines(kept))
        lines.append("\r\n")
        return "".join(lines)

    @cached_property
    def _named_host(self) -> str:
        host = f"[{self.host}]" if ":" in self.host and self.host[0] != "[" else self.host
        return host if self.port in (80, 443) else f"{host}:{self.port}"


class LeanClients(HTTPClientPool):
    """The clients of one customer, one for each server."""

    def get_client(self, url: Any) -> HTTPClient:
        """See `HTTPClientPool`."""
        if not isinstance(url, URL):
            url = URL(url)
        key = url.host, url.port
        client = self.clients.get(key)
        if client is None:
            client = self.clients[key] = LeanClient.from_url(url, **self.client_args)
        return client


def make_lean(session: FastHttpSession, *, pool_is_own: bool) -> None:
    """Let what a session does cost less; what a locustfile has put there itself stays as it is."""
    if type(session.cookiejar) is CookieJar:
        session.cookiejar.__class__ = QuietJar
    agent = session.client
    headers = LeanHeaders()
    headers._copy_from(agent.default_headers)  # noqa: SLF001 -- our own class
    agent.default_headers = headers
    if pool_is_own and type(agent.clientpool) is HTTPClientPool:
        agent.clientpool = LeanClients(**{"headers_type": LeanHeaders} | agent.clientpool.client_args)


def _lines(kept: Any) -> Iterable[str]:
    """The lines of a header as it is kept: a name with a value, or several such."""
    for name, value in (kept,) if isinstance(kept, tuple) else kept:
        yield _line(name, value) if isinstance(value, str) else _read_line(name, value)


def _read_line(name: Any, value: Any) -> str:
    if not isinstance(name, str) or not _TOKEN_RE.fullmatch(name):
        message = f"invalid header field name {name!r}"
        raise ValueError(message)
    if isinstance(value, str) and not _FIELD_VALUE_RE.fullmatch(value):
        message = f"invalid value for header field {name!r}: {value!r}"
        raise ValueError(message)
    return f"{name}: {value}\r\n"


_line = lru_cache(maxsize=LINES_KEPT)(_read_line)


@lru_cache(maxsize=URLS_KEPT)
def _first_line(method: str, target: str) -> str:
    if not _TOKEN_RE.fullmatch(method):
        message = f"invalid HTTP method {method!r}"
        raise ValueError(message)
    if not _REQUEST_TARGET_RE.fullmatch(target) or target.startswith("//"):
        message = f"invalid request URI {target!r}"
        raise ValueError(message)
    return f"{method} {target} HTTP/1.1\r\n"
