from __future__ import annotations

import pytest

from harness.load.seconds import NAMES_LIMIT, OTHER, RequestNames, Seconds
from harness.model import figures
from harness.model.observation import AnswerClass, Outcome


def test_a_journey_counts_in_the_second_of_its_intended_start() -> None:
    seconds = Seconds()
    seconds.journey("browse", Outcome.OK, intended=10.9, started=11.1, ended=13.4)
    (told,), _ = seconds.take()
    assert (told.second, told.journey, told.outcome, told.count) == (10, "browse", Outcome.OK, 1)
    assert figures.percentile_s(figures.merged([told.latencies]), 50) == pytest.approx(2.5, rel=2e-3)
    assert figures.percentile_s(figures.merged([told.service]), 50) == pytest.approx(2.3, rel=2e-3)


def test_an_answer_counts_in_the_second_it_ended() -> None:
    seconds = Seconds()
    seconds.answer("browse", "GET /", AnswerClass.DIRTY, ended=12.1, took_s=1.2)
    _, (told,) = seconds.take()
    assert (told.second, told.request, told.answer, told.count) == (12, "GET /", AnswerClass.DIRTY, 1)


def test_a_late_journey_is_told_as_an_increment_of_its_second() -> None:
    seconds = Seconds()
    seconds.journey("browse", Outcome.OK, intended=10.1, started=10.1, ended=10.2)
    seconds.journey("browse", Outcome.OK, intended=10.2, started=10.2, ended=10.4)
    first, _ = seconds.take()
    seconds.journey("browse", Outcome.OK, intended=10.3, started=10.3, ended=12.3)
    second, _ = seconds.take()
    third, _ = seconds.take()
    assert [[each.count for each in told] for told in (first, second, third)] == [[2], [1], []]
    assert figures.merged(each.latencies for each in (*first, *second)).count == 3


def test_only_complete_seconds_are_told_when_asked_so() -> None:
    seconds = Seconds()
    for at in (10.5, 11.5):
        seconds.journey("browse", Outcome.OK, intended=at, started=at, ended=at)
        seconds.answer("browse", "GET /", AnswerClass.FULL, ended=at, took_s=0.1)
    journeys, answers = seconds.take(before=11)
    assert ([each.second for each in journeys], [each.second for each in answers]) == ([10], [10])
    journeys, answers = seconds.take()
    assert ([each.second for each in journeys], [each.second for each in answers]) == ([11], [11])


def test_outcomes_journeys_requests_and_classes_are_told_apart() -> None:
    seconds = Seconds()
    for journey in ("browse", "checkout"):
        for outcome in (Outcome.OK, Outcome.FAILED):
            seconds.journey(journey, outcome, intended=1, started=1, ended=2)
        for kind in (AnswerClass.FULL, AnswerClass.CLEAN):
            seconds.answer(journey, "GET /", kind, ended=1, took_s=1)
    journeys, answers = seconds.take()
    assert (len(journeys), len(answers)) == (4, 4)


def test_request_names_beyond_the_bound_count_as_one() -> None:
    names = RequestNames()
    kept = [names.bounded(f"GET /products/{number}") for number in range(NAMES_LIMIT + 5)]
    assert kept[NAMES_LIMIT - 1 :] == [f"GET /products/{NAMES_LIMIT - 1}", *[OTHER] * 5]
    assert names.bounded("GET /products/0") == "GET /products/0"
