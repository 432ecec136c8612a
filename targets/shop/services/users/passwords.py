"""Passwords: stored as scrypt's hashes, compared in the same time whether or not there is somebody of that name."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets

from kit.trouble import Unavailable

BLOCK = 8
AT_ONCE = 2
"""Each takes 128 * 8 * cost bytes, 16 MiB at the default cost, and one core."""
MOST_WAITING = 50
SALT_BYTES = 16


class Passwords:
    """Makes and compares hashes; `cost` is scrypt's N, a power of two."""

    def __init__(self, cost: int) -> None:
        self._cost = cost
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._decoy = f"scrypt${cost}${'00' * SALT_BYTES}${'00' * 32}"

    async def stored(self, password: str) -> str:
        """How a new password is stored."""
        return await self._apart(password, secrets.token_bytes(SALT_BYTES), self._cost)

    async def match(self, password: str, stored: str | None) -> bool:
        """Whether it is that password; without one stored, False after the same work."""
        text = stored or self._decoy
        _, cost, salt, _ = text.split("$")
        found = await self._apart(password, bytes.fromhex(salt), int(cost))
        return hmac.compare_digest(found, text) and stored is not None

    async def _apart(self, password: str, salt: bytes, cost: int) -> str:
        """Work it out in a thread, since it takes long on purpose; Unavailable when too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise Unavailable("users", "too many passwords are being compared", sent=False)
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(hashed, password, salt, cost)
        finally:
            self._waiting -= 1


def hashed(password: str, salt: bytes, cost: int) -> str:
    """`scrypt$cost$salt$hash`, the latter two in hexadecimal digits."""
    memory_bytes = 2 * 128 * BLOCK * cost
    key = hashlib.scrypt(password.encode(), salt=salt, n=cost, r=BLOCK, p=1, maxmem=memory_bytes, dklen=32)
    return f"scrypt${cost}${salt.hex()}${key.hex()}"
