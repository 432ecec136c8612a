from __future__ import annotations

import jwt
import pytest
from kit.identity import Identity, KeySet
from kit.trouble import Refused
from users.grants import GRANTS, scopes_of
from users.ring import Ring, SigningKey
from users.tokens import Mint, parse_secrets

from tests.targets.conftest import FakeClock

CUSTOMER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
SECRETS = {"cart": "of the cart", "orders": "of orders", "stranger": "of a stranger"}


def mint() -> Mint:
    return Mint(Ring(3600, [SigningKey.new(0.0)]), SECRETS)


def signer(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def claims(token: str) -> dict[str, object]:
    return jwt.decode(token, options={"verify_signature": False})


async def test_a_token_is_what_the_others_believe() -> None:
    made = mint()
    others = Identity()
    others.learn(KeySet.model_validate(made.ring.published().model_dump()))
    caller = await others.holder(made.for_secret("cart", "of the cart").access_token)
    assert (caller.name, caller.kind, caller.scopes) == ("cart", "service", scopes_of("cart"))
    customer = await others.holder(made.for_customer(CUSTOMER))
    assert (customer.name, customer.kind, customer.scopes) == (CUSTOMER, "customer", frozenset())


@pytest.mark.parametrize(
    ("service", "secret"),
    [
        *(("cart", "of orders"), ("cart", ""), ("cart", "of the car"), ("cart", "of the caf\u00e9")),
        *(("payments", "of the cart"), ("payments", ""), ("stranger", "of a stranger"), ("nobody", "of the cart")),
    ],
)
def test_without_its_own_secret_a_service_gets_nothing(service: str, secret: str) -> None:
    with pytest.raises(Refused) as caught:
        mint().for_secret(service, secret)
    assert (caught.value.status, caught.value.detail) == (401, "there is no service with this secret")


def test_services_live_ten_minutes_and_customers_fifteen() -> None:
    made = Mint(Ring(3600, [SigningKey.new(0.0)]), SECRETS, wall=lambda: 1000.0)
    service, customer = claims(made.for_service("cart").access_token), claims(made.for_customer(CUSTOMER))
    assert (service["iat"], service["exp"], customer["exp"]) == (1000, 1600, 1900)
    assert service["jti"] != customer["jti"]


def test_after_a_rotation_the_new_key_signs_and_the_old_tokens_are_good() -> None:
    old, new = SigningKey.new(0.0), SigningKey.new(100.0)
    ring = Ring(3600, [old, new])
    clock = FakeClock()
    made = Mint(ring, {}, clock)
    assert (clock.t, signer(made.for_customer(CUSTOMER))) == (100.0, old.kid)
    clock.pass_s(900)
    assert signer(made.for_customer(CUSTOMER)) == new.kid
    assert {key.kid for key in ring.published().keys} == {old.kid, new.kid}


def test_secrets_are_read_from_one_line() -> None:
    assert parse_secrets("cart=a=b, orders=c,,broken,=d,empty=") == {"cart": "a=b", "orders": "c"}


def test_no_grant_lets_anyone_but_orders_charge_and_anyone_but_the_registry_read_charges() -> None:
    assert [name for name in GRANTS if "payments.charge" in scopes_of(name)] == ["orders"]
    assert [name for name in GRANTS if "payments.read" in scopes_of(name)] == ["registry"]
    assert not any("flags.write" in scopes_of(name) for name in GRANTS)
