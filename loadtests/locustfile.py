"""The shop's customers: they look around, search, fill carts, buy, and look at their orders.

`locust -f loadtests/locustfile.py --host http://127.0.0.1:PORT` drives them as closed users with pauses between;
`--seed 1` gives each user the same sequence again; a shop that still knows last time's orders takes these for repeated.
Under the harness each task is a journey of its own, dispatched whenever one is due.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, cycle
from typing import Any

import gevent
from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from harness.load.journey import OpenOperation, marked_degraded, newcomer, operation, own_random, share, wanted

SKUS_IN_STOCK = tuple(f"sku-{number:04d}" for number in range(1, 296))
"""sku-0296 to sku-0300 have no stock: whoever orders them is refused, and a clean run shall have no failure."""

WORDS = ("lamp", "kettle", "chair", "radio", "clock", "basket", "mirror")
"""What people search for: each word stands in the names of many products."""

PATIENCE_S = 8.0
"""How long a customer waits to hear whether her order is confirmed."""

LOOK_AGAIN_S, LOOK_AGAIN_MOST_S = 0.15, 1.0
"""Between two looks at an order, at first and later: who looks on at the first pace is a load on all others."""
IMPATIENT_LOOKS = 3
"""At the first pace; each pause after them is half as long again as the one before."""

SIGNED_IN_S = 600.0
"""For so long a customer who only looks at her things is not asked for her password again."""

MOST_IN_CART = (1, 2, 3)
"""Different products, for one customer after the other; the shop itself takes more.

Few, so that carts are soon as full as they get: while they grow, each look at one costs the shop more.
"""

RETURNING = 50
"""So many of those who were here last come back for their carts more often than the others."""

ACCEPTED = 202
OK = 200
CREATED = 201
CLIENT_ERRORS = range(400, 500)
UNAVAILABLE = 503


@dataclass(slots=True)
class Account:
    """A customer whom the shop knows; only one journey at a time is hers."""

    email: str
    token: str = ""
    signed_in_at: float = float("-inf")
    cart_version: int = 0
    """Of her cart as she last saw it; her app sends it with all that it asks of the cart, and is shown no older one."""
    cart_skus: list[str] = field(default_factory=list)
    """What she has put there; once these are enough she only changes how many."""
    cart_most: int = 3

    @property
    def thing(self) -> str:
        """Her cart, as invariants call it."""
        return f"cart/{self.email}"


EMAILS = tuple(f"customer-{number:04d}@shop.example" for number in range(1, 1001))
"""The customers whom the shop is seeded with; a journey that needs one waits while all of its worker's are here."""

PASSWORD = "demo-password"  # noqa: S105 -- the seeded customers' own, which is no secret


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust says nothing of it
def _options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--seed", default=None, help="Seeds the sequence of each user.")


@cache
def _free(environment: Environment) -> list[Account]:
    """The customers of this worker who are not here just now."""
    emails = share(EMAILS, environment)
    return [Account(email, cart_most=most) for email, most in zip(emails, cycle(MOST_IN_CART), strict=False)]


@cache
def _popularity(times: tuple[tuple[str, float], ...]) -> tuple[float, ...]:
    """The weights of the products, summed up, when some are looked at so many times as often as usual.

    They go by Zipf's law: the second product is looked at half as often as the first.
    """
    more = dict(times)
    return tuple(accumulate(more.get(sku, 1.0) / rank for rank, sku in enumerate(SKUS_IN_STOCK, start=1)))


