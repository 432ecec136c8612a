"""What the runs of a system, one after the other, tell of each thing that they judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.verdict import Verdict


class Trend(StrEnum):
    """Whether a figure changes from run to run, told only when chance is unlikely to do that."""

    RISING = "rising"
    FALLING = "falling"
    NONE = "no trend shown"
    UNTOLD = "too few runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run."""

    run: str
    wall: str
    where: str
    """Its journal."""
    verdict: Verdict | None
    """None when its journal was cut short."""
    counts: dict[Verdict, int]
    """How many cells, experiments and findings came out so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThingHistory:
    """A cell, an experiment or a finding over all runs, oldest first."""

    kind: str
    name: str
    verdicts: tuple[Verdict | None, ...]
    """None where a run did not judge it."""
    changes: int
    """How often it passed after it had failed, or failed after it had passed."""
    chances: int
    """How often it could have: one less than the runs in which it passed or failed."""
    flaky_in: int
    """Runs in which its own trials did not come out alike."""
    recovery_s: tuple[float | None, ...] = ()
    trend: Trend = Trend.UNTOLD
    """Of its recovery."""

    @property
    def restless(self) -> bool:
        """Whether its verdict changed back and forth, or its trials disagreed."""
        return self.changes > 1 or self.flaky_in > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """All runs of one system, oldest first."""

    system: str
    runs: tuple[RunLine, ...]
    things: tuple[ThingHistory, ...]
