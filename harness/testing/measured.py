"""What came of measuring the load for a while."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from harness.checkers.crossings import CROSSINGS_AT_LEAST
from harness.checkers.load_health import DROPPED_ALLOWED
from harness.model import figures
from harness.model.fault import Injection
from harness.model.load_events import Observed
from harness.model.observation import CrossingSecond, GeneratorSecond, JourneySecond, Outcome, Window
from harness.model.quantity import Duration, Share
from harness.testing.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Everything observed that a measurement is made from."""

    journeys: tuple[JourneySecond, ...]
    generator: tuple[GeneratorSecond, ...]
    crossings: tuple[CrossingSecond, ...]

    @classmethod
    def of(cls, observed: Iterable[Observed], window: Window) -> Evidence:
        """What lies in the window."""
        told = list(observed)
        return cls(
            journeys=tuple(figures.seconds_in((each for one in told for each in one.journeys), window)),
            generator=tuple(each for one in told for each in one.generator if window.covers(each.second)),
            crossings=tuple(
                each for one in told for each in one.crossings if window.start - 1 < each.second < window.end
            ),
        )

    @property
    def started(self) -> int:
        """How many journeys were started."""
        return sum(each.started for each in self.generator)

    @property
    def ended(self) -> int:
        """How many of them have ended."""
        return sum(each.count for each in self.journeys)

    def crossed(self, lines: Container[str]) -> int:
        """How many requests the consumers put on these lines."""
        return sum(each.requests for each in self.crossings if each.line in lines)

    @property
    def weakness(self) -> str:
        """Why the load itself proves nothing, if so."""
        due = sum(each.due for each in self.generator)
        dropped = sum(each.dropped for each in self.generator)
        if dropped > DROPPED_ALLOWED * due:
            return f"the load generator had nobody free for {dropped} of {due} journeys; lower the rate"
        return ""


@dataclass(frozen=True, kw_only=True)
class InForce:
    """A fault that is in force, and the lines that it acts on."""

    injection: Injection
    lines: frozenset[str]
    met_before: int
    """How many requests had been put on these lines before it came into force."""

    def weakness(self, evidence: Evidence) -> str:
        """Why what was measured says nothing about this fault, if so."""
        what, fault = self.injection.describe(), self.injection.fault
        if not self.lines:
            return ""
        if fault.passes_traffic:
            met = evidence.crossed(self.lines)
            short = f"{met} requests met {what}, {CROSSINGS_AT_LEAST} are needed: it was not put to the test"
            return "" if met >= CROSSINGS_AT_LEAST else short
        if self.met_before >= CROSSINGS_AT_LEAST:
            return ""
        return (
            f"{what} leaves no request to count, and {self.met_before} came that way before it, of the "
            f"{CROSSINGS_AT_LEAST} needed: measure once without the fault before"
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Journeys that were due in a stretch of time: all of them, or those of one name by `measured["browse"]`.

    One that never ended counts as an error. Latencies are from the intended start to the end of good journeys.
    """

    evidence: Evidence
    window: Window
    names: tuple[str, ...]
    """The journeys that were driven."""
    circumstances: str
    """`during, gateway → recommendations under latency 1 s`."""
    doubt: str = ""
    journey: str | None = None
    """The one that these figures are of; None for all."""

    def __getitem__(self, journey: str) -> Measured:
        """The figures of one journey; KeyError names those that were driven."""
        if journey not in self.names:
            message = f"expected one of the journeys that were driven ({', '.join(self.names)}), found {journey!r}"
            raise KeyError(message)
        circumstances = f"{self.circumstances}, {journey}"
        if len(self.names) == 1:
            return replace(self, circumstances=circumstances)
        missing = self.evidence.started - self.evidence.ended
        unsure = f"{missing} journeys have not ended, and nobody knows how many of them are {journey}"
        return replace(
            self,
            names=(journey,),
            circumstances=circumstances,
            doubt=self.doubt or (unsure if missing > 0 else ""),
            journey=journey,
        )

    @property
    def n(self) -> int:
        """How many journeys were started; those that never ended are counted where they can be told apart."""
        ended = sum(self._counts.values())
        return max(ended, self.evidence.started) if self.journey is None else ended

    @property
    def errors(self) -> Figure:
        """The share that failed, or whose end nobody knows."""
        good = sum(self._counts[outcome] for outcome in figures.GOOD)
        return self._share(self.n - good)

    @property
    def degraded(self) -> Figure:
        """The share that was served, but not in full, and said so."""
        return self._share(self._counts[Outcome.DEGRADED])

    @property
    def p50(self) -> Figure:
        """The median latency."""
        return self._latency(50)

    @property
    def p99(self) -> Figure:
        """The latency that one journey of a hundred exceeds."""
        return self._latency(99)

    @property
    def _counts(self) -> dict[Outcome, int]:
        return figures.counts(self.evidence.journeys, self.window, self.journey)

    def _share(self, part: int) -> Figure:
        value = part / self.n if self.n else None
        return Figure(value=value, quantity=Share, n=self.n, circumstances=self.circumstances, doubt=self.doubt)

    def _latency(self, percentile: float) -> Figure:
        histogram = figures.latencies(self.evidence.journeys, self.window, self.journey)
        return Figure(
            value=figures.percentile_s(histogram, percentile),
            quantity=Duration,
            n=histogram.count,
            circumstances=self.circumstances,
            doubt=self.doubt,
        )