class Customer(FastHttpUser):
    """Somebody with a browser; `random` is seeded anew for each journey by the harness."""

    wait_time = between(0.5, 2)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.random = own_random(environment)

    @task(60)
    def browse(self) -> None:
        """Look at a product, the popular ones more often, and what everybody wants just now most of all."""
        weights = _popularity(tuple(wanted().items()))
        self._look_at(self.random.choices(SKUS_IN_STOCK, cum_weights=weights)[0])

    @task(20)
    def search(self) -> None:
        """Search for a word, and open one of the products found."""
        word = self.random.choice(WORDS)
        answer = self.client.get(f"/search?q={word}", name="GET /search")
        found = _json(answer).get("items") if answer.status_code == OK else None
        if found:
            self._look_at(self.random.choice(found)["sku"])

    @task(12)
    def cart(self) -> None:
        """Put something into the cart, change how many, and read it back."""
        with self._account(returning=self.random.random() < 0.5) as account:  # noqa: PLR2004 -- every second one
            if self._signed_in(account):
                self._fill_cart(account, self._for_cart(account), self.random.randint(1, 5))

    @task(6)
    def checkout(self) -> None:
        """Sign in, look into the cart, place an order, then ask until it is final."""
        key = str(uuid.UUID(int=self.random.getrandbits(128), version=4))  # first: whoever is here alters what follows
        with self._account() as account:
            account.signed_in_at = float("-inf")
            if not self._signed_in(account):
                return
            self._read_cart(account)
            order = {"items": self._items(), "card_token": f"tok-load-{self.random.getrandbits(64):016x}"}
            order_id = self._place(account, key, order)
            if order_id is not None:
                self._await_order(account, key, order_id)

    @task(2)
    def my_orders(self) -> None:
        """List the orders of the last time, and open one."""
        with self._account() as account:
            if not self._signed_in(account):
                return
            answer = self.client.get("/orders", headers=_as(account), name="GET /orders")
            listed = _json(answer).get("items") if answer.status_code == OK else None
            if listed:
                order_id = self.random.choice(listed)["order_id"]
                self.client.get(f"/orders/{order_id}", headers=_as(account), name="GET /orders/{order_id}")

    def _sku(self) -> str:
        return self.random.choices(SKUS_IN_STOCK, cum_weights=_popularity(()))[0]

    def _items(self) -> list[dict[str, Any]]:
        skus = {self._sku() for _ in range(self.random.randint(1, 3))}
        return [{"sku": sku, "quantity": 1} for sku in sorted(skus)]

    def _look_at(self, sku: str) -> None:
        self.client.get(f"/products/{sku}", name="GET /products/{sku}")

    def _for_cart(self, account: Account) -> str:
        """Something new, until there is enough."""
        if len(account.cart_skus) >= account.cart_most:
            return self.random.choice(account.cart_skus)
        sku = self._sku()
        if sku not in account.cart_skus:
            account.cart_skus.append(sku)
        return sku

    @contextmanager
    def _account(self, *, returning: bool = False) -> Iterator[Account]:
        """One of the customers who are not here just now; `returning`: of those who were here last."""
        free = _free(self.environment)
        give_up_at = time.monotonic() + PATIENCE_S
        while not free and time.monotonic() < give_up_at:
            gevent.sleep(0.02)  # all of this worker's customers are here
        first = max(0, len(free) - RETURNING) if returning else 0
        account = free.pop(self.random.randrange(first, len(free)))
        try:
            yield account
        finally:
            free.append(account)

    def _signed_in(self, account: Account) -> bool:
        """Sign in, unless she still is; False when she can't."""
        if time.monotonic() - account.signed_in_at < SIGNED_IN_S and not newcomer():
            return True
        said = {"email": account.email, "password": PASSWORD}
        answer = self.client.post("/sessions", json=said, name="POST /sessions")
        token = _json(answer).get("access_token") if answer.status_code == CREATED else None
        if token is not None:
            account.token, account.signed_in_at = token, time.monotonic()
        return token is not None

    def _fill_cart(self, account: Account, sku: str, quantity: int) -> None:
        with operation("change-cart", f"{account.email} {sku}") as changing:
            self._put(account, sku, 1)
            self._read_cart(account)
            changed = self._put(account, sku, quantity)
            if changed.status_code != OK:
                _not_done(changing, changed.status_code)
                return
            read = self._read_cart(account)
            if read.status_code != OK:
                changing.unknown(f"reading it back: status {read.status_code}")
                return
            found = (_items(read) or {}).get(sku)
            if found != quantity:
                changing.failed(f"her own write was not read back: {quantity} of {sku}, found {found}")
            else:
                mark = changing.degraded if marked_degraded(changed) or marked_degraded(read) else changing.ok
                mark(sku=sku, quantity=quantity)

    def _put(self, account: Account, sku: str, quantity: int) -> Any:
        """Set how many of a product she wants: on record as a write of her cart."""
        writes = {sku: quantity}
        with operation("put-item", thing=account.thing, session=account.email, writes=writes, aside=True) as putting:
            path, name = f"/cart/items/{sku}", "PUT /cart/items/{sku}"
            answer = self.client.put(path, json={"quantity": quantity}, headers=_as_seen(account), name=name)
            if answer.status_code == OK:
                self._done(account, putting, answer)
            elif answer.status_code in CLIENT_ERRORS:
                putting.failed(f"status {answer.status_code}")
            else:  # also after 503: whoever gave up may have been heard all the same
                putting.unknown(f"status {answer.status_code}")
        return answer

    def _read_cart(self, account: Account) -> Any:
        """Look into her cart: on record as a read of all of it."""
        with operation("read-cart", thing=account.thing, session=account.email, aside=True) as reading:
            answer = self.client.get("/cart", headers=_as_seen(account), name="GET /cart")
            items = _items(answer) if answer.status_code == OK else None
            if items is not None:
                reading.saw(items)
                self._done(account, reading, answer)
            else:
                reading.failed(f"status {answer.status_code}")
        return answer

    def _done(self, account: Account, doing: OpenOperation, answer: Any) -> None:
        """What she was told of her cart counts; a good status without a cart tells nothing."""
        version = _json(answer).get("version")
        if not isinstance(version, int):
            doing.unknown("an answer without a version")
            return
        account.cart_version = max(account.cart_version, version)
        mark = doing.degraded if marked_degraded(answer) else doing.ok
        mark(version=version)

    def _place(self, account: Account, key: str, order: dict[str, Any]) -> str | None:
        with operation("place-order", key) as placing:
            answer = self._post_order(account, key, order)
            if answer.status_code not in {ACCEPTED, UNAVAILABLE, *CLIENT_ERRORS}:
                # No answer, or none that says what happened: her app asks once more, by the same key.
                answer = self._post_order(account, key, order)
                return _acknowledged(placing, answer, repeated=True)
            return _acknowledged(placing, answer, repeated=False)

    def _post_order(self, account: Account, key: str, order: dict[str, Any]) -> Any:
        headers = {**_as(account), "Idempotency-Key": key}
        return self.client.post("/orders", json=order, headers=headers, name="POST /orders")

    def _await_order(self, account: Account, key: str, order_id: str) -> None:
        with operation("await-order", key) as awaiting:
            give_up_at = time.monotonic() + PATIENCE_S
            said, looks = "pending", 0
            while said == "pending" and time.monotonic() < give_up_at:
                looks += 1
                pause_s = min(LOOK_AGAIN_S * 1.5 ** max(0, looks - IMPATIENT_LOOKS), LOOK_AGAIN_MOST_S)
                gevent.sleep(pause_s * self.random.uniform(0.7, 1.3))
                answer = self.client.get(f"/orders/{order_id}", headers=_as(account), name="GET /orders/{order_id}")
                order = _json(answer) if answer.status_code == OK else {}
                said = order.get("status", "pending")
            if said == "confirmed":
                mark = awaiting.degraded if marked_degraded(answer) else awaiting.ok
                mark(order_id=order_id, status=said, total_cents=order.get("total_cents"))
            elif said == "refused":
                awaiting.failed(f"refused: {order.get('reason')}")
            else:
                awaiting.unknown(f"still {said} after {PATIENCE_S:g} s")


