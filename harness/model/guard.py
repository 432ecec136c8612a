"""What stops an experiment at once: an objective that is missed, a command, a file, a signal."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.quantity import Duration, Share

DEFAULT_SPAN = Duration(5)
"""How far a guard looks back when nothing else is declared."""
DEFAULT_EVERY = Duration(2)
"""How often a command is asked when nothing else is declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyGuard:
    """A journey that must not notice: it stops when certainly more than a share is bad, or slower than its p99."""

    journey: str
    bad: Share | None = None
    p99: Duration | None = None
    span: Duration = DEFAULT_SPAN

    def __str__(self) -> str:
        """`browse bad above 10% within 5 s`."""
        limits = [f"bad above {self.bad}"] if self.bad is not None else []
        limits += [f"p99 above {self.p99}"] if self.p99 is not None else []
        return f"{self.journey} {' or '.join(limits)} within {self.span}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeGuard:
    """An edge that must not notice: it stops when certainly more than a share of its requests gets no answer."""

    consumer: str
    provider: str
    failing: Share
    span: Duration = DEFAULT_SPAN

    @property
    def edge(self) -> str:
        """`gateway->catalog`."""
        return f"{self.consumer}->{self.provider}"

    def __str__(self) -> str:
        """`gateway → catalog failing above 20% within 5 s`."""
        return f"{self.consumer} → {self.provider} failing above {self.failing} within {self.span}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandGuard:
    """A command that is asked again and again: it stops when that ends with another code than 0."""

    command: tuple[str, ...]
    every: Duration = DEFAULT_EVERY

    def __str__(self) -> str:
        """The command line."""
        return f"the command {' '.join(self.command)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileGuard:
    """It stops when a file appears (or is there already)."""

    path: str

    def __str__(self) -> str:
        """`the file stop`."""
        return f"the file {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalGuard:
    """It stops when the harness gets a signal."""

    signal: str

    def __str__(self) -> str:
        """`the signal SIGUSR1`."""
        return f"the signal {self.signal}"


Guard = JourneyGuard | EdgeGuard | CommandGuard | FileGuard | SignalGuard
