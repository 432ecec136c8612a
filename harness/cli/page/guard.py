"""Who may ask: only one who has the token, at our own address, from a page that we ourselves have sent."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TOKEN = "token"  # noqa: S105 -- the name of a parameter
TOKEN_BYTES = 32
READING = frozenset({"GET", "HEAD"})
SITES_ALLOWED = frozenset({"", "same-origin", "none"})
"""What a browser says of where a request comes from: a page of ours, or nobody but its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is looked at of a request."""

    method: str
    host: str
    origin: str
    site: str
    """`Sec-Fetch-Site`, which a browser sends by itself, and pages can't alter."""
    token: str
    """In the address."""
    cookies: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Stands before every address of the page."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)

    @property
    def cookie(self) -> str:
        """Its name; browsers send cookies to all ports of a host, so that each has one of its own."""
        return f"harness-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """What this machine may be called. A name that somebody else has pointed here is none of them."""
        return tuple(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost"))

    @property
    def url(self) -> str:
        """Where it is opened, once."""
        return f"http://127.0.0.1:{self.port}/chaos?{TOKEN}={self.token}"

    def refuses(self, asking: Asking) -> str:
        """Why it may not be; empty when it may."""
        if asking.host not in self.hosts:
            return "this is not where the page lives"
        if asking.site not in SITES_ALLOWED:
            return "it was asked by a page that is not ours"
        origin = urlsplit(asking.origin)
        if asking.origin and (origin.scheme, origin.netloc) != ("http", asking.host):
            return "it was asked by a page that is not ours"
        if asking.method not in READING and not asking.origin:
            return "nobody says which page asks"
        if not (self.knows(asking.token) or self.knows(asking.cookies.get(self.cookie, ""))):
            return "the token is missing or wrong: open the address that `harness load --ui` told"
        return ""

    def knows(self, token: str) -> bool:
        """Whether it is ours; takes as long when it is not."""
        return hmac.compare_digest(token.encode(), self.token.encode())
