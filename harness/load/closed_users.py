"""Closed users: each does a journey, waits as its class says, and does the next. Locust's own way."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import gevent
from gevent.event import Event

from harness.load.arrivals import Arrival
from harness.load.customers import Customers, Seat
from harness.load.stretch import Choice
from harness.model.load_profile import LoadPhase, LoadProfile

COME_WITHIN_S = 1.0
"""The users of a phase come one after the other in this time."""


@dataclass(slots=True, kw_only=True)
class _User:
    """One user, who comes back in a later phase as the same one."""

    number: int
    seat: Seat
    chance: random.Random
    leave: Event
    journeys: int = 0
    here: bool = False


class ClosedUsers:
    """As many as the profile says, those of this worker; `travel` does a journey and tells of it.

    Times are seconds since the run began.
    """

    def __init__(  # noqa: PLR0913 -- what users need beside themselves
        self,
        customers: Customers,
        *,
        seed: int,
        worker: int,
        workers: int,
        now: Callable[[], float],
        travel: Callable[[Seat, Arrival], None],
    ) -> None:
        self._customers = customers
        self._seed = seed
        self._worker = worker
        self._workers = workers
        self._now = now
        self._travel = travel
        self._users: dict[int, _User] = {}
        self._phases: tuple[tuple[float, float, LoadPhase], ...] = ()
        self._profile: LoadProfile | None = None

    def follow(self, profile: LoadProfile, *, began: float) -> None:
        """Let come and go who does in the profile that `began` at a time; `keep` sees to it."""
        for phase in profile.phases:
            if phase.users:
                Choice(phase.weights or profile.weights)  # raises ValueError now and not later
        self._profile = profile
        self._phases = tuple((began + start, began + end, phase) for start, end, phase in profile.stretches())

    def stop(self) -> None:
        """Let everybody leave; a journey under way goes to its end."""
        self._profile, self._phases = None, ()
        self.keep(self._now())

    def next_change(self, now: float) -> float:
        """When `keep` is to be called again."""
        return min((edge for start, end, _ in self._phases for edge in (start, end) if edge > now), default=math.inf)

    def keep(self, now: float) -> None:
        """Let come who is missing at `now`, and leave who is too many."""
        start, end, phase = self._phase(now)
        count = phase.users if phase else 0
        for user in self._users.values():
            if user.number >= count:
                user.leave.set()
        come_within_s = min(COME_WITHIN_S, end - start)
        for number in range(self._worker, count, self._workers):
            user = self._users.get(number) or self._new(number)
            user.leave.clear()
            if not user.here:
                user.here = True
                gevent.spawn(self._live, user, max(now, start + come_within_s * number / count))

    def _phase(self, now: float) -> tuple[float, float, LoadPhase | None]:
        for start, end, phase in self._phases:
            if start <= now < end:
                return start, end, phase
        return now, now, None

    def _new(self, number: int) -> _User:
        chance = random.Random(f"{self._seed}:user:{number}")  # noqa: S311 -- load, not secrets
        user = _User(number=number, seat=self._customers.seat(), chance=chance, leave=Event())
        self._users[number] = user
        return user

    def _live(self, user: _User, first_at: float) -> None:
        at = first_at
        try:
            while not user.leave.wait(max(at - self._now(), 0)):
                # The hub may be late for whoever waited: that is our lag, and none of the server's.
                arrival = self._next(user, at)
                if arrival is None:
                    break
                self._travel(user.seat, arrival)
                pause_s = user.seat.pause_s(arrival.journey, user.chance.random())
                at = self._now() + pause_s
        finally:
            user.here = False
            if user.leave.is_set():
                user.seat.leave()

    def _next(self, user: _User, at: float) -> Arrival | None:
        _, _, phase = self._phase(self._now())
        if phase is None or self._profile is None or user.number >= phase.users:
            return None
        journey = Choice(phase.weights or self._profile.weights).of(user.chance.random())
        user.journeys += 1
        return Arrival(number=user.journeys, at=at, journey=journey, series=f"user-{user.number}:", wanted=phase.wanted)
