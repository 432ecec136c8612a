"""How long a request may still take: it comes with the call, and shrinks on the way down."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass

HEADER = "x-envoy-expected-rq-timeout-ms"
MARGIN_S = 0.005
"""What a caller keeps of its own time, besides a twentieth, so that the provider gives up before it does."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def within(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """The moment so many seconds from now."""
        return cls(clock() + seconds, clock)

    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock())

    def sooner(self, seconds: float) -> Deadline:
        """This deadline, or the one so many seconds from now, whichever comes first."""
        return Deadline(min(self.at, self.clock() + seconds), self.clock)


def header_for(left_s: float) -> str:
    """What a provider is told when its caller waits `left_s` seconds: relative, in milliseconds, a bit less."""
    return str(max(1, int((left_s * 0.95 - MARGIN_S) * 1000)))


def told(header: bytes | None, limit_s: float) -> float:
    """The seconds a caller grants; nonsense or nothing means the service's own limit, and nobody gets more."""
    if header is None or not header.isdigit() or len(header) > 9:  # noqa: PLR2004 -- eleven days
        return limit_s
    return min(limit_s, int(header) / 1000)


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def begin(seconds: float) -> None:
    """Set the deadline of the request that this task serves."""
    _current.set(Deadline.within(seconds))


def current(limit_s: float) -> Deadline:
    """The request's deadline or `limit_s` from now, whichever comes first; background work has the limit only."""
    deadline = _current.get()
    return Deadline.within(limit_s) if deadline is None else deadline.sooner(limit_s)
