"""How long a customer waits for one answer."""

from __future__ import annotations

DEFAULT_DEADLINE_S = 10.0
"""For journeys that declare none."""


def patience_s(deadline_s: float) -> float:
    """How long a request may take: a bit over its deadline, so that a late answer is seen as late."""
    return deadline_s * 1.25 + 0.1
