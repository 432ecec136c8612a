"""The filled buckets of one second's histogram."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model.figures import encoded, merged
from harness.model.sparse_histogram import buckets


@given(st.lists(st.floats(min_value=0, max_value=150), max_size=30))
def test_the_buckets_are_those_that_the_library_reads(latencies_s: list[float]) -> None:
    text = encoded(latencies_s)
    whole = merged([text])
    assert tuple(buckets(text)) == whole.highest_us
    assert sum(buckets(text).values()) == whole.count == len(latencies_s)


@pytest.mark.parametrize("text", ["nonsense!", "AAAA", encoded([0.1])[:-12], encoded([0.1])[:20]])
def test_what_is_no_histogram_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a histogram"):
        buckets(text)


def test_an_empty_text_holds_nothing() -> None:
    assert buckets("") == {}
