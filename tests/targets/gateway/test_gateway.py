from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from gateway.app import create
from gateway.clients import LIMIT_S, QUICK_S, SOFT_S
from gateway.shadow import AT_ONCE
from kit.settings import Settings

from tests.targets.asking import Answer, ask
from tests.targets.gateway.providers import CUSTOMER, HANGS, ORDER, SKU, Providers, Reply, problem, providers

pytestmark = pytest.mark.loopback
OPERATOR = "operator-of-the-tests"
AS_CUSTOMER = {"authorization": f"Bearer {OPERATOR}", "x-customer": CUSTOMER}
KEY = {"idempotency-key": "key-00000001"}
ORDER_REQUEST = {"items": [{"sku": SKU, "quantity": 2}], "card_token": "tok-visa-0001"}
OPERATIONS: tuple[tuple[str, str, object, int, str], ...] = (
    ("GET", f"/products/{SKU}", None, 200, "catalog"),
    ("POST", f"/products/{SKU}/reviews", {"rating": 5, "text": "Good."}, 201, "reviews"),
    ("GET", f"/legacy/products/{SKU}", None, 200, "monolith"),
    ("GET", "/search?q=kettle", None, 200, "search"),
    ("POST", "/accounts", {"email": "a@shop.example", "password": "demo-password", "name": "Ada"}, 201, "users"),
    ("POST", "/sessions", {"email": "a@shop.example", "password": "demo-password"}, 201, "users"),
    ("GET", "/cart", None, 200, "cart"),
    ("PUT", f"/cart/items/{SKU}", {"quantity": 2}, 200, "cart"),
    ("DELETE", f"/cart/items/{SKU}", None, 200, "cart"),
    ("DELETE", "/cart", None, 200, "cart"),
    ("POST", "/orders", ORDER_REQUEST, 202, "orders"),
    ("GET", "/orders", None, 200, "orders"),
    ("GET", f"/orders/{ORDER}", None, 200, "orders"),
    ("POST", f"/orders/{ORDER}/cancel", None, 202, "orders"),
)
"""Every operation: what is asked, what is answered when all is well, and the provider without which there is none."""
SIGNED_IN = [each for each in OPERATIONS if each[4] in {"cart", "orders"} or each[1].endswith("/reviews")]
SOFT = {"inventory": "stock", "reviews": "rating", "recommendations": "recommendations"}


@asynccontextmanager
async def gateway(env: dict[str, str]) -> AsyncIterator[FastAPI]:
    app = create(Settings(service="gateway", env=env | {"OPERATOR_TOKEN": OPERATOR}))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def others() -> AsyncIterator[Providers]:
    async with providers() as all_of_them:
        yield all_of_them


@pytest.fixture
async def app(others: Providers) -> AsyncIterator[FastAPI]:
    async with gateway(others.env()) as built:
        yield built


async def get(app: FastAPI, target: str, headers: dict[str, str] | None = None) -> Answer:
    return await request(app, "GET", target, headers=AS_CUSTOMER if headers is None else headers)


async def request(
    app: FastAPI, method: str, target: str, body: object = None, headers: dict[str, str] | None = None
) -> Answer:
    path, _, query = target.partition("?")
    sent = dict(AS_CUSTOMER if headers is None else headers)
    if body is not None:
        sent |= {"content-type": "application/json", **KEY}
    content = b"" if body is None else json.dumps(body).encode()
    return await ask(app, method, path, query=query, body=content, headers=sent)


def assert_clean_no(answer: Answer) -> None:
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(("method", "target", "body", "status", "provider"), OPERATIONS)
async def test_every_operation_works_when_all_is_well(  # noqa: PLR0913, PLR0917 -- the columns of the table
    app: FastAPI, method: str, target: str, body: object, status: int, provider: str
) -> None:
    answer = await request(app, method, target, body)
    assert (answer.status, answer.headers.get("x-degraded")) == (status, None), f"{provider}: {answer.body!r}"


