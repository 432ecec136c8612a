"""Users with its real database, and payments as one of those that rely on it."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator

import asyncpg
import jwt
import pytest
import requests
from kit.postgres import Postgres
from users.app import ROTATE_S
from users.issuer import READ_EVERY_S
from users.ring import Ring, SigningKey
from users.store import KeyStore

from tests.targets.partial import Up, partial, running, until

pytestmark = pytest.mark.e2e
WITHIN_S = 10.0
SECRETS = {"CLIENT_SECRETS": "orders=of-orders,cart=of-the-cart,payments=of-payments", "PASSWORD_COST": "1024"}
EMAIL = "customer-0001@shop.example"
PASSWORD = "demo-password"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    directory = tmp_path_factory.mktemp("users")
    env = {"users": SECRETS, "payments": {"CLIENT_SECRET": "of-payments"}}
    with running(partial("payments", "users", to=directory, env=env), directory / "run") as up:
        yield up


def token_of(up: Up, service: str, secret: str) -> str:
    answer = up.ask("users", "POST", "/service-tokens", json={"service": service, "secret": secret})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["access_token"])


def sign_in(up: Up, email: str, password: str) -> requests.Response:
    return up.ask("users", "POST", "/sessions", json={"email": email, "password": password})


def sign_up(up: Up, email: str, password: str = PASSWORD, name: str = "Ada") -> requests.Response:
    return up.ask("users", "POST", "/accounts", json={"email": email, "password": password, "name": name})


def fresh() -> str:
    return f"{uuid.uuid4().hex}@shop.example"


def charge(up: Up, token: str) -> requests.Response:
    body = {"order_id": str(uuid.uuid4()), "amount_cents": 1999, "card_token": "tok-visa-0001"}
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid.uuid4())}
    return up.ask("payments", "POST", "/charges", json=body, headers=headers)


def kids(up: Up) -> set[str]:
    return {key["kid"] for key in up.ask("users", "GET", "/keys").json()["keys"]}


@pytest.mark.parametrize("number", [1, 200, 1000])
def test_the_demo_customers_can_sign_in(up: Up, number: int) -> None:
    email = f"customer-{number:04d}@shop.example"
    session = sign_in(up, email, PASSWORD).json()
    assert session["customer_id"] == str(uuid.uuid5(uuid.NAMESPACE_URL, email))
    assert (session["token_type"], session["expires_in_s"]) == ("Bearer", 900)
    claims = jwt.decode(session["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["kind"], claims["scope"]) == (session["customer_id"], "customer", "")
    customer = up.ask("users", "GET", f"/customers/{session['customer_id']}").json()
    assert customer == {"customer_id": session["customer_id"], "name": f"Customer {number}", "email": email}


def test_who_signs_up_can_sign_in_and_the_case_of_the_address_makes_no_difference(up: Up) -> None:
    email = fresh()
    customer_id = sign_up(up, email.upper()).json()["customer_id"]
    assert sign_in(up, email, PASSWORD).json()["customer_id"] == customer_id


def test_signing_up_twice_makes_one_account_and_another_password_is_refused(up: Up) -> None:
    email = fresh()
    one, two = sign_up(up, email), sign_up(up, email)
    assert (one.status_code, two.status_code, one.json() == two.json()) == (201, 201, True)
    assert sign_up(up, email, "another-password").status_code == 409


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(up: Up) -> None:
    wrong, unknown = sign_in(up, EMAIL, "demo-passwore"), sign_in(up, fresh(), PASSWORD)
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.content == unknown.content


async def test_a_password_is_stored_as_its_hash_only(up: Up) -> None:
    email = fresh()
    sign_up(up, email, "a-very-special-password")
    connection = await asyncpg.connect(up.store_address("postgres", "users"))
    try:
        row = await connection.fetchrow("SELECT * FROM accounts WHERE email = $1", email)
    finally:
        await connection.close()
    assert row["password"].startswith("scrypt$1024$")
    assert "special" not in str(tuple(row))


async def test_instances_that_find_a_key_due_at_the_same_time_make_one(up: Up) -> None:
    due_at = time.time() + 2 * ROTATE_S
    stores = [Postgres(up.store_address("postgres", "users"), "SELECT 1") for _ in range(4)]
    rings = [Ring(ROTATE_S) for _ in stores]
    try:
        await asyncio.gather(*(store.prepare() for store in stores))
        before = kids(up)
        await asyncio.gather(
            *(KeyStore(store, lambda: due_at).renew(ring) for store, ring in zip(stores, rings, strict=True))
        )
    finally:
        await asyncio.gather(*(store.close() for store in stores))
    known = [{key.kid for key in ring.keys} for ring in rings]
    assert known == [known[0]] * 4
    assert len(known[0] - before) == 1
    until(lambda: kids(up) == known[0], within_s=2 * READ_EVERY_S, what="the running instance publishes the new key")


def test_only_who_may_sign_people_in_can_try_passwords(up: Up) -> None:
    headers = {"Authorization": f"Bearer {token_of(up, 'cart', 'of-the-cart')}"}
    body = {"email": EMAIL, "password": PASSWORD}
    assert up.ask("users", "POST", "/sessions", json=body, headers=headers).status_code == 403


def test_a_service_needs_its_own_secret(up: Up) -> None:
    for service, secret in (("orders", "of-the-cart"), ("nobody", "of-orders"), ("gateway", "x")):
        answer = up.ask("users", "POST", "/service-tokens", json={"service": service, "secret": secret})
        assert answer.status_code == 401


def test_a_granted_call_goes_through_and_another_service_is_refused(up: Up) -> None:
    assert charge(up, token_of(up, "orders", "of-orders")).status_code == 201
    assert charge(up, token_of(up, "cart", "of-the-cart")).status_code == 403
    read = {"Authorization": f"Bearer {token_of(up, 'cart', 'of-the-cart')}"}
    assert up.ask("payments", "GET", "/charges", headers=read).status_code == 403


def test_while_users_is_away_everything_goes_on_and_afterwards_its_keys_are_the_same(up: Up) -> None:
    token = token_of(up, "orders", "of-orders")
    before = kids(up)
    assert charge(up, token).status_code == 201
    up.kill("users")
    try:
        for _ in range(5):
            assert charge(up, token).status_code == 201
    finally:
        up.start("users")
    assert kids(up) == before
    assert charge(up, token).status_code == 201
    assert charge(up, token_of(up, "orders", "of-orders")).status_code == 201


def test_a_stranger_is_refused_also_when_it_signs_with_a_key_of_its_own(up: Up) -> None:
    stranger = SigningKey.new(0.0)
    now = int(time.time())
    claims = {"iss": "users", "aud": "shop", "sub": "orders", "kind": "service", "scope": "payments.charge", "jti": "1"}
    for kid in (stranger.kid, *kids(up)):
        forged = jwt.encode({**claims, "iat": now, "exp": now + 60}, stranger.private, "EdDSA", headers={"kid": kid})
        assert charge(up, forged).status_code == 401


def test_a_service_has_its_token_and_the_keys_soon_after_its_start(up: Up) -> None:
    def settled() -> bool:
        identity = up.ask("payments", "GET", "/health").json()["edges"]["identity"]
        return bool(identity["token_left_s"] > 300 and set(identity["keys"]) == kids(up))

    until(settled, within_s=WITHIN_S, what="payments has a token and the keys")
