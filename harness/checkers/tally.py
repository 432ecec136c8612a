"""What the checkers count in a window."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.model.figures import counts
from harness.model.history import History
from harness.model.observation import Outcome, Window, WindowKind
from harness.model.verdict import Verdict

MIN_SAMPLES = 30
"""Below so many samples nothing is said of a share."""

DELTA = 0.05
"""By how much a share may rise: VERDICTS V1."""

PATIENCE = 1.1
"""An answer is late when it took longer than so many times the deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the journeys that were due in a window ended."""

    ok: int = 0
    degraded: int = 0
    bad: int = 0
    """Failed or unknown: the customer went without."""

    @property
    def good(self) -> int:
        """Full or degraded."""
        return self.ok + self.degraded

    @property
    def n(self) -> int:
        """All of them."""
        return self.good + self.bad


def tally(history: History, window: Window | None, journey: str | None = None) -> Tally:
    """The journeys of one name (or all judged ones) in a window; of no window, none."""
    if window is None:
        return Tally()
    names = judged(history) if journey is None else (journey,)
    found = [counts(history.journeys, window, name) for name in names]
    return Tally(
        ok=sum(each[Outcome.OK] for each in found),
        degraded=sum(each[Outcome.DEGRADED] for each in found),
        bad=sum(each[Outcome.FAILED] + each[Outcome.UNKNOWN] for each in found),
    )


def before_and_during(history: History, journey: str | None = None) -> tuple[Tally, Tally]:
    """The baseline's tally, and that of the fault window."""
    return (
        tally(history, history.window(WindowKind.BASELINE), journey),
        tally(history, history.window(WindowKind.FAULT), journey),
    )


def judged(history: History) -> tuple[str, ...]:
    """The journeys that the experiment's load consists of, in its order."""
    return tuple(name for name, weight in history.experiment.weights.items() if weight > 0)


def deadline_limit_s(history: History, journey: str) -> float:
    """When an answer of the journey is late, in seconds."""
    return history.topology.journey(journey).deadline * PATIENCE


def answers_window(history: History, journey: str) -> Window | None:
    """The whole seconds in which answers to what was asked under the fault ended, its first and last moments included.

    Answers are counted in the second in which they ended, so those asked for at the very end are waited for.
    """
    window = history.window(WindowKind.FAULT)
    if window is None:
        return None
    end = math.ceil(window.end + deadline_limit_s(history, journey))
    return Window(kind=WindowKind.FAULT, start=math.floor(window.start), end=end)


def below(lower: float, upper: float, limit: float) -> Verdict:
    """PASS when the figure is certainly below the limit, FAIL when certainly above, else UNKNOWN."""
    if upper < limit:
        return Verdict.PASS
    return Verdict.FAIL if lower > limit else Verdict.UNKNOWN
