"""Whether this machine's processors stand still: a hypervisor may take their time and tell nobody.

Time that is told as stolen is in `/proc/stat`. Where a host has less to give than it promised, a processor just stands
still within whatever it does, and the kernel takes that for the program's own time. So the same small piece of work is
done again and again: by its own processor time, which knows nothing of other programs, it takes always the same, or a
hundred times as long. It is hit as often as anybody's work is, however small it is, so the sums tell the share.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import cache
from threading import Event, Thread

PIECE_S = 0.001
EVERY_S = 0.1
"""A hundredth of one processor."""
LONG_S = 0.01
"""By so much longer no piece takes for another reason: a sibling thread doubles its millisecond, a cold cache adds
less."""
FEWEST = 3
"""Fewer pieces that stood still say nothing of a share."""
_TRIES = 5
_ROUNDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """What had been seen up to a moment, in seconds of processor time."""

    times: int = 0
    """Pieces during which the processor stood still."""
    still_s: float = 0.0
    worked_s: float = 0.0
    """All pieces, the time in which they stood still left out."""


class StandStill:
    """Adds up the pieces."""

    def __init__(self) -> None:
        self._least_s = float("inf")
        self._seen = Stood()

    @property
    def seen(self) -> Stood:
        """Up to now."""
        return self._seen

    def add(self, took_s: float) -> None:
        """A piece took so much processor time."""
        self._least_s = min(self._least_s, took_s)
        still_s = took_s - self._least_s
        stood, seen = still_s > LONG_S, self._seen
        self._seen = Stood(
            times=seen.times + stood,
            still_s=seen.still_s + (still_s if stood else 0.0),
            worked_s=seen.worked_s + (self._least_s if stood else took_s),
        )


def share_between(before: Stood, after: Stood) -> float:
    """The share of the time in which the processors stood still; 0 when too few pieces did to say."""
    still_s, worked_s = after.still_s - before.still_s, after.worked_s - before.worked_s
    if after.times - before.times < FEWEST:
        return 0.0
    return still_s / (still_s + worked_s)


class Watch:
    """Does a piece of work ten times a second, in a thread of its own that ends with the process, or before."""

    def __init__(self) -> None:
        self._counted = StandStill()
        self._over = Event()
        self._thread = Thread(target=self._run, name="standing", daemon=True)
        self._thread.start()

    @property
    def seen(self) -> Stood:
        """Up to now."""
        return self._counted.seen

    def end(self) -> None:
        """No more of it."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        usual_s = min(_piece(_ROUNDS) for _ in range(_TRIES))
        rounds = max(1, round(_ROUNDS * PIECE_S / max(usual_s, PIECE_S / _ROUNDS)))
        while not self._over.wait(EVERY_S):
            self._counted.add(_piece(rounds))


def _piece(rounds: int) -> float:
    """Processor seconds of one call, which lets go of the interpreter meanwhile."""
    began = time.thread_time()
    hashlib.pbkdf2_hmac("sha256", b"piece", b"of work", rounds)
    return time.thread_time() - began


@cache
def watch() -> Watch:
    """The one of this process, from now on."""
    return Watch()
