"""Thresholds of a load run: kept, missed, and what can't be told."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from harness.checkers.limits import Rows, fewest, samples_for
from harness.checkers.thresholds import ERROR, findings, judge, phase_windows
from harness.declare.thresholds import parse_threshold
from harness.model.events import LoadPhaseEnded
from harness.model.figures import encoded
from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome
from harness.model.threshold import Judged
from harness.model.verdict import Verdict


def phase(name: str, start: float, end: float) -> LoadPhaseEnded:
    return LoadPhaseEnded(name=name, start=start, end=end, asked_start=10, asked_end=10)


PHASES = phase_windows((phase("before", 0, 30), phase("during", 30, 90), phase("short", 90, 94)))


def second(at: int, count: int, latency_s: float, outcome: Outcome = Outcome.OK) -> JourneySecond:
    latencies = encoded([latency_s] * count)
    return JourneySecond(
        second=at, journey="checkout", outcome=outcome, count=count, latencies=latencies, service=latencies
    )


def counted(count: int, outcome: Outcome) -> JourneySecond:
    return JourneySecond(second=1, journey="checkout", outcome=outcome, count=count, latencies="", service="")


def answers(at: int, count: int, latency_s: float, answer: AnswerClass = AnswerClass.FULL) -> AnswerSecond:
    return AnswerSecond(
        second=at,
        journey="checkout",
        request="POST /orders",
        answer=answer,
        count=count,
        latencies=encoded([latency_s] * count),
    )


FAST = tuple(second(at, 20, 0.05) for at in range(100))
SLOW = tuple(second(at, 20, 0.5 if 30 <= at < 90 else 0.05) for at in range(100))
FAILING = (*FAST, *(second(at, 5, 0.01, Outcome.FAILED) for at in range(30, 90)))
LOST = (*FAST, *(second(at, 5, 9.0, Outcome.UNKNOWN) for at in range(30, 90)))
QUICK = tuple(answers(at, 20, 0.05) for at in range(100))
REFUSED = (*QUICK, *(answers(at, 5, 0.001, AnswerClass.DIRTY) for at in range(30, 90)))


def one(text: str, journeys: tuple[JourneySecond, ...], steps: tuple[AnswerSecond, ...] = ()) -> Judged:
    (found,) = judge([parse_threshold(text)], Rows(journeys=journeys, answers=steps), PHASES)
    return found


@pytest.mark.parametrize(
    ("text", "kept", "missed"),
    [
        ("checkout.p50 < 100ms during", FAST, SLOW),
        ("checkout.p90 < 100ms in during", FAST, SLOW),
        ("checkout.p99 < 100ms during", FAST, SLOW),
        ("all.p95 <= 100ms during", FAST, SLOW),
        ("checkout.p50 > 100ms during", SLOW, FAST),
        ("checkout.max < 100ms", FAST, SLOW),
        ("checkout.failed < 5% during", FAST, FAILING),
        ("all.good >= 95% during", FAST, FAILING),
        ("checkout.bad < 5% during", FAST, LOST),
        ("checkout.unknown < 5% during", FAILING, LOST),
        ("checkout.rate > 22/s in during", FAILING, FAST),
        ("checkout.goodput >= 20/s in during", FAILING, tuple(second(at, 19, 0.05) for at in range(100))),
    ],
)
def test_a_threshold_is_kept_or_missed(
    text: str, kept: tuple[JourneySecond, ...], missed: tuple[JourneySecond, ...]
) -> None:
    assert (one(text, kept).verdict, one(text, missed).verdict) == (Verdict.PASS, Verdict.FAIL)


@pytest.mark.parametrize(
    ("text", "kept", "missed"),
    [
        ("checkout/POST /orders.p95 < 100ms", QUICK, tuple(answers(at, 20, 0.5) for at in range(100))),
        ("all/POST /orders.failed < 5% during", QUICK, REFUSED),
        (
            "checkout/POST /orders.degraded < 5%",
            QUICK,
            tuple(answers(at, 9, 0.1, AnswerClass.DEGRADED) for at in range(99)),
        ),
        ("checkout/POST /orders.rate > 22/s in during", REFUSED, QUICK),
    ],
)
def test_a_step_is_held_to_its_own_threshold(
    text: str, kept: tuple[AnswerSecond, ...], missed: tuple[AnswerSecond, ...]
) -> None:
    assert (one(text, (), kept).verdict, one(text, (), missed).verdict) == (Verdict.PASS, Verdict.FAIL)


def test_fast_failures_do_not_flatter_a_percentile() -> None:
    slow = tuple(answers(at, 5, 0.5) for at in range(100))
    refused = tuple(answers(at, 95, 0.001, AnswerClass.DIRTY) for at in range(100))
    assert one("checkout/POST /orders.p50 < 100ms", (), (*slow, *refused)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("checkout.p99 < 800ms in short", "only 80 samples, 100 are needed"),
        ("checkout.p99.9 < 800ms in before", "only 600 samples, 1000 are needed"),
        ("checkout.p99 < 800ms in later", "phase later was never reached"),
        ("search.p99 < 800ms", "nothing was measured, 100 are needed"),
        ("search.rate > 1/s", "nothing was measured in 94 s"),
        ("search.max < 1s", "nothing was measured"),
        ("checkout/GET /cart.failed < 1%", "nothing was measured"),
        ("checkout.failed < 1% in short", "samples without an exception would prove it"),
    ],
)
def test_what_was_not_measured_or_too_seldom_is_unknown(text: str, reason: str) -> None:
    found = one(text, FAST, QUICK)
    assert found.verdict is Verdict.UNKNOWN
    assert reason in found.reason


def test_no_phase_at_all_is_unknown() -> None:
    (found,) = judge([parse_threshold("all.rate > 1/s")], Rows(journeys=FAST), {})
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "any phase was never reached")


def test_the_fewest_samples_of_a_percentile_leave_one_beyond_it() -> None:
    fewest_of = {name: fewest(parse_threshold(f"all.{name} < 1s").bound) for name in ("p50", "p95", "p99", "p99.9")}
    assert fewest_of == {"p50": 30, "p95": 30, "p99": 100, "p99.9": 1000}


def test_a_share_at_its_limit_is_red_by_chance_less_often_than_promised() -> None:
    random = Random(1)  # noqa: S311 -- chance, not cryptography
    threshold = parse_threshold("checkout.failed < 5%")
    certain = 0
    for failed, times in Counter(sum(random.random() < 0.05 for _ in range(400)) for _ in range(500)).items():
        rows = Rows(journeys=(counted(400 - failed, Outcome.OK), counted(failed, Outcome.FAILED)))
        (found,) = judge([threshold], rows, PHASES)
        certain += times if found.verdict is not Verdict.UNKNOWN else 0
    assert certain <= 2


def test_near_the_limit_it_is_told_how_many_samples_would_settle_it() -> None:
    rows = (second(31, 960, 0.05), second(32, 40, 0.01, Outcome.FAILED))
    found = one("checkout.failed < 5% during", rows)
    assert found.verdict is Verdict.UNKNOWN
    assert "samples would settle it, should it stay as it is" in found.reason


def test_many_thresholds_share_one_error_rate() -> None:
    alone = one("checkout.failed < 1% during", FAST)
    many = judge([parse_threshold("checkout.failed < 1% during")] * 1000, Rows(journeys=FAST), PHASES)
    assert (alone.verdict, {each.verdict for each in many}) == (Verdict.PASS, {Verdict.UNKNOWN})
    assert (samples_for(parse_threshold("all.failed < 1%").bound, ERROR) or 0) < 1200


def test_a_finding_carries_the_threshold_and_what_was_measured() -> None:
    judged = one("checkout.p99 < 100ms in during", SLOW)
    (finding,) = findings((judged,), replay="harness load")
    assert (finding.check, finding.subject, finding.verdict, finding.replay) == (
        "thresholds",
        "checkout.p99 < 100 ms in during",
        Verdict.FAIL,
        "harness load",
    )
    assert (judged.n, judged.measured, judged.lower) == (1200, "500 ms", "500 ms")
    assert "500 ms, n = 1200: certainly missed" in finding.reason


def test_a_phase_that_comes_twice_is_judged_as_one() -> None:
    twice = phase_windows((phase("calm", 0, 30), phase("storm", 30, 60), phase("calm", 60, 90)))
    rows = Rows(journeys=tuple(second(at, 10, 0.5 if 30 <= at < 60 else 0.05) for at in range(90)))
    calm, storm = judge([parse_threshold(f"checkout.p95 < 100ms in {name}") for name in ("calm", "storm")], rows, twice)
    assert (calm.verdict, calm.n, storm.verdict, storm.n) == (Verdict.PASS, 600, Verdict.FAIL, 300)
