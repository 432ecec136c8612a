"""What the relay itself does to the bytes of chosen connections: values only.

The standard library only: the relay imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final, Literal, cast

Way = Literal["request", "reply"]
WAYS: Final[tuple[Way, ...]] = ("request", "reply")
TAIL_SHAPE = 2.5
"""Of the long tail: its mean and its spread are finite, and one in a hundred is eight times the mean or more."""
TAIL_LIMIT = 20.0
"""How many times the jitter the longest excess may be."""
SIGMAS = 4.0
"""Beyond so many times the jitter, nothing of a normal distribution is believed."""


class Shape(StrEnum):
    """How delays are spread."""

    UNIFORM = "uniform"
    """Evenly, by the jitter to both sides."""
    NORMAL = "normal"
    """The jitter is the standard deviation."""
    PARETO = "pareto"
    """The delay is the least, and the jitter is what comes on top on average: most are quick, a few take very long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long each piece of data is held back."""

    shape: Shape = Shape.UNIFORM
    middle_s: float
    spread_s: float = 0.0

    def sample(self, chance: Random) -> float:
        """The next one, in seconds."""
        match self.shape:
            case Shape.UNIFORM:
                return chance.uniform(self.middle_s - self.spread_s, self.middle_s + self.spread_s)
            case Shape.NORMAL:
                reach_s = SIGMAS * self.spread_s
                off_s = min(max(chance.gauss(0.0, self.spread_s), -reach_s), reach_s)
                return max(0.0, self.middle_s + off_s)
            case Shape.PARETO:
                excess_s = (chance.paretovariate(TAIL_SHAPE) - 1.0) * self.spread_s * (TAIL_SHAPE - 1.0)
                return self.middle_s + min(excess_s, TAIL_LIMIT * self.spread_s)

    @property
    def shortest_s(self) -> float:
        """No sample is below."""
        match self.shape:
            case Shape.UNIFORM:
                return max(0.0, self.middle_s - self.spread_s)
            case Shape.NORMAL:
                return max(0.0, self.middle_s - SIGMAS * self.spread_s)
            case Shape.PARETO:
                return self.middle_s

    @property
    def longest_s(self) -> float:
        """No sample is above."""
        times = {Shape.UNIFORM: 1.0, Shape.NORMAL: SIGMAS, Shape.PARETO: TAIL_LIMIT}
        return self.middle_s + times[self.shape] * self.spread_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """After so many bytes the connection ends."""

    bytes: int
    way: Way = "reply"
    end: Literal["close", "reset"] = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap:
    """Refused for the first part of each period, with the live ones cut; open for the rest."""

    period_s: float
    down_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bend:
    """What is done to the connections of a line that chance chooses; each is of one kind."""

    key: str
    share: float = 1.0
    """Of the connections; each is chosen or not for as long as it lives."""
    seed: int = 0
    delay: Delay | None = None
    delays: Way = "reply"
    swallows: tuple[Way, ...] = ()
    """What is said that way vanishes, with its end."""
    budget: Budget | None = None
    holds: bool = False
    """New connections are accepted, and the provider never hears of them."""
    resets: bool = False
    """New connections are reset at once."""
    cuts: bool = False
    """Those that live when it begins are reset."""
    flap: Flap | None = None

    def chance(self, line: str) -> Random:
        """Where its choices on a line come from: the same bend makes the same ones again."""
        return Random(f"{self.seed} {self.key} {line}")  # noqa: S311 -- to be repeated, not to be secret


def bend_of(read: Mapping[str, object]) -> Bend:
    """A bend from its JSON, as `dataclasses.asdict` gives it."""
    delay, budget, flap = (cast("dict[str, object] | None", read[name]) for name in ("delay", "budget", "flap"))
    plain = {name: read[name] for name in ("key", "share", "seed", "delays", "holds", "resets", "cuts")}
    return Bend(
        **plain,  # type: ignore[arg-type]  # our own JSON, written by asdict
        swallows=tuple(cast("list[Way]", read["swallows"])),
        delay=Delay(**{**delay, "shape": Shape(str(delay["shape"]))}) if delay else None,  # type: ignore[arg-type]  # as above
        budget=Budget(**budget) if budget else None,  # type: ignore[arg-type]  # as above
        flap=Flap(**flap) if flap else None,  # type: ignore[arg-type]  # as above
    )
