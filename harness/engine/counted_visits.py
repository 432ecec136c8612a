"""A visitor whose visits are counted."""

from __future__ import annotations

from harness.load.visits import Visitor
from harness.model.visits import Visit


class CountedVisits:
    """Passes visits on; see `Visitor`."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self.paid = 0

    @property
    def journeys(self) -> tuple[str, ...]:
        """See `Visitor`."""
        return self._visitor.journeys

    async def visit(self, journey: str, *, number: int) -> Visit:
        """See `Visitor`."""
        self.paid += 1
        return await self._visitor.visit(journey, number=number)

    async def close(self) -> None:
        """See `Visitor`."""
        await self._visitor.close()
