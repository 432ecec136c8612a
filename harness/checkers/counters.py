"""What the proxies' counters say of who failed first, where nobody sends spans."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from harness.model.history import History
from harness.model.observation import WindowKind

LEAST = 2
"""Requests without an answer that are no accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The first edge on which requests stayed without an answer."""

    edge: str
    second: int
    unanswered: int
    of: int

    def __str__(self) -> str:
        """As a part of a sentence."""
        counts = f"{self.unanswered} of {self.of} requests"
        return f"the proxies saw {counts} on {self.edge} without an answer, first in second {self.second}"


def first_unanswered(history: History) -> Unanswered | None:
    """By the relay's counts within the fault's window; of edges that failed in the same second, the worst."""
    window = history.window(WindowKind.FAULT)
    if window is None:
        return None
    edge_of = {line.name: line.edge for line in history.topology.lines}
    requests: defaultdict[str, int] = defaultdict(int)
    missing: defaultdict[str, int] = defaultdict(int)
    first: dict[str, int] = {}
    for each in history.crossings:
        edge = edge_of.get(each.line)
        if edge is None or not window.start - 1 <= each.second < window.end:
            continue
        requests[edge] += each.requests
        missing[edge] += each.aborted
        if each.aborted and edge not in first:
            first[edge] = each.second
    found = [edge for edge in first if missing[edge] >= LEAST]
    if not found:
        return None
    edge = min(found, key=lambda name: (first[name], -missing[name]))
    return Unanswered(edge=edge, second=first[edge], unanswered=missing[edge], of=requests[edge])
