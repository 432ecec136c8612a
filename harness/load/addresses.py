"""Several addresses of one entry, as a browser uses those that a name resolves to."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

Send: TypeAlias = Callable[..., Any]
"""How a Locust client sends one request: by method, URL and more; it gives a response, or what stands for none."""

_ERRORS_FOLLOWED = 8
"""How deep the reason of a failed request is looked for."""


class Addresses:
    """The addresses that one customer knows, and the one she uses now.

    She goes on to the next when a connection is refused, since then nothing was sent, and stays there.
    """

    def __init__(self, hosts: tuple[str, ...], *, on_move: Callable[[], None]) -> None:
        self._hosts = hosts
        self._on_move = on_move
        self._used = 0

    @property
    def host(self) -> str:
        """The one in use."""
        return self._hosts[self._used]

    def choose(self, chance: str) -> None:
        """Begin at one of them, each as likely as the others; the same `chance` chooses the same."""
        if len(self._hosts) > 1:
            self._used = random.Random(f"{chance}:address").randrange(len(self._hosts))  # noqa: S311 -- load, not secrets

    def take(self, turn: int) -> None:
        """Begin at the one whose turn it is: turns go round all of them."""
        self._used = turn % len(self._hosts)

    def send(self, send: Send, method: str, url: str, **named: Any) -> Any:
        """Send a request to the address in use, and to the others as long as none accepts a connection."""
        path = self._path(url) if len(self._hosts) > 1 else None
        if path is None:
            return send(method, url, **named)
        for _ in self._hosts[1:]:
            target = self.host + path
            answer = send(method, target, **_of_its_own(named))
            if not _was_refused(answer, method, target):
                return answer
            self._used = (self._used + 1) % len(self._hosts)
            self._on_move()
        return send(method, self.host + path, **named)

    def _path(self, url: str) -> str | None:
        """What follows the address; None for a URL that leads elsewhere."""
        for host in self._hosts:
            path = url.removeprefix(host)
            if path != url and path[:1] in ("", "/", "?", "#"):
                return path
        return None


def _of_its_own(named: dict[str, Any]) -> dict[str, Any]:
    """The same for one attempt: Locust writes a content type into the headers of a request that failed."""
    headers = named.get("headers")
    return named if headers is None else named | {"headers": dict(headers)}


def _was_refused(answer: Any, method: str, url: str) -> bool:
    """Whether nobody listened at that very URL; a redirect that leads to nobody follows a request that was sent."""
    error = getattr(answer, "error", None)
    if answer.status_code or not _refused(error):
        return False
    asked = getattr(error, "request", None)
    if asked is None or str(asked.method).upper() != method.upper():
        return False
    found, wanted = urlsplit(str(asked.url)), urlsplit(url)
    return found.netloc == wanted.netloc and unquote(found.path or "/") == unquote(wanted.path or "/")


def _refused(error: BaseException | None) -> bool:
    """Whether a refused connection is the reason; requests and urllib3 wrap it."""
    for _ in range(_ERRORS_FOLLOWED):
        if error is None or isinstance(error, ConnectionRefusedError):
            break
        error = error.__cause__ or error.__context__
    return isinstance(error, ConnectionRefusedError)
