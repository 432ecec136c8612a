from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.targets.orders.providers import STEPS, UNDO, Providers
from tests.targets.partial import Up, partial, running, until

CUSTOMER = {"X-Customer": "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"}
WANTED = {"items": [{"sku": "sku-0001", "quantity": 2}], "card_token": "tok-visa-0001"}
WITHIN_S = 12.0
FINAL = {"confirmed", "refused", "cancelled"}
pytestmark = pytest.mark.loopback


@pytest.fixture(scope="module")
def shared() -> Iterator[Providers]:
    with Providers() as providers:
        yield providers


@pytest.fixture(scope="module")
def up(shared: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("orders")
    description = partial("orders", to=directory, env={"orders": shared.env | {"CLIENT_SECRET": "a-secret"}})
    with running(description, directory / "runs") as up:
        yield up


@pytest.fixture
def providers(shared: Providers, up: Up) -> Providers:
    """As new, but for what they know of earlier orders."""
    del up
    shared.forget()
    return shared


def place(up: Up) -> str:
    headers = CUSTOMER | {"Idempotency-Key": f"key-{uuid.uuid4()}"}
    answer = up.ask("orders", "POST", "/orders", json=WANTED, headers=headers)
    assert answer.status_code == 202, answer.text
    order_id: str = answer.json()["order_id"]
    return order_id


def status_of(up: Up, order_id: str) -> str:
    answer = up.ask("orders", "GET", f"/orders/{order_id}", headers=CUSTOMER)
    status: str = answer.json()["status"]
    return status


def types_of(up: Up, order_id: str) -> list[str]:
    answer = up.ask("orders", "GET", f"/orders/{order_id}/history", headers=CUSTOMER)
    return [each["type"] for each in answer.json()["items"]]


def ended(up: Up, order_id: str, within_s: float = WITHIN_S) -> str:
    until(lambda: status_of(up, order_id) in FINAL, within_s=within_s, what=f"order {order_id} has come to its end")
    return status_of(up, order_id)


def killed_at(up: Up, providers: Providers, step: str, when: str, begin: Callable[[], str]) -> str:
    """What has begun is under way when orders is killed at that step; it is there again afterwards."""
    begun = threading.Event()

    def kill() -> None:
        assert begun.wait(WITHIN_S)
        up.kill("orders")

    providers.killing(step, when, kill)
    order_id = begin()
    begun.set()
    assert providers.held.wait(WITHIN_S)
    up.start("orders")
    return order_id


def test_an_order_goes_through_its_steps_once(up: Up, providers: Providers) -> None:
    order_id = place(up)
    assert ended(up, order_id) == "confirmed"
    assert providers.settled(order_id, "confirmed")
    assert [providers.asked[step] for step in STEPS] == [1] * len(STEPS)
    assert types_of(up, order_id) == ["OrderAccepted", *["StepDone"] * len(STEPS)]
    assert providers.labels[order_id] == "Ada"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_order_is_confirmed_once_all_the_same(
    up: Up, providers: Providers, step: str, when: str
) -> None:
    order_id = killed_at(up, providers, step, when, lambda: place(up))
    assert ended(up, order_id) == "confirmed"
    assert providers.settled(order_id, "confirmed")
    assert providers.asked[step] == 2
    assert "TakenUp" in types_of(up, order_id)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("undo", UNDO)
def test_killed_while_taking_back_a_confirmed_order_all_is_taken_back_even_if_that_fails_at_first(
    up: Up, providers: Providers, undo: str, when: str
) -> None:
    order_id = place(up)
    assert ended(up, order_id) == "confirmed"
    providers.fail = {undo: 2 if when == "after" else 1}

    def cancel() -> str:
        answer = up.ask("orders", "POST", f"/orders/{order_id}/cancel", headers=CUSTOMER)
        assert answer.json() == {"order_id": order_id, "status": "cancelling"}
        return order_id

    killed_at(up, providers, undo, when, cancel)
    assert ended(up, order_id) == "cancelled"
    assert providers.settled(order_id, "cancelled")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("undo", ["refund", "release"])
def test_killed_while_a_refused_order_is_taken_back_it_owes_nothing(
    up: Up, providers: Providers, undo: str, when: str
) -> None:
    providers.refuse = {"ship"}
    order_id = killed_at(up, providers, undo, when, lambda: place(up))
    assert ended(up, order_id) == "refused"
    assert providers.settled(order_id, "refused")
