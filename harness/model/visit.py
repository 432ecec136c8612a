"""One run of one journey by one customer, with all that was asked and answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """How an exchange ended without an answer, or without all of it."""

    REFUSED = "refused"
    """Nobody took the connection, or there is no such host: nothing was sent."""
    TIMEOUT = "timeout"
    """No whole answer within the customer's patience."""
    RESET = "reset"
    """The connection was cut before the answer's headers were whole."""
    TRUNCATED = "truncated"
    """The headers came, and less of the body than they promise."""
    INVALID = "invalid"
    """What came is no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of a visit, and what came of it."""

    step: str
    method: str
    path: str
    """With its query, as it was asked."""
    request_body: bytes
    status: int | None
    """None when no answer's headers came."""
    headers: Mapping[str, str]
    """Of the answer, their names in lower case."""
    body: bytes
    """As much as came of it, up to a limit."""
    trouble: Trouble | None
    took_s: float
    degraded: bool
    """Whether the answer carries the declared mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One run of one journey by one customer."""

    journey: str
    exchanges: tuple[Exchange, ...]
    failed: str | None
    """The first check of the journey that did not hold, in words."""
