"""The knee, and what it is told by, against servers whose capacity is known by construction."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from harness.checkers.capacity import Trial, good_in, interval, judge_step, worked_on
from harness.checkers.capacity_costs import costs, needed, saturation
from harness.checkers.capacity_search import MOST_STEPS, Search, at_knee, knee_of, next_rate
from harness.checkers.limits import Rows
from harness.declare.thresholds import parse_threshold
from harness.model.capacity import Held, Interval, MachineUse, RateStep, Use
from harness.model.figures import encoded
from harness.model.observation import Outcome, Window, WindowKind
from harness.model.threshold import Threshold
from harness.model.verdict import Verdict
from tests.checkers.queues import JOURNEY, Ended, Slots, arrivals, seen, served

SEARCH = Search(lowest=5, highest=400)
START, END = 4, 24


def tried(  # noqa: PLR0913 -- all but two by keyword: what the trial is like
    server: Slots,
    rate: float,
    *,
    seed: int = 1,
    lag_s: float = 0.002,
    objectives: tuple[Threshold, ...] = (),
    deadline_s: float = 2.0,
) -> RateStep:
    ended = served(server, arrivals(rate, 0, END, seed))
    found = seen(ended, 0, END, lag_s=lag_s)
    trial = Trial(
        name=f"step-{seed}", rate=rate, start=START, end=END, deadlines={JOURNEY: deadline_s}, objectives=objectives
    )
    return judge_step(trial, found.rows, found.generator)


def searched(server: Slots, search: Search = SEARCH, **more: float) -> list[RateStep]:
    steps: list[RateStep] = []
    while (rate := next_rate(steps, search)) is not None:
        steps.append(tried(server, rate, seed=len(steps) + 1, **more))  # type: ignore[arg-type]  # as they are
    return steps


def step(rate: float, held: Held = Held.HELD, *why: str, pages: int = 0) -> RateStep:
    good = round(rate * 10)
    return RateStep(
        name=f"at {rate:g}", rate=rate, start=0, end=10, due=good, good=good, held=held, why=why, pages=pages or good
    )


@pytest.mark.parametrize(
    "server",
    [
        Slots(),
        Slots(slots=1, service_s=0.02),
        Slots(slots=10, service_s=0.1),
        Slots(patience_s=0.05),
        Slots(patience_s=math.inf),
    ],
)
def test_the_knee_is_what_the_slots_can_serve_within_fifteen_per_cent(server: Slots) -> None:
    steps = searched(server)
    knee = knee_of(steps, SEARCH)
    assert knee.rate == pytest.approx(server.bears, rel=0.15)
    assert knee.verdict is Verdict.PASS
    assert knee.above is not None
    assert knee.rate is not None
    assert knee.rate is not None
    assert knee.above <= knee.rate * 1.21
    assert len(at_knee(steps, knee)) == SEARCH.repeats
    assert len(steps) < 30


def test_a_few_bad_ones_of_a_few_may_be_chance_and_of_many_are_not() -> None:
    for due, bad, held in ((20, 2, Held.HELD), (20, 5, Held.MISSED), (2000, 130, Held.MISSED)):
        ended = [Ended(due=START + each * 20 / due, took_s=0.02, good=each >= bad) for each in range(due)]
        found = seen(ended, START, END)
        trial = Trial(name="few", rate=due / 20, start=START, end=END, deadlines={JOURNEY: 2.0})
        assert judge_step(trial, found.rows, found.generator).held is held


def test_journeys_that_pile_up_do_not_hold_though_none_is_late_yet() -> None:
    found = tried(Slots(patience_s=math.inf), 100.0, deadline_s=60.0)
    assert found.held is Held.MISSED
    assert "pile up" in found.why[0]
    assert found.good == found.due


def test_what_ends_well_after_its_deadline_is_of_no_use() -> None:
    found = tried(Slots(), 90.0, deadline_s=0.1)
    assert found.held is Held.MISSED
    assert found.good < 0.5 * found.due


@pytest.mark.parametrize(
    ("lacking", "usually", "held"),
    [
        (0.0, 0.0, Held.HELD),
        (0.04, 0.0, Held.HELD),
        (0.2, 0.0, Held.MISSED),
        (0.2, 0.2, Held.HELD),
        (1.0, 1.0, Held.HELD),
    ],
)
def test_who_leaves_out_more_than_usual_does_not_bear_the_rate(lacking: float, usually: float, held: Held) -> None:
    found = seen([Ended(due=START + each / 20, took_s=0.1, good=True) for each in range(400)], START, END)
    some = round(lacking * found.journeys[0].count)
    rows = [
        replace(each, outcome=outcome, count=count)
        for each in found.journeys
        for outcome, count in ((Outcome.DEGRADED, some), (Outcome.OK, each.count - some))
    ]
    trial = Trial(name="lacking", rate=20, start=START, end=END, deadlines={}, usually_degraded=usually)
    judged = judge_step(trial, Rows(journeys=rows, answers=found.answers), found.generator)
    assert judged.held is held, judged.why
    assert judged.degraded == some * (END - START)
    assert any("lacked something" in why for why in judged.why) is (held is Held.MISSED)


def test_a_deadline_is_that_of_one_answer_and_not_of_a_journey_with_many() -> None:
    long = [Ended(due=START + each / 10, took_s=2.5, good=True) for each in range(200)]
    found = seen(long, START, END)
    quick = [replace(each, latencies=encoded([0.5] * each.count)) for each in found.answers]
    window = Window(kind=WindowKind.BASELINE, start=START, end=END)
    assert good_in(Rows(journeys=found.journeys, answers=quick), window, {JOURNEY: 1.0}) == 200
    assert good_in(found.rows, window, {JOURNEY: 1.0}) == 0


def test_an_objective_that_is_missed_makes_the_knee_lower() -> None:
    objective = parse_threshold("look.p99 < 120ms")
    assert tried(Slots(), 40.0, objectives=(objective,)).held is Held.HELD
    missed = tried(Slots(), 76.0, objectives=(objective,))
    assert missed.held is Held.MISSED
    assert "look.p99" in missed.why[-1]


def test_a_generator_that_gives_out_makes_the_knee_unknown() -> None:
    steps: list[RateStep] = []
    while (rate := next_rate(steps, SEARCH)) is not None:
        steps.append(tried(Slots(slots=100), rate, seed=len(steps) + 1, lag_s=0.3 if rate > 50 else 0.002))
    knee = knee_of(steps, SEARCH)
    assert knee.verdict is Verdict.UNKNOWN
    assert knee.rate is not None
    assert knee.rate is not None
    assert knee.rate <= 50
    assert "the generator, not the system, gave out" in knee.reason
    assert knee.reason.startswith(f"at least {knee.rate:g} ")


def test_a_system_that_bears_all_that_was_asked_is_not_said_to_have_a_knee() -> None:
    steps = searched(Slots(), Search(lowest=5, highest=30, repeats=2))
    knee = knee_of(steps, Search(lowest=5, highest=30, repeats=2))
    assert (knee.verdict, knee.rate, knee.above) == (Verdict.UNKNOWN, 30, None)


def test_what_does_not_even_bear_the_least_has_no_knee() -> None:
    search = Search(lowest=200, highest=400)
    steps = searched(Slots(), search)
    assert len(steps) == 2
    knee = knee_of(steps, search)
    assert (knee.verdict, knee.rate) == (Verdict.UNKNOWN, None)
    assert "begin with less" in knee.reason


def test_one_bad_step_is_not_believed_and_two_are() -> None:
    once = [step(5), step(7.5, Held.MISSED, "late")]
    assert next_rate(once, SEARCH) == 7.5
    assert next_rate([*once, step(7.5)], SEARCH) == 7.5
    twice = [*once, step(7.5, Held.MISSED, "late")]
    assert next_rate(twice, SEARCH) == pytest.approx(6.12)


def test_a_knee_that_does_not_hold_again_is_given_up_for_a_lower_one() -> None:
    steps = [step(5), step(6), step(6.5, Held.MISSED), step(6.5, Held.MISSED)]
    assert next_rate(steps, SEARCH) == 6
    steps += [step(6, Held.MISSED), step(6, Held.MISSED)]
    assert next_rate(steps, SEARCH) == pytest.approx(5.48)


def test_the_search_ends_whatever_comes() -> None:
    steps: list[RateStep] = []
    while (rate := next_rate(steps, SEARCH)) is not None:
        steps.append(step(rate, (Held.HELD, Held.MISSED, Held.UNTOLD)[len(steps) * 7 % 3], "by chance"))
    assert len(steps) <= MOST_STEPS
    assert knee_of(steps, SEARCH).verdict in {Verdict.UNKNOWN, Verdict.PASS}


def test_nothing_due_is_nothing_known() -> None:
    found = judge_step(Trial(name="empty", rate=5, start=0, end=10, deadlines={}), Rows(journeys=()), ())
    assert found.held is Held.UNTOLD


def test_a_knee_that_a_neighbour_made_is_not_the_systems() -> None:
    steps = [step(5) for _ in range(3)] + [step(5.4, Held.MISSED, "late") for _ in range(2)]
    alone = [replace(each, uses=uses(0.9), machine=MachineUse(cores=4, busy=1.6, own=0.1)) for each in steps]
    assert knee_of(alone, SEARCH).verdict is Verdict.PASS
    beside = [replace(each, machine=MachineUse(cores=4, busy=3.9, own=0.1)) for each in alone]
    found = knee_of(beside, SEARCH)
    assert (found.verdict, found.rate) == (Verdict.UNKNOWN, 5)
    assert "others on this machine had 2.35 of 4 cores" in found.reason


def test_customers_who_all_wait_are_no_fault_of_the_generator() -> None:
    found = seen(served(Slots(), arrivals(70, 0, END)), 0, END)
    full = [replace(each, due=each.due * 2, dropped=each.due) for each in found.generator]
    trial = Trial(name="full", rate=140, start=START, end=END, deadlines={JOURNEY: 2.0})
    assert judge_step(trial, found.rows, full).held is Held.MISSED


def test_the_interval_is_that_of_students_t() -> None:
    found = interval([9.0, 10.0, 11.0])
    assert (found.low, found.estimate, found.high) == pytest.approx((7.516, 10.0, 12.484), abs=0.001)
    assert interval([4.0]) == Interval(low=4.0, estimate=4.0, high=4.0)


def uses(cores: float, *, requests: float = 50.0, answer_s: float = 0.01) -> tuple[Use, ...]:
    return (
        Use(instance="front-1", service="front", cores=cores, requests=requests, answer_s=answer_s),
        Use(instance="front-2", service="front", cores=cores / 2, requests=requests, answer_s=answer_s),
        Use(instance="store-1", service="store", cores=0.1, requests=10.0, answer_s=0.001),
    )


def test_a_service_costs_what_its_instances_used_together() -> None:
    steps = [replace(step(50, pages=1000), uses=uses(0.6)), replace(step(50, pages=1000), uses=uses(0.4))]
    front, store = costs(steps, {"store"})
    assert (front.service, front.instances, store.store) == ("front", 2, True)
    assert front.cores == pytest.approx(0.75)
    assert front.busiest == pytest.approx(0.6)
    assert front.per_instance == pytest.approx(50.0)
    assert front.per_core == pytest.approx(100 / 0.75)
    assert front.page_ms is not None
    assert front.page_ms.estimate == pytest.approx(7.5)
    assert front.page_ms.low < 7.5 < front.page_ms.high


def test_what_a_service_has_when_nobody_comes_is_not_for_the_pages() -> None:
    steps = [replace(step(50, pages=1000), uses=uses(0.6))]
    front, _ = costs(steps, {"store"}, {"front-1": 0.1, "front-2": 0.2})
    assert front.idle == pytest.approx(0.3)
    assert front.page_ms is not None
    assert front.page_ms.estimate == pytest.approx(6.0)


def test_the_fleet_is_reckoned_as_its_arithmetic_says() -> None:
    found = costs([replace(step(50, pages=1000), uses=uses(0.6))], {"store"})
    fleet = needed(found, interval([100.0]), target=85_000, redundancy=3)
    assert fleet is not None
    front, store = fleet.parts
    # 0.9 cores for 100 pages a second are 9 ms; for 85,000 of them 765 cores, 60 % busy: 1,275 instances, three times.
    assert front.cores.estimate == pytest.approx(765)
    assert (front.instances, front.fewest, front.most) == (3825, 3825, 3825)
    assert store.cores.estimate == pytest.approx(85)
    told = " ".join(fleet.arithmetic)
    for word in ("9 ms * 85,000 pages/s = 765.0 cores", "1,275 instances; * 3 = 3,825"):
        assert word in told
    assert any("redundancy 3" in each for each in fleet.assumptions)


def test_without_anybodys_cpu_no_fleet_is_reckoned() -> None:
    unknown = tuple(replace(each, cores=None) for each in uses(0.5))
    found = costs([replace(step(50), uses=unknown)], ())
    assert needed(found, interval([100.0]), target=85_000, redundancy=3) is None


def test_who_is_first_at_its_limit_is_told() -> None:
    machine = MachineUse(cores=8, busy=3.0, own=0.5)
    low, high = (replace(step(rate), uses=uses(cores), machine=machine) for rate, cores in ((10, 0.3), (40, 0.95)))
    found = saturation([high, low])
    assert found is not None
    assert (found.who, found.service) == ("front-1", "front")


def test_a_full_machine_is_told_with_who_had_it() -> None:
    machine = MachineUse(cores=2, busy=1.95, own=0.4)
    found = saturation([replace(step(20), uses=uses(0.5), machine=machine)])
    assert found is not None
    assert found.who == "this machine"
    for words in ("1.95 of 2 cores", "the harness 0.40", "front-1"):
        assert words in found.why


def test_with_no_core_at_its_limit_it_is_who_answers_so_much_later() -> None:
    steps = [
        replace(step(10), uses=uses(0.2, answer_s=0.01)),
        replace(step(40), uses=uses(0.4, requests=200, answer_s=0.2)),
    ]
    found = saturation(steps)
    assert found is not None
    assert found.service == "front"
    assert "40.0 requests under way" in found.why
    assert saturation(steps[:1]) is None


def test_a_rate_whose_work_is_put_off_is_not_borne() -> None:
    put_off = worked_on(step(30), 8.0, length_s=20)
    assert put_off.held is Held.MISSED
    assert put_off.why == ("work was put off: it went on for 8 s after 20 s of load",)
    assert put_off.worked_on_s == 8.0


@pytest.mark.parametrize("seconds", [0.0, 4.0, None])
def test_what_is_soon_done_or_nobody_can_see_changes_nothing(seconds: float | None) -> None:
    assert worked_on(step(30), seconds, length_s=20).held is Held.HELD


def test_what_was_missed_otherwise_is_told_first_and_a_generator_that_gave_out_leaves_nothing_known() -> None:
    assert worked_on(step(30, Held.MISSED, "late"), 8.0, length_s=20).why[0] == "late"
    assert worked_on(step(30, Held.UNTOLD, "sick"), 8.0, length_s=20).why == ("sick",)
