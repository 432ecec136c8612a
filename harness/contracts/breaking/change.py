"""One change between two documents, or between two schemas of an event."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a change is by the rules alone, whoever is there."""

    BREAKING = "breaking"
    RISKY = "risky"
    SAFE = "safe"


class Direction(StrEnum):
    """Who writes what changed."""

    REQUEST = "request"
    RESPONSE = "response"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed, by the name of its rule."""

    rule: str
    """As oasdiff calls it: `response-required-property-removed`."""
    level: Level
    text: str
    operation: str
    """`GET /orders/{order_id}`, or the name of an event; empty for the whole document."""
    direction: Direction
    status: str = ""
    """Of the answer that changed; empty for all."""
    names: tuple[str, ...] = ()
    """The property, from the body down, without elements of lists; or the parameter or header."""
    value: str = ""
    """What an enum has new."""
