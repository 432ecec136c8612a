from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nats
import pytest
from kit.postgres import Postgres
from notifications.models import EVENTS, Told
from notifications.store import SCHEMA, Mails
from notifications.writer import Writer

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback
PLACED, CANCELLED, DELIVERED = "shop.orders.placed", "shop.orders.cancelled", "shop.shipping.delivered"


def told(subject: str, order_id: str) -> Told:
    return EVENTS[subject].model_validate(raw(subject, order_id))


def raw(subject: str, order_id: str) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid5(uuid.UUID(order_id), subject)),
        "order_id": order_id,
        "occurred_at": "2026-03-01T12:00:00.000+00:00",
        "items": [{"sku": "sku-0001", "quantity": 2}],
        "total_cents": 500,
        "amount_cents": 500,
        "currency": "EUR",
        "reason": "the customer changed her mind",
        "shipment_id": order_id,
    }


def order() -> str:
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("notifications")
    told = {"notifications": {"DATA_DIR": str(directory / "mine")}}
    with running(partial("notifications", to=directory, env=told), directory / "run") as up:
        up.directory = directory / "mine" / "outbox"  # type: ignore[attr-defined]  # where this run's mails are
        yield up


def outbox(up: Up) -> Path:
    found = up.directory  # type: ignore[attr-defined]  # see the fixture
    assert isinstance(found, Path)
    return found


def listed(up: Up, order_id: str) -> dict[str, dict[str, Any]]:
    """The mails about an order, by event, from all pages; one of each."""
    path, rows = "/mails?limit=3", []
    while path:
        page = up.ask("notifications", "GET", path).json()
        rows += [row for row in page["items"] if row["order_id"] == order_id]
        path = page["next"]
    assert len({row["event"] for row in rows}) == len(rows)
    return {row["event"]: row for row in rows}


@pytest.fixture
async def mails(up: Up) -> AsyncIterator[Mails]:
    """A database of their own, so that the service's writer takes nothing away."""
    address = up.store_address("postgres", "notifications")
    setup = Postgres(address, SCHEMA)
    await setup.prepare()
    schema = f"s{uuid.uuid4().hex}"
    await setup.fetch(f"CREATE SCHEMA {schema}")
    await setup.close()
    postgres = Postgres(f"{address}?search_path={schema}", SCHEMA)
    await postgres.prepare()
    yield Mails(postgres)
    await postgres.close()


def files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def statuses(mails: Mails) -> list[tuple[str, str]]:
    return [(mail.event, mail.status) for mail in (await mails.page(0, 100)).items]


async def test_an_event_makes_one_mail_however_often_it_comes(mails: Mails, tmp_path: Path) -> None:
    event = told(PLACED, order())
    await asyncio.gather(*(mails.record(event) for _ in range(4)))
    writer = Writer(mails, tmp_path)
    assert await writer.once()
    assert not await writer.once()
    await mails.record(event)
    assert not await writer.once()
    assert list(files(tmp_path)) == [f"{event.event_id}.eml"]


async def test_killed_between_writing_and_noting_it_the_same_mail_is_written_again(
    mails: Mails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(_: object) -> None:
        raise OSError("killed")

    event = told(PLACED, order())
    await mails.record(event)
    with monkeypatch.context() as patch:
        patch.setattr(mails, "written", killed)
        with pytest.raises(OSError, match="killed"):
            await Writer(mails, tmp_path).once()
    first = files(tmp_path)
    (tmp_path / f"{event.event_id}.new").write_text("cut o")
    assert await Writer(mails, tmp_path).once()
    assert files(tmp_path) == first
    assert await statuses(mails) == [("OrderPlaced", "written")]


async def test_after_a_cancellation_nothing_else_is_mailed_about_the_order(mails: Mails, tmp_path: Path) -> None:
    off, other = order(), order()
    for subject, order_id in ((CANCELLED, off), (PLACED, off), (DELIVERED, off), (PLACED, other)):
        await mails.record(told(subject, order_id))
    await Writer(mails, tmp_path).once()
    assert await statuses(mails) == [
        ("OrderCancelled", "written"),
        ("OrderPlaced", "withheld"),
        ("DeliveryConfirmed", "withheld"),
        ("OrderPlaced", "written"),
    ]
    assert [mail.order_cancelled for mail in (await mails.page(0, 100)).items] == [True, True, True, False]


async def test_events_that_come_together_are_mailed_as_if_they_had_come_one_by_one(
    mails: Mails, tmp_path: Path
) -> None:
    off, other = order(), order()
    before, cancelled = told(PLACED, off), told(CANCELLED, off)
    await mails.record_all([before, cancelled, told(DELIVERED, off), told(PLACED, other), before, cancelled])
    await mails.record_all([before, told(DELIVERED, other)])
    await Writer(mails, tmp_path).once()
    assert await statuses(mails) == [
        ("OrderPlaced", "written"),
        ("OrderCancelled", "written"),
        ("DeliveryConfirmed", "withheld"),
        ("OrderPlaced", "written"),
        ("DeliveryConfirmed", "written"),
    ]


async def test_many_who_record_the_same_orders_together_do_not_wait_for_one_another(mails: Mails) -> None:
    events = [told(subject, each) for each in (order(), order(), order()) for subject in (PLACED, DELIVERED)]
    await asyncio.gather(*(mails.record_all(events[turn:] + events[:turn]) for turn in range(len(events))))
    assert len(await statuses(mails)) == len(events)


async def test_a_confirmation_and_a_cancellation_at_once_never_end_with_the_confirmation(mails: Mails) -> None:
    for _ in range(10):
        off = order()
        await asyncio.gather(mails.record(told(PLACED, off)), mails.record(told(CANCELLED, off)))
        about = [mail for mail in (await mails.page(0, 100)).items if mail.order_id == off]
        last = [mail.event for mail in about if mail.status != "withheld"][-1]
        assert last == "OrderCancelled"


async def publish(up: Up, *events: tuple[str, dict[str, Any]]) -> None:
    bus = await nats.connect(up.store_address("bus", "notifications"), connect_timeout=2)
    for subject, event in events:
        await bus.jetstream().publish(subject, json.dumps(event).encode(), timeout=2)
    await bus.close()


async def test_the_service_mails_what_it_hears_once_even_when_it_is_killed_meanwhile(up: Up) -> None:
    orders = [order() for _ in range(30)]
    await publish(up, *((PLACED, raw(PLACED, each)) for each in orders))
    await asyncio.to_thread(up.kill, "notifications")
    await publish(up, *((PLACED, raw(PLACED, each)) for each in orders), (PLACED, {"event_id": "../up"}))
    await asyncio.to_thread(up.start, "notifications")

    def all_written() -> bool:
        page = up.ask("notifications", "GET", "/mails?limit=500").json()["items"]
        return {row["order_id"] for row in page if row["status"] == "written"} >= set(orders)

    await asyncio.to_thread(until, all_written, within_s=15, what="all orders are mailed")
    assert sorted(files(outbox(up))) == sorted(f"{told(PLACED, each).event_id}.eml" for each in orders)
    assert [len(listed(up, each)) for each in orders[:3]] == [1, 1, 1]


def test_a_caller_without_the_scope_is_refused(up: Up) -> None:
    assert up.ask("notifications", "GET", "/mails", headers={"Authorization": ""}).status_code == 401
