from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from tests.targets.orders.providers import Providers
from tests.targets.partial import Up, partial, running, until

ME, SHE = ({"X-Customer": str(uuid.uuid4())} for _ in range(2))
WANTED = {"items": [{"sku": "sku-0001", "quantity": 2}], "card_token": "tok-visa-0001"}
FINAL = {"confirmed", "refused", "cancelled"}
LAG_S = 3.0
UNDER_WAY = "SELECT order_id FROM orders WHERE open"
NOBODY = "00000000-0000-0000-0000-000000000000"
pytestmark = pytest.mark.loopback


def described(directory: Path, env: dict[str, str]) -> Path:
    """Orders with two instances."""
    description = partial("orders", to=directory, env={"orders": env | {"CLIENT_SECRET": "a-secret"}})
    system = yaml.safe_load(description.read_text(encoding="utf-8"))
    system["services"]["orders"]["instances"] = [{"zone": "a"}, {"zone": "b"}]
    description.write_text(yaml.safe_dump(system, sort_keys=False), encoding="utf-8")
    return description


@pytest.fixture(scope="module")
def shared() -> Iterator[Providers]:
    with Providers() as providers:
        yield providers


@pytest.fixture(scope="module")
def up(shared: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("orders")
    with running(described(directory, shared.env), directory / "runs") as up:
        yield up


@pytest.fixture
def providers(shared: Providers, up: Up) -> Iterator[Providers]:
    """As new, but for what they know of earlier orders; whoever comes next meets none that is under way."""
    shared.forget()
    yield shared
    shared.let_go()
    until(lambda: not sql(up, UNDER_WAY), within_s=20, what="all orders have come to their ends")


def place(up: Up, who: dict[str, str], *, key: str | None = None, index: int = 1) -> str:
    headers = who | {"Idempotency-Key": key or f"key-{uuid.uuid4()}"}
    answer = up.ask("orders", "POST", "/orders", json=WANTED, headers=headers, index=index)
    assert answer.status_code == 202, answer.text
    order_id: str = answer.json()["order_id"]
    assert answer.headers["Location"] == f"/orders/{order_id}"
    return order_id


def read(up: Up, path: str, who: dict[str, str], *, status: int = 200) -> Any:
    answer = up.ask("orders", "GET", path, headers=who)
    assert answer.status_code == status, answer.text
    return answer.json()


def ended(up: Up, order_id: str, who: dict[str, str]) -> Any:
    def final() -> bool:
        return read(up, f"/orders/{order_id}", who)["status"] in FINAL

    until(final, within_s=10, what=f"order {order_id} has come to its end")
    return read(up, f"/orders/{order_id}", who)


def sql(up: Up, statement: str, *values: object) -> list[Any]:
    async def run() -> list[Any]:
        connection = await asyncpg.connect(up.store_address("postgres", "orders"))
        try:
            rows: list[Any] = await connection.fetch(statement, *values)
            return rows
        finally:
            await connection.close()

    return asyncio.run(run())


def mine(up: Up, who: dict[str, str]) -> list[Any]:
    items: list[Any] = read(up, "/orders/mine?limit=500", who)["items"]
    return items


def test_the_same_key_gives_the_same_order_and_another_order_by_it_is_refused(up: Up, providers: Providers) -> None:
    first = place(up, ME, key="key-of-mine-1")
    assert place(up, ME, key="key-of-mine-1", index=2) == first
    other = WANTED | {"card_token": "tok-visa-0002"}
    answer = up.ask("orders", "POST", "/orders", json=other, headers=ME | {"Idempotency-Key": "key-of-mine-1"})
    assert answer.status_code == 409
    assert ended(up, first, ME)["status"] == "confirmed"
    assert providers.charged[first] == 1


def test_the_same_key_of_another_customer_is_another_order(up: Up, providers: Providers) -> None:
    del providers
    assert place(up, ME, key="key-of-ours-1") != place(up, SHE, key="key-of-ours-1")


def test_an_order_of_somebody_else_does_not_exist(up: Up, providers: Providers) -> None:
    del providers
    order_id = place(up, ME)
    for path in (f"/orders/{order_id}", f"/orders/{order_id}/history", f"/orders/{uuid.uuid4()}"):
        read(up, path, SHE, status=404)
    assert up.ask("orders", "POST", f"/orders/{order_id}/cancel", headers=SHE).status_code == 404
    assert ended(up, order_id, ME)["status"] == "confirmed"


def test_without_fraud_and_users_an_order_is_confirmed_and_says_what_it_lacks(up: Up, providers: Providers) -> None:
    providers.fail = {"score": 1, "name": 1}
    order = ended(up, place(up, ME), ME)
    assert (order["status"], order["degraded"]) == ("confirmed", ["fraud", "users"])
    assert providers.labels[order["order_id"]] is None
    history = read(up, f"/orders/{order['order_id']}/history", ME)["items"]
    assert [each["detail"] for each in history if each["type"] == "OrderFlagged"] == ["fraud is unavailable"]


def test_a_refused_order_says_why_and_owes_nothing(up: Up, providers: Providers) -> None:
    providers.refuse = {"charge"}
    order = ended(up, place(up, ME), ME)
    assert (order["status"], order["reason"]) == ("refused", "charge is refused")
    assert providers.settled(order["order_id"], "refused")
    assert up.ask("orders", "POST", f"/orders/{order['order_id']}/cancel", headers=ME).status_code == 409


def test_a_confirmed_order_is_cancelled_by_its_customer_and_once(up: Up, providers: Providers) -> None:
    order_id = place(up, ME)
    ended(up, order_id, ME)
    answers = [up.ask("orders", "POST", f"/orders/{order_id}/cancel", headers=ME) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    until(
        lambda: read(up, f"/orders/{order_id}", ME)["status"] == "cancelled", within_s=5, what="the order is cancelled"
    )
    assert providers.settled(order_id, "cancelled")
    assert [providers.asked[step] for step in ("cancel-shipment", "refund", "release")] == [1, 1, 1]


def test_an_order_that_is_cancelled_under_way_ends_cancelled_whatever_its_step_did(
    up: Up, providers: Providers
) -> None:
    providers.holding("charge", "after")
    order_id = place(up, ME)
    assert providers.held.wait(5)
    assert up.ask("orders", "POST", f"/orders/{order_id}/cancel", headers=ME).json()["status"] == "cancelling"
    providers.let_go()
    assert ended(up, order_id, ME)["status"] == "cancelled"
    assert providers.settled(order_id, "cancelled")


def test_what_has_become_of_orders_is_told_to_the_others_once_and_in_order(up: Up, providers: Providers) -> None:
    order_id = place(up, ME)
    ended(up, order_id, ME)
    up.ask("orders", "POST", f"/orders/{order_id}/cancel", headers=ME)
    told = "SELECT subject, published_at IS NOT NULL AS out FROM outbox WHERE payload LIKE $1 ORDER BY seq"
    expected = [("shop.orders.placed", True), ("shop.orders.cancelled", True)]

    def all_out() -> bool:
        return [(row["subject"], row["out"]) for row in sql(up, told, f"%{order_id}%")] == expected

    until(all_out, within_s=5, what="both events are on the bus")
    assert providers.settled(order_id, "cancelled")


def test_my_orders_are_listed_within_a_second_or_so_and_nobody_elses(up: Up, providers: Providers) -> None:
    del providers
    who = {"X-Customer": str(uuid.uuid4())}
    placed = [place(up, who) for _ in range(3)]
    place(up, SHE)
    until(lambda: len(mine(up, who)) == 3, within_s=LAG_S, what="the list has caught up")
    assert [each["order_id"] for each in mine(up, who)] == placed
    for order_id in placed:
        ended(up, order_id, who)
    until(
        lambda: {each["status"] for each in mine(up, who)} == {"confirmed"},
        within_s=LAG_S,
        what="the list knows that they are confirmed",
    )
    page = read(up, "/orders/mine?limit=2", who)
    assert [each["order_id"] for each in page["items"]] == placed[:2]
    assert [each["order_id"] for each in read(up, page["next"], who)["items"]] == placed[2:]


def test_the_lists_are_the_same_when_they_are_dropped_and_built_anew(up: Up, providers: Providers) -> None:
    del providers
    for _ in range(3):
        ended(up, place(up, ME), ME)
    content = "SELECT * FROM my_orders ORDER BY seq"

    def caught_up() -> bool:
        last = "SELECT max(version) AS last FROM order_events GROUP BY order_id ORDER BY order_id"
        shown = "SELECT version AS last FROM my_orders ORDER BY order_id"
        return sql(up, last) == sql(up, shown)

    until(caught_up, within_s=LAG_S, what="the lists have caught up")
    before = sql(up, content)
    sql(up, "WITH gone AS (DELETE FROM my_orders) DELETE FROM projections")
    until(caught_up, within_s=5, what="the lists are built anew")
    assert sql(up, content) == before


def test_a_newer_projection_is_left_alone_by_an_older_instance(up: Up, providers: Providers) -> None:
    del providers
    who = {"X-Customer": str(uuid.uuid4())}
    sql(up, "UPDATE projections SET version = 99")
    ended(up, place(up, who), who)
    assert mine(up, who) == []
    sql(up, "UPDATE projections SET version = 0")
    until(lambda: len(mine(up, who)) == 1, within_s=5, what="the lists are built anew")


def old_order(up: Up, *facts: tuple[str, dict[str, object]], customer_id: str = NOBODY, open_: bool) -> str:
    """An order as the first version of this service has left it."""
    order_id = str(uuid.uuid4())
    accepted = ("OrderAccepted", {"items": WANTED["items"], "card": "tok-visa-0009"})
    names, payloads = zip(accepted, *facts, strict=True)
    # All at once: a sweep that found the order without all of its facts would take it up and add one in between.
    sql(
        up,
        "WITH added AS (INSERT INTO orders (order_id, customer_id, idempotency_key, payload_hash, open)"
        " VALUES ($1, $2, $3, '', $4))"
        " INSERT INTO order_events (fact_id, order_id, version, type, schema_version, payload, at)"
        " SELECT gen_random_uuid(), $1, version, type, 1, payload::jsonb, now() - interval '1 hour'"
        " FROM unnest($5::text[], $6::text[]) WITH ORDINALITY AS f (type, payload, version) ORDER BY version",
        order_id,
        customer_id,
        f"old-{order_id}",
        open_,
        list(names),
        [json.dumps(payload) for payload in payloads],
    )
    return order_id


def test_an_order_of_the_first_version_is_read_listed_and_its_history_kept_as_it_was(
    up: Up, providers: Providers
) -> None:
    del providers
    steps = ("score", "reserve", "charge", "confirm", "ship")
    facts: list[tuple[str, dict[str, object]]] = [("StepDone", {"name": step}) for step in steps]
    facts.insert(0, ("StepDone", {"name": "quote", "total": 777}))
    nobody = {"X-Customer": NOBODY}
    order_id = old_order(up, *facts, open_=False)
    order = read(up, f"/orders/{order_id}", nobody)
    assert (order["status"], order["total_cents"], order["items"]) == ("confirmed", 777, WANTED["items"])
    history = read(up, f"/orders/{order_id}/history", nobody)["items"]
    assert {each["schema_version"] for each in history} == {1}
    assert [each["step"] for each in history] == [None, "quote", *steps]
    until(lambda: order_id in {each["order_id"] for each in mine(up, nobody)}, within_s=LAG_S, what="it is listed")


def test_an_order_that_the_first_version_left_half_way_is_brought_to_its_end(up: Up, providers: Providers) -> None:
    order_id = old_order(up, ("StepDone", {"name": "quote", "total": 777}), ("StepDone", {"name": "score"}), open_=True)
    assert ended(up, order_id, {"X-Customer": NOBODY})["status"] == "confirmed"
    assert (providers.asked["quote"], providers.charged[order_id]) == (0, 1)


def test_two_orchestrators_that_are_killed_in_turn_bring_every_order_to_one_end(up: Up, providers: Providers) -> None:
    placed = []
    for round_ in range(4):
        providers.holding(("reserve", "charge", "ship", "confirm")[round_], "after")
        index = round_ % 2 + 1
        placed += [place(up, ME, index=1 + n % 2) for n in range(6)]
        assert providers.held.wait(5)
        up.kill("orders", index)
        placed += [place(up, ME, index=3 - index) for _ in range(3)]
        providers.let_go()
        up.start("orders", index)
    for order_id in placed:
        assert ended(up, order_id, ME)["status"] == "confirmed"
        assert providers.settled(order_id, "confirmed")


def test_an_order_that_one_orchestrator_is_slow_with_is_taken_up_by_the_other_without_harm(
    up: Up, providers: Providers
) -> None:
    providers.holding("charge", "before")
    order_id = place(up, ME, index=1)
    assert providers.held.wait(5)

    def types() -> list[str]:
        return [each["type"] for each in read(up, f"/orders/{order_id}/history", ME)["items"]]

    until(lambda: "TakenUp" in types(), within_s=5, what="the other has taken it up")
    providers.let_go()
    assert ended(up, order_id, ME)["status"] == "confirmed"
    assert providers.settled(order_id, "confirmed")


def test_all_orders_are_listed_as_they_are_now_page_by_page(up: Up, providers: Providers) -> None:
    del providers
    placed = [place(up, ME) for _ in range(3)]
    listed: list[str] = []
    path = "/orders?limit=2"
    while path:
        page = read(up, path, {})
        listed += [each["order_id"] for each in page["items"]]
        assert all(each["states"][-1] == each["status"] for each in page["items"])
        path = page["next"]
    assert listed[-3:] == placed
    assert len(set(listed)) == len(listed)


def test_an_order_that_was_listed_before_is_listed_as_it_has_become(up: Up, providers: Providers) -> None:
    def listed() -> Any:
        states: dict[str, Any] = {}
        path = "/orders?limit=500"
        while path:
            page = read(up, path, {})
            states |= {each["order_id"]: each["states"] for each in page["items"]}
            path = page["next"]
        return states[order_id]

    providers.holding("charge", "before")
    order_id = place(up, ME)
    assert providers.held.wait(5)
    assert listed() == ["pending"]
    providers.let_go()
    ended(up, order_id, ME)
    assert listed() == ["pending", "confirmed"]
