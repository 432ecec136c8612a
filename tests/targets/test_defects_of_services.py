"""Each planted defect does what it says, and nothing while it is off: what single services do."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, cast

import pytest
from cart.log import Log
from cart.merge import Cart, When
from cart.store import Carts
from fraud.models import OrderPlaced as PlacedHeard
from fraud.store import Scores
from gateway import app as gateway
from gateway.clients import SOFT_S
from inventory import app as inventory
from inventory.models import OrderCancelled
from inventory.store import Inventory
from inventory.sweeper import Sweeper
from kit import defects
from kit.host import Host
from kit.settings import Settings
from kit.trouble import Refused
from kit.words import Line
from orders.facts import Step
from orders.models import OrderRequest
from orders.saga import Trouble, attempted, give_up
from orders.store import Orders
from payments import app as payments
from payments.store import Ledger
from pricing import app as pricing
from pricing.models import QuoteRequest
from search.store import Index

from tests.targets.gateway.test_page import AWAY, fails, whole
from tests.targets.orders.test_saga import at

SKU = "sku-0001"
CUSTOMER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
ORDER = OrderRequest(items=[Line(sku=SKU, quantity=1)], card_token="tok-visa-0001")
Plant = Callable[..., None]


class Database:
    """Answers what it is told to, and writes down what it was asked."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = list(rows)
        self.asked: list[str] = []

    async def fetch(self, sql: str, *_: object) -> list[dict[str, Any]]:
        self.asked.append(sql)
        return []

    async def fetchrow(self, sql: str, *_: object) -> dict[str, Any] | None:
        self.asked.append(sql)
        return self.rows.pop(0) if self.rows else None

    async def fetchval(self, sql: str, *_: object) -> Any:
        self.asked.append(sql)
        return None


