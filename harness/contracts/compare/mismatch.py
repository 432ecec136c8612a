"""In what a pact and a document differ, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.errors import Place


class Severity(StrEnum):
    """An error can't come true; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One thing in which an interaction differs from what the provider declares."""

    severity: Severity
    code: str
    """`request.query`, `response.body`, … and what is wrong there: `response.body.undeclared`."""
    where: str
    """In the interaction: `response.body $.lines[0].sku`."""
    message: str

    def __str__(self) -> str:
        """`response.body $.total: …`."""
        return f"{self.where}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedInteraction:
    """An interaction and what was found; `unjudged` says why nothing could be found."""

    label: str
    place: Place
    operation: str = ""
    """`GET /orders/{order_id}`, or the event; empty when the document has none such."""
    mismatches: tuple[Mismatch, ...] = ()
    unjudged: str = ""

    @property
    def errors(self) -> tuple[Mismatch, ...]:
        """Those that can't come true."""
        return tuple(each for each in self.mismatches if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Mismatch, ...]:
        """Those worth a look."""
        return tuple(each for each in self.mismatches if each.severity is Severity.WARNING)


def error(code: str, where: str, message: str) -> Mismatch:
    """What can't come true."""
    return Mismatch(severity=Severity.ERROR, code=code, where=where, message=message)


def warning(code: str, where: str, message: str) -> Mismatch:
    """What is worth a look."""
    return Mismatch(severity=Severity.WARNING, code=code, where=where, message=message)
