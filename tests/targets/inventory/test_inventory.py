from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import nats
import pytest
from inventory.models import OrderCancelled, OrderedLine, OrderPlaced, ReservationRequest
from inventory.schema import SCHEMA
from inventory.store import Inventory
from kit.postgres import Postgres
from kit.trouble import Refused
from kit.words import Line

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.loopback
LONG_S = 60.0
INITIAL = 1_000_000
SOLD_OUT = "sku-0300"
Amounts = tuple[int, int, int]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("inventory")
    told = {"inventory": {"RESERVATION_S": "0.3"}}
    with running(partial("inventory", to=directory, env=told), directory / "run") as up:
        yield up


@pytest.fixture
async def postgres(up: Up) -> AsyncIterator[Postgres]:
    """Inventory's database, past its proxy."""
    postgres = Postgres(up.store_address("postgres", "inventory"), SCHEMA)
    await postgres.prepare()
    yield postgres
    await postgres.close()


@pytest.fixture
def inventory(postgres: Postgres) -> Inventory:
    """As another instance of the service would use it, with reservations that stay long enough for a test."""
    return Inventory(postgres, LONG_S)


@pytest.fixture
def sku(request: pytest.FixtureRequest) -> str:
    """A product that no other test touches."""
    return f"sku-{1 + request.session.items.index(request.node) % 290:04d}"


def order() -> str:
    return str(uuid.uuid4())


def wanted(order_id: str, sku: str, quantity: int = 2) -> ReservationRequest:
    return ReservationRequest(order_id=order_id, items=[Line(sku=sku, quantity=quantity)])


def placed(order_id: str, sku: str, quantity: int = 2) -> OrderPlaced:
    return OrderPlaced(event_id=order(), order_id=order_id, items=[OrderedLine(sku=sku, quantity=quantity)])


def cancelled(order_id: str) -> OrderCancelled:
    return OrderCancelled(event_id=order(), order_id=order_id)


async def amounts(inventory: Inventory, sku: str) -> Amounts:
    """Taken from what was available, reserved, sold."""
    stock = await inventory.read(sku)
    return stock.initial - stock.available, stock.reserved, stock.sold


async def reserve(inventory: Inventory, sku: str) -> str:
    order_id = order()
    await inventory.reserve(wanted(order_id, sku), "key-00000001")
    return order_id


async def time_is_up(postgres: Postgres, order_id: str) -> None:
    await postgres.fetch("UPDATE reservations SET expires_at = now() - interval '1 s' WHERE order_id = $1", order_id)


async def at(moment: float, work: Awaitable[object]) -> object:
    """What this comes to when it is begun at that moment."""
    await asyncio.sleep(moment - asyncio.get_running_loop().time())
    return await work


async def test_what_is_held_is_sold_once_however_often_it_is_asked_for(inventory: Inventory, sku: str) -> None:
    before = await amounts(inventory, sku)
    order_id = order()
    for _ in range(2):
        held = await inventory.reserve(wanted(order_id, sku), "key-00000001")
    assert held.status == "held"
    for _ in range(2):
        assert (await inventory.confirm(order_id)).status == "confirmed"
    assert await amounts(inventory, sku) == (before[0] + 2, before[1], before[2] + 2)


async def test_of_two_sizes_for_one_order_the_second_is_refused(inventory: Inventory, sku: str) -> None:
    order_id = await reserve(inventory, sku)
    with pytest.raises(Refused, match="something else"):
        await inventory.reserve(wanted(order_id, sku, 3), "key-00000001")


async def test_what_is_not_there_is_refused_and_nothing_else_of_the_order_is_held(
    inventory: Inventory, sku: str
) -> None:
    before = await amounts(inventory, sku)
    request = ReservationRequest(order_id=order(), items=[Line(sku=sku, quantity=1), Line(sku=SOLD_OUT, quantity=1)])
    with pytest.raises(Refused, match=f"out of stock: {SOLD_OUT}"):
        await inventory.reserve(request, "key-00000001")
    assert await amounts(inventory, sku) == before


async def test_a_reservation_whose_time_is_up_can_not_be_confirmed_before_it_is_swept_away(
    inventory: Inventory, postgres: Postgres, sku: str
) -> None:
    order_id = await reserve(inventory, sku)
    await time_is_up(postgres, order_id)
    with pytest.raises(Refused, match="has expired"):
        await inventory.confirm(order_id)
    with pytest.raises(Refused, match="there is no reservation"):
        await inventory.confirm(order())


@pytest.mark.parametrize("end", ["confirm", "release", "sweep", "placed", "cancelled"])
async def test_whoever_ends_a_reservation_it_ends_once(
    inventory: Inventory, postgres: Postgres, sku: str, end: str
) -> None:
    """All at once, one of them several times: one way wins, and the stock agrees with it."""
    before = await amounts(inventory, sku)
    order_id = await reserve(inventory, sku)
    if end == "sweep":
        await time_is_up(postgres, order_id)
    ways: dict[str, Callable[[], Awaitable[object]]] = {
        "confirm": lambda: inventory.confirm(order_id),
        "release": lambda: inventory.release(order_id),
        "sweep": lambda: inventory._expire(order_id),
        "placed": lambda: inventory.sold(placed(order_id, sku)),
        "cancelled": lambda: inventory.returned(cancelled(order_id)),
    }
    await asyncio.gather(*(ways[name]() for name in [*ways, end, end]), return_exceptions=True)
    await inventory.returned(cancelled(order_id))
    assert await amounts(inventory, sku) == before


