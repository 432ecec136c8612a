"""What people are told of a run or a game day, and whether it reached them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.verdict import Verdict

MOST_TEXT_CHARS = 2000
"""Of a notice; what is longer is cut, since it stands in the report."""


class Occasion(StrEnum):
    """When people are told."""

    START = "start"
    GUARD = "guard"
    END = "end"
    TRIAL = "trial"
    """Nothing happened: somebody tries whether people can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is told at one moment. Nothing in it is secret: it leaves this machine."""

    occasion: Occasion
    system: str
    run: str
    """Its name: the same in all notices of one run, and a part of the link."""
    title: str
    """What it is that starts, is stopped or ends: `the game day 'friday'`."""
    text: str
    """In a sentence: what is going to be done, which guard stopped it, why the verdict is what it is."""
    wall: str
    """ISO 8601 in UTC: when it was."""
    verdict: Verdict | None = None
    """Only at the end."""
    exit_code: int | None = None
    """Only at the end."""
    roles: tuple[str, ...] = ()
    """Who is to be told; with none, everybody who is told anything."""
    link: str = ""
    """Where to read on; made from the `link` of the description when left out."""

    @property
    def headline(self) -> str:
        """`bank: the game day 'friday' ended: FAIL`."""
        match self.occasion:
            case Occasion.START:
                what = "starts"
            case Occasion.GUARD:
                what = "was stopped by a guard"
            case Occasion.END:
                what = f"ended: {self.verdict}" if self.verdict else "ended"
            case Occasion.TRIAL:
                what = "is tried"
        return f"{self.system}: {self.title} {what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of telling one channel. Nothing in it is secret: it stands in the journal."""

    channel: str
    occasion: Occasion
    why_not: str = ""
    """Why it did not reach anybody; empty when it did."""
    tries: int = 1
    took_s: float = 0.0

    @property
    def reached(self) -> bool:
        """Whether the channel took it."""
        return not self.why_not

    def __str__(self) -> str:
        """`operations was not told of the start: it answered 503 (3 tries)`."""
        if self.reached:
            return f"{self.channel} was told of the {self.occasion}"
        tries = f" ({self.tries} tries)" if self.tries > 1 else ""
        return f"{self.channel} was not told of the {self.occasion}: {self.why_not}{tries}"
