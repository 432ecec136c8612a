"""The providers of orders on one small real server, which remembers what was done and can be told to hold or fail."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

STEPS = ("quote", "score", "reserve", "charge", "confirm", "ship")
UNDO = ("cancel-shipment", "refund", "release")
PRICE_CENTS = 1999
_NAMES = ("pricing", "fraud", "inventory", "payments", "shipping", "users")
_HELD_S = 20.0


class Providers:
    """Serves in a thread of its own while it is entered; `env` tells orders where.

    Each command has its effect once per order, and what takes it back leaves a mark that refuses it later.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.charged: Counter[str] = Counter()
        self.stock: dict[str, str] = {}
        self.money: dict[str, str] = {}
        self.parcels: dict[str, str] = {}
        self.labels: dict[str, str | None] = {}
        self.refuse: set[str] = set()
        """Steps that are refused."""
        self.fail: dict[str, int] = {}
        """How many times a step answers 503 before it works."""
        self.hold: tuple[str, str] | None = None
        """A step that is held `before` or `after` its effect."""
        self.held = threading.Event()
        self._kill: Callable[[], None] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._release = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self.env: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        self.env = {f"{name.upper()}_INSTANCES": f"{name}-1=http://127.0.0.1:{port}" for name in _NAMES}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def forget(self) -> None:
        """As new, but for what was done for earlier orders."""
        self.asked.clear()
        self.refuse = set()
        self.fail = {}
        self.hold = None
        self._kill = None

    def holding(self, step: str, when: str) -> None:
        """Hold all requests of that step before or after their effect, until they are let go."""
        self.held.clear()
        self._release.clear()
        self.hold = (step, when)

    def killing(self, step: str, when: str, kill: Callable[[], None]) -> None:
        """Kill whoever asks for that step, once, before or after its effect: while the request is on its way."""
        self.holding(step, when)
        self._kill = kill

    def let_go(self) -> None:
        """Answer what is held, and hold no more."""
        self.hold = None
        self._loop.call_soon_threadsafe(self._release.set)

    def settled(self, order_id: str, status: str) -> bool:
        """Whether money, stock and parcel agree with what the order says of itself."""
        held = (self.money.get(order_id), self.stock.get(order_id), self.parcels.get(order_id))
        once = self.charged[order_id] <= 1
        if status == "confirmed":
            return once and held == ("charged", "sold", "made")
        return once and all(state in {None, "back"} for state in held)

    async def _open(self) -> int:
        app = web.Application()
        app.add_routes(
            [
                web.post("/quotes", self._route("quote", self._quote)),
                web.post("/scores", self._route("score", self._score)),
                web.post("/reservations", self._route("reserve", self._reserve)),
                web.post("/charges", self._route("charge", self._charge)),
                web.post("/reservations/{order_id}/confirm", self._route("confirm", self._confirm)),
                web.post("/shipments", self._route("ship", self._ship)),
                web.post("/shipments/{order_id}/cancel", self._route("cancel-shipment", self._cancel)),
                web.post("/charges/{order_id}/refund", self._route("refund", self._refund)),
                web.post("/reservations/{order_id}/release", self._route("release", self._free)),
                web.get("/customers/{customer_id}", self._route("name", self._name)),
                web.post("/service-tokens", self._token),
                web.get("/keys", self._keys),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _close(self) -> None:
        self._release.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def _route(
        self, step: str, effect: Callable[[web.Request, Any], web.Response]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            self.asked[step] += 1
            body = await request.json() if request.can_read_body else None
            await self._hold((step, "before"))
            if step in self.refuse:
                return problem(409, f"{step} is refused")
            if self.fail.get(step, 0) > 0:
                self.fail[step] -= 1
                return problem(503, "try again")
            answer = effect(request, body)
            await self._hold((step, "after"))
            return answer

        return serve

    async def _hold(self, moment: tuple[str, str]) -> None:
        if self.hold != moment:
            return
        if self._kill is None:
            self.held.set()
            async with asyncio.timeout(_HELD_S):
                await self._release.wait()
            return
        self.hold = None
        self._kill()
        self.held.set()
        raise web.HTTPServiceUnavailable  # nobody is there to hear it

    def _quote(self, _request: web.Request, _body: Any) -> web.Response:
        return web.json_response({"total_cents": PRICE_CENTS, "currency": "EUR"})

    def _score(self, _request: web.Request, body: Any) -> web.Response:
        return web.json_response({"order_id": body["order_id"], "score": 1, "decision": "accept"})

    def _reserve(self, _request: web.Request, body: Any) -> web.Response:
        order_id = body["order_id"]
        if self.stock.setdefault(order_id, "held") == "back":
            return problem(409, "released")
        return web.json_response({"order_id": order_id, "status": "held"}, status=201)

    def _confirm(self, request: web.Request, _body: Any) -> web.Response:
        order_id = request.match_info["order_id"]
        if self.stock.get(order_id) not in {"held", "sold"}:
            return problem(409, "not held")
        self.stock[order_id] = "sold"
        return web.json_response({"order_id": order_id, "status": "confirmed"})

    def _free(self, request: web.Request, _body: Any) -> web.Response:
        order_id = request.match_info["order_id"]
        self.stock[order_id] = "back"
        return web.json_response({"order_id": order_id, "status": "released"})

    def _charge(self, _request: web.Request, body: Any) -> web.Response:
        order_id, amount = body["order_id"], body["amount_cents"]
        if self.money.get(order_id) == "back":
            return problem(409, "refunded before")
        if order_id not in self.money:
            self.money[order_id] = "charged"
            self.charged[order_id] += 1
        answer = {
            "charge_id": str(uuid.uuid4()),
            "order_id": order_id,
            "amount_cents": amount,
            "status": "captured",
        }
        return web.json_response(answer, status=201)

    def _refund(self, request: web.Request, _body: Any) -> web.Response:
        order_id = request.match_info["order_id"]
        refunded = PRICE_CENTS if self.money.get(order_id) else 0
        self.money[order_id] = "back"
        return web.json_response({"order_id": order_id, "refunded_cents": refunded})

    def _ship(self, _request: web.Request, body: Any) -> web.Response:
        order_id = body["order_id"]
        if self.parcels.setdefault(order_id, "made") == "back":
            return problem(409, "cancelled before")
        self.labels.setdefault(order_id, body["recipient"])
        return web.json_response(
            {"shipment_id": str(uuid.uuid4()), "order_id": order_id, "status": "created"}, status=201
        )

    def _cancel(self, request: web.Request, _body: Any) -> web.Response:
        order_id = request.match_info["order_id"]
        self.parcels[order_id] = "back"
        return web.json_response({"order_id": order_id, "status": "cancelled"})

    def _name(self, request: web.Request, _body: Any) -> web.Response:
        return web.json_response({"customer_id": request.match_info["customer_id"], "name": "Ada", "email": "a@b.c"})

    async def _token(self, _request: web.Request) -> web.Response:
        return web.json_response({"access_token": "a-token", "expires_in_s": 600}, status=201)

    async def _keys(self, _request: web.Request) -> web.Response:
        return problem(503, "there are no keys here")


def problem(status: int, detail: str) -> web.Response:
    body = {"type": "about:blank", "title": "No", "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")
