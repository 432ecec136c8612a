"""Whoever runs journeys one at a time, and tells all of each."""

from __future__ import annotations

from typing import Protocol

from harness.model.visits import Exchange, Trouble, Visit

__all__ = ["VISIT_LIMIT_S", "Exchange", "Trouble", "Visit", "Visitor"]

VISIT_LIMIT_S = 120.0
"""How long one visit may take in all; the journey ends there."""


class Visitor(Protocol):
    """Who runs journeys one at a time, and tells all of each."""

    @property
    def journeys(self) -> tuple[str, ...]:
        """The journeys that can be visited."""
        ...

    async def visit(self, journey: str, *, number: int) -> Visit:
        """Run one journey; `number` makes the customer one of her own, the same for the same run's seed.

        Numbers that follow one another enter by one instance of the entry after the other.

        Raises:
            LoadError: if there is no such journey, or what runs them is gone.
        """
        ...

    async def close(self) -> None:
        """Give back connections and processes; safe to call twice."""
        ...
