from __future__ import annotations

from harness.model.events import SpansSeen, from_json, to_json
from harness.model.load_events import Observed
from harness.model.observation import Outcome
from harness.model.span import JourneyTrace, Span, SpanKind, SpanStatus

SPAN = Span(
    trace="a" * 32,
    span="b" * 16,
    parent=None,
    service="orders",
    instance="orders-1",
    kind=SpanKind.CLIENT,
    name="POST payments",
    start=1.5,
    end=2.0,
    status=SpanStatus.ERROR,
    error="no answer",
    attributes={"peer.service": "payments"},
)


def test_spans_and_the_traces_of_journeys_go_through_the_journal() -> None:
    seen = SpansSeen(t=3.0, experiment="slow", journey="checkout", spans=(SPAN,))
    assert from_json(to_json(seen)) == seen
    trace = JourneyTrace(t=1.0, journey="checkout", outcome=Outcome.FAILED, took_s=1.0, trace=SPAN.trace)
    observed = Observed(traces=(trace,))
    assert from_json(to_json(observed)) == observed
    assert SPAN.duration_s == 0.5
