"""What must hold of the reads and writes that customers did: guarantees over histories, without final reads."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.model.declared import Declared, Name
from harness.model.quantity import Duration

Said = Annotated[str, Field(min_length=1, max_length=120)]
"""What an invariant is called in findings: a sentence."""

NOTHING = Duration(0)
CONFIGURATIONS_LIMIT = 200_000
"""A register with a dozen writes at once needs some thousands; a second is enough for this many."""


class OfThings(Declared):
    """A guarantee about things of one kind: operations name them as `cart/customer-0017`."""

    name: Said
    thing: Annotated[str, Field(pattern=r"^[^/]+$")]
    """The kind: what stands before the `/`. All of its writers must be recorded."""
    begins: Literal["empty", "unknown"] = "empty"
    """What a thing holds before its first write; where nobody knows, a value may be there that nobody wrote."""
    degraded: Literal["judged", "excused"] = "judged"
    """Whether an answer that says that it is degraded must hold it too."""
    service: Name
    """Who has to answer for it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """It needs no final reads."""
        return ()


class ReadYourWrites(OfThings):
    """Whoever was told that her write is done never reads an older value."""

    kind: Literal["read-your-writes"]
    version: str | None = None
    """A number in the operations' values that grows with each change of the thing."""


class MonotonicReads(OfThings):
    """Whoever has seen a write never reads an older value after."""

    kind: Literal["monotonic-reads"]
    version: str | None = None


class MonotonicWrites(OfThings):
    """Whoever sees a write sees what its writer was told to be done before it."""

    kind: Literal["monotonic-writes"]


class WritesFollowReads(OfThings):
    """Whoever sees a write sees what its writer had seen before it."""

    kind: Literal["writes-follow-reads"]


class NoLostUpdates(OfThings):
    """Of two updates that were made of the same value, only one is acknowledged."""

    kind: Literal["no-lost-updates"]


class AddsKept(OfThings):
    """What was acknowledged as added is in every later read, whoever reads, unless it may have been removed."""

    kind: Literal["adds-kept"]
    within: Duration = NOTHING
    """So long after its acknowledgement an addition may still be missing."""


class Linearizable(OfThings):
    """Each field behaves as if there were one copy of it, and each operation took effect at one moment."""

    kind: Literal["linearizable"]
    configurations: Annotated[int, Field(ge=1, le=10_000_000)] = CONFIGURATIONS_LIMIT
    """How many are looked at before it is given up as UNKNOWN."""


Guarantee = (
    ReadYourWrites | MonotonicReads | MonotonicWrites | WritesFollowReads | NoLostUpdates | AddsKept | Linearizable
)
