"""Drop field: a member of the answers' JSON is not there."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from harness.faults.spec import ALL_EXCHANGES, ExchangeFault, ExchangeMatch
from harness.model.changes import path_of
from harness.model.exchange_rules import Deed, Dropped


class DropField(ExchangeFault):
    """Removes what a JSON pointer means; a star stands for every element of a list. Answers without it pass."""

    kind: ClassVar[str] = "drop-field"
    field: Annotated[str, Field(pattern=r"^(/(([^~/]|~[01])+))*/([^~/*]|~[01])([^~/]|~[01])*$", max_length=500)]

    def what(self) -> str:
        """See `ExchangeFault`."""
        return f"answers without {self.field}"

    def deed(self) -> Deed:
        """See `ExchangeFault`."""
        return Dropped(path=path_of(self.field))


def drop_field(field: str, *, match: ExchangeMatch = ALL_EXCHANGES) -> DropField:
    """A member is not there: `drop_field("/items/*/price")`."""
    return DropField(field=field, match=match)
