from __future__ import annotations

import pytest

from harness.model.figures import encoded
from harness.model.observation import CrossingSecond, JourneySecond, Outcome, Window, WindowKind
from harness.report.timeline import MAX_BINS, binned, crossing_figures, edge_of_line, journeys_seen, window_figures


def row(second: int, outcome: Outcome = Outcome.OK, latency_s: float = 0.1, number: int = 1) -> JourneySecond:
    text = encoded([latency_s] * number)
    return JourneySecond(second=second, journey="browse", outcome=outcome, count=number, latencies=text, service=text)


def test_several_rows_of_the_same_second_are_summed() -> None:
    (only,) = binned([row(3, latency_s=0.1), row(3, latency_s=0.3, number=2)], "browse", 3, 4)
    assert only.ok == 3
    assert pytest.approx(0.3, rel=0.01) == only.p50_s


def test_latencies_are_those_of_good_journeys_only() -> None:
    rows = [row(0, Outcome.DEGRADED, 0.2), row(0, Outcome.FAILED, 0.001, 9), row(0, Outcome.UNKNOWN, 5.0)]
    (only,) = binned(rows, "browse", 0, 1)
    assert (only.ok, only.degraded, only.failed, only.unknown) == (0, 1, 9, 1)
    assert pytest.approx(0.2, rel=0.01) == only.p50_s == only.p99_s


def test_a_second_in_which_nothing_was_due_is_there_without_figures() -> None:
    bins = binned([row(0), row(2)], "browse", 0, 3)
    assert [each.total for each in bins] == [1, 0, 1]
    assert bins[1].p50_s is None


def test_only_whole_seconds_are_told() -> None:
    assert [each.start for each in binned([row(1), row(2), row(3), row(4)], "browse", 1.5, 4.5)] == [2, 3]


def test_an_hour_is_told_in_bins() -> None:
    bins = binned([row(second, latency_s=0.01) for second in range(0, 3600, 60)], "browse", 0, 3600)
    assert len(bins) <= MAX_BINS
    assert sum(each.total for each in bins) == 60


def test_a_window_counts_what_was_due_in_its_whole_seconds() -> None:
    window = Window(kind=WindowKind.FAULT, start=1.2, end=4.0)
    figures = window_figures([row(1), row(2, Outcome.FAILED), row(3, Outcome.UNKNOWN), row(4)], window, "browse")
    assert (figures.ok, figures.bad, figures.total, figures.p50_s) == (0, 2, 2, None)


def test_journeys_are_those_seen_in_the_windows() -> None:
    window = Window(kind=WindowKind.FAULT, start=1, end=2)
    assert journeys_seen([row(1)], [window]) == ("browse",)
    assert journeys_seen([row(2)], [window]) == ()


@pytest.mark.parametrize(
    ("line", "edge"),
    [
        ("gateway-1->catalog-2", "gateway->catalog"),
        ("orders-10->my-store-1", "orders->my-store"),
        ("v2-1->v3-1", "v2->v3"),
    ],
)
def test_a_line_belongs_to_its_edge(line: str, edge: str) -> None:
    assert edge == edge_of_line(line)


def test_crossings_of_all_lines_of_an_edge_are_added() -> None:
    def crossing(line: str, second: int = 1, answers: int = 2) -> CrossingSecond:
        return CrossingSecond(
            second=second,
            line=line,
            connections=1,
            requests=3,
            answers=answers,
            aborted=1,
            bytes_up=1,
            bytes_down=1,
            answer_ms_sum=10.0 * answers,
        )

    rows = [crossing("a-1->b-1"), crossing("a-1->b-2"), crossing("a-1->c-1"), crossing("a-1->b-1", second=9)]
    figures = crossing_figures(rows, Window(kind=WindowKind.FAULT, start=1, end=3), "a->b")
    assert (figures.connections, figures.requests, figures.answers, figures.aborted) == (2, 6, 4, 2)
    assert (figures.length_s, figures.first_byte_s) == (2, 0.01)
    silent = crossing_figures([crossing("a-1->b-1", answers=0)], Window(kind=WindowKind.FAULT, start=1, end=3), "a->b")
    assert silent.first_byte_s is None