@pytest.mark.parametrize(
    "lie",
    [
        problem(503),
        problem(429),
        problem(401),
        problem(418),
        Reply(status=500, body=b"Traceback", kind="text/plain"),
        Reply(body=b"<html>welcome</html>", kind="text/html"),
        Reply(body={}),
        Reply(status=302, body={}),
    ],
)
@pytest.mark.parametrize(("method", "target", "body", "status", "provider"), OPERATIONS)
async def test_a_provider_that_fails_or_lies_ends_in_a_clean_no(  # noqa: PLR0913, PLR0917 -- the columns of the table
    others: Providers, app: FastAPI, method: str, target: str, body: object, status: int, provider: str, lie: Reply
) -> None:
    others.all_of(provider, lie)
    answer = await request(app, method, target, body)
    if answer.status == 401 and lie == problem(401) and target == "/sessions":
        return  # that is what users says to a wrong password
    assert answer.status != status
    assert_clean_no(answer)


@pytest.mark.parametrize(("method", "target", "body", "status", "provider"), OPERATIONS)
async def test_a_provider_that_hangs_is_told_of_before_the_customer_stops_waiting(  # noqa: PLR0913, PLR0917 -- the columns
    others: Providers, app: FastAPI, method: str, target: str, body: object, status: int, provider: str
) -> None:
    others.all_of(provider, HANGS)
    async with asyncio.timeout(5.0):
        answer = await request(app, method, target, body)
    assert answer.status != status
    assert_clean_no(answer)
    may_take_longer = method == "POST" and target.startswith("/orders")
    told_ms = [int(asked.headers["x-envoy-expected-rq-timeout-ms"]) for asked in others.asked]
    assert max(told_ms) < 1000 * (LIMIT_S if may_take_longer else QUICK_S)


@pytest.mark.parametrize(("method", "target", "body", "status", "provider"), SIGNED_IN)
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nobody", "Basic b3BlcmF0b3I6"])
async def test_what_belongs_to_a_customer_needs_her_token_and_asks_nobody_without_it(  # noqa: PLR0913, PLR0917 -- the columns of the table
    others: Providers,
    app: FastAPI,
    method: str,
    target: str,
    body: object,
    status: int,
    provider: str,
    authorization: str,
) -> None:
    answer = await request(app, method, target, body, headers={"authorization": authorization, "x-customer": CUSTOMER})
    assert answer.status == 401 != status
    assert answer.headers["www-authenticate"] == "Bearer"
    assert [asked for asked in others.asked if asked.path.startswith(f"/{provider}/")] == []


@pytest.mark.parametrize(("method", "target", "body", "status", "provider"), SIGNED_IN)
async def test_a_call_for_a_customer_says_for_whom(  # noqa: PLR0913, PLR0917 -- the columns of the table
    others: Providers, app: FastAPI, method: str, target: str, body: object, status: int, provider: str
) -> None:
    assert (await request(app, method, target, body)).status == status
    (asked,) = [asked for asked in others.asked if asked.path.startswith(f"/{provider}/")]
    assert asked.headers["x-customer"] == CUSTOMER


@pytest.mark.parametrize(("provider", "part"), SOFT.items())
async def test_a_page_goes_on_without_a_soft_provider_and_says_so(others: Providers, provider: str, part: str) -> None:
    async with gateway(others.env(provider)) as app:
        answer = await get(app, f"/products/{SKU}", headers={})
    assert (answer.status, answer.headers["x-degraded"]) == (200, part)
    assert answer.json()["degraded"] == [part]


async def test_a_page_does_not_wait_for_soft_providers_that_hang(others: Providers, app: FastAPI) -> None:
    for provider in SOFT:
        others.all_of(provider, HANGS)
    answer = await get(app, f"/products/{SKU}", headers={})
    assert answer.headers["x-degraded"] == "stock,rating,recommendations"
    told_ms = {asked.path.split("/")[1]: asked.headers["x-envoy-expected-rq-timeout-ms"] for asked in others.asked}
    assert all(int(told_ms[provider]) < 1000 * SOFT_S for provider in SOFT)


