from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from kit import trace
from kit.bus import Bus
from kit.consumer import LONGEST_PAUSE_S, MOST_FAILURES, Consumer, EventModel, Topic
from kit.trace import Span
from kit.trouble import Unavailable
from nats.aio.msg import Msg

SUBJECT, OTHER_SUBJECT = "shop.tests.happened", "shop.tests.happened-elsewhere"
TOLD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Happened(EventModel):
    secret: str
    number: int


@dataclass
class Metadata:
    num_delivered: int = 1


@dataclass
class Message:
    """As the bus's own: what the consumer reads of it."""

    data: bytes
    subject: str = SUBJECT
    headers: dict[str, str] | None = None
    metadata: Metadata = field(default_factory=Metadata)


class FakeBus:
    """Remembers what became of each event."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, float]] = []

    async def settle(self, _message: Message) -> None:
        self.answers.append(("settled", 0.0))

    async def later(self, _message: Message, pause_s: float) -> None:
        self.answers.append(("later", pause_s))

    async def put_aside(self, _message: Message) -> None:
        self.answers.append(("put aside", 0.0))


class Taker:
    """Remembers what it was told, and fails as it is told to."""

    def __init__(self, error: Exception | None = None, error_together: Exception | None = None) -> None:
        self.error = error
        self.error_together = error_together
        self.together: list[list[int]] = []
        self.taken: list[Happened] = []
        self.traces: list[str | None] = []

    async def take(self, event: Happened) -> None:
        self.traces.append(trace.traceparent())
        if self.error is not None:
            raise self.error
        self.taken.append(event)

    async def take_all(self, events: Sequence[Happened]) -> None:
        self.together.append([event.number for event in events])
        if self.error_together is not None:
            raise self.error_together


def message(*, delivered: int = 1, headers: dict[str, str] | None = None, subject: str = SUBJECT, **fields: Any) -> Msg:
    content = {"event_id": "an-event", "secret": "Ada", "number": 1} | fields
    told = {name: value for name, value in content.items() if value is not None}
    found = Message(data=json.dumps(told).encode(), subject=subject, headers=headers, metadata=Metadata(delivered))
    return cast("Msg", found)


async def given_at_once(taker: Taker, *messages: Msg, spans: list[Span] | None = None) -> list[tuple[str, float]]:
    """As `given`, when all come at the same time, to somebody who can take them so."""
    bus = FakeBus()
    topics: list[Topic[Any]] = [
        Topic(subject, Happened, taker.take, taker.take_all) for subject in (SUBJECT, OTHER_SUBJECT)
    ]
    consumer = Consumer(cast("Bus", bus), "tests", topics, (spans if spans is not None else []).append)
    await consumer.take(messages)
    return bus.answers


async def given(taker: Taker, *messages: Msg, spans: list[Span] | None = None) -> list[tuple[str, float]]:
    bus = FakeBus()
    topics: list[Topic[Any]] = [Topic(SUBJECT, Happened, taker.take)]
    consumer = Consumer(cast("Bus", bus), "tests", topics, (spans if spans is not None else []).append)
    for each in messages:
        await consumer.take([each])
    return bus.answers


async def test_an_event_takes_effect_and_is_settled() -> None:
    taker = Taker()
    assert await given(taker, message(number=7)) == [("settled", 0.0)]
    assert [event.number for event in taker.taken] == [7]


async def test_what_an_event_has_gained_is_ignored() -> None:
    assert await given(Taker(), message(new={"nested": [1]})) == [("settled", 0.0)]


@pytest.mark.parametrize("lacking", [{"number": None}, {"number": "7"}, {"event_id": None}])
async def test_an_event_that_lacks_what_is_read_is_put_aside_and_told_without_what_it_held(
    lacking: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    taker = Taker()
    assert await given(taker, message(**lacking), message()) == [("put aside", 0.0), ("settled", 0.0)]
    assert len(taker.taken) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert next(iter(lacking)) in caplog.text
    assert "Ada" not in caplog.text


@pytest.mark.parametrize("data", [b"", b"\xff", b"null", b"[]", b"<html>"])
async def test_what_is_no_event_at_all_is_put_aside(data: bytes) -> None:
    assert await given(Taker(), cast("Msg", Message(data=data))) == [("put aside", 0.0)]


async def test_while_a_store_is_away_an_event_comes_again_later_and_later_but_always() -> None:
    away = Taker(Unavailable("postgres", "it is away", sent=False))
    answers = await given(away, *(message(delivered=n) for n in (1, 2, 3, 50, 5000)))
    assert answers == [("later", pause_s) for pause_s in (0.5, 1.0, 2.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S)]


async def test_an_event_that_our_own_code_fails_on_is_tried_some_times_and_then_put_aside() -> None:
    broken = Taker(KeyError("a mistake"))
    answers = await given(broken, *(message(delivered=n) for n in (1, MOST_FAILURES - 1, MOST_FAILURES)))
    assert [answer for answer, _ in answers] == ["later", "later", "put aside"]


async def test_the_work_belongs_to_the_trace_of_whoever_caused_the_event() -> None:
    taker, spans = Taker(), list[Span]()
    await given(taker, message(headers={"traceparent": TOLD}), message(), spans=spans)
    first, second = spans
    assert (first.trace_id, first.parent_id) == tuple(TOLD.split("-")[1:3])
    assert taker.traces == [first.traceparent, second.traceparent]
    assert second.trace_id != first.trace_id


async def test_events_that_come_at_once_take_effect_together_whatever_their_subject() -> None:
    taker = Taker()
    messages = (message(number=1), message(number=2, subject=OTHER_SUBJECT), message(number=None), message(number=3))
    assert await given_at_once(taker, *messages) == [("put aside", 0.0), *[("settled", 0.0)] * 3]
    assert (taker.together, taker.taken) == ([[1, 2, 3]], [])


async def test_an_event_that_comes_alone_takes_effect_alone() -> None:
    taker = Taker()
    assert await given_at_once(taker, message(number=7)) == [("settled", 0.0)]
    assert (taker.together, [event.number for event in taker.taken]) == ([], [7])


async def test_while_a_store_is_away_all_of_them_come_again_each_after_its_own_pause() -> None:
    away = Taker(error_together=Unavailable("postgres", "it is away", sent=False))
    assert await given_at_once(away, message(), message(delivered=2)) == [("later", 0.5), ("later", 1.0)]
    assert away.taken == []


async def test_when_events_can_not_be_used_together_each_is_tried_by_itself() -> None:
    broken = Taker(error_together=KeyError("a mistake"))
    assert await given_at_once(broken, message(number=1), message(number=2)) == [("settled", 0.0)] * 2
    assert [event.number for event in broken.taken] == [1, 2]


async def test_events_that_take_effect_together_belong_each_to_its_own_trace() -> None:
    spans = list[Span]()
    await given_at_once(Taker(), message(headers={"traceparent": TOLD}), message(), spans=spans)
    assert sorted(span.parent_id == TOLD.split("-")[2] for span in spans) == [False, True]
    assert len({span.trace_id for span in spans}) == 2
