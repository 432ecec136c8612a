"""Hostile requests of our own: what they are made from, and what must come of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from harness.model.fuzzing import HostileCheck
from harness.model.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Honest:
    """A request that nothing is wrong with, in its parts, and how it was answered."""

    operation: str
    """`GET /products/{sku}`, as the document has it."""
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: JsonValue = None
    media: str = ""
    status: int = 0
    answer: JsonValue = None

    @property
    def method(self) -> str:
        """`GET`."""
        return self.operation.partition(" ")[0]

    @property
    def template(self) -> str:
        """`/products/{sku}`."""
        return self.operation.partition(" ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A hostile request, with those that its answer is compared with."""

    check: HostileCheck
    operation: str
    what: str
    """What is hostile in it: `query q = ' OR '1'='1`."""
    hostile: Request
    twin: Request | None = None
    """The honest counterpart: what it may get, the hostile one may."""
    control: Request | None = None
    """Asked only when the first two differ, to see whether something harmless explains that."""
    needle: str = ""
    """What must not be found in the answer as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What an answer to a trial gives away."""

    check: HostileCheck
    title: str
    status: int
    body: bytes = b""
    told: tuple[str, ...] = ()