@pytest.mark.parametrize("provider", ["catalog", "pricing"])
async def test_there_is_no_page_without_a_hard_provider_and_that_is_said(others: Providers, provider: str) -> None:
    async with gateway(others.env(provider)) as app:
        answer = await get(app, f"/products/{SKU}", headers={})
    assert_clean_no(answer)
    assert f"{provider} is unavailable" in answer.json()["detail"]


async def test_an_order_goes_on_as_it_came_and_the_answer_says_where_it_is(others: Providers, app: FastAPI) -> None:
    answer = await request(app, "POST", "/orders", ORDER_REQUEST)
    assert answer.json() == {"order_id": ORDER, "status": "pending", "read_at": f"/orders/{ORDER}"}
    assert answer.headers["location"] == f"/orders/{ORDER}"
    (asked,) = others.asked
    assert (asked.body, asked.headers["idempotency-key"]) == (ORDER_REQUEST, "key-00000001")


@pytest.mark.parametrize(
    ("method", "target", "body", "place", "status"),
    [
        ("GET", f"/products/{SKU}", None, ("GET", f"/catalog/products/{SKU}"), 404),
        ("GET", f"/legacy/products/{SKU}", None, ("GET", f"/monolith/legacy/products/{SKU}"), 404),
        ("GET", f"/orders/{ORDER}", None, ("GET", f"/orders/orders/{ORDER}"), 404),
        ("POST", f"/orders/{ORDER}/cancel", None, ("POST", f"/orders/orders/{ORDER}/cancel"), 409),
        ("POST", "/orders", ORDER_REQUEST, ("POST", "/orders/orders"), 409),
        ("POST", "/sessions", {"email": "a@shop.example", "password": "x"}, ("POST", "/users/sessions"), 401),
    ],
)
async def test_a_definite_no_is_passed_on(  # noqa: PLR0913, PLR0917 -- the columns of the table
    others: Providers, app: FastAPI, method: str, target: str, body: object, place: tuple[str, str], status: int
) -> None:
    others.replies[place] = problem(status)
    answer = await request(app, method, target, body)
    assert (answer.status, answer.json()["detail"]) == (status, f"the provider says {status}")


async def test_a_cart_of_somebody_else_is_never_shown(others: Providers, app: FastAPI) -> None:
    place = ("GET", f"/cart/carts/{CUSTOMER}")
    body = others.replies[place].body
    assert isinstance(body, dict)
    others.replies[place] = Reply(body=body | {"customer_id": ORDER})
    assert_clean_no(await get(app, "/cart"))


@pytest.mark.parametrize("what", ["cart", "order"])
async def test_what_another_marks_as_degraded_stays_marked(others: Providers, app: FastAPI, what: str) -> None:
    target, place = {
        "cart": ("/cart", ("GET", f"/cart/carts/{CUSTOMER}")),
        "order": (f"/orders/{ORDER}", ("GET", f"/orders/orders/{ORDER}")),
    }[what]
    body = others.replies[place].body
    assert isinstance(body, dict)
    others.replies[place] = Reply(body=body | {"degraded": ["prices"]})
    answer = await get(app, target)
    assert (answer.headers["x-degraded"], answer.json()["degraded"]) == ("prices", ["prices"])


async def test_the_next_page_of_my_orders_is_one_of_the_gateway(app: FastAPI) -> None:
    assert (await get(app, "/orders?limit=1")).json()["next"] == "/orders?after=7&limit=1"


async def test_a_search_goes_on_as_it_came(others: Providers, app: FastAPI) -> None:
    await get(app, "/search?q=a%26b%3Dc%20%C3%BC%2B%25&after=3&limit=7", headers={})
    (asked,) = others.asked
    assert asked.query == {"q": "a&b=c ü+%", "after": "3", "limit": "7"}


