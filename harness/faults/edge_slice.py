"""Slice: answers come in small pieces with pauses between them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from harness.faults.spec import ANSWER_WITHIN_S, STREAMS, Direction, EdgeFault
from harness.model.quantity import Duration
from harness.proxy.probe import Outcome, Question, Seen
from harness.proxy.toxics import SlicerAttributes, ToxicSpec

LARGEST_PIECE = 1 << 20
WATCHED_PIECES = 3
WATCHED_BYTES = 1024
LONGEST_PAUSE_S = 60.0
BELIEVED_FROM_S = 0.5
"""A pause of so much is believed when nothing whole came in time."""
MICROSECONDS = 1_000_000
NO_TIME = Duration(0)


class Slice(EdgeFault):
    """Cuts what is said into pieces of about so many bytes, each sent on its own, a pause after each.

    Toxiproxy dies of pieces without a size, which is why the variation must stay below it.
    """

    kind: ClassVar[str] = "slice"
    average_bytes: Annotated[int, Field(ge=1, le=LARGEST_PIECE)]
    variation_bytes: Annotated[int, Field(ge=0, lt=LARGEST_PIECE)] = 0
    pause: Annotated[Duration, Field(le=LONGEST_PAUSE_S)] = NO_TIME
    direction: Direction = "reply"

    @model_validator(mode="after")
    def _pieces_have_a_size(self) -> Self:
        if self.variation_bytes >= self.average_bytes:
            message = (
                f"expected variation_bytes below average_bytes ({self.average_bytes}), found {self.variation_bytes}"
            )
            raise ValueError(message)
        return self

    @property
    def largest_bytes(self) -> int:
        """The longest that a piece may be."""
        return self.average_bytes + self.variation_bytes

    def describe(self) -> str:
        """See `FaultSpec`."""
        size = f"{self.average_bytes} ± {self.variation_bytes}" if self.variation_bytes else f"{self.average_bytes}"
        what = "requests" if self.direction == "request" else "answers"
        return f"{what} in pieces of {size} bytes" + (f", {self.pause} apart" if self.pause else "")

    def toxics(self, key: str) -> tuple[ToxicSpec, ...]:
        """See `EdgeFault`."""
        attributes = SlicerAttributes(
            average_size=self.average_bytes,
            size_variation=self.variation_bytes,
            delay=round(self.pause * MICROSECONDS),
        )
        return (ToxicSpec(name=f"{key}slice", stream=STREAMS[self.direction], attributes=attributes),)

    def question(self) -> Question:
        """See `EdgeFault`; it asks on until there must have been several pieces."""
        enough = min(WATCHED_BYTES, WATCHED_PIECES * self.largest_bytes) if self.pause else 0
        return Question(within_s=ANSWER_WITHIN_S, beyond_bytes=enough if self.direction == "reply" else 0)

    def bites(self, seen: Seen) -> bool:
        """See `EdgeFault`; without a pause nobody can see it, since the kernel puts pieces together again."""
        if seen.outcome is Outcome.SILENT:
            return self.pause >= BELIEVED_FROM_S or (seen.bytes > 0 and bool(self.pause))
        if seen.outcome is not Outcome.ANSWERED:
            return False
        pauses = max(0, seen.bytes // self.largest_bytes - 1) if self.direction == "reply" else 0
        return not pauses or seen.took_s >= self.pause


def slice_(
    average_bytes: int, *, variation_bytes: int = 0, pause: str | Duration = NO_TIME, direction: Direction = "reply"
) -> Slice:
    """Answers come in small pieces: `slice_(16, pause="5ms")`."""
    return Slice.model_validate(
        {
            "average_bytes": average_bytes,
            "variation_bytes": variation_bytes,
            "pause": pause,
            "direction": direction,
        }
    )
