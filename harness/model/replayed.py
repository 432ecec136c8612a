"""Requests whose healthy answers are known, so that they can be asked again while something is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.model.visits import Exchange

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENT = SAFE | {"PUT", "DELETE"}


class Source(StrEnum):
    """Where a request comes from; the first is what somebody relies on."""

    PACT = "pact"
    EXAMPLE = "example"
    CASE = "case"
    """Schemathesis made it from the document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that can be sent again."""

    operation: str
    """`GET /products/{sku}`, as the document has it; without a document the request itself."""
    method: str
    path: str
    """With its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Without those that the harness sends along by itself."""
    body: bytes = b""
    source: Source
    fresh: tuple[str, ...] = ()
    """Headers that get a new value each time: idempotency keys."""

    @property
    def safe(self) -> bool:
        """Whether asking changes nothing."""
        return self.method in SAFE

    @property
    def risk(self) -> int:
        """What is asked later has the higher number: commands, last of all those that delete."""
        ranks = {"PUT": 1, "PATCH": 3, "DELETE": 4}
        return 0 if self.safe else ranks.get(self.method, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """A request, and its answers while nothing was broken: all of one class."""

    asked: Asked
    exchanges: tuple[Exchange, ...]
    problems: frozenset[str] = frozenset()
    """In what they differed from the document already; that is for a fuzzer to tell."""

    @property
    def hundred(self) -> int:
        """2 for 200 and 204, 4 for 404."""
        return (self.exchanges[-1].status or 0) // 100

    @property
    def statuses(self) -> frozenset[int]:
        """All that came."""
        return frozenset(each.status for each in self.exchanges if each.status is not None)

    @property
    def may_be_empty(self) -> bool:
        """Whether an answer had no body."""
        return any(not each.body for each in self.exchanges)
