"""Whether this machine's processors stand still: a hypervisor may take their time and tell nobody.

Time that is told as stolen is in `/proc/stat`. Where a host has less to give than it promised, a processor just stands
still within whatever it does, and the kernel takes that for the program's own time. So the same small piece of work is
done again and again: by its own processor time, which knows nothing of other programs, it takes always the same, or ten
times as long, or a hundred. It is hit as often as anybody's work is, however small it is, so the sums tell the share.

What counts is the worst few seconds: a host that is away for six of them spoils what was asked then, and is no tenth
of a minute. Once some seconds were such, processors are kept awake where that can be had (`harness.observe.awake`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from threading import Event, Thread

from harness.observe.awake import Awake
from harness.observe.room import Left, Room

PIECE_S = 0.001
EVERY_S = 0.1
"""A hundredth of one processor."""
LONG_S = 0.003
"""By so much longer no piece takes for another reason: a sibling thread doubles its millisecond, a cold cache adds
less. Of 1,200 pieces on a machine without an idle moment the longest took 1.6 ms more than the shortest; of 160 on a
host that gave each processor a tenth of what it should, all took 9 to 20 ms more."""
FEWEST = 3
"""Fewer pieces that stood still say nothing of a share."""
ROOM_EVERY = 10
"""Pieces between two looks at what the processors have left, some 1 s."""
STRETCH = 25
"""Pieces, some 2.5 s; two that follow each other are looked at together, so that no few seconds fall between."""
_ROUNDS = 100
"""Of a first piece: less than `PIECE_S` on any machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """What was seen in a stretch of time, in seconds of processor time."""

    times: int = 0
    """Pieces during which the processor stood still."""
    still_s: float = 0.0
    worked_s: float = 0.0
    """All pieces, the time in which they stood still left out."""

    def __add__(self, other: Stood) -> Stood:
        return Stood(
            times=self.times + other.times,
            still_s=self.still_s + other.still_s,
            worked_s=self.worked_s + other.worked_s,
        )

    def __sub__(self, other: Stood) -> Stood:
        return Stood(
            times=self.times - other.times,
            still_s=self.still_s - other.still_s,
            worked_s=self.worked_s - other.worked_s,
        )

    @property
    def share(self) -> float:
        """Of the time, in which the processors stood still; 0 when too few pieces did to say."""
        return self.still_s / (self.still_s + self.worked_s) if self.times >= FEWEST else 0.0


class StandStill:
    """Adds up the pieces, stretch by stretch."""

    def __init__(self) -> None:
        self._least_s = float("inf")
        self._pieces = 0
        self._seen: tuple[Stood, ...] = (Stood(),)

    @property
    def seen(self) -> tuple[Stood, ...]:
        """All stretches up to now, the last of which goes on."""
        return self._seen

    @property
    def stands(self) -> bool:
        """Whether they stood still in the last few seconds."""
        return sum(self._seen[-2:], Stood()).share > 0

    def add(self, took_s: float) -> None:
        """A piece took so much processor time."""
        self._least_s = min(self._least_s, took_s)
        still_s = took_s - self._least_s
        piece = Stood(worked_s=took_s)
        if still_s > LONG_S:
            piece = Stood(times=1, still_s=still_s, worked_s=self._least_s)
        self._seen = (*self._seen[:-1], self._seen[-1] + piece)
        self._pieces += 1
        if self._pieces % STRETCH == 0:
            self._seen = (*self._seen, Stood())


def worst_between(before: Sequence[Stood], after: Sequence[Stood]) -> float:
    """The share of the time in which the processors stood still in the worst few seconds between two looks."""
    first, *more = after[len(before) - 1 :]
    since = [first - before[-1], *more]
    return max(((one + other).share for one, other in pairwise(since)), default=since[0].share)


class Watch:
    """Does a piece of work ten times a second, in a thread of its own that ends with the process, or before."""

    def __init__(self, piece: Callable[[int], float] | None = None, awake: Awake | None = None) -> None:
        self._piece = piece or _piece
        self._awake = awake or Awake()
        self._counted = StandStill()
        self._room = Room()
        self._over = Event()
        self._thread = Thread(target=self._run, name="standing", daemon=True)
        self._thread.start()

    @property
    def seen(self) -> tuple[Stood, ...]:
        """All stretches up to now, the last of which goes on."""
        return self._counted.seen

    @property
    def left(self) -> tuple[Left, ...]:
        """What the processors had left, about second by second."""
        return self._room.seen

    @property
    def told(self) -> str:
        """What was done about processors that stood still; empty while none did."""
        return self._awake.told

    def end(self) -> None:
        """No more of it."""
        self._over.set()
        self._thread.join()
        self._awake.let_go()

    def _run(self) -> None:
        rounds = _ROUNDS
        pieces = 0
        while not self._over.wait(EVERY_S):
            pieces += 1
            if pieces % ROOM_EVERY == 0:
                self._room.look()
            took_s = self._piece(rounds)
            self._counted.add(took_s)
            if self._counted.stands:
                self._awake.keep()
            rounds = resized(rounds, took_s)


def resized(rounds: int, took_s: float) -> int:
    """How many rounds the next piece has, for `PIECE_S` at this machine's best: the first ones may have stood still."""
    return max(rounds, round(rounds * PIECE_S / took_s)) if 0 < took_s < PIECE_S / 2 else rounds


def _piece(rounds: int) -> float:
    """Processor seconds of one call, which lets go of the interpreter meanwhile."""
    began = time.thread_time()
    hashlib.pbkdf2_hmac("sha256", b"piece", b"of work", rounds)
    return time.thread_time() - began


@cache
def watch() -> Watch:
    """The one of this process, from now on."""
    return Watch()
