from __future__ import annotations

import asyncio
import importlib
from functools import cache
from typing import Annotated, Any

import pytest
import schemathesis
from fastapi import FastAPI, Request
from kit import service
from kit.auth import Caller, Gate, anyone, caller_of, customer, needs, on_behalf
from kit.host import Host
from kit.identity import KeySet, ServiceToken
from kit.problems import declared
from kit.settings import Settings
from kit.trouble import Unavailable
from kit.words import Line, Strict
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import ignored_auth
from users.grants import GRANTS

from tests.targets.asking import Answer, ask
from tests.targets.test_openapi import SERVICES
from tests.targets.tokens import CUSTOMER, OPERATOR, Tokens

TOKENS = Tokens()
OTHER = "00000000-0000-4000-8000-000000000001"
routes = service.router()


class Who(Strict):
    """Whom the route takes the request to be from, for whom, and what it would pass on."""

    name: str
    kind: str
    customer_id: str | None = None
    passed_on: dict[str, str] | None = None


def who(caller: Caller, customer_id: str | None = None) -> Who:
    return Who(name=caller.name, kind=caller.kind, customer_id=customer_id, passed_on=on_behalf())


@routes.get("/prices", responses=declared())
async def read_prices(caller: Annotated[Caller, needs("pricing.read")]) -> Who:
    return who(caller)


@routes.post("/prices", responses=declared(413, 415), dependencies=[needs("pricing.read")])
async def write_prices(line: Line) -> Line:
    return line


@routes.get("/open", responses=declared())
async def read_open(caller: Annotated[Caller, anyone()]) -> Who:
    return who(caller)


@routes.get("/cart", responses=declared())
async def read_cart(caller: Annotated[Caller, needs("pricing.read")], customer_id: Annotated[str, customer()]) -> Who:
    return who(caller, customer_id)


@routes.get("/mine", responses=declared(), dependencies=[anyone()])
async def read_mine(request: Request, customer_id: Annotated[str, customer()]) -> Who:
    return who(caller_of(request), customer_id)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return prepared(service.build(Settings(service="things"), "Things", routes, lambda host: host, limit_s=1.0))


def prepared(app: FastAPI, name: str = "things") -> FastAPI:
    """The app with a host, though nothing is started: whoever is let in meets a service without its parts."""
    env = {"OPERATOR_TOKEN": OPERATOR, "QUOTA_PER_CALLER": "1000000", "QUOTA_ANONYMOUS": "1000000"}
    app.state.host = TOKENS.teach(Host(Settings(service=name, instance=f"{name}-1", env=env)))
    return app


