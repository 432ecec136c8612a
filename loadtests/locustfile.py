"""The shop's customers: they look at products, and some of them buy.

`locust -f loadtests/locustfile.py --host http://127.0.0.1:PORT` drives them as closed users with pauses between.
Under the harness each task is a journey of its own, dispatched whenever one is due.
"""

from __future__ import annotations

import random
import time
import uuid
from itertools import accumulate
from typing import Any

import gevent
from locust import FastHttpUser, between, task
from locust.env import Environment

from harness.load.journey import OpenOperation, marked_degraded, operation

SKUS_IN_STOCK = tuple(f"sku-{number:04d}" for number in range(1, 196))
"""sku-0196 to sku-0200 have no stock: whoever orders them is refused, and a clean run shall have no failure."""

POPULARITY = tuple(accumulate(1 / rank for rank in range(1, len(SKUS_IN_STOCK) + 1)))
"""Zipf's law: the second product is looked at half as often as the first."""

PATIENCE_S = 8.0
"""How long a customer waits to hear whether her order is confirmed."""

ACCEPTED = 202
OK = 200
CLIENT_ERRORS = range(400, 500)
UNAVAILABLE = 503


class Customer(FastHttpUser):
    """Somebody with a browser; `random` is seeded anew for each journey by the harness."""

    wait_time = between(0.5, 2)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.random = random.Random()  # noqa: S311 -- load, not secrets

    @task(9)
    def browse(self) -> None:
        """Look at a product, the popular ones more often."""
        self.client.get(f"/products/{self._sku()}", name="GET /products/{sku}")

    @task(1)
    def checkout(self) -> None:
        """Place an order, then ask until it is final."""
        key = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        order = {"items": self._items(), "card_token": f"tok-{self.random.getrandbits(64):016x}"}
        order_id = self._place(key, order)
        if order_id is not None:
            self._await_order(key, order_id)

    def _sku(self) -> str:
        return self.random.choices(SKUS_IN_STOCK, cum_weights=POPULARITY)[0]

    def _items(self) -> list[dict[str, Any]]:
        skus = {self._sku() for _ in range(self.random.randint(1, 3))}
        return [{"sku": sku, "quantity": 1} for sku in sorted(skus)]

    def _place(self, key: str, order: dict[str, Any]) -> str | None:
        with operation("place-order", key) as placing:
            answer = self._post_order(key, order)
            if answer.status_code not in {ACCEPTED, UNAVAILABLE, *CLIENT_ERRORS}:
                # No answer, or none that says what happened: her app asks once more, by the same key.
                answer = self._post_order(key, order)
                return _acknowledged(placing, answer, repeated=True)
            return _acknowledged(placing, answer, repeated=False)

    def _post_order(self, key: str, order: dict[str, Any]) -> Any:
        return self.client.post("/orders", json=order, headers={"Idempotency-Key": key}, name="POST /orders")

    def _await_order(self, key: str, order_id: str) -> None:
        with operation("await-order", key) as awaiting:
            give_up_at = time.monotonic() + PATIENCE_S
            said = "pending"
            while said == "pending" and time.monotonic() < give_up_at:
                gevent.sleep(self.random.uniform(0.1, 0.2))
                answer = self.client.get(f"/orders/{order_id}", name="GET /orders/{order_id}")
                order = _json(answer) if answer.status_code == OK else {}
                said = order.get("status", "pending")
            if said == "confirmed":
                mark = awaiting.degraded if marked_degraded(answer) else awaiting.ok
                mark(order_id=order_id, status=said, total_cents=order.get("total_cents"))
            elif said == "refused":
                awaiting.failed(f"refused: {order.get('reason')}")
            else:
                awaiting.unknown(f"still {said} after {PATIENCE_S:g} s")


def _acknowledged(placing: OpenOperation, answer: Any, *, repeated: bool) -> str | None:
    """Mark the operation by its answer; the order's id when the shop has taken the order."""
    order_id = _json(answer).get("order_id") if answer.status_code == ACCEPTED else None
    if order_id is not None:
        mark = placing.degraded if marked_degraded(answer) else placing.ok
        mark(order_id=order_id)
        return str(order_id)
    if repeated or answer.status_code not in {UNAVAILABLE, *CLIENT_ERRORS}:
        placing.unknown(f"status {answer.status_code}" + (", after a first try without an answer" if repeated else ""))
    else:
        placing.failed(f"status {answer.status_code}")
    return None


def _json(answer: Any) -> dict[str, Any]:
    """The answer's document; an empty one when it is none, which the harness counts by itself."""
    try:
        document = answer.json()
    except (ValueError, TypeError):
        return {}
    return document if isinstance(document, dict) else {}
