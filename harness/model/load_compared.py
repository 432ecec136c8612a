"""What the comparison of two load runs says of each figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.bound import EVERY, Measure
from harness.model.verdict import Verdict


class Said(StrEnum):
    """What is said of a figure of the second run."""

    WORSE = "worse"
    WITHIN = "worse within what is allowed"
    """Worse, but not certainly by more than is allowed."""
    ALIKE = "no difference shown"
    BETTER = "better"
    UNTOLD = "can't be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose figures they are, and when."""

    journey: str
    step: str = ""
    phase: str = ""

    def __str__(self) -> str:
        """`checkout/POST /orders in during`."""
        name = f"{self.journey or EVERY}/{self.step}" if self.step else self.journey or EVERY
        return f"{name} in {self.phase}" if self.phase else name


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One figure of both runs; what has no bounds is None."""

    place: Place
    figure: Measure
    said: Said
    samples_before: int
    samples_after: int
    before: tuple[float, float, float] | None = None
    """Lower bound, figure, upper bound: seconds, a share, or journeys a second."""
    after: tuple[float, float, float] | None = None
    change: tuple[float, float, float] | None = None
    """0.1 is 10 % more; of shares, 10 points more."""
    visible: float | None = None
    """A worsening of so much would have been shown."""
    why: str = ""
    """Why it can't be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All figures of both runs, and what keeps them from being compared."""

    compared: tuple[Compared, ...]
    trouble: tuple[str, ...]
    """Why a run's figures can't be trusted; then nothing is worse, and nothing better."""
    missing: tuple[str, ...]
    """What only one of them has, or what was not the same question."""
    error: float
    """How often one figure or more is called different by chance."""
    allowed: float
    """How much slower (0.05 is 5 %) counts as no worse."""

    @property
    def verdict(self) -> Verdict:
        """FAIL when a figure is worse; UNKNOWN when a journey's can't be told, or nothing was compared."""
        if any(each.said is Said.WORSE for each in self.compared) and not self.trouble:
            return Verdict.FAIL
        untold = any(each.said is Said.UNTOLD and not each.place.step for each in self.compared)
        return Verdict.UNKNOWN if self.trouble or self.missing or untold or not self.compared else Verdict.PASS