async def test_a_share_of_the_pages_is_compared_with_the_old_shop_afterwards(others: Providers, app: FastAPI) -> None:
    app.state.host.flags.take({"legacy-shadow": 1.0})
    others.replies["GET", f"/monolith/legacy/products/{SKU}"] = Reply(
        body={"sku": SKU, "name": "Sturdy kettle", "description": "It boils.", "price_cents": 2000}
    )
    await get(app, f"/products/{SKU}", headers={})
    async with asyncio.timeout(5.0):
        while not (shadow := (await get(app, "/health")).json()["edges"]["shadow"])["differs"]:  # noqa: ASYNC110 -- asked
            await asyncio.sleep(0.01)
    assert shadow["last_difference"] == {"sku": SKU, "fields": {"price_cents": {"new": "1999", "old": "2000"}}}


async def test_an_old_shop_that_hangs_delays_no_page(others: Providers, app: FastAPI) -> None:
    app.state.host.flags.take({"legacy-shadow": 1.0})
    others.all_of("monolith", HANGS)
    for _ in range(20):
        answer = await get(app, f"/products/{SKU}", headers={})
        assert (answer.status, answer.headers.get("x-degraded")) == (200, None)
    shadow = (await get(app, "/health")).json()["edges"]["shadow"]
    assert (shadow["match"], shadow["differs"]) == (0, 0)
    assert shadow["waiting"] + shadow["failed"] >= 20 - AT_ONCE


ON_THE_CART = [(method, path, body) for method, path, body, _, provider in OPERATIONS if provider == "cart"]


@pytest.mark.parametrize(("method", "path", "body"), ON_THE_CART)
@pytest.mark.parametrize(("headers", "version"), [({"x-cart-version": "3"}, "3"), ({}, "0")])
async def test_a_cart_is_asked_for_as_new_as_its_customer_has_seen_it(  # noqa: PLR0913, PLR0917 -- what varies
    others: Providers, app: FastAPI, method: str, path: str, body: object, headers: dict[str, str], version: str
) -> None:
    assert (await request(app, method, path, body, headers=AS_CUSTOMER | headers)).status == 200
    (asked,) = others.asked
    assert asked.headers["x-cart-version"] == version


@pytest.mark.parametrize(("method", "path", "body"), ON_THE_CART)
async def test_a_cart_that_is_older_than_its_customer_has_seen_is_not_shown(
    others: Providers, app: FastAPI, method: str, path: str, body: object
) -> None:
    assert_clean_no(await request(app, method, path, body, headers=AS_CUSTOMER | {"x-cart-version": "4"}))
    assert others.asked


async def test_when_it_is_crowded_those_who_look_around_are_turned_away_first(others: Providers) -> None:
    async with gateway(others.env() | {"AT_ONCE": "5"}) as app:
        others.all_of("search", HANGS)
        crowd = [asyncio.create_task(get(app, "/search?q=kettle", headers={})) for _ in range(3)]
        try:
            async with asyncio.timeout(5.0):
                while app.state.host.admission.under_way < len(crowd):  # noqa: ASYNC110 -- they are given their turns
                    await asyncio.sleep(0)
            assert_clean_no(await get(app, f"/products/{SKU}", headers={}))
            assert (await request(app, "POST", "/orders", ORDER_REQUEST)).status == 202
            assert (await get(app, "/cart")).status == 200
        finally:
            for each in crowd:
                each.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)


async def test_who_looks_around_too_fast_is_asked_to_come_later(others: Providers) -> None:
    async with gateway(others.env() | {"QUOTA_ANONYMOUS": "2"}) as app:
        answers = [await get(app, "/search?q=kettle", headers={}) for _ in range(4)]
        assert answers[0].status == 200
        assert answers[-1].status == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await get(app, "/cart")).status == 200
