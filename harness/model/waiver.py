"""What is red, and was accepted: by whom, why, and until when."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.model.declared import Declared

MOST_LETTERS = 500

Line = Annotated[str, Field(pattern=r"^\S(.*\S)?$", max_length=MOST_LETTERS)]
"""Text without a line's end."""


class Waiver(Declared):
    """A red cell, or a red finding, that somebody answers for until a day, the day itself included (UTC)."""

    cell: Line | None = None
    """As it is shown: `checkout, orders->payments refused`."""
    finding: Line | None = None
    """Experiment, check and subject: `payments-killed availability checkout`."""
    owner: Line
    why: Line
    until: dt.date

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if (self.cell is None) == (self.finding is None):
            message = "expected either 'cell' or 'finding', not both and not none"
            raise ValueError(message)
        return self

    @property
    def name(self) -> str:
        """What it accepts."""
        return self.cell or self.finding or ""

    def holds_on(self, day: dt.date) -> bool:
        """Whether it still holds on that day."""
        return day <= self.until

    def __str__(self) -> str:
        """`accepted by payments until 2027-01-31: the bank is being replaced`."""
        return f"accepted by {self.owner} until {self.until.isoformat()}: {self.why}"


class Waivers(Declared):
    """The content of `accepted.yaml`."""

    accepted: tuple[Waiver, ...] = ()