async def test_a_confirmation_and_an_expiry_at_the_same_moment_agree_on_one_end(
    inventory: Inventory, postgres: Postgres, sku: str
) -> None:
    before = await amounts(inventory, sku)
    brief = Inventory(postgres, 0.03)
    ends = []
    for _ in range(20):
        order_id = order()
        await brief.reserve(wanted(order_id, sku), "key-00000001")
        moment = asyncio.get_running_loop().time() + 0.03
        said = await asyncio.gather(
            at(moment, inventory.confirm(order_id)),
            at(moment, inventory._expire(order_id)),
            at(moment, inventory._expire(order_id)),
            return_exceptions=True,
        )
        await time_is_up(postgres, order_id)
        await inventory._expire(order_id)
        ends.append(not isinstance(said[0], Refused))
    sold = ends.count(True)
    assert await amounts(inventory, sku) == (before[0] + 2 * sold, before[1], before[2] + 2 * sold)


async def test_an_order_is_sold_by_its_event_when_the_confirmation_never_came(
    inventory: Inventory, postgres: Postgres, sku: str
) -> None:
    before = await amounts(inventory, sku)
    held, late, unknown = await reserve(inventory, sku), await reserve(inventory, sku), order()
    await time_is_up(postgres, late)
    await inventory.sweep()
    for order_id in (held, late, unknown):
        event = placed(order_id, sku)
        await asyncio.gather(*(inventory.sold(event) for _ in range(3)))
    assert await amounts(inventory, sku) == (before[0] + 6, before[1], before[2] + 6)


async def test_orders_that_are_heard_of_together_are_sold_once_each(inventory: Inventory, sku: str) -> None:
    before = await amounts(inventory, sku)
    confirmed, held, off = await reserve(inventory, sku), await reserve(inventory, sku), order()
    await inventory.confirm(confirmed)
    await inventory.returned(cancelled(off))
    events = [placed(each, sku) for each in (confirmed, held, off, held)]
    for _ in range(2):
        await inventory.all_sold([*events, *events])
    assert await amounts(inventory, sku) == (before[0] + 4, before[1], before[2] + 4)


async def test_an_order_that_was_cancelled_before_it_was_placed_sells_nothing(inventory: Inventory, sku: str) -> None:
    before = await amounts(inventory, sku)
    order_id = order()
    await inventory.returned(cancelled(order_id))
    await inventory.sold(placed(order_id, sku))
    with pytest.raises(Refused, match="was released"):
        await inventory.reserve(wanted(order_id, sku), "key-00000001")
    assert await amounts(inventory, sku) == before


async def test_orders_that_want_the_same_products_in_another_order_do_not_block_each_other(
    inventory: Inventory, sku: str
) -> None:
    other = "sku-0291"
    pairs = [[Line(sku=a, quantity=1), Line(sku=b, quantity=1)] for a, b in ((sku, other), (other, sku)) * 10]
    before = await amounts(inventory, other)
    await asyncio.gather(
        *(inventory.reserve(ReservationRequest(order_id=order(), items=pair), "key-00000001") for pair in pairs)
    )
    assert await amounts(inventory, other) == (before[0] + 20, before[1] + 20, before[2])


async def test_stock_can_not_be_made_negative_even_by_a_mistake(postgres: Postgres, sku: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await postgres.fetch("UPDATE stock SET available = -1 WHERE sku = $1", sku)


def test_the_service_lets_go_of_what_nobody_confirms_and_lists_it(up: Up) -> None:
    order_id = order()
    body = {"order_id": order_id, "items": [{"sku": "sku-0292", "quantity": 3}]}
    key = {"Idempotency-Key": "key-00000001"}
    assert up.ask("inventory", "POST", "/reservations", json=body, headers=key).status_code == 201
    assert up.ask("inventory", "GET", "/stock/sku-0292").json()["reserved"] == 3

    def listed() -> dict[str, Any]:
        page = up.ask("inventory", "GET", "/reservations?limit=500").json()
        return next(each for each in page["items"] if each["order_id"] == order_id)

    until(lambda: listed()["status"] == "expired", within_s=5, what="the reservation has expired")
    assert listed()["items"] == [{"sku": "sku-0292", "quantity": 3}]
    assert not listed()["overdue"]
    assert up.ask("inventory", "GET", "/stock/sku-0292").json()["available"] == INITIAL
    assert up.ask("inventory", "POST", f"/reservations/{order_id}/confirm").status_code == 409
    assert up.ask("inventory", "POST", "/reservations", json=body, headers=key).status_code == 409


async def test_the_service_hears_of_orders_on_the_bus(up: Up, inventory: Inventory) -> None:
    sku = "sku-0293"
    sold, off = placed(order(), sku), order()
    bus = await nats.connect(up.store_address("bus", "inventory"), connect_timeout=2)
    events = [
        ("shop.orders.cancelled", cancelled(off).model_dump_json()),
        ("shop.orders.placed", placed(off, sku).model_dump_json()),
        ("shop.orders.placed", '{"event_id": 1}'),
        ("shop.orders.placed", sold.model_dump_json()),
        ("shop.orders.placed", sold.model_dump_json()),
    ]
    for subject, event in events:
        await bus.jetstream().publish(subject, event.encode(), timeout=2)
    await bus.close()
    async with asyncio.timeout(5):
        while await amounts(inventory, sku) != (2, 0, 2):  # noqa: ASYNC110 -- only asking tells
            await asyncio.sleep(0.02)


def test_a_caller_without_the_scope_is_refused(up: Up) -> None:
    for method, path in (("GET", "/reservations"), ("POST", f"/reservations/{order()}/confirm")):
        assert up.ask("inventory", method, path, headers={"Authorization": ""}).status_code == 401
