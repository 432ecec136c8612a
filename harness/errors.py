"""The one tree of exceptions of the harness.

Every message says what was expected, what was found, where, and what to do.
`exit_code` is what a command ends with when the error reaches it:
2 for bad input and for what could not run (see `harness.model.verdict` for the others).
"""

from __future__ import annotations

from dataclasses import dataclass


class HarnessError(Exception):
    """Anything the harness reports by a message instead of a traceback."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a file something stands; line and column count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """The place as editors understand it: `file:line:column`."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong in a declared file."""

    place: Place
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """`file:line:column: message; remedy`."""
        return f"{self.place}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


class DeclarationError(HarnessError):
    """A declared file is wrong; `problems` lists everything found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class InputError(HarnessError):
    """A line that somebody typed can't be read; `column` counts from 1."""

    def __init__(self, message: str, *, text: str, column: int, remedy: str = "") -> None:
        self.message = message
        self.column = column
        self.remedy = remedy
        super().__init__(f"{text!r}, column {column}: {message}" + (f"; {remedy}" if remedy else ""))


class ProvisionError(HarnessError):
    """A tool that the harness needs (Toxiproxy, a store's binary) can't be had here."""


class DeployError(HarnessError):
    """The system could not be started: a port is taken, a service died or never became ready."""


class ProxyError(HarnessError):
    """A fault proxy refused a command or did not answer within its deadline."""


class HealError(HarnessError):
    """A fault could not be taken back by any rung of the healing ladder."""


class LoadError(HarnessError):
    """The load generator could not start, or died."""


class ContractError(HarnessError):
    """Pacts or OpenAPI documents can't be read or make no sense (a mismatch is a finding, not an error)."""


class JournalError(HarnessError):
    """A journal can't be read."""


class Inconclusive(HarnessError):  # noqa: N818 -- the field's word for a test that decides nothing
    """Too little was measured to say yes or no; never an assertion's failure."""


class Stopped(HarnessError):  # noqa: N818 -- a stop that was declared is no error
    """A guard stopped an experiment; everything was healed before this was raised."""

    exit_code = 3


class Interrupted(HarnessError):  # noqa: N818 -- a stop that was asked for is no error
    """Somebody stopped the run; everything was put right before this was raised."""

    exit_code = 130
