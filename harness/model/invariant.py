"""What must hold once a system has come to rest: which of its own reads, and what is true of their rows."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from harness.model.declared import Declared, Name
from harness.model.guarantee import Guarantee, Said

Pointer = Annotated[str, Field(pattern=r"^(/[^/]*)*$")]
"""An RFC 6901 pointer; the empty one is the whole document."""

Scalar = str | int | float | bool | None
Where = dict[str, Scalar]
"""Field → value: only rows that have all of them count; a field that is a list has each value in it."""


class Read(Declared):
    """How a service is asked for its state, all pages, past every proxy."""

    service: Name
    path: Annotated[str, Field(pattern=r"^/")]
    rows: Pointer
    """Where in the answer the list of rows is."""
    next: Pointer | None = None
    """Where in the answer the relative URL of the next page is, null after the last; without it there is one page."""
    without: dict[str, str] = Field(default_factory=dict)
    """Field → regular expression: rows in which any of them matches from the start are left out (test data)."""

    @field_validator("without")
    @classmethod
    def _patterns(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, pattern in patterns.items():
            try:
                re.compile(pattern)
            except re.error as error:
                message = f"expected a regular expression for {name!r}, found {pattern!r}: {error}"
                raise ValueError(message) from error
        return patterns

    def keeps(self, row: dict[str, JsonValue]) -> bool:
        """Whether a row counts, or is test data to leave out."""
        return not any(re.match(pattern, str(row.get(name, ""))) for name, pattern in self.without.items())


class Final(Declared):
    """The states in which a row may rest."""

    field: str
    values: Annotated[tuple[Scalar, ...], Field(min_length=1)]


class AcknowledgedKept(Declared):
    """Whatever was acknowledged to a customer is still there, and final."""

    kind: Literal["acknowledged-kept"]
    name: Said
    operation: str
    """Operations of that name that ended OK or DEGRADED were acknowledged."""
    read: Name
    key: str
    """Field of the operation's value and of the row."""
    final: Final | None = None
    service: Name
    """Who has to answer for it."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs."""
        return (self.read,)


class AtMostOnce(Declared):
    """No two rows share a key."""

    kind: Literal["at-most-once"]
    name: Said
    read: Name
    key: str
    where: Where = Field(default_factory=dict)
    token: str | None = None
    """Field that tells who doubled: one token twice is the provider's repetition, two tokens are the caller's."""
    service: Name
    caller: Name | None = None
    """The consumer of `service` that is to blame for two tokens."""

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs."""
        return (self.read,)


class Sum(Declared):
    """A figure added up over rows, or over the elements of a list in each row."""

    read: Name
    field: str | None = None
    """The figure; without it each row, or each element, counts one."""
    where: Where = Field(default_factory=dict)
    """Conditions on the row."""
    each: str | None = None
    """A list field of the row; then `field` is one of its elements; so is the key, unless only the row has it."""


class Conserved(Declared):
    """Per key, a total equals the sum of its parts, and nothing is below zero."""

    kind: Literal["conserved"]
    name: Said
    per: str
    total: Sum
    parts: Annotated[tuple[Sum, ...], Field(min_length=1)]
    may_be_negative: bool = False
    service: Name

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs, each once."""
        return tuple(dict.fromkeys(part.read for part in (self.total, *self.parts)))


class Never(Declared):
    """No row is like this."""

    kind: Literal["never"]
    name: Said
    read: Name
    where: Where = Field(default_factory=dict)
    below: dict[str, float] = Field(default_factory=dict)
    """Field → number: the row's figure is below it."""
    service: Name

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.where and not self.below:
            message = f"invariant {self.name!r}: expected 'where' or 'below', found neither: any row would break it"
            raise ValueError(message)
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs."""
        return (self.read,)


class NeverNegative(Declared):
    """No figure of any row is below zero."""

    kind: Literal["never-negative"]
    name: Said
    read: Name
    fields: Annotated[tuple[str, ...], Field(min_length=1)]
    service: Name

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs."""
        return (self.read,)


class Kept(Declared):
    """Rows of a read, and which of them count."""

    read: Name
    where: Where = Field(default_factory=dict)


class Apart(Declared):
    """No key has rows on both sides: an order that is cancelled, and a charge for it that was not given back."""

    kind: Literal["apart"]
    name: Said
    key: str
    """The field that both have."""
    one: Kept
    other: Kept
    service: Name

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs, each once."""
        return tuple(dict.fromkeys((self.one.read, self.other.read)))


class Follows(Declared):
    """The states that each row went through follow one another as allowed."""

    kind: Literal["follows"]
    name: Said
    read: Name
    key: str
    """What identifies a row, for people."""
    field: str
    """The list of the row's states, the oldest first."""
    first: Annotated[tuple[str, ...], Field(min_length=1)]
    then: dict[str, tuple[str, ...]]
    """State → the states that may come after it; a state that is not there is the last."""
    service: Name

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the reads that it needs."""
        return (self.read,)


OverReads = AcknowledgedKept | AtMostOnce | Conserved | Never | NeverNegative | Apart | Follows
"""What is true of final reads; the guarantees are about operations."""

Invariant = Annotated[OverReads | Guarantee, Field(discriminator="kind")]


class Invariants(Declared):
    """The whole of `invariants.yaml`."""

    reads: dict[Name, Read] = Field(default_factory=dict)
    invariants: tuple[Invariant, ...] = ()

    @model_validator(mode="after")
    def _joined(self) -> Self:
        names = [invariant.name for invariant in self.invariants]
        for name in names:
            if names.count(name) > 1:
                message = f"expected names of their own, found two invariants named {name!r}"
                raise ValueError(message)
        for invariant in self.invariants:
            for read in invariant.reads:
                if read not in self.reads:
                    known = ", ".join(sorted(self.reads)) or "none"
                    message = f"invariant {invariant.name!r}: expected a declared read ({known}), found {read!r}"
                    raise ValueError(message)
        return self

    @property
    def services(self) -> tuple[str, ...]:
        """Every service that is named, each once; the loader proves that the system has them."""
        named = [read.service for read in self.reads.values()]
        for invariant in self.invariants:
            named.append(invariant.service)
            if isinstance(invariant, AtMostOnce) and invariant.caller is not None:
                named.append(invariant.caller)
        return tuple(dict.fromkeys(named))
