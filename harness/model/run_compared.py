"""What the comparison of two runs says of each thing that both judged."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.verdict import Verdict


class Turn(StrEnum):
    """How a thing fares in the second run against the first."""

    WORSE = "worse"
    WITHIN = "worse within what is allowed"
    UNTOLD = "can't be told"
    GONE = "no longer judged"
    NEW = "new"
    BETTER = "better"
    ALIKE = "as before"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChange:
    """One thing that was judged: a cell, an experiment, a share of bad answers, a pact."""

    kind: str
    """`cell`, `experiment`, `bad answers`, `pacts`, `fuzz`, `safety`, `load`."""
    name: str
    turn: Turn
    before: str
    """A verdict, or a share with its samples; empty when it was not judged."""
    after: str
    certainty: str
    """On what this rests, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """Everything that two runs judged, and what keeps them from being compared."""

    changes: tuple[RunChange, ...]
    trouble: tuple[str, ...]
    """Why they are not the same question; then nothing is worse, and nothing better."""
    remarks: tuple[str, ...]
    """What else differs between them."""
    error: float
    """How often one share of bad answers or more is called different by chance."""
    allowed: float
    """By how much a share may rise without counting as worse: 0.05 is 5 points."""

    def count(self, turn: Turn) -> int:
        """How many things fare so."""
        return sum(each.turn is turn for each in self.changes)

    @property
    def verdict(self) -> Verdict:
        """FAIL when something is worse; UNKNOWN when something can't be told, or is no longer judged."""
        if self.trouble or not self.changes:
            return Verdict.UNKNOWN
        if self.count(Turn.WORSE):
            return Verdict.FAIL
        return Verdict.UNKNOWN if self.count(Turn.UNTOLD) or self.count(Turn.GONE) else Verdict.PASS
