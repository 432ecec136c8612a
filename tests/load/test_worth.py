from __future__ import annotations

from harness.load.worth import SLOWEST, WorthALook
from harness.model.observation import Outcome
from harness.model.span import JourneyTrace


def trace(took_s: float, outcome: Outcome = Outcome.OK, journey: str = "browse") -> JourneyTrace:
    return JourneyTrace(t=0.0, journey=journey, outcome=outcome, took_s=took_s, trace=f"{journey}-{outcome}-{took_s}")


def test_of_each_second_journey_and_outcome_the_slowest_are_worth_a_look() -> None:
    worth = WorthALook()
    for took_s in (0.1, 0.4, 0.2, 0.3):
        worth.add(trace(took_s), ended=7.5)
    worth.add(trace(0.01, Outcome.FAILED), ended=7.9)
    worth.add(trace(0.02, journey="checkout"), ended=7.9)
    worth.add(trace(0.05), ended=8.1)
    found = worth.take()
    assert sorted(each.took_s for each in found) == [0.01, 0.02, 0.05, 0.3, 0.4]
    assert worth.take() == ()
    assert SLOWEST == 2
