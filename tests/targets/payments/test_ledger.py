"""Payments with its real database and the real bus."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import nats
import pytest
import requests
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from tests.targets.partial import Up, partial, running

pytestmark = pytest.mark.e2e
WITHIN_S = 10.0
FROM_THE_START = ConsumerConfig(ack_policy=AckPolicy.NONE)
CARD_NUMBER = "4111111111111111"
OTHER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("payments")
    with running(partial("payments", to=directory), directory / "run") as up:
        yield up


def charge(up: Up, order: str, key: str, **other: object) -> requests.Response:
    body = {"order_id": order, "amount_cents": 1999, "card_token": "tok-visa-0001", **other}
    return up.ask("payments", "POST", "/charges", json=body, headers={"Idempotency-Key": key})


def refund(up: Up, order_id: str) -> requests.Response:
    return up.ask("payments", "POST", f"/charges/{order_id}/refund")


def entries(up: Up, order_id: str) -> list[dict[str, Any]]:
    found, path = [], "/charges?limit=500"
    while path:
        page = up.ask("payments", "GET", path).json()
        found += [entry for entry in page["items"] if entry["order_id"] == order_id]
        path = page["next"]
    return found


def new() -> str:
    return str(uuid.uuid4())


def test_the_same_key_charges_once_however_often_it_is_sent(up: Up) -> None:
    order_id, key = new(), new()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: charge(up, order_id, key), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["charge_id"] for answer in answers}) == 1
    assert len(entries(up, order_id)) == 1


@pytest.mark.parametrize("other", [{"amount_cents": 2000}, {"card_token": "tok-visa-0002"}, {"order_id": OTHER}])
def test_the_same_key_with_another_charge_is_refused(up: Up, other: dict[str, object]) -> None:
    order_id, key = new(), new()
    assert charge(up, order_id, key).status_code == 201
    assert charge(up, order_id, key, **other).status_code == 409
    assert [entry["amount_cents"] for entry in entries(up, order_id)] == [1999]


def test_another_key_for_the_same_order_is_refused(up: Up) -> None:
    order_id = new()
    assert charge(up, order_id, new()).status_code == 201
    assert charge(up, order_id, new()).status_code == 409


def test_a_refund_gives_back_once_and_a_charge_that_comes_after_it_is_refused(up: Up) -> None:
    order_id, late = new(), new()
    charge(up, order_id, new())
    assert [refund(up, order_id).json()["refunded_cents"] for _ in range(2)] == [1999, 1999]
    assert entries(up, order_id)[0]["refunded"]
    assert refund(up, late).json()["refunded_cents"] == 0
    assert charge(up, late, new()).status_code == 409


def test_a_declined_card_leaves_no_trace(up: Up) -> None:
    order_id = new()
    assert charge(up, order_id, new(), card_token="tok-declined-1").status_code == 402
    assert entries(up, order_id) == []


@pytest.mark.parametrize("table", ["charges", "refunds"])
@pytest.mark.parametrize("change", ["UPDATE {} SET amount_cents = 1", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_database_itself_refuses_to_change_the_ledger(up: Up, table: str, change: str) -> None:
    order_id = new()
    charge(up, order_id, new())
    refund(up, order_id)
    connection = await asyncpg.connect(up.store_address("postgres", "payments"))
    try:
        with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
            await connection.execute(change.format(table))
        assert await connection.fetchval(f"SELECT amount_cents FROM {table} WHERE order_id = $1", order_id) == 1999  # noqa: S608 -- ours
    finally:
        await connection.close()


async def test_the_number_of_a_card_is_neither_stored_nor_logged_nor_answered(up: Up) -> None:
    order_id = new()
    for number in (CARD_NUMBER, f"tok-{CARD_NUMBER}", "tok-4111-1111-1111-1111"):
        answer = charge(up, order_id, new(), card_token=number)
        assert answer.status_code == 422
        assert "1111" not in answer.text
    connection = await asyncpg.connect(up.store_address("postgres", "payments"))
    try:
        stored = await connection.fetch("SELECT charges::text FROM charges UNION ALL SELECT payload FROM outbox")
    finally:
        await connection.close()
    assert CARD_NUMBER not in str(stored)
    logs = [file.read_text(errors="replace") for file in up.session.directory.rglob("*log*") if file.is_file()]
    assert logs
    assert not any(CARD_NUMBER in log or "4111-1111" in log for log in logs)


async def test_each_charge_is_told_once_and_refused_ones_are_not(up: Up) -> None:
    paid, refused, key = new(), new(), new()
    for _ in range(3):
        charge(up, paid, key)
    charge(up, refused, new(), card_token="tok-declined-1")
    marker = new()
    charge(up, marker, new())
    told = await heard_until(up, marker)
    of_paid = [event for event in told if event["order_id"] == paid]
    assert len(of_paid) == 1
    assert of_paid[0].keys() == {"event_id", "occurred_at", "order_id", "amount_cents", "currency"}
    assert (of_paid[0]["amount_cents"], of_paid[0]["currency"]) == (1999, "EUR")
    assert of_paid[0]["event_id"] == str(uuid.uuid5(uuid.UUID(paid), "PaymentReceived"))
    assert refused not in {event["order_id"] for event in told}


async def heard_until(up: Up, order_id: str) -> list[dict[str, Any]]:
    """All events on the bus up to that order's."""
    bus = await nats.connect(up.store_address("bus", "payments"), connect_timeout=2, allow_reconnect=False)
    told: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(WITHIN_S):
            events = await subscribed(bus.jetstream())
            while not told or told[-1]["order_id"] != order_id:
                told.append(json.loads((await events.next_msg(timeout=WITHIN_S)).data))
    finally:
        await bus.close()
    return told


async def subscribed(stream: JetStreamContext) -> JetStreamContext.PushSubscription:
    """All events from the first one on, as soon as the service has made the stream: charging does not wait for that."""
    while True:
        try:
            return await stream.subscribe("shop.payments.received", config=FROM_THE_START)
        except NotFoundError:
            await asyncio.sleep(0.02)
