"""The marks by which a system sees that a request is ours, and of which run."""

from __future__ import annotations

RUN_HEADER = "Harness-Run"
"""Its value is the run's name."""

BAGGAGE_HEADER = "baggage"
"""W3C baggage, which a service that is traced passes on to those behind it."""

BAGGAGE_KEY = "harness.run"


def run_marks(run: str) -> dict[str, str]:
    """The headers that every request of ours carries in that run."""
    return {RUN_HEADER: run, BAGGAGE_HEADER: f"{BAGGAGE_KEY}={run}"} if run else {}
