"""Fraud with its real database and the real bus."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import nats
import pytest
import requests

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.e2e
WITHIN_S = 10.0


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("fraud")
    with running(partial("fraud", to=directory), directory / "run") as up:
        yield up


def ask(up: Up, order_id: str, customer_id: str, total_cents: int = 1999) -> requests.Response:
    body = {"order_id": order_id, "customer_id": customer_id, "total_cents": total_cents}
    return up.ask("fraud", "POST", "/scores", json=body)


def listed(up: Up) -> dict[str, dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path = "/scores?limit=500"
    while path:
        page = up.ask("fraud", "GET", path).json()
        found += page["items"]
        path = page["next"]
    assert len({item["order_id"] for item in found}) == len(found)
    return {item["order_id"]: item for item in found}


def placed(order_id: str, customer_id: str, total_cents: int = 1999) -> dict[str, object]:
    return {
        "event_id": str(uuid.uuid5(uuid.UUID(order_id), "OrderPlaced")),
        "occurred_at": "2026-01-02T03:04:05.678+00:00",
        "order_id": order_id,
        "customer_id": customer_id,
        "items": [{"sku": "sku-0001", "quantity": 1}],
        "total_cents": total_cents,
        "currency": "EUR",
        "new_in_a_later_version": True,
    }


async def tell(up: Up, *events: object) -> None:
    """Publish on the bus, with nothing that would let it drop repetitions."""
    bus = await nats.connect(up.store_address("bus", "fraud"), connect_timeout=2, allow_reconnect=False)
    try:
        for event in events:
            payload = event if isinstance(event, bytes) else json.dumps(event).encode()
            await bus.jetstream().publish("shop.orders.placed", payload)
    finally:
        await bus.close()


def placed_times(up: Up, order_id: str) -> int:
    found = listed(up).get(order_id)
    return 0 if found is None else int(found["placed"])


def new() -> str:
    return str(uuid.uuid4())


def test_an_order_has_one_score_however_often_it_is_asked_for(up: Up) -> None:
    order_id, customer_id = new(), new()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(up, order_id, customer_id, 60_000), range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.text for answer in answers} == {answers[0].text}
    assert answers[0].json() == {"order_id": order_id, "score": 50, "decision": "accept"}
    assert listed(up)[order_id]["source"] == "call"


@pytest.mark.parametrize("other", [{"total_cents": 2000}, {"customer_id": "00000000-0000-4000-8000-000000000001"}])
def test_another_total_or_customer_for_the_same_order_is_refused(up: Up, other: dict[str, Any]) -> None:
    first = {"order_id": new(), "customer_id": new(), "total_cents": 1999}
    assert up.ask("fraud", "POST", "/scores", json=first).status_code == 200
    assert up.ask("fraud", "POST", "/scores", json=first | other).status_code == 409


def test_haste_makes_suspicious(up: Up) -> None:
    customer_id = new()
    scores = [ask(up, new(), customer_id).json() for _ in range(16)]
    assert [score["score"] for score in scores] == [20] * 5 + [50] * 10 + [80]
    assert scores[-1]["decision"] == "review"
    assert ask(up, new(), new()).json()["score"] == 20


async def test_an_order_that_was_placed_makes_its_customer_known(up: Up) -> None:
    order_id, customer_id = new(), new()
    assert ask(up, order_id, customer_id).json()["score"] == 20
    await tell(up, placed(order_id, customer_id))
    until(lambda: placed_times(up, order_id) == 1, within_s=WITHIN_S, what="the event took effect")
    assert ask(up, new(), customer_id).json()["score"] == 0
    assert ask(up, order_id, customer_id).json()["score"] == 20


async def test_an_order_that_nobody_could_ask_about_is_scored_when_it_is_placed(up: Up) -> None:
    order_id, customer_id = new(), new()
    await tell(up, placed(order_id, customer_id, 250_000))
    until(lambda: order_id in listed(up), within_s=WITHIN_S, what="the event took effect")
    found = listed(up)[order_id]
    assert (found["source"], found["score"], found["decision"], found["placed"]) == ("event", 80, "review", 1)


async def test_an_event_takes_effect_once_though_it_comes_again_and_rubbish_holds_nothing_up(up: Up) -> None:
    order_id, customer_id, last = new(), new(), new()
    event = placed(order_id, customer_id)
    await tell(up, event, b"rubbish", {"event_id": new()}, event, event, placed(last, customer_id))
    until(lambda: placed_times(up, last) == 1, within_s=WITHIN_S, what="the last event took effect")
    assert placed_times(up, order_id) == 1
