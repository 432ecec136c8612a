"""Which key signs, and which are published: a new one before it signs, an old one for as long as its tokens live."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kit.trouble import Unavailable

from users.models import Key, KeySet

SERVICE_LIFE_S = 600
CUSTOMER_LIFE_S = 900
LEAST_ROTATE_S = 60.0
"""More keys than one a minute would make the published list too long."""
LEAD_S = 45.0
"""A new key is published so long before it signs, at most: others look every half minute."""
SPARE_S = 60.0
"""An old key is published so much longer than any of its tokens lives."""


@dataclass(frozen=True)
class SigningKey:
    """A private key; `made_at` is in seconds since 1970."""

    kid: str
    seed: bytes
    made_at: float

    @classmethod
    def new(cls, now: float) -> SigningKey:
        """A key that nobody has seen."""
        return cls(secrets.token_hex(8), secrets.token_bytes(32), now)

    @cached_property
    def private(self) -> Ed25519PrivateKey:
        """What signs."""
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    @cached_property
    def public(self) -> Key:
        """What everybody may know."""
        x = base64.urlsafe_b64encode(self.private.public_key().public_bytes_raw()).rstrip(b"=").decode()
        return Key(kid=self.kid, kty="OKP", crv="Ed25519", use="sig", alg="EdDSA", x=x)


class Ring:
    """The keys, oldest first."""

    def __init__(self, rotate_s: float, keys: Iterable[SigningKey] = ()) -> None:
        self.rotate_s = max(LEAST_ROTATE_S, rotate_s)
        self.lead_s = min(LEAD_S, self.rotate_s / 4)
        self.keys = sorted(keys, key=lambda key: (key.made_at, key.kid))

    def due(self, now: float) -> bool:
        """Whether it is time for a new key."""
        return not self.keys or now - self.keys[-1].made_at >= self.rotate_s

    def signer(self, now: float) -> SigningKey:
        """The newest key that everybody has had the time to learn of; the very first one has nobody to wait for.

        Raises:
            Unavailable: the keys have not been read from the database yet.
        """
        self.check_read()
        return next((key for key in reversed(self.keys) if now - key.made_at >= self.lead_s), self.keys[0])

    def retired(self, now: float) -> list[SigningKey]:
        """The keys of which no token is valid any more: their successors have signed for longer than tokens live."""
        life_s = max(SERVICE_LIFE_S, CUSTOMER_LIFE_S) + SPARE_S
        followed = zip(self.keys, self.keys[1:], strict=False)
        return [key for key, successor in followed if now - (successor.made_at + self.lead_s) > life_s]

    def check_read(self) -> None:
        """Raises Unavailable before the keys have been read for the first time."""
        if not self.keys:
            raise Unavailable("postgres", "the signing keys are not read yet", sent=False)

    def published(self) -> KeySet:
        """The public keys; raises Unavailable before they have been read."""
        self.check_read()
        return KeySet(keys=[key.public for key in self.keys])
