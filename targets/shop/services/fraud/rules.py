"""The rules: the same facts always give the same score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LARGE_CENTS = 50_000
VERY_LARGE_CENTS = 200_000
RECENT_S = 600
OFTEN = 5
VERY_OFTEN = 15
REVIEW_FROM = 60
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when an order is scored: `recent` counts the customer's other orders of the last ten minutes."""

    total_cents: int
    recent: int
    new_customer: bool


def score(facts: Facts) -> int:
    """From 0, nothing is odd, to 100: each rule adds its points."""
    points = 0
    if facts.total_cents >= VERY_LARGE_CENTS:
        points += 60
    elif facts.total_cents >= LARGE_CENTS:
        points += 30
    if facts.recent >= VERY_OFTEN:
        points += 60
    elif facts.recent >= OFTEN:
        points += 30
    if facts.new_customer:
        points += 20
    return min(MOST, points)


def decision(points: int) -> Literal["accept", "review"]:
    """Whether somebody should look at it."""
    return "review" if points >= REVIEW_FROM else "accept"