async def get(app: FastAPI, path: str, headers: dict[str, str]) -> Answer:
    return await ask(app, "GET", path, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_token_with_the_scope_lets_its_holder_in_under_its_name(app: FastAPI) -> None:
    answer = await get(app, "/prices", bearer(TOKENS.of("cart")))
    assert (answer.status, answer.json()["name"], answer.json()["kind"]) == (200, "cart", "service")


async def test_the_scheme_may_be_written_in_any_case(app: FastAPI) -> None:
    assert (await get(app, "/prices", {"authorization": f"bEARER {TOKENS.of('cart')}"})).status == 200


@pytest.mark.parametrize("wrong", sorted(TOKENS.bad()))
async def test_a_token_that_proves_nothing_is_refused(app: FastAPI, wrong: str) -> None:
    answer = await get(app, "/prices", {"authorization": TOKENS.bad()[wrong]})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_without_a_token_nothing_of_the_request_is_looked_at(app: FastAPI) -> None:
    answer = await ask(app, "POST", "/prices", query="colour=red", body=b"{", headers={"content-type": "text/plain"})
    assert answer.status == 401


async def test_a_token_without_the_scope_is_refused_by_the_name_of_the_scope(app: FastAPI) -> None:
    answer = await get(app, "/prices", bearer(TOKENS.of("fraud")))
    assert (answer.status, answer.json()["detail"]) == (403, "service fraud lacks the scope pricing.read")


async def test_a_customer_has_no_scopes(app: FastAPI) -> None:
    assert (await get(app, "/prices", bearer(TOKENS.customers()))).status == 403


async def test_the_operator_may_do_all(app: FastAPI) -> None:
    answer = await get(app, "/prices", bearer(OPERATOR))
    assert (answer.status, answer.json()["kind"]) == (200, "operator")


async def test_without_an_operator_token_nobody_is_the_operator() -> None:
    app = service.build(Settings(service="things"), "Things", routes, lambda host: host, limit_s=1.0)
    app.state.host = TOKENS.teach(Host(Settings(service="things", env={"OPERATOR_TOKEN": ""})))
    assert (await get(app, "/prices", {"authorization": "Bearer "})).status == 401
    assert (await get(app, "/prices", bearer(OPERATOR))).status == 401


async def test_an_open_route_takes_everybody_and_believes_good_tokens_only(app: FastAPI) -> None:
    known = await get(app, "/open", bearer(TOKENS.of("cart")))
    nobody = await get(app, "/open", {})
    doubtful = await get(app, "/open", {"authorization": TOKENS.bad()["expired"]})
    assert [answer.json()["name"] for answer in (known, nobody, doubtful)] == ["cart", "anonymous", "anonymous"]


async def test_a_service_acts_for_the_customer_whose_token_it_passes_on(app: FastAPI) -> None:
    token = TOKENS.customers()
    answer = await get(app, "/cart", bearer(TOKENS.of("cart")) | {"on-behalf-of": token})
    assert (answer.status, answer.json()["customer_id"]) == (200, CUSTOMER)
    assert answer.json()["passed_on"] == {"On-Behalf-Of": token}


@pytest.mark.parametrize(
    "claimed",
    [
        {},
        {"x-customer": CUSTOMER},
        {"on-behalf-of": CUSTOMER},
        {"on-behalf-of": TOKENS.of("cart")},
        {"on-behalf-of": TOKENS.signed(kind="customer", sub=CUSTOMER, exp=1)},
        {"on-behalf-of": TOKENS.bad()["signed by a stranger"].removeprefix("Bearer ")},
        {"on-behalf-of": OPERATOR},
        {"customer-id": CUSTOMER, "x-user-id": CUSTOMER},
    ],
    ids=["nothing", "an id", "an id as token", "a service's", "expired", "a stranger's", "the operator's", "others"],
)
async def test_a_service_that_only_claims_to_act_for_a_customer_is_not_believed(
    app: FastAPI, claimed: dict[str, str]
) -> None:
    assert (await get(app, "/cart", bearer(TOKENS.of("cart")) | claimed)).status == 401


async def test_from_outside_only_the_customers_own_token_counts(app: FastAPI) -> None:
    own = await get(app, "/mine", bearer(TOKENS.customers()))
    assert (own.status, own.json()["name"], own.json()["customer_id"]) == (200, CUSTOMER, CUSTOMER)
    for claimed in ({"x-customer": CUSTOMER}, {"on-behalf-of": TOKENS.customers()}, {}):
        assert (await get(app, "/mine", claimed)).status == 401


async def test_a_customer_stays_herself_whatever_she_claims(app: FastAPI) -> None:
    claimed = {"x-customer": OTHER, "on-behalf-of": TOKENS.customers(OTHER)}
    answer = await get(app, "/mine", bearer(TOKENS.customers()) | claimed)
    assert answer.json()["customer_id"] == CUSTOMER
    assert TOKENS.customers(OTHER) not in answer.json()["passed_on"].values()


async def test_an_expired_customer_is_told_that_it_has_expired(app: FastAPI) -> None:
    answer = await get(app, "/mine", {"authorization": TOKENS.bad()["expired"]})
    assert (answer.status, answer.json()["detail"]) == (401, "the token has expired")


async def test_without_any_key_an_open_route_takes_everybody_and_the_others_say_what_is_missing() -> None:
    class Away:
        async def keys(self) -> KeySet:
            raise Unavailable("users", "it is away", sent=False)

        async def token(self) -> ServiceToken:
            raise Unavailable("users", "it is away", sent=False)

    app = service.build(Settings(service="things"), "Things", routes, lambda host: host, limit_s=0.2)
    host = app.state.host = Host(Settings(service="things"))
    host.identity.issuer = Away()
    running = asyncio.create_task(host.identity.run())
    headers = bearer(TOKENS.customers())
    answers = [await get(app, path, headers) for path in ("/open", "/mine", "/prices")]
    running.cancel()
    assert [answer.status for answer in answers] == [200, 503, 503]
    why = "users is unavailable: its keys are not known yet"
    assert [answer.json()["detail"] for answer in answers[1:]] == [why, why]


async def test_the_operator_acts_for_the_customer_that_it_names_and_passes_that_on(app: FastAPI) -> None:
    answer = await get(app, "/cart", bearer(OPERATOR) | {"x-customer": CUSTOMER})
    assert (answer.status, answer.json()["customer_id"]) == (200, CUSTOMER)
    assert answer.json()["passed_on"] == {"Authorization": f"Bearer {OPERATOR}", "X-Customer": CUSTOMER}
    assert (await get(app, "/cart", bearer(OPERATOR))).status == 401
    assert (await get(app, "/cart", bearer(OPERATOR) | {"x-customer": "me"})).status == 422


async def test_what_one_request_passed_on_is_not_there_for_the_next(app: FastAPI) -> None:
    await get(app, "/mine", bearer(TOKENS.customers()))
    answer = await get(app, "/prices", bearer(TOKENS.of("cart")))
    assert answer.json()["passed_on"] == {}


def test_an_app_with_a_route_that_does_not_say_who_may_call_it_is_refused() -> None:
    silent = service.router()

    @silent.get("/silent")
    async def silently() -> None: ...

    @silent.get("/twice", dependencies=[needs("cart.read"), anyone()])
    async def doubly() -> None: ...

    for route in list(silent.routes):
        one = service.router()
        one.routes.append(route)
        with pytest.raises(ValueError, match="expected one needs"):
            service.build(Settings(service="things"), "Things", one, lambda host: host, limit_s=1.0)


def test_the_document_tells_the_scheme_the_scope_and_the_refusals(app: FastAPI) -> None:
    document: dict[str, Any] = app.openapi()
    schemes = document["components"]["securitySchemes"]
    assert schemes == {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    read, mine, cart = (document["paths"][path]["get"] for path in ("/prices", "/mine", "/cart"))
    assert read["security"] == [{"bearer": ["pricing.read"]}]
    assert {"401", "403"} <= read["responses"].keys()
    assert mine["security"] == [{"bearer": []}]
    assert ("401" in mine["responses"], "403" in mine["responses"]) == (True, False)
    assert [parameter["name"] for parameter in cart["parameters"]] == ["On-Behalf-Of"]
    assert "security" not in document["paths"]["/open"]["get"]


def fuzzed(path: str) -> None:
    """What the fuzzer's check of authentication finds, asked as it asks: with the operator's token."""
    settings = Settings(service="things", env={"OPERATOR_TOKEN": OPERATOR})
    app = service.build(settings, "Things", routes, lambda host: host, limit_s=1.0)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    case = schema[path]["GET"].Case(headers=headers)
    answer = case.call()
    assert answer.status_code == 200
    case.validate_response(answer, checks=[ignored_auth], headers=headers)


def test_the_fuzzer_finds_that_a_declared_need_is_enforced() -> None:
    fuzzed("/prices")


def test_the_fuzzer_would_find_that_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def let_in(_: Gate, request: Request) -> None:
        request.state.caller = Caller(name="somebody", kind="operator")

    monkeypatch.setattr(Gate, "admit", let_in)
    with pytest.raises(FailureGroup, match="accepts requests without authentication"):
        fuzzed("/prices")


READS = {f"{name}.read" for name in GRANTS if name != "gateway"}
MAY: dict[str, set[str]] = {
    "gateway": {
        *("catalog.read", "pricing.read", "inventory.read", "reviews.read", "reviews.write", "recommendations.read"),
        *("search.read", "cart.read", "cart.write", "orders.read", "orders.write", "users.sign-in", "monolith.read"),
    },
    "pricing": {"catalog.read"},
    "recommendations": {"catalog.read"},
    "cart": {"pricing.read"},
    "orders": {"pricing.read", "inventory.reserve", "payments.charge", "shipping.ship", "fraud.score", "users.read"},
    "registry": READS,
}
"""What each service may do at others, written down a second time: a new grant is a decision, not a slip."""
EVERYBODY = {"registry.read", "registry.register"}
NAMES = sorted(GRANTS)
OPEN_INSIDE = {"users": {"POST /service-tokens", "GET /keys"}}


@cache
def provider(name: str) -> tuple[FastAPI, dict[tuple[str, str], str | None]]:
    """The app of a service, and the scope of each of its operations."""
    settings = Settings(service=name, instance=f"{name}-1", env={"OPERATOR_TOKEN": OPERATOR})
    app: FastAPI = prepared(importlib.import_module(f"{name}.app").create(settings), name)
    scopes: dict[tuple[str, str], str | None] = {}
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            declared_scopes = [scope for each in operation.get("security", []) for scope in each["bearer"]]
            scopes[method.upper(), path] = declared_scopes[0] if declared_scopes else None
    return app, scopes


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("caller", NAMES)
async def test_a_service_may_do_what_it_needs_and_nothing_else(caller: str, name: str) -> None:
    app, scopes = provider(name)
    for (method, path), scope in scopes.items():
        if scope is None:
            continue
        answer = await ask(app, method, path, headers=bearer(TOKENS.of(caller)))
        allowed = scope in MAY.get(caller, set()) | EVERYBODY
        assert (answer.status == 403) is not allowed, f"{caller} → {name}: {method} {path}: {answer.body!r}"


@pytest.mark.parametrize("name", SERVICES)
async def test_no_operation_that_needs_a_scope_takes_a_token_that_proves_nothing(name: str) -> None:
    app, scopes = provider(name)
    for (method, path), scope in scopes.items():
        if scope is None:
            continue
        assert (await ask(app, method, path)).status == 401, f"{method} {path} without a token"
        for wrong, header in TOKENS.bad().items():
            answer = await ask(app, method, path, headers={"authorization": header})
            assert answer.status == 401, f"{method} {path} with a token that is {wrong}"


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "gateway"])
def test_behind_the_gateway_every_operation_needs_a_scope_but_those_by_which_tokens_are_got(name: str) -> None:
    _, scopes = provider(name)
    assert scopes
    assert {f"{method} {path}" for (method, path), scope in scopes.items() if scope is None} == OPEN_INSIDE.get(
        name, set()
    )


async def test_a_compromised_cart_cannot_read_payments() -> None:
    app, _ = provider("payments")
    answer = await get(app, "/charges", bearer(TOKENS.of("cart")))
    assert (answer.status, answer.json()["detail"]) == (403, "service cart lacks the scope payments.read")
