from __future__ import annotations

from harness.model.span import Span, SpanKind
from harness.observe import span_room
from harness.observe.span_room import SpanRoom, told_of
from tests.checkers.histories import shop


def span(trace: str, number: int, start: float = 0.0) -> Span:
    return Span(
        trace=trace,
        span=f"{number:016x}",
        parent=None,
        service="front",
        instance=None,
        kind=SpanKind.SERVER,
        name="x",
        start=start,
        end=start + 1,
    )


def test_the_latest_traces_are_there_and_the_oldest_go_first() -> None:
    room = SpanRoom(latest_spans=4)
    for number in range(3):
        room.add([span(f"t{number}", 1), span(f"t{number}", 2)])
    assert [len(room.of([f"t{number}"])) for number in range(3)] == [0, 2, 2]


def test_a_trace_that_is_kept_stays_and_goes_on() -> None:
    room = SpanRoom(latest_spans=2)
    room.add([span("kept", 1, 5.0)])
    room.keep(["kept", "announced", ""])
    for number in range(9):
        room.add([span(f"t{number}", 1)])
    room.add([span("kept", 2, 4.0), span("announced", 3, 1.0)])
    assert [each.span[-1] for each in room.of(["kept"])] == ["2", "1"]
    assert [each.trace for each in room.since(4.5)] == ["kept"]
    assert len(room.since(0.0)) == 3


def test_there_is_an_end_to_what_is_kept() -> None:
    room = SpanRoom(kept_traces=2, kept_spans=100)
    for name in "abc":
        room.add([span(name, 1)])
        room.keep([name])
    assert [len(room.of([name])) for name in "abc"] == [0, 1, 1]
    assert room.counts.dropped == 1


def test_one_trace_can_not_take_all_the_room() -> None:
    room = SpanRoom()
    room.add(span("a", number) for number in range(span_room.TRACE_SPANS + 7))
    assert (len(room.of(["a"])), room.counts.dropped) == (span_room.TRACE_SPANS, 7)


def test_what_became_of_the_spans_is_told_with_those_who_sent_none() -> None:
    room = SpanRoom()
    said, figures = told_of(room, shop())
    assert said == "no spans: no service sent any, so whose fault it is was told from the topology"
    room.services |= {"gateway", "orders"}
    room.add([])
    room.counts.spans = 7
    said, figures = told_of(room, shop())
    assert said == "spans of 2 services; no spans of recommendations, payments"
    assert figures["spans"] == 7
