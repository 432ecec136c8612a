"""A limit that a load run must keep: `checkout.p99 < 800ms during`, `checkout/POST /orders.failed < 1%`."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.bound import EVERY, Bound, Measure
from harness.model.verdict import Verdict

CHECK = "thresholds"
"""The check's id in findings, whose lines of evidence begin with these words."""
MEASURED = "measured: "
CERTAIN = "certainly: "
SAMPLES = "samples: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A figure of a journey, of a step or of all, the limit that it must keep, and in which phase."""

    text: str
    """As it was written."""
    subject: str
    """A journey, `all`, or a step as `journey/request name`; `all/request name` is that request of any journey."""
    figure: Measure
    comparison: str
    """`<`, `<=`, `>` or `>=`."""
    value: float
    """A share from 0 to 1, seconds, or journeys a second."""
    phase: str = ""
    """Where it must hold; empty: in all phases taken together."""

    @property
    def journey(self) -> str | None:
        """Whose figure it is; None where it is that of all together."""
        name = self.subject.partition("/")[0]
        return None if name == EVERY else name

    @property
    def step(self) -> str:
        """The name of the request, empty for a whole journey."""
        return self.subject.partition("/")[2]

    @property
    def bound(self) -> Bound:
        """What the figure is held to, wherever that is."""
        return Bound(journey=self.subject, measure=self.figure, sign=self.comparison, limit=self.value)

    def __str__(self) -> str:
        """`checkout.p99 < 800 ms in during`."""
        return f"{self.bound} in {self.phase}" if self.phase else str(self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of a threshold."""

    threshold: str
    """As it is shown: `checkout.p99 < 800 ms in during`."""
    verdict: Verdict
    reason: str
    n: int = 0
    """Samples; 0 where nothing was measured."""
    measured: str = ""
    """The figure with its unit; empty where there is none."""
    lower: str = ""
    """The figure is certainly no lower; empty where nothing is certain."""
    upper: str = ""
