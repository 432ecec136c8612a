"""A request as it was sent, and the answer that came to it."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT_BYTES = 256 * 1024
"""Of an answer's body; the rest is left unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it was sent."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back; `status` is 0 when nothing did, and `trouble` says why."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """Up to `LIMIT_BYTES`."""
    trouble: str = ""

    @property
    def fine(self) -> bool:
        """Whether it grants what was asked."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- the class of success

    def header(self, name: str) -> str:
        """The first header of that name, else nothing."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), "")
