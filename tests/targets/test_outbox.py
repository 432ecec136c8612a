from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kit import outbox, trace
from kit.bus import Bus
from kit.outbox import Event, Outbox, Pace
from kit.postgres import Connection, Postgres
from kit.trace import Kind
from kit.trouble import Trouble, Unavailable

from harness.model.system import Store, StoreKind
from tests.targets.conftest import FakeClock
from tests.targets.stores import Stores, postgres_of, running_stores

pytestmark = pytest.mark.loopback
BUS = Store(kind=StoreKind.NATS)
SUBJECT = "shop.tests.happened"
WITHIN_S = 8.0


class Happened(Event):
    number: int


class Recorder:
    """A bus in memory, which may be away."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int, str | None]] = []
        self.away = False

    async def publish(self, subject: str, payload: bytes, _event_id: str, traceparent: str | None = None) -> None:
        if self.away:
            raise Unavailable("bus", "it is away", sent=True)
        self.events.append((subject, json.loads(payload)["number"], traceparent))

    @property
    def numbers(self) -> list[int]:
        return [number for _, number, _ in self.events]


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Postgres]:
    async with running_stores(tmp_path / "stores", postgres_of("tests")) as stores:
        postgres = await stores.postgres("tests", outbox.SCHEMA)
        yield postgres
        await postgres.close()


def happened(number: int) -> Happened:
    event_id = str(uuid.uuid5(uuid.NAMESPACE_URL, str(number)))
    return Happened(event_id=event_id, occurred_at="2026-01-02T03:04:05.678+00:00", number=number)


async def store(postgres: Postgres, *numbers: int) -> None:
    async def work(connection: Connection) -> None:
        for number in numbers:
            await outbox.put(connection, SUBJECT, happened(number))

    await postgres.transact(work)


@asynccontextmanager
async def relay(postgres: Postgres, bus: Any) -> AsyncIterator[Outbox]:
    box = Outbox(postgres, bus)
    running = asyncio.create_task(box.run())
    yield box
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(condition: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 -- only looking tells
            await asyncio.sleep(0.01)


async def test_events_go_out_in_order_each_once_also_beyond_one_batch(postgres: Postgres) -> None:
    bus, many = Recorder(), 2 * outbox.BATCH + 3
    await store(postgres, *range(many))
    async with relay(postgres, bus):
        await until(lambda: len(bus.events) >= many)
        await store(postgres, many)
        await until(lambda: len(bus.events) > many)
    assert bus.numbers == list(range(many + 1))


async def test_the_same_event_stored_twice_goes_out_once(postgres: Postgres) -> None:
    bus = Recorder()
    await store(postgres, 1)
    await store(postgres, 1, 2)
    async with relay(postgres, bus):
        await until(lambda: 2 in bus.numbers)
    assert bus.numbers == [1, 2]


async def test_many_events_are_stored_in_one_round_trip_in_order_each_once(postgres: Postgres) -> None:
    bus, known, many = Recorder(), 3, 2 * outbox.BATCH
    await store(postgres, known)
    await postgres.transact(lambda connection: outbox.put_all(connection, SUBJECT, [*map(happened, range(many))]))
    await postgres.transact(lambda connection: outbox.put_all(connection, SUBJECT, []))
    async with relay(postgres, bus):
        await until(lambda: len(bus.events) >= many)
    assert bus.numbers == [known, *(number for number in range(many) if number != known)]


async def test_what_is_rolled_back_is_never_told(postgres: Postgres) -> None:
    async def work(connection: Connection) -> None:
        await outbox.put(connection, SUBJECT, happened(1))
        raise Trouble("the change is not to be")

    with pytest.raises(Trouble):
        await postgres.transact(work)
    bus = Recorder()
    await store(postgres, 2)
    async with relay(postgres, bus):
        await until(lambda: bool(bus.events))
    assert bus.numbers == [2]


async def test_it_wakes_at_once(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "POLL_S", 60.0)
    bus = Recorder()
    async with relay(postgres, bus) as box:
        await store(postgres, 1)
        box.wake.set()
        await until(lambda: bool(bus.events))
        await store(postgres, 2)
        box.wake.set()
        await until(lambda: len(bus.events) == 2)


async def test_without_the_bus_events_wait_and_go_out_in_order_when_it_is_back(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PAUSE_S", 0.01)
    bus = Recorder()
    bus.away = True
    async with relay(postgres, bus):
        await store(postgres, 1, 2)
        await store(postgres, 3)
        bus.away = False
        await until(lambda: len(bus.events) == 3)
    assert bus.numbers == [1, 2, 3]


async def test_what_waited_for_the_bus_goes_out_a_few_at_a_time(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PAUSE_S", 0.01)
    monkeypatch.setattr(outbox, "GENTLE_PAUSE_S", 60.0)
    bus, many = Recorder(), 2 * outbox.GENTLE_BATCH
    async with relay(postgres, bus) as box:
        await store(postgres, 0)
        await until(lambda: bus.numbers == [0])
        bus.away = True
        await store(postgres, *range(1, many))
        await until(lambda: box._pace.batch == outbox.GENTLE_BATCH)
        bus.away = False
        await until(lambda: len(bus.events) > 1)
        await store(postgres, many)
        box.wake.set()
        assert bus.numbers == [*range(1 + outbox.GENTLE_BATCH)]


async def test_a_bus_that_was_never_there_yet_was_not_away(postgres: Postgres) -> None:
    bus = Recorder()
    bus.away = True
    async with relay(postgres, bus) as box:
        await store(postgres, *range(outbox.BATCH))
        with pytest.raises(Unavailable):
            await box._publish()
        bus.away = False
        await until(lambda: len(bus.events) >= outbox.BATCH)
        assert box._pace.batch == outbox.BATCH


async def test_what_went_out_before_the_bus_failed_is_not_told_again(postgres: Postgres) -> None:
    class Failing(Recorder):
        async def publish(self, *event: Any) -> None:
            await super().publish(*event)
            self.away = len(self.events) == 2

    bus = Failing()
    await store(postgres, *range(4))
    box = Outbox(postgres, bus)  # type: ignore[arg-type]  # a bus in memory will do
    with pytest.raises(Unavailable):
        await box._publish()
    bus.away = False
    await box._publish()
    assert bus.numbers == [0, 1, 2, 3]


def test_after_the_bus_was_away_the_pauses_between_small_batches_become_shorter_until_nothing_waits(
    clock: FakeClock,
) -> None:
    pace = Pace(clock)
    pace.held_up()
    assert (pace.batch, pace.pause_s(more=True)) == (outbox.BATCH, 0.0), "it was not there yet"
    pace.sent()
    pace.held_up()
    pauses = []
    for _ in range(3):
        assert pace.batch == outbox.GENTLE_BATCH
        pauses.append(pace.pause_s(more=True))
        clock.pass_s(outbox.TWICE_AS_FAST_S)
    assert pauses == [outbox.GENTLE_PAUSE_S, outbox.GENTLE_PAUSE_S / 2, outbox.GENTLE_PAUSE_S / 4]
    assert (pace.pause_s(more=False), pace.batch) == (0.0, outbox.BATCH)


def test_when_the_bus_fails_again_it_is_gentle_from_the_beginning(clock: FakeClock) -> None:
    pace = Pace(clock)
    pace.sent()
    pace.held_up()
    pace.pause_s(more=True)
    clock.pass_s(outbox.TWICE_AS_FAST_S)
    pace.held_up()
    assert pace.pause_s(more=True) == outbox.GENTLE_PAUSE_S


async def test_an_event_belongs_to_the_trace_of_what_caused_it(postgres: Postgres) -> None:
    bus = Recorder()
    span = trace.begin("work", Kind.SERVER)
    with trace.within(span, lambda _: None):
        await store(postgres, 1)
    await store(postgres, 2)
    async with relay(postgres, bus):
        await until(lambda: len(bus.events) == 2)
    assert [told for _, _, told in bus.events] == [span.traceparent, None]


async def test_what_went_out_long_ago_is_forgotten_and_nothing_else(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "PRUNE_EVERY_S", 0.0)
    bus = Recorder()
    await store(postgres, 1, 2)
    async with relay(postgres, bus):
        await until(lambda: len(bus.events) == 2)
    bus.away = True
    await store(postgres, 3)
    await postgres.fetch("UPDATE outbox SET published_at = now() - interval '2 hours' WHERE seq = 1")
    await Outbox(postgres, bus)._prune()  # type: ignore[arg-type]  # a bus in memory will do
    kept = await postgres.fetch("SELECT payload FROM outbox ORDER BY seq")
    assert [json.loads(row["payload"])["number"] for row in kept] == [2, 3]


async def test_two_relays_on_a_real_bus_tell_each_event_once_and_in_order(tmp_path: Path) -> None:
    async with running_stores(tmp_path / "stores", postgres_of("tests"), BUS) as stores:
        postgres = await stores.postgres("tests", outbox.SCHEMA)
        buses = [Bus(stores.url(StoreKind.NATS), f"relay-{n}") for n in range(2)]
        await store(postgres, *range(20))
        async with relay(postgres, buses[0]), relay(postgres, buses[1]):
            assert await _told(stores, 20) == list(range(20))
        for bus in buses:
            await bus.close()
        await postgres.close()


async def _told(stores: Stores, many: int) -> list[int]:
    """The numbers of at least so many events on the bus, once it has fallen silent."""
    bus = Bus(stores.url(StoreKind.NATS), "listener")
    subscription = await bus.subscribe((SUBJECT,), "listener")
    numbers: list[int] = []
    silent = False
    while len(numbers) < many or not silent:
        messages = await bus.fetch(subscription)
        silent = not messages
        for message in messages:
            numbers.append(json.loads(message.data)["number"])
            await bus.settle(message)
    await bus.close()
    return numbers
