"""The smallest fault that still breaks a cell, and the delay that an edge bears."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.matrix import Cell
from harness.model.system import Need


class Dial(StrEnum):
    """What of a fault is made smaller."""

    DELAY = "delay"
    """How late what comes is, in seconds."""
    BYTES = "bytes"
    """After how many bytes answers end: the more, the smaller the fault."""
    LASTS = "lasts"
    """For how many seconds it is in force."""
    ROUTE = "route"
    """On which requests it acts."""
    INSTANCE = "instance"
    """On the lines to which instance of the provider it acts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A smaller fault that was tried."""

    dial: Dial
    fault: str
    """In words: `latency 410 ms`."""
    size: float | None = None
    """On its dial; None where sizes can't be told apart by a number."""
    breaks: bool | None
    """None when it could not be told."""
    degraded: bool = False
    """Whether it held, with less than without a fault."""
    reason: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """The smallest fault found that still breaks a cell."""

    cell: Cell
    sentence: str
    """`checkout breaks from 410 ms on orders → payments`."""
    fault: str = ""
    """That fault in words; empty when the cell held throughout."""
    dials: tuple[Dial, ...] = ()
    """Those by which it became smaller; none when every smaller fault was borne."""
    smallest: float | None = None
    """On the dial that is a number, the size that breaks and is nearest to one that holds."""
    holds: float | None = None
    """The size that holds and is nearest to that; None when none held."""
    monotone: bool = True
    """Whether whatever is harsher than one that breaks was seen to break too."""
    complete: bool = True
    """Whether there was time to search to the end."""
    tried: tuple[Tried, ...] = ()
    reproduction: str = ""
    """The pytest that shows it, below the run's directory."""
    replay: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyBudget:
    """The delay that a journey bears on an edge that it can do without."""

    journey: str
    edge: str
    need: Need
    """As declared."""
    deadline_s: float | None
    """The edge's own, when one is declared."""
    full_s: float | None = None
    """The longest delay tried with full answers; None when there was none."""
    bears_s: float | None = None
    """The longest delay tried that was borne; None when there was none."""
    breaks_s: float | None = None
    """The shortest delay tried that broke it; None when it bore all."""
    slack_s: float | None = None
    """By how much what it bears is above the edge's deadline; below zero when it breaks sooner."""
    monotone: bool = True
    complete: bool = True
    tried: tuple[Tried, ...] = ()
    reason: str = ""
    """Why it broke, or why nothing could be told."""
