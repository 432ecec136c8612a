"""What the registry knows: in memory, where it is used, and in the bucket, from which it comes back after a restart."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from kit.bucket import Conflict, Entry
from kit.trouble import Trouble, Unavailable
from pydantic import ValidationError

from registry.flags import DEFAULTS, known
from registry.leases import Leases
from registry.models import Flag, FlagRequest, FlagValue, Lease

PAUSE_S = 1.0
"""Between two attempts at a bucket that is away."""
log = logging.getLogger(__name__)


class KeyValue(Protocol):
    """As much of the bucket as is used here."""

    async def get(self, key: str) -> Entry | None:
        """What stands under a key."""
        ...

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key that still has this revision."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a key."""
        ...

    async def keys(self) -> list[str]:
        """All keys."""
        ...


class Memory:
    """Leases and flags. Only what changes is written: renewals are many, and a restart grants everybody a new lease."""

    def __init__(self, leases: Leases, bucket: KeyValue | None, pause_s: float = PAUSE_S) -> None:
        self.leases = leases
        self._pause_s = pause_s
        self._bucket = bucket
        self._flags: dict[str, FlagValue] = {}
        self._unwritten: dict[str, bytes | None] = {}
        self._write = asyncio.Event()
        self._flushing = asyncio.Lock()
        self.loaded = bucket is None
        self.news = asyncio.Event()

    def register(self, lease: Lease) -> None:
        """Take or renew a lease."""
        if self.leases.put(lease):
            self._later(f"lease.{lease.instance}", lease.model_dump_json().encode())
            self.news.set()

    def release(self, instance: str) -> None:
        """Give a lease back."""
        if self.leases.drop(instance):
            self._later(f"lease.{instance}", None)

    def flags(self) -> list[Flag]:
        """All flags; a registry that has not read them yet says so instead of guessing.

        Raises:
            Unavailable: the bucket was away ever since the start.
        """
        if not self.loaded:
            raise Unavailable("bucket", "the flags have not been read yet", sent=False)
        return [self._flag(name) for name in sorted(DEFAULTS)]

    async def set_flag(self, name: str, value: FlagValue) -> Flag:
        """Set a flag, if possible for good; Refused 404 when there is none of that name."""
        self._flags[known(name)] = value
        key = f"flag.{name}"
        self._later(key, FlagRequest(value=value).model_dump_json().encode())
        try:
            await self._flush(key)
        except Trouble as error:
            log.warning("flag %s is in memory only: %s", name, error)
        return self._flag(name)

    async def keep(self) -> None:
        """Read the bucket once, then write to it what changes, until cancelled."""
        while self._bucket is not None:
            try:
                if not self.loaded:
                    await self._load(self._bucket)
                for key in list(self._unwritten):
                    await self._flush(key)
            except Trouble as error:
                log.info("the bucket: %s", error)
                await asyncio.sleep(self._pause_s)
                continue
            self._write.clear()
            if not self._unwritten:
                await self._write.wait()

    def health(self) -> dict[str, object]:
        """What waits for the bucket, for people."""
        return {"loaded": self.loaded, "unwritten": sorted(self._unwritten)}

    async def close(self) -> None:
        """Nothing is open here."""

    def _flag(self, name: str) -> Flag:
        durable = self.loaded and self._bucket is not None and f"flag.{name}" not in self._unwritten
        return Flag(name=name, value=self._flags.get(name, DEFAULTS[name]), durable=durable)

    def _later(self, key: str, value: bytes | None) -> None:
        if self._bucket is not None:
            self._unwritten[key] = value
            self._write.set()

    async def _flush(self, key: str) -> None:
        """Write one change, one at a time: a flag that is being set and `keep` would else be each other's conflict."""
        async with self._flushing:
            if self._bucket is None or key not in self._unwritten:
                return
            value = self._unwritten[key]
            if value is None:
                await self._bucket.delete(key)
            else:
                await self._put(self._bucket, key, value)
            if self._unwritten.get(key) == value:
                del self._unwritten[key]

    async def _put(self, bucket: KeyValue, key: str, value: bytes) -> None:
        """Write over what is there: nobody else writes, but an attempt of ours that seemed lost may have arrived."""
        there = await bucket.get(key)
        try:
            await bucket.update(key, value, 0 if there is None else there.revision)
        except Conflict as error:
            raise Unavailable("bucket", error.detail, sent=True) from error

    async def _load(self, bucket: KeyValue) -> None:
        """Take over what the bucket holds, except where we have learnt better meanwhile."""
        for key in await bucket.keys():
            entry = await bucket.get(key)
            if entry is not None and key not in self._unwritten:
                try:
                    self._take(key, entry.value)
                except (ValidationError, Trouble) as error:
                    log.warning("%s in the bucket is of no use: %s", key, type(error).__name__)
        self.loaded = True
        self.news.set()

    def _take(self, key: str, value: bytes) -> None:
        kind, _, name = key.partition(".")
        if kind == "flag":
            self._flags[known(name)] = FlagRequest.model_validate_json(value).value
        elif kind == "lease" and self.leases.holder(name) is None:
            self.leases.put(Lease.model_validate_json(value))
