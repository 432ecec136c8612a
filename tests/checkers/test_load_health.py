"""A sick generator makes every figure UNKNOWN, never a PASS and never a FAIL."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.checkers.load_health import doubted, load_health, sickness, window_of
from harness.model.events import LoadPhaseEnded
from harness.model.figures import encoded
from harness.model.finding import Finding, Part
from harness.model.observation import AnswerClass, AnswerSecond, DistinctAnswer, GeneratorSecond
from harness.model.verdict import Verdict

BEFORE = LoadPhaseEnded(name="before", start=3.0, end=13.0, asked_start=20.0, asked_end=20.0)
RISE = LoadPhaseEnded(name="rise", start=13.0, end=23.0, asked_start=20.0, asked_end=60.0)
ANSWERS = (
    AnswerSecond(
        second=4, journey="look", request="GET /", answer=AnswerClass.FULL, count=600, latencies=encoded([0.01])
    ),
)


def rows(phase: LoadPhaseEnded, *, worker: str = "", share: float = 1.0) -> tuple[GeneratorSecond, ...]:
    """A generator that does as it is told; of several, its share."""
    due = round((phase.asked_start + phase.asked_end) / 2 * share)
    return tuple(
        GeneratorSecond(
            second=second,
            due=due,
            started=due,
            dropped=0,
            lag_p99_s=0.004,
            in_flight=1,
            cpu_share=0.3,
            worker=worker,
        )
        for second in window_of(phase).seconds
    )


def nobody(count: int, error: str = "ConnectionRefusedError: [Errno 111] Connection refused") -> DistinctAnswer:
    return DistinctAnswer(
        t=4.0,
        journey="look",
        request="GET /",
        method="GET",
        path="/",
        status=0,
        answer=AnswerClass.DIRTY,
        shape="",
        content_type="",
        headers={},
        body="",
        error=error,
        count=count,
    )


def judged(
    generator: Sequence[GeneratorSecond] | None = None,
    *,
    phases: Sequence[LoadPhaseEnded] = (BEFORE, RISE),
    distinct: Sequence[DistinctAnswer] = (),
    trouble: Sequence[str] = (),
    answers: Sequence[AnswerSecond] = ANSWERS,
) -> dict[str, Finding]:
    generator = (*rows(BEFORE), *rows(RISE)) if generator is None else generator
    found = load_health(
        phases=phases, generator=generator, answers=answers, distinct=distinct, trouble=trouble, replay="harness load"
    )
    assert {Part.VALIDITY} == {each.part for each in found}
    assert {"harness load"} == {each.replay for each in found}
    return {each.subject: each for each in found}


def test_a_load_as_it_should_be_is_told_by_its_phases() -> None:
    found = judged()
    assert {Verdict.PASS} == {each.verdict for each in found.values()}
    assert "before: 200 of 200 due journeys started, lag p99 at most 4 ms" in found["load generator"].reason
    assert "rise: 400 of 400 due journeys started" in found["load generator"].reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lag_p99_s": 0.4}, "rise: journeys began over 100 ms late (p99) in 10 of 10 seconds"),
        ({"dropped": 2}, "rise: 20 of 400 due journeys were dropped for want of a free user"),
        ({"started": 30}, "rise: only 300 of 400 due journeys were started"),
        ({"due": 20, "started": 20}, "rise: 200 journeys were due in 10 s, 400 were planned"),
        ({"cpu_share": 0.99}, "rise: the generator used over 95 % of a core in 10 of 10 seconds"),
        ({"lost": 4}, "rise: 40 journeys were due at a worker that was gone"),
    ],
)
def test_a_generator_that_is_sick_in_one_phase_is_unknown(change: dict[str, float], reason: str) -> None:
    sick = tuple(replace(each, **change) for each in rows(RISE))  # type: ignore[arg-type]  # a field each
    finding = judged((*rows(BEFORE), *sick))["load generator"]
    assert (Verdict.UNKNOWN, reason) == (finding.verdict, finding.reason)


def test_a_moment_of_lag_or_of_a_busy_core_is_forgiven() -> None:
    for_a_moment = tuple(
        replace(each, lag_p99_s=0.5, cpu_share=1.0) if each.second in {14, 15} else each for each in rows(RISE)
    )
    assert Verdict.PASS is judged((*rows(BEFORE), *for_a_moment))["load generator"].verdict


def test_several_generators_are_summed_and_each_must_tell_of_itself() -> None:
    one, other = rows(BEFORE, worker="1", share=0.5), rows(BEFORE, worker="2", share=0.5)
    assert Verdict.PASS is judged((*one, *other), phases=(BEFORE,))["load generator"].verdict
    finding = judged((*one, *other[:4]), phases=(BEFORE,))["load generator"]
    assert finding.reason == "before: the worker 2 told of 4 of 10 seconds only"
    assert Verdict.UNKNOWN is finding.verdict


def test_closed_users_are_held_to_no_rate() -> None:
    closed = replace(BEFORE, asked_start=0.0, asked_end=0.0, users=10)
    assert Verdict.PASS is judged(rows(BEFORE), phases=(closed,))["load generator"].verdict


def test_a_generator_that_tells_nothing_is_unknown() -> None:
    assert "before: the load generator told of 0 of 10 seconds only" in judged(())["load generator"].reason


def test_a_run_without_a_whole_second_is_unknown() -> None:
    cut = replace(BEFORE, end=3.4)
    for phases in ((), (cut,)):
        assert judged((), phases=phases)["load generator"].reason == "no phase of the load lasted for a second"


def test_requests_that_reach_nobody_tell_nothing_of_the_system() -> None:
    few = judged(distinct=[nobody(6)])["answers"]
    assert (few.verdict, few.reason) == (Verdict.PASS, "6 of 600 requests reached nobody")
    many = judged(distinct=[nobody(5), nobody(60, "OSError: [Errno 99] Cannot assign requested address")])["answers"]
    assert Verdict.UNKNOWN is many.verdict
    assert many.reason == "65 of 600 requests reached nobody, so they tell nothing of the system"
    assert many.evidence[0] == "60 times GET /: OSError: [Errno 99] Cannot assign requested address"


def test_a_request_that_somebody_cut_off_did_reach_somebody() -> None:
    cut = nobody(300, "ConnectionResetError: [Errno 104] Connection reset by peer")
    assert Verdict.PASS is judged(distinct=[cut])["answers"].verdict


def test_without_any_answer_nothing_was_measured() -> None:
    assert Verdict.UNKNOWN is judged(answers=())["answers"].verdict


def test_trouble_of_the_harness_is_unknown() -> None:
    finding = judged(trouble=["the load generator died"])["harness"]
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, "the load generator died")


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL])
def test_what_rests_on_a_sick_generators_figures_is_neither_good_nor_bad(verdict: Verdict) -> None:
    found = [Finding(check="thresholds", part=Part.LOAD, verdict=verdict, reason="180 ms", subject="look.p99 < 1 s")]
    well, sick = judged().values(), judged(trouble=["the load generator died"]).values()
    assert tuple(found) == doubted(found, well)
    (only,) = doubted(found, sick)
    assert Verdict.UNKNOWN is only.verdict
    assert f"the load can't be trusted (the load generator died); it would be {verdict}: 180 ms" == only.reason


def test_what_is_told_of_seconds_outside_of_a_window_does_not_count() -> None:
    late = tuple(replace(each, lag_p99_s=3.0) for each in rows(RISE))
    assert sickness((*rows(BEFORE), *late), window_of(BEFORE), rate=20.0) == []
