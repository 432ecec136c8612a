"""Bisection for the smallest fault that still breaks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.checkers.smallest import MOST_TRIALS, Bisected, Outcome, Search, bisected, next_size

DELAYS = Search(harsh=6.25, mild=0.005)
BYTES = Search(harsh=0, mild=65536, whole=True)


def searched(search: Search, breaks: Callable[[float], bool | None]) -> tuple[Bisected, list[Outcome]]:
    tried: list[Outcome] = []
    while (size := next_size(search, tried)) is not None:
        tried.append((size, breaks(size)))
    return bisected(search, tried), tried


@given(st.floats(0.006, 6.2))
def test_a_threshold_is_found_to_a_twentieth_in_a_few_trials(threshold: float) -> None:
    found, tried = searched(DELAYS, lambda delay: delay >= threshold)

    assert found.holds is not None
    assert found.holds < threshold <= found.smallest
    assert found.smallest - found.holds <= 0.05 * found.smallest + 0.001
    assert (found.monotone, found.complete, found.unsure) == (True, True, ())
    assert len(tried) <= MOST_TRIALS


@given(st.integers(0, 65534))
def test_so_is_the_greatest_number_of_bytes(most: int) -> None:
    found, tried = searched(BYTES, lambda size: size <= most)

    assert found.holds is not None
    assert found.smallest <= most < found.holds
    assert found.holds - found.smallest <= max(1, 0.05 * found.holds)
    assert len(tried) <= MOST_TRIALS


def test_what_the_smallest_fault_breaks_too_needs_no_bisection() -> None:
    found, tried = searched(DELAYS, lambda _: True)

    assert (found.smallest, found.holds, found.complete) == (0.005, None, True)
    assert [size for size, _ in tried].count(0.005) == 2, "seen twice, before it is said"
    assert len(tried) <= 6, "and some looks between"


def test_what_only_the_whole_fault_breaks_stays_with_it() -> None:
    found, _ = searched(DELAYS, lambda _: False)

    assert found.smallest == DELAYS.harsh
    assert found.holds is not None
    assert found.holds > 0.9 * DELAYS.harsh


def test_a_harsher_fault_that_holds_is_told() -> None:
    """Breaks at 300 ms and at 6 s, holds between: a stand-in is asked from half a second on, say."""
    found, _ = searched(DELAYS, lambda delay: 0.1 <= delay <= 0.3 or delay > 2)

    assert not found.monotone
    assert any(0.3 < each <= 2 for each in found.holds_above)
    assert found.smallest < 0.3


def test_a_milder_island_that_is_met_is_what_counts() -> None:
    low, high = 0.05, 0.4
    found, _ = searched(DELAYS, lambda delay: low <= delay <= high or delay >= 4)

    assert low <= found.smallest <= high


def test_sizes_that_can_not_be_told_end_it_early_and_are_named() -> None:
    found, tried = searched(DELAYS, lambda delay: None if delay > 0.1 else False)

    assert not found.complete
    assert found.unsure
    assert found.smallest == DELAYS.harsh
    assert len(tried) <= MOST_TRIALS


def test_what_breaks_now_and_then_is_not_the_smallest() -> None:
    seen: dict[float, int] = {}

    def breaks(delay: float) -> bool:
        seen[delay] = seen.get(delay, 0) + 1
        return delay >= 2 or (delay >= 1 and seen[delay] == 1)

    found, _ = searched(DELAYS, breaks)

    assert found.smallest >= 2 or not found.complete
    assert found.unsure
    assert all(1 <= each < 2 for each in found.unsure)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_number_of_trials_has_a_limit(most: int) -> None:
    found, tried = searched(Search(harsh=1.0, mild=0.005, most_trials=most), lambda delay: delay > 0.42)

    assert len(tried) == most
    assert not found.complete
