"""The figures that are told of every experiment, whatever its verdict."""

from __future__ import annotations

from dataclasses import dataclass

BUDGET_DAYS = 30
"""Over so many days an objective's error budget is reckoned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCalls:
    """What crossed an edge for each journey that was due, under the fault and shortly before it."""

    edge: str
    before: float
    during: float

    @property
    def times(self) -> float | None:
        """How many times as many calls as before; None where there were none before."""
        return self.during / self.before if self.before else None


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyMeasures:
    """One journey from the first fault until the system was well again."""

    journey: str
    degraded_share: float | None
    """Of its good answers under the fault; None when there was none."""
    goodput_before: float
    """Good journeys a second in the baseline, brought to this experiment's share of the load."""
    goodput: float
    """Good journeys a second under the fault."""
    bad: int
    """Those that failed or whose end nobody knows, until it was well again."""
    budget_share: float | None = None
    """Part of 30 days' error budget, at this load, that they took; None without an objective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """All figures of one experiment."""

    fault_s: float
    suffered_s: float
    """Seconds from the first fault on in which users fared worse than in the baseline."""
    recovery_s: float | None
    """From the last healing until it was well; None when it never was."""
    journeys: tuple[JourneyMeasures, ...]
    calls: tuple[EdgeCalls, ...] = ()
    """On the faulted edges, and on those that lead there; empty where nothing counts."""

    @property
    def amplification(self) -> float | None:
        """How much longer the users suffered than the fault lasted."""
        return self.suffered_s / self.fault_s if self.fault_s > 0 else None