@pytest.fixture(params=[False, True], ids=["off", "on"])
def on(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    def planted(name: str, *, on: bool) -> None:
        monkeypatch.setenv(defects.VARIABLE, name if on else "")

    return planted


async def test_fallback_lies_shows_no_stock_and_says_nothing(plant: Plant, *, on: bool) -> None:
    plant("fallback-lies", on=on)
    page = whole()
    lost = type(page)(**{name: getattr(page, name) for name in page.__slots__} | {"stock": fails(AWAY)})
    shown = await lost.compose(SKU, "somebody")
    assert (shown.stock, shown.degraded) == ((0, []) if on else (None, ["stock"]))


async def test_optional_on_path_waits_for_recommendations_as_for_the_product(plant: Plant, *, on: bool) -> None:
    plant("optional-on-path", on=on)
    page = gateway.parts(Host(Settings(service="gateway"))).page
    assert (page.soft_s > SOFT_S) is on


async def test_timeout_inverted_is_of_the_edge_to_the_cart(plant: Plant, *, on: bool) -> None:
    plant("timeout-inverted", on=on)
    cart = gateway.parts(Host(Settings(service="gateway"))).cart
    assert (cart.edge.limits.attempt_s == defects.HASTY_S) is on


async def test_no_compensation_takes_nothing_back(plant: Plant, *, on: bool) -> None:
    plant("no-compensation", on=on)
    assert give_up(at(Step.SHIP), "no").undo == (() if on else (Step.REFUND, Step.RELEASE))


async def test_reservation_leak_forgets_what_may_be_reserved(plant: Plant, *, on: bool) -> None:
    plant("reservation-leak", on=on)
    lost = attempted(at(Step.RESERVE), Trouble(reason="no answer", sent=True))
    assert give_up(lost, "no").undo == (() if on else (Step.RELEASE,))


async def test_reservation_leak_sweeps_nothing(plant: Plant, *, on: bool) -> None:
    plant("reservation-leak", on=on)
    host = Host(Settings(service="inventory"))
    inventory.parts(host)
    sweeps = [work for work in host._works if isinstance(getattr(work, "__self__", None), Sweeper)]
    assert bool(sweeps) is not on


async def test_reservation_leak_does_not_heed_that_an_order_is_off(plant: Plant, *, on: bool) -> None:
    plant("reservation-leak", on=on)
    begun: list[object] = []

    class Transactions(Database):
        async def transact(self, work: object) -> None:
            begun.append(work)

    off = OrderCancelled(event_id=str(uuid.uuid4()), order_id=str(uuid.uuid4()))
    await Inventory(cast("Any", Transactions()), 30.0).returned(off)
    assert bool(begun) is not on


async def test_no_idempotency_key_takes_the_same_charge_twice(plant: Plant, *, on: bool) -> None:
    plant("no-idempotency-key", on=on)
    ledger = payments.parts(Host(Settings(service="payments")))
    assert ("idempotency_key text NOT NULL UNIQUE" in ledger._postgres._schema) is not on
    assert ("order_id uuid NOT NULL UNIQUE" in ledger._postgres._schema) is not on
    assert "event_id uuid NOT NULL UNIQUE" in ledger._postgres._schema, "no charge is made without it"


async def test_key_other_payload_takes_an_order_for_another(plant: Plant, *, on: bool) -> None:
    plant("key-other-payload", on=on)
    orders = Orders(cast("Any", Database({"order_id": str(uuid.uuid4()), "payload_hash": "of another"})))
    with pytest.raises(Refused) as raised:
        await orders.add(CUSTOMER, ORDER, "key-00000001")
    # Past the check there is no such order in this database.
    assert raised.value.status == (404 if on else 409)


async def test_overflow_500_reads_a_page_by_a_small_number(plant: Plant, *, on: bool) -> None:
    plant("overflow-500", on=on)
    database = Database()
    await Ledger(cast("Any", database), cast("Any", None)).page(2**40, 10)
    assert ("::integer" in database.asked[0]) is on


async def test_injection_makes_words_part_of_the_statement(plant: Plant, *, on: bool) -> None:
    plant("injection", on=on)
    database = Database()
    await Index(cast("Any", database)).find("it's", 0, 10)
    assert ("'it's'" in database.asked[0]) is on


async def test_double_effect_takes_every_delivery_for_the_first(plant: Plant, *, on: bool) -> None:
    plant("double-effect", on=on)
    database = Database({"recent": 0, "new_customer": True}, {"order_id": CUSTOMER})
    event = PlacedHeard(event_id=CUSTOMER, order_id=CUSTOMER, customer_id=CUSTOMER, total_cents=5)
    await Scores(cast("Any", database)).learn(event)
    assert ("DO UPDATE SET at = now()" in database.asked[-1]) is on


async def test_lost_update_keeps_the_later_copy_of_a_cart(plant: Plant, *, on: bool) -> None:
    plant("lost-update", on=on)
    waiting = Log(None)
    waiting.pending[CUSTOMER] = Cart().put("sku-0001", 1, When(at_ms=1, by="a"))
    carts = Carts(cast("Any", None), waiting, "cart-1")
    both = carts._with_waiting(CUSTOMER, Cart().put("sku-0002", 1, When(at_ms=2, by="b")))
    assert both.items == ({"sku-0002": 1} if on else {"sku-0001": 1, "sku-0002": 1})
    assert both.known == {"a": 1, "b": 2}


class Quoting:
    async def quote(self, _: object) -> str:
        return "a quote"


class Asked:
    """As much of a request as pricing looks at."""

    def __init__(self) -> None:
        parts = pricing.Parts(cached=cast("Any", None), quotes=cast("Any", Quoting()), outbox=cast("Any", None))
        self.app = type("App", (), {"state": type("State", (), {"parts": parts})})


async def test_required_added_refuses_what_everybody_sends(plant: Plant, *, on: bool) -> None:
    plant("required-added", on=on)
    basket = QuoteRequest.model_validate_json(json.dumps({"items": [{"sku": SKU, "quantity": 1}]}))
    if on:
        with pytest.raises(Refused) as raised:
            await pricing.quote(cast("Any", Asked()), basket)
        assert raised.value.status == 422
    else:
        assert cast("Any", await pricing.quote(cast("Any", Asked()), basket)) == "a quote"
