"""How much this machine's processors have left, about second by second: a queue needs no more than a few full ones."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
LITTLE = 0.05
"""The idle share below which nothing is left: the kernel counts in hundredths of a second."""
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What was left in a stretch of time."""

    length_s: float
    idle: float
    """The share of all processors together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticks:
    """Of all processors together, since the machine came up."""

    idle: int
    every: int
    cores: int


class Room:
    """Looks at the kernel's account again and again."""

    def __init__(self, stat: Path = STAT) -> None:
        self._stat = stat
        self._before = self._ticks()
        self._seen: list[Left] = []

    @property
    def seen(self) -> tuple[Left, ...]:
        """From look to look, all of them."""
        return tuple(self._seen)

    def look(self) -> None:
        """Now; what was left since the last look is kept, where the kernel tells."""
        before, self._before = self._before, self._ticks()
        if before is None or self._before is None:
            return
        idle, every = self._before.idle - before.idle, self._before.every - before.every
        if every > 0:
            self._seen.append(Left(length_s=every / self._before.cores / _TICKS_A_SECOND, idle=idle / every))

    def _ticks(self) -> _Ticks | None:
        try:
            lines = self._stat.read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        user, nice, system, idle, waiting, hard, soft, stolen = map(int, lines[0].split()[1:9])
        every = user + nice + system + idle + waiting + hard + soft + stolen
        return _Ticks(idle=idle + waiting, every=every, cores=sum(line.startswith("cpu") for line in lines) - 1)


def longest_full_s(seen: Iterable[Left]) -> float:
    """The longest time on end in which nothing was left."""
    longest = full = 0.0
    for each in seen:
        full = full + each.length_s if each.idle < LITTLE else 0.0
        longest = max(longest, full)
    return longest
