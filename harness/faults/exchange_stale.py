"""Stale: what was answered once is answered again."""

from __future__ import annotations

from typing import ClassVar

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.exchange_rules import Deed
from harness.model.exchange_rules import Stale as Remembering


class Stale(ExchangeFault):
    """Remembers the first answer to each GET, and gives it from then on, as a cache that nobody invalidates.

    An answer that is remembered passes, and so does one that is the same still: neither is a hit.
    """

    kind: ClassVar[str] = "stale"

    def what(self) -> str:
        """See `ExchangeFault`."""
        return "answers of before"

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Remembering()


def stale(*, match: ExchangeMatch = ALL_EXCHANGES) -> Stale:
    """What was answered once is answered again."""
    return Stale(match=match)
