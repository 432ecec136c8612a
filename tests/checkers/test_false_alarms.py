"""How often the checkers cry wolf on a system that the fault does nothing to, and how often they can't tell.

Journeys arrive at random (Poisson), take log-normal times and fail once in a thousand, before, during and after.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

from harness import checkers
from harness.model.experiment import Role
from harness.model.figures import encoded
from harness.model.history import History
from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome
from harness.model.verdict import Verdict
from tests.checkers.histories import JOURNEYS, PAYMENTS, RECOVERY, experiment, history

HISTORIES = 30
PER_SECOND = 18
"""Journeys of each name: enough for one that fails by itself, and for fewer than expected."""
BAD_SHARE = 0.001
ALPHA = 2e-5
"""What is left of 1 in 1,000 when fifty tests are made."""


def poisson(chance: Random, mean: float) -> int:
    count, at = 0, chance.expovariate(mean)
    while at < 1:
        count, at = count + 1, at + chance.expovariate(mean)
    return count


def random_history(seed: int) -> History:
    chance = Random(seed)  # noqa: S311 -- a simulation keeps no secrets
    journeys: list[JourneySecond] = []
    answers: list[AnswerSecond] = []
    for second in range(int(RECOVERY.end)):
        for name, median_s in zip(JOURNEYS, (0.03, 0.15), strict=True):
            ends = [chance.random() < BAD_SHARE for _ in range(poisson(chance, PER_SECOND))]
            took = [median_s * chance.lognormvariate(0, 0.4) for _ in ends]
            for outcome, bad in ((Outcome.OK, False), (Outcome.FAILED, True)):
                of_it = [each for each, is_bad in zip(took, ends, strict=True) if is_bad is bad]
                if of_it:
                    text = encoded(of_it)
                    journeys.append(
                        JourneySecond(
                            second=second, journey=name, outcome=outcome, count=len(of_it), latencies=text, service=text
                        )
                    )
            if took:
                answers.append(
                    AnswerSecond(
                        second=second,
                        journey=name,
                        request=name,
                        answer=AnswerClass.FULL,
                        count=len(took),
                        latencies=encoded(took),
                    )
                )
    quiet = replace(experiment(PAYMENTS), role=Role.EXPERIMENT, rate=2.0 * PER_SECOND)
    clean = history(quiet)
    return replace(
        clean,
        journeys=tuple(journeys),
        answers=tuple(answers),
        generator=tuple(replace(row, due=2 * PER_SECOND, started=2 * PER_SECOND) for row in clean.generator),
        alpha=ALPHA,
    )


def verdicts(histories: int) -> Counter[tuple[str, Verdict]]:
    return Counter(
        (each.check, each.verdict) for seed in range(histories) for each in checkers.judge(random_history(seed))
    )


def test_on_a_healthy_system_no_alarm_is_raised_and_next_to_nothing_is_left_open() -> None:
    found = verdicts(HISTORIES)
    refuted = {check: count for (check, verdict), count in found.items() if verdict is Verdict.FAIL}
    left_open = {check: count for (check, verdict), count in found.items() if verdict is Verdict.UNKNOWN}
    assert refuted == {}
    assert sum(left_open.values()) <= 0.01 * sum(found.values()), left_open
