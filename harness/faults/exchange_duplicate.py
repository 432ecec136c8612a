"""Duplicate: requests arrive twice."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.exchange_rules import Deed, Twice

Which = Literal["first", "second"]


class Duplicate(ExchangeFault):
    """Delivers a request once more when it was answered; the consumer gets one of both answers, after the second.

    `first` is a network that repeats itself, `second` a proxy that lost the first answer and tried again.
    """

    kind: ClassVar[str] = "duplicate"
    answer: Which = "first"

    def what(self) -> str:
        """See `ExchangeFault`."""
        return "requests delivered twice" + (", the second answer counts" if self.answer == "second" else "")

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Twice(second=self.answer == "second")


def duplicate(answer: Which = "first", *, match: ExchangeMatch = ALL_EXCHANGES) -> Duplicate:
    """Requests arrive twice: `duplicate(match=ExchangeMatch(method="POST"))`."""
    return Duplicate(answer=answer, match=match)
