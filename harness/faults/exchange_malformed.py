"""Malformed: the JSON of answers can't be read."""

from __future__ import annotations

from typing import ClassVar, Literal

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.exchange_rules import Breakage, Broken, Deed

How = Literal["cut", "broken"]


class Malformed(ExchangeFault):
    """Cuts the JSON of an answer in the middle, or breaks it with a character; status and length are right.

    Answers that are no JSON pass.
    """

    kind: ClassVar[str] = "malformed"
    how: How = "cut"

    def what(self) -> str:
        """See `ExchangeFault`."""
        return f"JSON that is {self.how}"

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Broken(how=Breakage(self.how))


def malformed(how: How = "cut", *, match: ExchangeMatch = ALL_EXCHANGES) -> Malformed:
    """JSON that can't be read: `malformed("broken")`."""
    return Malformed(how=how, match=match)
