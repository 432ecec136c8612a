from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import figures
from harness.model.observation import AnswerClass, AnswerSecond, JourneySecond, Outcome, Window, WindowKind

WINDOW = Window(kind=WindowKind.FAULT, start=10.5, end=14.0)


def second(at: int, *latencies: float, outcome: Outcome = Outcome.OK, journey: str = "browse") -> JourneySecond:
    text = figures.encoded(latencies)
    return JourneySecond(
        second=at, journey=journey, outcome=outcome, count=len(latencies), latencies=text, service=text
    )


@given(st.lists(st.floats(min_value=1e-6, max_value=120), min_size=1, max_size=30), st.integers(0, 100))
def test_percentiles_of_merged_histograms_are_those_of_all_values_within_a_thousandth(
    values: list[float], percentile: int
) -> None:
    histogram = figures.merged([figures.encoded(values[::2]), figures.encoded(values[1::2]), ""])
    rank = max(-(-percentile * len(values) // 100), 1)
    assert len(values) == histogram.count
    assert figures.percentile_s(histogram, percentile) == pytest.approx(sorted(values)[rank - 1], rel=2e-3, abs=2e-6)


def test_an_empty_histogram_has_no_percentile_and_no_share() -> None:
    empty = figures.merged([figures.encoded([])])
    assert (empty.count, figures.percentile_s(empty, 99), figures.share_over_s(empty, 1)) == (0, None, None)


def test_latencies_beyond_the_range_count_as_its_ends() -> None:
    histogram = figures.merged([figures.encoded([-0.1, 0, 500])])
    assert figures.percentile_s(histogram, 0) == 1e-6
    assert figures.percentile_s(histogram, 100) == pytest.approx(120, rel=1e-3)


def test_the_share_over_a_limit_leaves_out_those_that_equal_it() -> None:
    histogram = figures.merged([figures.encoded([0.1, 0.5, 0.51, 2])])
    assert figures.share_over_s(histogram, 0.5) == 0.5
    assert figures.share_over_s(histogram, 0.05) == 1
    assert figures.share_over_s(histogram, 3) == 0


@pytest.mark.parametrize("text", ["no histogram", "AAAA", "HISTFAAAAAEAAAAB"])
def test_a_text_that_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a histogram"):
        figures.merged([text])


def test_a_histogram_of_another_range_is_refused() -> None:
    from hdrh.histogram import HdrHistogram

    with pytest.raises(ValueError, match="found one up to 1000 with 2"):
        figures.merged([HdrHistogram(1, 1000, 2).encode().decode()])


def test_a_percentile_beyond_100_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        figures.percentile_s(figures.merged([]), 101)


def test_counts_sum_the_increments_of_whole_seconds_in_the_window() -> None:
    seconds = [
        second(10, 0.1),  # begins before the window
        second(11, 0.1, 0.2),
        second(11, 0.3),
        second(12, 0.1, outcome=Outcome.FAILED),
        second(13, 0.1, journey="checkout"),
        second(14, 0.1),
    ]
    assert figures.counts(seconds, WINDOW, "browse") == {
        Outcome.OK: 3,
        Outcome.DEGRADED: 0,
        Outcome.FAILED: 1,
        Outcome.UNKNOWN: 0,
    }
    assert sum(figures.counts(seconds, WINDOW).values()) == 5
    assert figures.latencies(seconds, WINDOW, "browse").count == 3
    assert figures.latencies(seconds, WINDOW, "browse", outcomes=tuple(Outcome)).count == 4


def test_answers_are_counted_by_class() -> None:
    answers = [
        AnswerSecond(
            second=11, journey="browse", request="GET /", answer=kind, count=n, latencies=figures.encoded([1] * n)
        )
        for kind, n in ((AnswerClass.FULL, 2), (AnswerClass.DIRTY, 1), (AnswerClass.FULL, 3))
    ]
    found = figures.answer_counts(answers, WINDOW)
    assert (found[AnswerClass.FULL], found[AnswerClass.DIRTY], found[AnswerClass.CLEAN]) == (5, 1, 0)
    assert figures.answer_latencies(answers, WINDOW).count == 6
