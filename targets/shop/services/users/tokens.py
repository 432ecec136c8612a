"""Signed tokens for services and for customers."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Literal

import jwt
from kit.identity import ALGORITHM, AUDIENCE, ISSUER
from kit.trouble import Refused

from users.grants import GRANTS, scopes_of
from users.models import ServiceToken
from users.ring import CUSTOMER_LIFE_S, SERVICE_LIFE_S, Ring


class Mint:
    """Makes tokens with whichever key of the ring is to sign."""

    def __init__(self, ring: Ring, client_secrets: Mapping[str, str], wall: Callable[[], float] = time.time) -> None:
        self.ring = ring
        self._secrets = {name: secret for name, secret in client_secrets.items() if name in GRANTS}
        self._nobodys = secrets.token_hex(16)
        self._wall = wall

    def for_secret(self, service: str, secret: str) -> ServiceToken:
        """A service's token, or Refused 401 when that isn't its secret."""
        expected = self._secrets.get(service, self._nobodys)
        if not hmac.compare_digest(expected.encode(), secret.encode()):
            raise Refused(401, "there is no service with this secret")
        return self.for_service(service)

    def for_service(self, service: str) -> ServiceToken:
        """A token with the scopes of the grants."""
        text = self._signed(service, "service", " ".join(sorted(scopes_of(service))), SERVICE_LIFE_S)
        return ServiceToken(access_token=text, expires_in_s=SERVICE_LIFE_S)

    def for_customer(self, customer_id: str) -> str:
        """A customer's token: it has no scopes, since customers call nobody but the gateway."""
        return self._signed(customer_id, "customer", "", CUSTOMER_LIFE_S)

    def _signed(self, subject: str, kind: Literal["service", "customer"], scope: str, life_s: int) -> str:
        now = self._wall()
        key = self.ring.signer(now)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "kind": kind,
            "scope": scope,
            "iat": int(now),
            "exp": int(now) + life_s,
            "jti": secrets.token_hex(16),
        }
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid})


def parse_secrets(text: str) -> dict[str, str]:
    """`cart=…,orders=…`, as CLIENT_SECRETS holds them; a service without a secret gets no token."""
    pairs = (part.strip().partition("=") for part in text.split(","))
    return {name: secret for name, _, secret in pairs if name and secret}
