"""What a fault does to the exchanges that it means: rules for the HTTP stage of a line.

The standard library only: the relay imports it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final, cast

from harness.model.changes import FixedAnswer, Path

Headers = tuple[tuple[str, str], ...]
_PARTS = re.compile(r"\*\*|\*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """Another answer is given; `asked` when the provider gets the request all the same."""

    answer: FixedAnswer
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The answer comes so much later than the provider gave it."""

    delay_s: float


class Breakage(StrEnum):
    """How JSON is made unreadable."""

    CUT = "cut"
    """Only its first half comes, as a whole body."""
    BROKEN = "broken"
    """A character is in it that may not be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """The JSON of the answer can't be read."""

    how: Breakage


@dataclass(frozen=True, slots=True, kw_only=True)
class Retyped:
    """The answer says that its body is of another type."""

    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A member of the answer's JSON is not there."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice:
    """The request is delivered twice, one after the other; the consumer gets one of the answers."""

    second: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The same request gets the answer that it got first while this was in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drops:
    """The body comes in drops of so many bytes, with a pause before each."""

    drop_bytes: int
    every_s: float


Deed = Instead | Later | Broken | Retyped | Dropped | Twice | Stale | Drops


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeRule:
    """Which exchanges on a line are meant, and what is done to them."""

    deed: Deed
    method: str = ""
    """Empty for all."""
    path: str = "/**"
    """`*` stands for a part of the path without a slash, `**` for any; the query does not count."""
    share: float = 1.0
    """Of the exchanges that are meant otherwise."""
    seed: int = 0

    def __str__(self) -> str:
        """As it is told: `instead on POST /charges/*`."""
        share = f"{self.share * 100:g} % of " if self.share < 1 else ""
        return f"{type(self.deed).__name__.lower()} on {share}{self.method or 'any method'} {self.path}"

    def means(self, method: str, path: str) -> bool:
        """Whether a request with this target is meant, but for the share."""
        bare = path.partition("?")[0]
        return self.method in {"", method} and re.fullmatch(pattern_of(self.path), bare) is not None

    def chooses(self, number: int) -> bool:
        """Whether the exchange of that number, of those meant, is in the share."""
        return self.share >= 1 or zlib.crc32(b"%d:%d" % (self.seed, number)) < self.share * 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What exchanges a fault met on a line."""

    hits: int = 0
    """To which it did what it does."""
    passed: int = 0
    """That it meant and that passed as they came."""
    why: str = ""
    """Why the last of those passed."""


def pattern_of(path: str) -> str:
    """A path with stars as a regular expression."""
    found = _PARTS.findall(path)
    rest = [re.escape(part) for part in _PARTS.split(path)]
    stars = [".*" if star == "**" else "[^/]*" for star in found]
    return "".join(part + star for part, star in zip(rest, [*stars, ""], strict=True))


_DEEDS: Final[Mapping[str, type[Deed]]] = {
    "instead": Instead,
    "later": Later,
    "broken": Broken,
    "retyped": Retyped,
    "dropped": Dropped,
    "twice": Twice,
    "stale": Stale,
    "drops": Drops,
}


def told(rule: ExchangeRule) -> dict[str, object]:
    """A rule as JSON."""
    word = next(word for word, kind in _DEEDS.items() if isinstance(rule.deed, kind))
    return {**asdict(rule), "deed": {"do": word, **asdict(rule.deed)}}


def exchange_rule_of(read: Mapping[str, object]) -> ExchangeRule:
    """A rule from its JSON, as `told` gives it."""
    return ExchangeRule(
        deed=_deed_of(cast("Mapping[str, object]", read["deed"])),
        method=str(read["method"]),
        path=str(read["path"]),
        share=float(str(read["share"])),
        seed=int(str(read["seed"])),
    )


def _deed_of(read: Mapping[str, object]) -> Deed:  # noqa: PLR0911 -- one for each deed
    match read:
        case {"do": "instead", "answer": answer, "asked": asked}:
            return Instead(answer=_fixed_of(cast("Mapping[str, object]", answer)), asked=bool(asked))
        case {"do": "later", "delay_s": delay_s}:
            return Later(delay_s=float(str(delay_s)))
        case {"do": "broken", "how": how}:
            return Broken(how=Breakage(str(how)))
        case {"do": "retyped", "content_type": content_type}:
            return Retyped(content_type=str(content_type))
        case {"do": "dropped", "path": path}:
            return Dropped(path=tuple(cast("Sequence[str | None]", path)))
        case {"do": "twice", "second": second}:
            return Twice(second=bool(second))
        case {"do": "stale"}:
            return Stale()
        case {"do": "drops", "drop_bytes": drop_bytes, "every_s": every_s}:
            return Drops(drop_bytes=int(str(drop_bytes)), every_s=float(str(every_s)))
    message = f"expected one of {', '.join(_DEEDS)}, found {read!r}"
    raise ValueError(message)


def _fixed_of(read: Mapping[str, object]) -> FixedAnswer:
    headers = tuple((str(name), str(value)) for name, value in cast("list[list[str]]", read["headers"]))
    return FixedAnswer(status=int(str(read["status"])), headers=headers, body=str(read["body"]))
