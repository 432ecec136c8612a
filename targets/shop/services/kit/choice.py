"""Which instance of a provider is asked next: by breaker, directory, canary share and zone, in that order."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kit.breaker import Breaker
from kit.flags import Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the directory says of an instance."""

    zone: str
    version: str
    up: bool


@dataclass(slots=True, kw_only=True)
class Line:
    """The way to one instance of the provider."""

    instance: str
    url: str
    breaker: Breaker
    calls: int = 0
    failures: int = 0


def _nothing_known(_: str) -> Mapping[str, Place]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What an edge goes by when it chooses; without any knowledge all instances are alike."""

    zone: str = ""
    places: Callable[[str], Mapping[str, Place]] = _nothing_known
    flags: Flags = field(default_factory=Flags)
    chance: Callable[[], float] = random.random

    def version(self, provider: str, subject: str | None) -> str | None:
        """The version that is to serve this subject; None when any will do.

        With a flag `PROVIDER-canary` the newest version that is up serves that share of the subjects, the older ones
        serve the rest. A call about nobody in particular falls to the share by chance.
        """
        flag = f"{provider}-canary"
        versions = {place.version for place in self.places(provider).values() if place.up}
        if len(versions) < 2 or not self.flags.knows(flag):  # noqa: PLR2004 -- an old and a new one
            return None
        old, *_, new = sorted(versions, key=_ordered)
        share = self.flags.share(flag)
        canary = self.chance() < share if subject is None else self.flags.chosen(flag, subject)
        return new if canary else old

    def choose(
        self, provider: str, ring: Sequence[Line], tried: Sequence[Line], version: str | None, *, near: bool = True
    ) -> Line:
        """The best line; the first in the ring among equals, those of our own zone before others unless not `near`."""
        places = self.places(provider)

        def rank(line: Line) -> tuple[bool, ...]:
            place = places.get(line.instance)
            return (
                not line.breaker.admits,
                line in tried,
                place is not None and not place.up,
                place is None,
                version is not None and (place is None or place.version != version),
                near and (place is None or place.zone != self.zone),
            )

        return min(ring, key=rank)


def by_home(lines: Sequence[Line], home: str) -> list[Line]:
    """The lines in an order of its own for each home, which losing or adding one does not disturb.

    Highest random weight: D. G. Thaler, C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates",
    IEEE/ACM Transactions on Networking 6(1), 1998.
    """
    return sorted(lines, key=lambda line: hashlib.sha256(f"{home} {line.instance}".encode()).digest())


def _ordered(version: str) -> tuple[int, ...]:
    """1.10.0 comes after 1.9.0; what isn't a number counts as none."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))
