"""The marks by which a system sees that a request is ours, and of which run."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

RUN_HEADER = "Harness-Run"
"""Its value is the run's name."""

BAGGAGE_HEADER = "baggage"
"""W3C baggage, which a service that is traced passes on to those behind it."""

BAGGAGE_KEY = "harness.run"


RUN: ContextVar[str] = ContextVar("harness.model.marks", default="")
"""The run that is under way in this task and in those it starts, for probes that nobody tells of it."""


def run_marks(run: str) -> dict[str, str]:
    """The headers that every request of ours carries in that run."""
    return {RUN_HEADER: run, BAGGAGE_HEADER: f"{BAGGAGE_KEY}={run}"} if run else {}


def with_marks(headers: Mapping[str, str], marks: Mapping[str, str]) -> dict[str, str]:
    """Headers with the marks among them; baggage that is there already stays, and ours follows it."""
    known = {name.lower(): name for name in headers}
    whole = dict(headers)
    for name, value in marks.items():
        there = known.get(name.lower(), name)
        before = headers.get(there, "") if name == BAGGAGE_HEADER else ""
        whole[there] = before if value in before.split(",") else ",".join(filter(None, (before, value)))
    return whole


def mark_lines() -> str:
    """The marks of the run under way as lines of a request's head; nothing when there is none."""
    return "".join(f"{name}: {value}\r\n" for name, value in run_marks(RUN.get()).items())