def _as(account: Account) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.token}"}


def _as_seen(account: Account) -> dict[str, str]:
    """With the version of her cart that she saw last."""
    return {**_as(account), "X-Cart-Version": str(account.cart_version)}


def _acknowledged(placing: OpenOperation, answer: Any, *, repeated: bool) -> str | None:
    """Mark the operation by its answer; the order's id when the shop has taken the order."""
    order_id = _json(answer).get("order_id") if answer.status_code == ACCEPTED else None
    if order_id is not None:
        mark = placing.degraded if marked_degraded(answer) else placing.ok
        mark(order_id=order_id)
        return str(order_id)
    if repeated:
        placing.unknown(f"status {answer.status_code}, after a first try without an answer")
    else:
        _not_done(placing, answer.status_code)
    return None


def _items(answer: Any) -> dict[str, int] | None:
    """What is in a cart: sku → how many; None when the answer shows no cart, which the harness counts by itself."""
    try:
        return {item["sku"]: item["quantity"] for item in _json(answer)["items"]}
    except (KeyError, TypeError):
        return None


def _not_done(changing: OpenOperation, status: int) -> None:
    """A clean no means that nothing was done; after anything else nobody knows."""
    mark = changing.failed if status in {UNAVAILABLE, *CLIENT_ERRORS} else changing.unknown
    mark(f"status {status}")


def _json(answer: Any) -> dict[str, Any]:
    """The answer's document; an empty one when it is none, which the harness counts by itself."""
    try:
        document = answer.json()
    except (ValueError, TypeError):
        return {}
    return document if isinstance(document, dict) else {}
