"""Who has registered, until when, and how the last checks of each went."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass

from kit.trouble import Refused

from registry.models import Instance, Lease

MOST = 300
"""Instances on the list, those whose lease ran out included."""
KEPT_S = 600.0
"""How long an instance is told of after its lease ran out."""
MISSES = 2
"""Failed checks in a row before an instance that was up is held to be down: one slow answer is no outage."""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True, kw_only=True)
class Entry:
    """One instance; `until` is when its lease runs out."""

    lease: Lease
    until: float
    registered_at: str
    up: bool = False
    why: str | None = "not checked yet"
    misses: int = 0
    checked_at: str | None = None


class Leases:
    """The list of instances; nothing in it waits for anything."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], dt.datetime] = _now) -> None:
        self._clock = clock
        self._wall = wall
        self._entries: dict[str, Entry] = {}

    def put(self, lease: Lease) -> bool:
        """Take or renew a lease; whether there is anything new in it.

        Raises:
            Refused: 409, another service has an instance of that name, or the list is full.
        """
        known = self._entries.get(lease.instance)
        until = self._clock() + lease.lease_s
        if known is not None and known.lease.service != lease.service:
            raise Refused(409, f"{lease.instance} is an instance of {known.lease.service}")
        if known is not None and known.lease == lease and self._lives(known):
            known.until = until
            return False
        self._forget()
        if known is None and len(self._entries) >= MOST:
            raise Refused(409, f"there are {MOST} instances already")
        self._entries[lease.instance] = Entry(lease=lease, until=until, registered_at=self._stamp())
        return True

    def drop(self, instance: str) -> bool:
        """Give a lease back; whether there was one."""
        return self._entries.pop(instance, None) is not None

    def holder(self, instance: str) -> str | None:
        """The service whose instance this is."""
        entry = self._entries.get(instance)
        return None if entry is None else entry.lease.service

    def living(self) -> list[Lease]:
        """The instances whose lease has not run out."""
        return [entry.lease for entry in self._entries.values() if self._lives(entry)]

    def checked(self, instance: str, why: str | None) -> None:
        """A check of this instance failed for that reason, or went well."""
        entry = self._entries.get(instance)
        if entry is None:
            return
        entry.checked_at = self._stamp()
        entry.misses = 0 if why is None else entry.misses + 1
        if why is None:
            entry.up, entry.why = True, None
        elif entry.misses >= MISSES or not entry.up:
            entry.up, entry.why = False, why

    def all(self) -> list[Instance]:
        """Every instance on the list, sorted by name."""
        self._forget()
        return [self._told(self._entries[name]) for name in sorted(self._entries)]

    def _told(self, entry: Entry) -> Instance:
        lives = self._lives(entry)
        return Instance(
            **entry.lease.model_dump(exclude={"lease_s"}),
            up=entry.up and lives,
            why=entry.why if lives else "its lease ran out",
            checked_at=entry.checked_at,
            registered_at=entry.registered_at,
        )

    def _lives(self, entry: Entry) -> bool:
        return self._clock() < entry.until

    def _forget(self) -> None:
        now = self._clock()
        self._entries = {name: entry for name, entry in self._entries.items() if now < entry.until + KEPT_S}

    def _stamp(self) -> str:
        return self._wall().isoformat(timespec="milliseconds")
