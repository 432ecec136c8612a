"""Who is let in: a quota for each caller, and no more requests at once than can be served well."""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from kit.auth import Caller
from kit.settings import Settings

MOST_CALLERS = 4096
"""Callers that are remembered; one that comes back after so many others begins with a full quota."""
POLL_S = 0.05
TURNED_AWAY_S = 2.0
"""For so long after the last that found no room, others are taken to be turned away."""
MOST_WAITING = 64
"""Requests that wait for room at once; they hold nothing but their own connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Requests a second, for each caller of a kind, and requests at once of all together."""

    per_service: float = 500.0
    per_customer: float = 100.0
    anonymous: float = 100.0
    at_once: int = 64

    @classmethod
    def read(cls, settings: Settings) -> Quota:
        """From `QUOTA_PER_CALLER`, `QUOTA_PER_CUSTOMER`, `QUOTA_ANONYMOUS` and `AT_ONCE`."""
        usual = cls()
        return cls(
            per_service=settings.number("QUOTA_PER_CALLER", usual.per_service),
            per_customer=settings.number("QUOTA_PER_CUSTOMER", usual.per_customer),
            anonymous=settings.number("QUOTA_ANONYMOUS", usual.anonymous),
            at_once=int(settings.number("AT_ONCE", usual.at_once)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request is turned away before anything was done for it, and when to come again."""

    status: int
    why: str
    retry_after_s: int = 1


@dataclass(slots=True)
class _Tokens:
    left: float
    at: float


class Admission:
    """Counts what is under way, and what each caller has used up in the last second."""

    def __init__(self, quota: Quota, clock: Callable[[], float] = time.monotonic) -> None:
        self._quota = quota
        self._clock = clock
        self._tokens: OrderedDict[str, _Tokens] = OrderedDict()
        self.at_once: float = quota.at_once
        """How many may be under way; see `kit.crowding`."""
        self.under_way = 0
        self.over_quota = 0
        self.overloaded = 0
        """Found no room when they came."""
        self.waited = 0
        """Of them, those that found some soon after."""
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._peak = 0
        self._full = False
        self._last_at = clock()
        self._turned_away_at = float("-inf")

    @property
    def turns_away(self) -> bool:
        """Whether there is no room for all, not even for those who wait a moment."""
        return self._clock() - self._turned_away_at < TURNED_AWAY_S

    def refusal(self, caller: Caller | None, address: str, room: float = 1.0) -> Refusal | None:
        """Why not to serve this request, if there is a reason; a caller that is not known yet counts by its address.

        A request that may take up a part of the room only is turned away when that part is full, whoever is in it.
        """
        self._last_at = self._clock()
        if caller is None or caller.kind == "anonymous":
            wait_s = self._take(f"anonymous {address}", self._quota.anonymous)
        elif caller.kind == "operator":
            wait_s = 0.0
        else:
            rate = self._quota.per_service if caller.kind == "service" else self._quota.per_customer
            wait_s = self._take(f"{caller.kind} {caller.name}", rate)
        if wait_s > 0:
            self.over_quota += 1
            return Refusal(status=429, why="the caller's quota is used up", retry_after_s=math.ceil(wait_s))
        if not self._has(room):
            self.overloaded += 1
            self._full = True
            return Refusal(status=503, why="too many requests are under way")
        return None

    def enter(self) -> None:
        """A request is let in; see `leave`."""
        self.under_way += 1
        self._peak = max(self._peak, self.under_way)

    def leave(self) -> None:
        """It is done; whoever waits for the room gets it, those first that may take up more of it."""
        self.under_way -= 1
        while (first := max(self._waiting, key=lambda each: each[0], default=None)) is not None:
            if not self._has(first[0]):
                return
            self._waiting.remove(first)
            if not first[1].done():
                self.enter()
                first[1].set_result(None)

    async def room_within(self, wait_s: float, room: float = 1.0) -> bool:
        """Wait for room that soon becomes free, in which the request is let in then; False when none does."""
        if wait_s <= 0 or len(self._waiting) >= MOST_WAITING:
            self._turned_away_at = self._clock()
            return False
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine = (room, granted)
        self._waiting.append(mine)
        try:
            await asyncio.wait([granted], timeout=wait_s)
        except asyncio.CancelledError:
            if granted.done():
                self.leave()
            raise
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)
        if not granted.done():
            self._turned_away_at = self._clock()
        self.waited += granted.done()
        return granted.done()

    def take_peak(self) -> tuple[int, bool]:
        """The most that were under way since the last call, and whether anybody found no room."""
        told = max(self._peak, self.under_way), self._full
        self._peak, self._full = self.under_way, False
        return told

    def _has(self, room: float) -> bool:
        return self.under_way < self.at_once * room

    def _take(self, key: str, rate: float) -> float:
        """Take one of the caller's tokens, of which `rate` grow in a second; how long to wait when none is left."""
        now = self._clock()
        tokens = self._tokens.get(key)
        if tokens is None:
            tokens = self._tokens[key] = _Tokens(max(1.0, rate), now)
            if len(self._tokens) > MOST_CALLERS:
                self._tokens.popitem(last=False)
        else:
            self._tokens.move_to_end(key)
            tokens.left = min(max(1.0, rate), tokens.left + (now - tokens.at) * rate)
            tokens.at = now
        if tokens.left < 1:
            return (1 - tokens.left) / rate
        tokens.left -= 1
        return 0.0

    async def quiet(self, *, for_s: float, within_s: float) -> None:
        """Wait until no request has come for a while and none is under way, but no longer than `within_s`."""
        limit = self._clock() + within_s
        begun = self._clock()
        while self._clock() < limit:
            if self.under_way == 0 and self._clock() - max(begun, self._last_at) >= for_s:
                return
            await asyncio.sleep(POLL_S)

    def health(self) -> dict[str, object]:
        """The limits, and how often they were reached."""
        return {
            "per_service": self._quota.per_service,
            "per_customer": self._quota.per_customer,
            "anonymous": self._quota.anonymous,
            "at_once": round(self.at_once, 1),
            "under_way": self.under_way,
            "over_quota": self.over_quota,
            "overloaded": self.overloaded,
            "waited": self.waited,
        }
