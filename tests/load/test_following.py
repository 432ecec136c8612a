"""Arrivals that go as a profile says."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.arrivals import Arrival, Arrivals
from harness.load.stretch import Choice, Stretch, reached, units_between
from harness.model.load_profile import ArrivalKind, LoadPhase, LoadProfile

WEIGHTS = {"browse": 9.0, "checkout": 1.0}
BEGAN = 100.0


def phase(name: str, length_s: float, start: float, end: float | None = None, **further: object) -> LoadPhase:
    end = start if end is None else end
    return LoadPhase(name=name, length_s=length_s, start_rate=start, end_rate=end, **further)  # type: ignore[arg-type]  # of its own


def profile(*phases: LoadPhase, arrivals: ArrivalKind = "poisson", **further: object) -> LoadProfile:
    return LoadProfile(name="any", weights=WEIGHTS, phases=phases, arrivals=arrivals, **further)  # type: ignore[arg-type]  # of its own


def following(followed: LoadProfile, seed: int = 1, *, worker: int = 0, workers: int = 1) -> Arrivals:
    made = Arrivals(seed, worker=worker, workers=workers)
    made.follow(followed, began=BEGAN, since=BEGAN, now=BEGAN)
    return made


STEADY = profile(phase("only", 500, 20))
SPIKE = profile(phase("before", 30, 20), phase("spike", 10, 20, 200), phase("after", 30, 20))
DAY = LoadProfile(
    name="day",
    weights=WEIGHTS,
    phases=(phase("early", 5, 1), phase("late", 5, 1, wanted={"sku-1": 3.0})),
    arrivals="replay",
    replay=tuple((second / 2, "browse" if second % 3 else "checkout") for second in range(20)),
)


def test_gaps_are_exponential_with_the_mean_of_the_rate() -> None:
    due = list(following(STEADY).due(1e9))
    gaps = [later.at - earlier.at for earlier, later in pairwise(due)]
    assert len(due) == pytest.approx(10_000, abs=300)  # three standard deviations of a Poisson count
    assert statistics.mean(gaps) == pytest.approx(1 / 20, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1 / 20, rel=0.05)  # of an exponential it equals the mean
    assert sum(gap > 1 / 20 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.02)


def test_counts_a_second_have_a_variance_that_equals_their_mean() -> None:
    seconds = Counter(int(arrival.at) for arrival in following(STEADY).due(1e9))
    counts = [seconds[second] for second in range(100, 600)]
    assert statistics.variance(counts) / statistics.mean(counts) == pytest.approx(1, abs=0.2)


def test_phases_have_the_rates_that_they_ask_for_and_nothing_is_due_afterwards() -> None:
    due = list(following(SPIKE).due(1e9))
    phases = Counter(found.name if (found := SPIKE.phase_at(each.at - BEGAN)) else "" for each in due)
    # Three standard deviations of a Poisson count.
    assert phases["before"] == pytest.approx(600, abs=75)
    assert phases["spike"] == pytest.approx(1_100, abs=100)
    assert phases["after"] == pytest.approx(600, abs=75)
    assert set(phases) == {"before", "spike", "after"}
    assert following(SPIKE).next_at > BEGAN


def test_evenly_spaced_arrivals_of_a_slope_lie_exactly_where_the_integral_of_the_rate_says() -> None:
    ramp = profile(phase("ramp", 60, 5, 65), arrivals="constant")
    due = list(following(ramp).due(1e9))
    assert len(due) == 60 * (5 + 65) / 2
    for number, arrival in enumerate(due):
        elapsed_s = arrival.at - BEGAN
        assert 5 * elapsed_s + elapsed_s**2 / 2 == pytest.approx(number + 0.5, abs=1e-6)


def test_evenly_spaced_arrivals_are_as_many_as_the_rates_say_in_each_phase() -> None:
    steps = profile(*(phase(f"p{rate}", 10, rate) for rate in (10, 20, 30)), arrivals="constant")
    seconds = Counter(math.floor(each.at) for each in following(steps).due(1e9))
    assert [seconds[second] for second in range(100, 130)] == [10] * 10 + [20] * 10 + [30] * 10


def test_a_slope_of_poisson_arrivals_has_no_steps_in_it() -> None:
    ramp = profile(phase("ramp", 100, 0, 100))
    counts: Counter[int] = Counter()
    for seed in range(20):
        counts.update(math.floor(each.at - BEGAN) for each in following(ramp, seed).due(1e9))
    deviations = [(counts[second] / 20 - (second + 0.5)) / math.sqrt((second + 0.5) / 20) for second in range(100)]
    assert statistics.stdev(deviations) == pytest.approx(1, abs=0.3)
    assert statistics.mean(deviations) == pytest.approx(0, abs=0.4)
    assert max(map(abs, deviations)) < 5


@pytest.mark.parametrize("kind", ["poisson", "constant"])
def test_the_same_seed_gives_the_same_journeys_whatever_the_profile(kind: ArrivalKind) -> None:
    slow = [each.journey for each in following(profile(phase("only", 60, 3), arrivals=kind)).due(1e9)]
    fast = [each.journey for each in following(SPIKE).due(1e9)]
    assert fast[: len(slow)] == slow


@pytest.mark.parametrize("workers", [2, 3, 5])
@pytest.mark.parametrize("followed", [SPIKE, DAY, profile(phase("even", 20, 5, 50), arrivals="constant")])
def test_several_workers_give_together_what_one_gives(workers: int, followed: LoadProfile) -> None:
    alone = list(following(followed, 7).due(1e9))
    shared = [
        each for worker in range(workers) for each in following(followed, 7, worker=worker, workers=workers).due(1e9)
    ]
    assert [(each.chance, each.journey) for each in sorted(shared, key=lambda each: each.number)] == [
        (each.chance, each.journey) for each in alone
    ]
    assert [each.at for each in sorted(shared, key=lambda each: each.at)] == pytest.approx([each.at for each in alone])


@pytest.mark.parametrize("kind", ["poisson", "constant"])
def test_workers_agree_on_whose_an_arrival_is_although_the_rate_is_altered_between(kind: ArrivalKind) -> None:
    found: dict[int, list[Arrival]] = {}
    for workers in (1, 4):
        found[workers] = []
        for worker in range(workers):
            made = following(profile(phase("only", 30, 20), arrivals=kind), 3, worker=worker, workers=workers)
            found[workers] += made.due(110)
            made.alter(rate=50, weights=WEIGHTS, now=110)
            found[workers] += made.due(120)
            made.follow(profile(phase("only", 30, 20), arrivals=kind), began=BEGAN, since=120, now=120)
            found[workers] += made.due(1e9)
    alone, shared = (sorted(each, key=lambda arrival: arrival.number) for each in found.values())
    assert [each.number for each in shared] == list(range(len(alone)))
    assert [each.at for each in shared] == pytest.approx([each.at for each in alone])


def test_a_manual_rate_takes_over_and_who_comes_back_goes_on_where_the_profile_is() -> None:
    made = following(SPIKE)
    list(made.due(110))
    made.alter(rate=1, weights={"checkout": 1}, now=110)
    manual = list(made.due(135))
    assert len(manual) == pytest.approx(25, abs=15)
    assert {each.journey for each in manual} == {"checkout"}
    made.follow(SPIKE, began=BEGAN, since=135, now=135)
    back = list(made.due(140))
    assert len(back) == pytest.approx(5 * 155, abs=85)  # from 110 to 200 a second
    assert min(each.at for each in back) >= 135


def test_what_was_due_since_the_beginning_is_late_and_not_lost() -> None:
    made = Arrivals(1)
    made.follow(profile(phase("only", 10, 100), arrivals="constant"), began=BEGAN, since=BEGAN, now=BEGAN + 0.5)
    assert len(list(made.due(BEGAN + 0.5))) == 50


def test_nothing_is_due_before_the_profile_begins_nor_where_there_are_closed_users() -> None:
    made = Arrivals(1)
    rested = profile(phase("one", 5, 10), LoadPhase(name="closed", length_s=5, users=3), phase("two", 5, 10))
    made.follow(rested, began=BEGAN, since=BEGAN, now=50)
    due = list(made.due(1e9))
    found = [rested.phase_at(each.at - BEGAN) for each in due]
    assert [each.name for each in found if each is not None] == ["one"] * found.count(rested.phases[0]) + [
        "two"
    ] * found.count(rested.phases[2])
    assert None not in found


def test_a_phase_may_have_weights_of_its_own_and_tells_what_is_wanted() -> None:
    made = following(profile(phase("one", 5, 10), phase("two", 5, 10, weights={"cart": 1.0}, wanted={"sku-1": 100.0})))
    one: list[Arrival] = []
    two: list[Arrival] = []
    for each in made.due(1e9):
        (one if each.at < BEGAN + 5 else two).append(each)
    assert {each.journey for each in one} == {"browse", "checkout"}
    assert {each.journey for each in two} == {"cart"}
    assert {tuple(each.wanted.items()) for each in two} == {(("sku-1", 100.0),)}


def test_a_recorded_day_is_due_as_it_was_recorded() -> None:
    due = list(following(DAY).due(1e9))
    assert [(each.at - BEGAN, each.journey) for each in due] == list(DAY.replay)
    assert [each.wanted for each in due if each.at >= BEGAN + 5] == [{"sku-1": 3.0}] * 10
    made = following(DAY)
    assert made.next_at == BEGAN
    assert [each.number for each in made.due(BEGAN + 1)] == [0, 1, 2]


def test_no_two_journeys_of_a_run_have_the_same_chance() -> None:
    made = Arrivals(1)
    made.alter(rate=10, weights=WEIGHTS, now=90)
    due = [*made.due(100)]
    made.follow(DAY, began=100, since=100, now=100)
    due += made.due(104)
    made.alter(rate=10, weights=WEIGHTS, now=104)
    due += made.due(106)
    made.follow(DAY, began=100, since=106, now=106)
    due += made.due(120)
    made.follow(DAY, began=120, since=120, now=120)
    due += made.due(140)
    assert len({each.chance for each in due}) == len(due)
    assert len([each for each in due if each.series == "replay-1:"]) == 9 + 8


def test_a_profile_without_a_journey_to_choose_is_refused() -> None:
    with pytest.raises(ValueError, match="positive weight"):
        following(LoadProfile(name="x", weights={}, phases=(phase("only", 5, 1),)))


RATES = st.lists(st.tuples(st.floats(0.1, 60), st.floats(0, 400), st.floats(0, 400)), min_size=1, max_size=5)


def course_of(phases: list[tuple[float, float, float]]) -> tuple[Stretch, ...]:
    edges = [0.0]
    for length_s, _, _ in phases:
        edges.append(edges[-1] + length_s)
    return tuple(
        Stretch(start=start, end=end, rate=first, end_rate=last, choice=Choice(WEIGHTS))
        for (start, end), (_, first, last) in zip(pairwise(edges), phases, strict=True)
    )


@given(RATES, st.floats(0, 1), st.floats(0, 1))
def test_the_time_at_which_so_many_are_due_is_the_inverse_of_how_many_are_due_until_then(
    phases: list[tuple[float, float, float]], share: float, began: float
) -> None:
    course = course_of(phases)
    end = course[-1].end
    since = began * end
    units = share * units_between(course, since, end)
    found = reached(course, since, units)
    if found is not None:
        at, stretch = found
        assert since <= at < end
        assert stretch.start <= at < stretch.end
        assert units_between(course, since, at) == pytest.approx(units, rel=1e-6, abs=1e-4)
