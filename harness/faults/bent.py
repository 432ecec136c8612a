"""Faults that may mean only a share of the connections: the relay chooses them, and does it to them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import Field

from harness.faults.spec import EdgeFault
from harness.model.fault import Hits
from harness.proxy.bends import Bend
from harness.proxy.line import Line
from harness.proxy.probe import Seen
from harness.proxy.waiting import all_of

SEED_LIMIT = 1 << 32


class BentFault(EdgeFault):
    """What Toxiproxy does to all connections of a line, and the relay to those that chance chooses.

    A connection is chosen or not for as long as it lives. The choices come from the seed, the injection's id and
    the line's name, in the order in which connections are opened: the same experiment makes the same ones again.
    Toxiproxy's own toxicity is not used: it rolls again whenever another toxic changes, and has no seed.
    """

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=SEED_LIMIT)] = 0

    @property
    def chooses(self) -> bool:
        """See `FaultSpec`."""
        return self.share < 1

    @abstractmethod
    def bend(self, key: str) -> Bend:
        """What the relay is told."""

    def by_relay(self, line: Line) -> bool:  # noqa: ARG002 -- for those that do without a relay where there is none
        """Whether it is the relay that does it on a line."""
        return self.chooses

    @property
    def of_connections(self) -> str:
        """What part is meant, in words; nothing when it is all."""
        return f" on {self.share * 100:g} % of connections" if self.chooses else ""

    async def arm(self, line: Line, key: str) -> str:
        """See `EdgeFault`."""
        if not self.by_relay(line):
            return await super().arm(line, key)
        chosen = f"{self.share * 100:g} % of connections by seed {self.seed}: " if self.chooses else ""
        return chosen + await line.bend(self.bend(key))

    async def disarm(self, line: Line, key: str, *, within_s: float) -> None:
        """See `EdgeFault`; both begin at once, so that a restart finds both noted when one of them stalls."""
        await all_of([line.unbend(key), super().disarm(line, key, within_s=within_s)])

    async def met(self, line: Line, key: str, crossed: Hits) -> Hits:
        """See `EdgeFault`: of those that it chose, where it chose."""
        found = await line.bend_met(key) if self.chooses else None
        return found if found is not None else await super().met(line, key, crossed)

    async def ask(self, line: Line) -> Seen:
        """See `EdgeFault`: before the relay where that does it, as one of those that it chose."""
        return await (line.probe_bent if self.by_relay(line) else line.probe)(self.question())
