"""A test with real sockets or processes begins when this machine's processors work, and not while they stand still.

What then takes ten times as long says nothing of us. It is only when a test begins that changes: it is judged as ever,
once, and where it fails all the same the report says how the processors did meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.clock import SystemClock, pause
from harness.observe.standing import Stood, watch, worst_between

MOST_S = 600.0
"""All waits of a session together: a machine that never works well is tested on as it is."""
EVERY_S = 0.1
_now = SystemClock().now


class Quiet:
    """Waits, and knows for how long it has in all."""

    def __init__(
        self,
        seen: Callable[[], Sequence[Stood]] = lambda: watch().seen,
        now: Callable[[], float] = _now,
        wait: Callable[[float], None] = pause,
    ) -> None:
        self._seen = seen
        self._now = now
        self._wait = wait
        self._began: Sequence[Stood] = (Stood(),)
        self.waited_s = 0.0

    def begin(self) -> None:
        """Return when no processor stood still in the last few seconds, or when all waiting is used up."""
        began = self._now()
        left_s = MOST_S - self.waited_s
        while sum(self._seen()[-2:], Stood()).times and self._now() - began < left_s:
            self._wait(EVERY_S)
        self.waited_s += self._now() - began
        self._began = self._seen()

    def told(self) -> str:
        """What to know of a test that failed; empty when no processor stood still since it began."""
        share = worst_between(self._began, self._seen())
        return f"In some seconds of it the machine's processors stood still for {share * 100:.0f} %." if share else ""
