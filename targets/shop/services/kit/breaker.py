"""A circuit breaker: it opens on the failure rate, and lets one probe through at a time until that succeeds."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Literal, Self

from kit import defects


class State(StrEnum):
    """Closed lets calls through, open none, half-open one."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When to open and for how long; the last `calls` outcomes count for `memory_s` seconds."""

    calls: int = 10
    least: int = 5
    share: float = 0.5
    memory_s: float = 10.0
    reset_s: float = 1.0
    jitter: float = 0.1


class Ticket:
    """Leave for one call: mark it `good()` or `bad()` within the `with`; unmarked, it says nothing of the provider."""

    __slots__ = ("_breaker", "_era", "_verdict")

    def __init__(self, breaker: Breaker, era: int) -> None:
        self._breaker = breaker
        self._era = era
        self._verdict: bool | None = None

    def good(self) -> None:
        """The provider answered as it should."""
        self._verdict = True

    def bad(self) -> None:
        """The provider failed."""
        self._verdict = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        self._breaker.settle(self._era, self._verdict)
        return False


class Breaker:
    """The breaker of one line to a provider."""

    def __init__(
        self, rule: Rule, *, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._rule = rule
        self._clock = clock
        self._chance = chance
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=rule.calls)
        self._state = State.CLOSED
        self._era = 0
        self._probe_at = 0.0
        self._probing = False
        self.opened = 0

    @property
    def state(self) -> State:
        """What it does at the moment; open becomes half-open once a probe is due."""
        if self._state is State.OPEN and self._clock() >= self._probe_at:
            return State.HALF_OPEN
        return self._state

    @property
    def admits(self) -> bool:
        """Whether a call would be let through now."""
        return self.state is State.CLOSED or (self.state is State.HALF_OPEN and not self._probing)

    def admit(self) -> Ticket | None:
        """Leave for one call, or None."""
        if not self.admits:
            return None
        if self._state is not State.CLOSED:
            self._state = State.HALF_OPEN
            self._probing = True
        return Ticket(self, self._era)

    def settle(self, era: int, verdict: bool | None) -> None:  # noqa: FBT001 -- good, bad or nothing
        """Take note of how a call ended; calls from before the last change of state say nothing any more."""
        if era != self._era:
            return
        if self._state is State.HALF_OPEN:
            self._probing = False
            if verdict is not None:
                self._turn(State.CLOSED if verdict and not defects.on("breaker-stuck-open") else State.OPEN)
        elif verdict is not None:
            now = self._clock()
            self._outcomes.append((now, verdict))
            recent = [good for t, good in self._outcomes if now - t <= self._rule.memory_s]
            much = len(recent) >= self._rule.least and recent.count(False) >= self._rule.share * len(recent)
            if much and not verdict:  # an answer, were it the first after many failures, is no reason to open
                self._turn(State.OPEN)

    def _turn(self, state: State) -> None:
        self._state = state
        self._era += 1
        self._outcomes.clear()
        self._probing = False
        if state is State.OPEN:
            self.opened += 1
            spread = 1 + self._rule.jitter * (2 * self._chance() - 1)
            self._probe_at = self._clock() + self._rule.reset_s * spread
