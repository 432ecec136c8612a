"""Whole experiments in tests."""

from __future__ import annotations

import pytest

from harness.errors import HarnessError
from harness.experiments import experiment, injection
from harness.model.finding import Finding, Part
from harness.model.verdict import Verdict
from harness.testing import SystemUnderTest, latency
from harness.testing.experiments import Conducted

SLOW = experiment(
    "slow",
    "Slow recommendations cost nothing else.",
    injections=[injection(latency("1s"), edge="gateway->recommendations", lasts="5s")],
)


def test_an_experiment_needs_a_session_of_the_engine(under_test: SystemUnderTest) -> None:
    with pytest.raises(HarnessError, match="expected a session of the engine to conduct on, found FakeStage"):
        under_test.conduct(SLOW)


def test_what_came_of_it_says_why() -> None:
    good, bad = (
        Finding(check="c", part=Part.RESILIENCE, verdict=verdict, reason="because", subject="browse")
        for verdict in (Verdict.PASS, Verdict.FAIL)
    )
    found = Conducted(verdict=Verdict.FAIL, findings=(good, bad), measures=None)
    assert (found.held, str(found)) == (False, "FAIL\nFAIL c: browse: because")
    assert Conducted(verdict=Verdict.PASS, findings=(good,), measures=None).held
