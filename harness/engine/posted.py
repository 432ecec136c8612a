"""Hears what the visits of a cell post on its edge, to tell whether any of it was done twice."""

from __future__ import annotations

from typing import Self

from harness.checkers.twice import commands_made_once, done_twice
from harness.engine.calls import operation
from harness.engine.familiar import Familiar
from harness.engine.ground import Ground
from harness.model.changes import KeptExchange
from harness.model.matrix import ANSWERED_KINDS, Cell


class Posted:
    """What is posted while the body runs; nothing is heard where nothing could be told from it.

    That is where the provider is kept from its work, or its answers from us, and where no clean visit posts anything
    just once.
    """

    def __init__(self, ground: Ground, known: Familiar, cell: Cell) -> None:
        seen = known.seen.get(cell.edge)
        self._once = commands_made_once(seen) if seen and cell.kind in ANSWERED_KINDS else frozenset()
        self._listening = ground.hearing([cell.edge]) if ground.hearing is not None and self._once else None
        self._visits: list[list[KeptExchange]] = []

    @property
    def listens(self) -> bool:
        """Whether anything could be told."""
        return self._listening is not None

    async def __aenter__(self) -> Self:
        if self._listening is not None:
            await self._listening.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            await self._listening.stop()

    async def visited(self) -> None:
        """One visit is over, or several at once."""
        if self._listening is not None:
            heard = [each.exchange for each in await self._listening.take()]
            self._visits.append([each for each in heard if operation(each.method, each.path) in self._once])

    def twice(self, *, alone: bool) -> tuple[str, ...]:
        """See `done_twice`."""
        return done_twice(self._visits, alone=alone)
