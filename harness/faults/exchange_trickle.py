"""Trickle: bodies come in drops."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.exchange_rules import Deed, Drops
from harness.model.quantity import Duration

LEAST_PAUSE_S = 0.001
MOST_PAUSE_S = 60.0
DROP_LIMIT_BYTES = 1 << 20


class Trickle(ExchangeFault):
    """Gives an answer's head at once and its body in drops, with a pause before each.

    A consumer that waits so long for each read only, and not for the whole, never gives up.
    """

    kind: ClassVar[str] = "trickle"
    drop_bytes: Annotated[int, Field(ge=1, le=DROP_LIMIT_BYTES)] = 16
    every: Annotated[Duration, Field(ge=LEAST_PAUSE_S, le=MOST_PAUSE_S)] = Duration(0.2)

    def what(self) -> str:
        """See `ExchangeFault`."""
        return f"bodies {self.drop_bytes} bytes at a time, every {self.every}"

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Drops(drop_bytes=self.drop_bytes, every_s=float(self.every))


def trickle(drop_bytes: int = 16, *, every: str | Duration = "200ms", match: ExchangeMatch = ALL_EXCHANGES) -> Trickle:
    """Bodies come in drops: `trickle(1, every="500ms")`."""
    return Trickle.model_validate({"drop_bytes": drop_bytes, "every": every, "match": match})
