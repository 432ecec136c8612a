"""One run of one journey by one customer, with all that was asked and answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ConfigDict

from harness.model.observation import AnswerClass

BODY_LIMIT_BYTES = 2 << 20
"""Of an answer that is kept; what follows is not read, and nobody knows whether it was whole."""

EXCHANGES_LIMIT = 400
"""Of one visit that are kept."""


class Trouble(StrEnum):
    """How an exchange ended without an answer, or without all of it."""

    REFUSED = "refused"
    """Nobody took the connection, or there is no such host: nothing was sent."""
    TIMEOUT = "timeout"
    """No whole answer within the customer's patience."""
    RESET = "reset"
    """The connection ended before an answer began, or was reset before its headers were whole."""
    TRUNCATED = "truncated"
    """An answer began, and ended within its headers or with less of a body than it promises."""
    INVALID = "invalid"
    """What came is no HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request of a visit, and what came of it."""

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    step: str
    method: str
    path: str
    """With its query, as it was asked."""
    request_body: bytes
    status: int | None
    """None when no answer's headers came whole."""
    headers: Mapping[str, str]
    """Of the answer, their names in lower case."""
    body: bytes
    """As much as came of it, up to a limit."""
    trouble: Trouble | None
    took_s: float
    degraded: bool
    """Whether the answer carries the declared mark."""
    answer: AnswerClass | None = None
    """The answer judged by itself, as under load."""
    shape: str = ""
    """The same for answers whose bodies are built alike, whatever their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One run of one journey by one customer."""

    journey: str
    exchanges: tuple[Exchange, ...]
    failed: str | None
    """The first check of the journey that did not hold, in words."""
    trace: str = ""
    """Under which the services' spans of it are found; empty when nobody takes any."""
