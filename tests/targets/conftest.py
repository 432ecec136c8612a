"""Puts the shop's services on the path, as its description does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SERVICES = Path(__file__).resolve().parents[2] / "targets" / "shop" / "services"
sys.path.insert(0, str(SERVICES))


class FakeClock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.t = 100.0

    def __call__(self) -> float:
        return self.t

    def pass_s(self, seconds: float) -> None:
        self.t += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
