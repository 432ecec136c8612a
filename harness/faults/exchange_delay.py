"""Delay: the answers of chosen routes come later."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.exchange_rules import Deed, Later
from harness.model.quantity import Duration

LEAST_DELAY_S = 0.001
MOST_DELAY_S = 3600.0


class Delay(ExchangeFault):
    """Holds an answer back once the provider begins to give it; others on the same connection are on time."""

    kind: ClassVar[str] = "delay"
    delay: Annotated[Duration, Field(ge=LEAST_DELAY_S, le=MOST_DELAY_S)]

    def what(self) -> str:
        """See `ExchangeFault`."""
        return f"answers {self.delay} later"

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Later(delay_s=float(self.delay))


def delay(by: str | Duration, *, match: ExchangeMatch = ALL_EXCHANGES) -> Delay:
    """Answers come later: `delay("2s", match=ExchangeMatch(path="/charges/*"))`."""
    return Delay.model_validate({"delay": by, "match": match})
