"""Users' own identity: it knows the keys and makes its own token, without asking anybody."""

from __future__ import annotations

import asyncio
import logging

from kit.budget import jittered
from kit.identity import KeySet, ServiceToken
from kit.trouble import Unavailable

from users.store import KeyStore
from users.tokens import Mint

READ_EVERY_S = 3.0
"""How soon an instance learns of a key that another one has made."""
log = logging.getLogger(__name__)


class OwnIssuer:
    """What kit.identity asks for keys and for users' own token, and what keeps the keys fresh."""

    def __init__(self, mint: Mint, store: KeyStore) -> None:
        self._mint = mint
        self._store = store

    async def run(self) -> None:
        """Read the keys again and again until cancelled; while the database is away the last known ones serve."""
        failures = 0
        while True:
            try:
                await self._store.renew(self._mint.ring)
                failures = 0
                await asyncio.sleep(READ_EVERY_S)
            except Unavailable as error:
                failures += 1
                log.info("the signing keys can't be read: %s", error)
                await asyncio.sleep(0.05 + jittered(failures, first_s=0.1, most_s=1.0))

    async def keys(self) -> KeySet:
        """See kit.identity.Issuer."""
        return KeySet.model_validate(self._mint.ring.published().model_dump())

    async def token(self) -> ServiceToken:
        """See kit.identity.Issuer."""
        return ServiceToken.model_validate(self._mint.for_service("users").model_dump())

    async def ready(self) -> None:
        """Raises Unavailable before the keys have been read for the first time."""
        self._mint.ring.check_read()

    async def close(self) -> None:
        """Nothing is held open."""

    def health(self) -> dict[str, object]:
        """The names of the keys, for people and for checks."""
        return {"keys": [key.kid for key in self._mint.ring.keys]}
