"""What an audit looks at, and what it says: is this a system of services, or one program in many processes?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from harness.model.span import Span
from harness.model.topology import Topology

AUDIT_FORMAT = 1


class Trait(StrEnum):
    """What makes a distributed monolith."""

    UNDECLARED = "undeclared"
    """Somebody calls somebody, and nobody wrote it down."""
    SHARED_STORE = "shared-store"
    """Several services keep what they know in one place."""
    CYCLE = "cycle"
    """Services call each other round in a circle."""
    DEPTH = "depth"
    """A customer waits for a long chain of services, one behind the other."""
    PAIR = "pair"
    """Calls that never come alone."""
    FAN_IN = "fan-in"
    """Everybody needs it."""
    TIMEOUT = "timeout"
    """Who is asked waits longer than who asks."""


class Answer(StrEnum):
    """What is known of a trait."""

    FOUND = "found"
    NONE = "none"
    """It was looked for, with all that it takes, and is not there."""
    UNKNOWN = "unknown"
    """It was not found, and what was looked at does not suffice to say that it is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One instance of a trait."""

    trait: Trait
    subject: str
    """An edge, a service, a store, or a chain `a -> b -> c`."""
    reason: str
    """One sentence with the figures."""
    owners: tuple[str, ...]
    evidence: tuple[str, ...] = ()
    basis: Literal["declared", "seen"] = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an audit says of one trait."""

    trait: Trait
    answer: Answer
    signs: tuple[Sign, ...] = ()
    """The worst first."""
    looked_at: str = ""
    """By what; for none, what it excludes."""
    lacking: tuple[str, ...] = ()
    """What was not there to be looked at, and what would bring it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """One visit, and what crossed each edge during it."""

    journey: str
    crossed: Mapping[str, int] | None = None
    """Edge → requests; None when nothing counts, or nobody could tell what was the visit's own."""
    exact: bool = True
    """Whether they were counted; else it is only known that it was crossed."""
    trace: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Connections of a consumer that went past its proxies, by its sockets."""

    consumer: str
    provider: str
    """A service or store of the system; empty when it is none."""
    address: str
    program: str = ""
    """What listens there, when that is known and no part of the system."""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a system while its journeys were run."""

    visits: tuple[Visited, ...] = ()
    past: tuple[Past, ...] = ()
    watched: bool = False
    """Whether sockets were looked at."""
    blind: tuple[str, ...] = ()
    """Instances whose sockets nobody could look at."""
    ownerless: tuple[str, ...] = ()
    """Instances that somebody connected to, and nobody could tell who."""
    by_itself: tuple[str, ...] = ()
    """Edges that are crossed while nobody visits; they are left out of the visits."""


@dataclass(frozen=True, kw_only=True)
class AuditEvidence:
    """All that an audit is made from."""

    topology: Topology
    seen: Seen = field(default_factory=Seen)
    spans: tuple[Span, ...] = ()
    journey_of: Mapping[str, str] = field(default_factory=dict)
    """Trace → the journey that it is of, where that is known."""
    source: str = ""
    """The run that it comes from; empty when nothing was run."""

    @property
    def ran(self) -> bool:
        """Whether anything was run at all."""
        return bool(self.source)
