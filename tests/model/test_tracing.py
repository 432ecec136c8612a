from __future__ import annotations

import re
from itertools import islice

from harness.model.tracing import is_customers, trace_of, traceparents


def test_every_request_of_a_visit_is_of_its_trace_and_has_a_span_of_its_own() -> None:
    trace = trace_of("run-1", "browse:7")
    first, second = islice(traceparents(trace), 2)
    assert first != second
    for each in (first, second):
        assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-01", each)
        assert is_customers(each.split("-")[2])
    assert not is_customers("b7ad6b7169203331")
    assert is_customers(None)


def test_the_trace_of_a_visit_is_its_own() -> None:
    assert trace_of("run-1", "browse:7") == trace_of("run-1", "browse:7")
    assert len({trace_of(run, visit) for run in ("a", "b") for visit in ("x", "y")}) == 4


def test_without_a_trace_nothing_is_sent() -> None:
    assert list(traceparents("")) == []
