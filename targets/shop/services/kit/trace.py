"""W3C trace context: which trace the work at hand belongs to, over HTTP and events."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum

from kit.trouble import Refused

HEADER = "traceparent"
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")


class Kind(IntEnum):
    """What OTLP calls the kinds of spans."""

    SERVER = 2
    CLIENT = 3
    CONSUMER = 5


@dataclass(slots=True, kw_only=True)
class Span:
    """A piece of work within a trace."""

    name: str
    kind: Kind
    trace_id: str
    span_id: str
    parent_id: str | None
    sampled: bool
    start_ns: int
    end_ns: int = 0
    failed: bool = False
    error: str = ""
    """What went wrong, for people."""
    attributes: dict[str, str | int] = field(default_factory=dict)

    @property
    def traceparent(self) -> str:
        """How the work tells others which trace it belongs to."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


_current: ContextVar[Span | None] = ContextVar("span", default=None)


def current() -> Span | None:
    """The work at hand."""
    return _current.get()


def traceparent() -> str | None:
    """What to send along with a call or an event."""
    span = _current.get()
    return None if span is None else span.traceparent


def begin(name: str, kind: Kind, told: str | None = None) -> Span:
    """A span within the trace that a caller told of, else within the work at hand, else in a new trace."""
    trace_id, parent_id, sampled = parse(told) if told else _here()
    return Span(
        name=name,
        kind=kind,
        trace_id=trace_id,
        span_id=f"{random.getrandbits(64) or 1:016x}",
        parent_id=parent_id,
        sampled=sampled,
        start_ns=time.time_ns(),
    )


@contextmanager
def within(span: Span, ended: Callable[[Span], None]) -> Iterator[Span]:
    """The span is the work at hand while the body runs; `ended` is told when it is over."""
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.failed = not isinstance(error, Refused)  # a definite no is an answer
        span.error = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise
    finally:
        _current.reset(token)
        span.end_ns = time.time_ns()
        ended(span)


def parse(text: str) -> tuple[str, str | None, bool]:
    """Trace, parent and whether it is sampled; what isn't valid begins a new trace, as the specification wants it."""
    found = _TRACEPARENT.fullmatch(text)
    if found is None or found[1] == "ff" or not int(found[2], 16) or not int(found[3], 16):
        return _new()
    return found[2], found[3], bool(int(found[4], 16) & 1)


def _here() -> tuple[str, str | None, bool]:
    span = _current.get()
    return _new() if span is None else (span.trace_id, span.span_id, span.sampled)


def _new() -> tuple[str, str | None, bool]:
    return f"{random.getrandbits(128) or 1:032x}", None, True
