"""Wrong type: answers say that they are something else."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.exchange_rules import Deed, Retyped

PLAIN = "text/plain; charset=utf-8"


class WrongType(ExchangeFault):
    """Gives another content type to answers, whose bodies stay what they are."""

    kind: ClassVar[str] = "wrong-type"
    content_type: Annotated[str, Field(pattern=r"^[!-~]+/[ -~]+$", max_length=200)] = PLAIN

    def what(self) -> str:
        """See `ExchangeFault`."""
        return f"answers as {self.content_type}"

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Retyped(content_type=self.content_type)


def wrong_type(content_type: str = PLAIN, *, match: ExchangeMatch = ALL_EXCHANGES) -> WrongType:
    """Answers say that they are something else: `wrong_type("application/xml")`."""
    return WrongType(content_type=content_type, match=match)
