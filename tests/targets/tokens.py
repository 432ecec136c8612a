"""An issuer of tokens for tests: users' own mint, with a ring of one key and a clock that can be set."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import jwt
from kit.host import Host
from kit.identity import ALGORITHM, AUDIENCE, ISSUER, KeySet
from users.ring import Ring, SigningKey
from users.tokens import Mint

CUSTOMER = "6f1e9a52-6a3c-4c1e-9d55-0a1b2c3d4e5f"
OPERATOR = "operator-of-the-tests"


@dataclass
class Tokens:
    """Signs whatever it is asked to."""

    key: SigningKey = field(default_factory=lambda: SigningKey.new(0.0))

    @property
    def keys(self) -> KeySet:
        return KeySet.model_validate(Ring(3600, [self.key]).published().model_dump())

    @property
    def mint(self) -> Mint:
        return Mint(Ring(3600, [self.key]), {})

    def of(self, service: str) -> str:
        return self.mint.for_service(service).access_token

    def customers(self, customer_id: str = CUSTOMER) -> str:
        return self.mint.for_customer(customer_id)

    def signed(self, key: Any = None, algorithm: str = ALGORITHM, kid: str | None = None, **claims: object) -> str:
        """A token of cart's that is good, but for what is said."""
        now = int(time.time())
        good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "cart", "kind": "service", "scope": "pricing.read"}
        held = {**good, "iat": now, "exp": now + 60, "jti": "1", **claims}
        held = {name: value for name, value in held.items() if value is not None}
        key = self.key.private if key is None else key
        return jwt.encode(held, key, algorithm, headers={"kid": kid or self.key.kid})

    def bad(self) -> dict[str, str]:
        """Authorization headers that prove nothing, by what is wrong with them."""
        stranger = SigningKey.new(0.0)
        now = int(time.time())
        good = self.signed()
        head, body, signature = good.split(".")
        tokens = {
            "expired": self.signed(iat=now - 700, exp=now - 100),
            "from the future": self.signed(iat=now + 600, exp=now + 700),
            "signed by a stranger": self.signed(key=stranger.private),
            "signed by a stranger's key": self.signed(key=stranger.private, kid=stranger.kid),
            "for another audience": self.signed(aud="bank"),
            "of another issuer": self.signed(iss="cart"),
            "without an audience": self.signed(aud=None),
            "without an end": self.signed(exp=None),
            "of no kind": self.signed(kind="operator"),
            "unsigned": self.signed(key="", algorithm="none"),
            "signed with the public key as a password": self.signed(
                key=self.key.public.x + "-" * 32, algorithm="HS256"
            ),
            "cut": good[:-9],
            "changed": f"{head}.{body[:-2]}AA.{signature}",
            "nested": f"{'W1tb' * 900}.e30.e30",
            "too long": good + "A" * 5000,
            "not ASCII": "caf\u00e9.caf\u00e9.caf\u00e9",
            "nothing": "",
        }
        headers = {name: f"Bearer {token}" for name, token in tokens.items()}
        return headers | {"basic": "Basic Y2FydDpjYXJ0", "bare": good, "no scheme": f"Token {good}"}

    def teach(self, host: Host) -> Host:
        """Make a host that isn't running know the key."""
        host.identity.learn(self.keys)
        return host
