"""Takes events from the bus: at least once each, in any order, while the bus and the stores come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nats.aio.msg import Msg
from pydantic import ValidationError

from kit import trace
from kit.bus import Bus
from kit.trace import Kind, Span
from kit.trouble import Unavailable
from kit.words import Tolerant

PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
MOST_FAILURES = 10
"""After so many deliveries, an event that our own code fails on is put aside."""
log = logging.getLogger(__name__)


class EventModel(Tolerant):
    """The part of an event that a consumer reads; whatever else it holds is the producer's to add."""

    event_id: str


Heard = TypeVar("Heard", bound=EventModel)


@dataclass(frozen=True, slots=True)
class Topic(Generic[Heard]):
    """Events of one subject, how they are read, and what they do; `take` may see an event twice."""

    subject: str
    model: type[Heard]
    take: Callable[[Heard], Awaitable[object]]
    take_all: Callable[[Sequence[Heard]], Awaitable[object]] | None = None
    """As `take`, for many that come at once, of whichever topics name the same: one statement for all of them costs
    little more than one for a single event. An event may be among them twice."""


@dataclass(frozen=True, slots=True)
class _Given:
    """An event that could be read, and what it came in."""

    message: Msg
    topic: Topic[Any]
    event: EventModel


class Consumer:
    """Takes the events of its topics; under the same durable name it goes on where it stopped.

    `export` is given a span for each event, in the trace of whoever caused it.
    """

    def __init__(
        self,
        bus: Bus,
        durable: str,
        topics: Sequence[Topic[Any]],
        export: Callable[[Span], None] = lambda _: None,
    ) -> None:
        self._bus = bus
        self._export = export
        self._durable = durable
        self._topics = {topic.subject: topic for topic in topics}

    async def run(self) -> None:
        """Consume until cancelled."""
        while True:
            try:
                listening = await self._bus.subscribe(tuple(self._topics), self._durable)
                try:
                    while True:
                        await self.take(await self._bus.fetch(listening))
                finally:
                    await listening.close()
            except Unavailable as error:
                log.info("events wait on the bus: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def take(self, messages: Sequence[Msg]) -> None:
        """Let events take effect, each of which is then acknowledged; raises Unavailable only for the bus itself."""
        groups: dict[Callable[[Sequence[Any]], Awaitable[object]] | None, list[_Given]] = {}
        for message in messages:
            given = await self._read(message)
            if given is not None:
                groups.setdefault(given.topic.take_all, []).append(given)
        for take_all, group in groups.items():
            if take_all is not None and len(group) > 1:
                await self._take_all(group, take_all)
            else:
                for given in group:
                    await self._take(given)

    async def _read(self, message: Msg) -> _Given | None:
        """The event; None when it is put aside."""
        topic = self._topics[message.subject]
        try:
            return _Given(message, topic, topic.model.model_validate_json(message.data))
        except ValidationError as error:
            log.error("an event on %s can't be read and is put aside: %s", message.subject, _places(error))  # noqa: TRY400 -- no trace needed
            await self._bus.put_aside(message)
            return None

    async def _take_all(self, group: Sequence[_Given], take_all: Callable[[Sequence[Any]], Awaitable[object]]) -> None:
        spans = [_span(given) for given in group]
        try:
            with ExitStack() as stack:
                for span in spans:
                    stack.enter_context(trace.within(span, self._export))
                await take_all([given.event for given in group])
        except Unavailable as error:
            log.info("%d events wait: %s", len(group), error)
            for given in group:
                await self._bus.later(given.message, _pause_s(given.message))
        except Exception:
            log.exception("%d events could not be used together", len(group))
            for given in group:
                await self._take(given)
        else:
            for given in group:
                await self._bus.settle(given.message)

    async def _take(self, given: _Given) -> None:
        message, event = given.message, given.event
        try:
            with trace.within(_span(given), self._export):
                await given.topic.take(event)
        except Unavailable as error:
            log.info("event %s waits: %s", event.event_id, error)
            await self._bus.later(message, _pause_s(message))
        except Exception:
            log.exception("event %s on %s could not be used", event.event_id, message.subject)
            if message.metadata.num_delivered >= MOST_FAILURES:
                log.error("event %s is put aside", event.event_id)  # noqa: TRY400 -- the trace has just been logged
                await self._bus.put_aside(message)
            else:
                await self._bus.later(message, _pause_s(message))
        else:
            await self._bus.settle(message)


def _span(given: _Given) -> Span:
    """The work that an event makes, in the trace of what caused it."""
    told = (given.message.headers or {}).get(trace.HEADER)
    return trace.begin(f"consume {given.topic.subject}", Kind.CONSUMER, told)


def _pause_s(message: Msg) -> float:
    """Longer with every delivery."""
    return float(min(LONGEST_PAUSE_S, PAUSE_S * 2 ** min(message.metadata.num_delivered - 1, 8)))


def _places(error: ValidationError) -> str:
    """Where and what, without the values, which may be personal."""
    found = error.errors(include_input=False, include_url=False)[:5]
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
