"""Journals of made-up load runs: a spike that the shop doesn't bear well, by two workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from harness.model.events import Event, FindingMade, LoadPhaseEnded, RunEnded
from harness.model.figures import encoded
from harness.model.finding import Finding, Part
from harness.model.load_events import Observed
from harness.model.observation import AnswerClass, AnswerSecond, GeneratorSecond, JourneySecond, Outcome
from harness.model.verdict import Verdict
from tests.report.journals import HEADER

PHASES = (
    LoadPhaseEnded(name="before", start=3, end=23, asked_start=20, asked_end=20),
    LoadPhaseEnded(name="spike", start=23, end=33, asked_start=20, asked_end=120),
    LoadPhaseEnded(name="after", start=33, end=53, asked_start=20, asked_end=20),
)
COMMAND = "harness load targets/shop --profile spike --seed 20260504"


def rate_at(second: int) -> float:
    for each in PHASES:
        if each.start <= second < each.end:
            part = (second + 0.5 - each.start) / (each.end - each.start)
            return each.asked_start + (each.asked_end - each.asked_start) * part
    return 0.0


def journal(*, lag_s: float = 0.004, seed: int = 7) -> tuple[Event, ...]:
    """Phases, seconds, two findings and the end of a run."""
    findings = (
        Finding(
            check="thresholds",
            part=Part.LOAD,
            verdict=Verdict.FAIL,
            reason="1.4 s, certainly above the limit (n = 610)",
            subject="browse.p99 < 800 ms in spike",
            replay=COMMAND,
        ),
        Finding(
            check="load-health",
            part=Part.VALIDITY,
            verdict=Verdict.PASS,
            reason="before: 400 of 400 due journeys started, lag p99 at most 4 ms",
            subject="load generator",
        ),
    )
    seconds = [_second(second, Random(seed * 1000 + second), lag_s) for second in range(3, 53)]  # noqa: S311 -- made up
    end = RunEnded(t=58.0, verdict=Verdict.FAIL, reason="a threshold was not kept", exit_code=1)
    made = [FindingMade(t=57.0, finding=each) for each in findings]
    return (replace(HEADER, command=COMMAND), *seconds, *PHASES, *made, end)


def _second(second: int, chance: Random, lag_s: float) -> Observed:
    due = round(rate_at(second))
    busy = max(0.0, (due - 40) / 80)
    rows = [
        row
        for name, part in (("browse", 0.8), ("checkout", 0.2))
        for row in _rows(second, name, due * part, busy, chance)
    ]
    generator = tuple(
        GeneratorSecond(
            second=second,
            due=due // 2,
            started=due // 2,
            dropped=0,
            lag_p99_s=lag_s * chance.uniform(0.5, 1.0),
            in_flight=3,
            cpu_share=0.2 + busy / 3,
            worker=worker,
        )
        for worker in ("w1", "w2")
    )
    answers = tuple(
        AnswerSecond(
            second=second,
            journey=row.journey,
            request="GET /products/{sku}" if row.journey == "browse" else "POST /orders",
            answer=AnswerClass.DIRTY if row.outcome is Outcome.FAILED else AnswerClass.FULL,
            count=row.count,
            latencies=row.service,
        )
        for row in rows
    )
    return Observed(journeys=tuple(rows), generator=generator, answers=answers)


def _rows(second: int, name: str, count: float, busy: float, chance: Random) -> Iterator[JourneySecond]:
    median_s = 0.015 if name == "browse" else 0.09
    failed = round(count * busy * 0.2)
    for outcome, number in ((Outcome.OK, round(count) - failed), (Outcome.FAILED, failed)):
        if number > 0:
            service = [median_s * (1 + busy * 10) * chance.lognormvariate(0, 0.5) for _ in range(number)]
            yield JourneySecond(
                second=second,
                journey=name,
                outcome=outcome,
                count=number,
                latencies=encoded([each + 0.003 for each in service]),
                service=encoded(service),
            )
