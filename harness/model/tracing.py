"""How the harness tells a system which trace a customer's request belongs to: W3C trace context."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import count

TRACEPARENT = "traceparent"
_TRACE_BYTES = 16
_OURS = "e5"
"""What the ids of customers' own spans begin with; nobody tells of these."""


def trace_of(run: str, visit: str) -> str:
    """The id of a visit's trace: the same for the same visit of the same run, and no other."""
    return hashlib.blake2b(f"{run}:{visit}".encode(), digest_size=_TRACE_BYTES).hexdigest()


def traceparents(trace: str) -> Iterator[str]:
    """A header for each request of a visit, all of one trace; nothing when there is no trace."""
    if trace:
        for number in count(1):
            yield f"00-{trace}-{_OURS}{number:014x}-01"


def is_customers(parent: str | None) -> bool:
    """Whether a span's parent is the customer's own request."""
    return parent is None or parent.startswith(f"{_OURS}00000000")
