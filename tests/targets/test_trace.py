from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import trace
from kit.trace import Kind, Span

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_callers_trace_goes_on() -> None:
    span = trace.begin("work", Kind.SERVER, f"00-{TRACE}-{PARENT}-01")
    assert (span.trace_id, span.parent_id, span.sampled) == (TRACE, PARENT, True)
    assert span.traceparent == f"00-{TRACE}-{span.span_id}-01"
    assert span.span_id != PARENT


def test_a_caller_that_does_not_sample_is_heeded() -> None:
    assert not trace.begin("work", Kind.SERVER, f"00-{TRACE}-{PARENT}-00").sampled


def test_a_later_version_may_say_more() -> None:
    assert trace.parse(f"01-{TRACE}-{PARENT}-01-more") == (TRACE, PARENT, True)


@pytest.mark.parametrize(
    "told",
    [
        "",
        "00",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00-{TRACE[1:]}-{PARENT}-01",
    ],
)
def test_nonsense_begins_a_new_trace(told: str) -> None:
    trace_id, parent_id, sampled = trace.parse(told)
    assert (len(trace_id), parent_id, sampled) == (32, None, True)
    assert trace_id != TRACE


@given(st.text())
def test_no_header_breaks_it(told: str) -> None:
    assert trace.parse(trace.begin("work", Kind.SERVER, told).traceparent)[1] is not None


def test_work_within_work_is_its_child() -> None:
    ended: list[Span] = []
    with trace.within(trace.begin("outer", Kind.SERVER), ended.append) as outer:
        assert trace.traceparent() == outer.traceparent
        with trace.within(trace.begin("inner", Kind.CLIENT), ended.append) as inner:
            assert (inner.trace_id, inner.parent_id) == (outer.trace_id, outer.span_id)
        assert trace.current() is outer
    assert trace.traceparent() is None
    assert ended == [inner, outer]
    assert all(span.end_ns >= span.start_ns for span in ended)


def test_work_that_breaks_is_told_as_failed() -> None:
    ended: list[Span] = []
    with pytest.raises(ValueError, match="broken"), trace.within(trace.begin("work", Kind.SERVER), ended.append):
        raise ValueError("broken")
    assert [span.failed for span in ended] == [True]
    assert trace.current() is None
